"""Modules that are joined into one script: what it does, and what cannot be joined."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard import assets
from dashboard.script_joining import joined

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

MODULES = {
    "one.js": """/* Starts. */
import * as two from "./two.js";
import { three, four as fourth } from "./vendor/three.js";
import "./five.js";

console.log(JSON.stringify([two.second(), three, fourth, globalThis.five, new two.Six().seven]));
""",
    "two.js": """import { three } from "./vendor/three.js";
const three_ = three; // its own name
const address = "http:// not a comment";
const lines = `one
  /* two */`;
export async function later() {}
export function second() {
  // in a line of its own
  return three_ - (address.length === 21 && lines.length === 15 ? 1 : 0);
}
export class Six {
  seven = 7;
}
""",
    "vendor/three.js": "const a = { three: 3 };\nexport const { three } = a;\nexport { b as four };\nconst b = 4;\n",
    "five.js": "globalThis.five = 5;\n",
}


@needs_node
def test_a_joined_script_does_what_its_modules_do(tmp_path: Path) -> None:
    script = tmp_path / "joined.mjs"
    script.write_text(joined(("one.js",), MODULES.__getitem__))

    done = subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=20)

    assert [2, 3, 4, 5, 7] == json.loads(done.stdout)
    assert "import" not in script.read_text()


def test_a_module_that_two_others_need_is_there_once() -> None:
    assert 1 == joined(("one.js", "two.js"), MODULES.__getitem__).count("three:3")


@pytest.mark.parametrize(
    "source",
    [
        "export default 1;\n",
        'export * from "./two.js";\n',
        'import two from "./two.js";\n',
        "export let changing = 1;\n",
        'import { a } from "https://cdn.example/a.js";\n',
    ],
)
def test_a_form_that_it_does_not_know_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"wrong\.js: `.*` cannot be joined"):
        joined(("wrong.js",), (MODULES | {"wrong.js": source}).__getitem__)


def test_modules_that_import_each_other_are_refused() -> None:
    circle = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}

    with pytest.raises(ValueError, match=r"a\.js → b\.js → a\.js"):
        joined(("a.js",), circle.__getitem__)


@needs_node
@pytest.mark.parametrize("name", assets.SCRIPTS)
def test_what_pages_load_can_be_read(name: str, tmp_path: Path) -> None:
    script = tmp_path / f"{name}.mjs"
    script.write_text(next(asset.content for asset in assets.Assets() if asset.name == name).decode())

    subprocess.run(["node", "--check", script], check=True, timeout=20)
