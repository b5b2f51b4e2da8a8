"""What the Makefile names exists, and so does every target that the documentation names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MAKEFILE = (PROJECT / "Makefile").read_text()
FILE = re.compile(r"(?<![\w/.)-])(?:[\w-]+/)*[\w-]+\.(?:in|json|py|txt)\b")
MAKE = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)


def test_every_file_that_the_makefile_names_exists():
    named = set(FILE.findall(MAKEFILE))

    assert {"requirements.txt", "requirements/dev.in", "docs/openapi.json"} <= named
    assert [] == sorted(name for name in named if not (PROJECT / name).exists())


def test_all_but_the_tests_themselves_is_type_checked():
    """Benchmarks and what the tests use were not, and held 15 errors."""
    checked = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    packages = {init.parent.name for init in PROJECT.glob("*/__init__.py")} - {"tests"}
    modules = {path.name for path in PROJECT.glob("*.py")} - {"gunicorn.conf.py"}  # whose name is none for an import
    used_by_tests = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "tests").rglob("*.py")
        if not path.name.startswith(("test_", "__init__"))
    }

    assert {"clients/generator", "clients/python/onward_client"} | packages | modules | used_by_tests == set(checked)


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
