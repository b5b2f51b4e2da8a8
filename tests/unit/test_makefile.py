"""What the Makefile names is there, and so is every target that the documentation names."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MAKEFILE = (PROJECT / "Makefile").read_text()
FILE = re.compile(r"(?<![\w/.)-])(?:[\w-]+/)*[\w-]+\.(?:in|json|py|txt)\b")
MAKE = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)


def test_every_file_that_the_makefile_names_exists():
    checked = re.search(r"mypy --strict \$\((\w+)\)", MAKEFILE)[1]
    packages = re.search(rf"^{checked} := ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)[1].replace("\\", "").split()
    named = {*FILE.findall(MAKEFILE), *packages}

    assert {"requirements.txt", "requirements/dev.in", "docs/openapi.json", "wsgi.py"} <= named
    assert [] == sorted(name for name in named if not (PROJECT / name).exists())


def test_every_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    texts = [
        *(PROJECT / name for name in (".ci/run", ".pre-commit-config.yaml", ".github/pull_request_template.md")),
        *PROJECT.glob("*.md"),
        *PROJECT.glob("docs/**/*.md"),
    ]
    named = {(name, path.name) for path in texts for name in MAKE.findall(path.read_text())}

    assert ("lint", "run") in named
    assert [] == sorted((name, where) for name, where in named if name not in targets)
