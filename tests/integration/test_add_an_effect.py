"""docs/add-an-effect.md costs what it says, and works as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs/add-an-effect.md"
BLOCK = re.compile(r"(?:`(?P<path>[\w./]+)`[^`\n]*)?\n\n```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
"""A block, and the last path that the line before it names: what the block is a part of."""

NOT_COPIED = shutil.ignore_patterns(".*", "data", "benchmarks", "chaos", "node_modules")

QUICKLY = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p pytest_timeout -p no:cacheprovider"}
"""Importing the plugins that these tests do not need takes longer than the tests."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project, for a newcomer to work on."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=NOT_COPIED))


def blocks() -> list[re.Match[str]]:
    return list(BLOCK.finditer(PAGE.read_text()))


def edit(copy: Path, path: str, diff: str) -> None:
    """Do what a diff says. Its lines stand together in one place of the file; one ending in ` ...` is cut short."""
    text = (copy / path).read_text()
    lines = diff.splitlines()
    before = "".join(
        re.escape(line[1:-4]) + ".*\n" if line.endswith(" ...") else re.escape(line[1:]) + "\n"
        for line in lines
        if line[0] in " -"
    )
    (place,) = re.finditer(f"^{before}", text, re.MULTILINE)
    old = iter(place[0].splitlines(keepends=True))
    new = ""
    for line in lines:
        if line[0] == "+":
            new += line[1:] + "\n"
        else:
            new += next(old) if line[0] == " " else next(old)[:0]
    (copy / path).write_text(text[: place.start()] + new + text[place.end() :])


def follow(copy: Path, run: Callable[[list[str]], None]) -> list[str]:
    """Do what the page says, in its order; returns the paths that were written anew."""
    made = []
    for block in blocks():
        if block["language"] == "sh":
            for line in block["text"].splitlines():
                run(shlex.split(line))
        elif block["language"] == "diff":
            edit(copy, block["path"], block["text"])
        else:
            assert not (copy / block["path"]).exists()
            (copy / block["path"]).write_text(block["text"])
            made.append(block["path"])
    return made


def test_a_newcomer_who_follows_the_page_adds_an_effect(copy, worker_name):
    """The tests of the page run in the copy, on databases of their own on this run's server."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | QUICKLY | {"PATH": path, "PYTEST_XDIST_WORKER": f"newcomer_{worker_name}"}

    def run(command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    made = follow(copy, run)

    run(["ruff", "check", *made])
    run(["ruff", "format", "--check", *made])
    assert ["orders/effects/slack.py", "tests/integration/test_slack.py"] == made


def test_the_page_changes_one_line_of_the_list_and_one_setting():
    added: dict[str, list[str]] = {}
    for block in blocks():
        if block["language"] == "diff":
            added.setdefault(block["path"], []).extend(
                line for line in block["text"].splitlines() if line.startswith("+") and "import" not in line
            )

    assert ["+    slack,"] == added["orders/effects/__init__.py"]
    assert {1} == {len(lines) for lines in added.values()}
