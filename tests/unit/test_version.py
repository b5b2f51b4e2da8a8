"""The version of the service is stated in one place, and so is that of its Python client."""

from __future__ import annotations

import json
import re
from pathlib import Path

from foundation.version import VERSION

PROJECT = Path(__file__).resolve().parents[2]
STATED = re.compile(r"""^\s*(\w*version\w*)["']?\s*[:=]\s*["']\d+\.\d+\.\d+""", re.IGNORECASE | re.MULTILINE)


def test_each_version_is_stated_once():
    files = [
        path for end in ("*.py", "pyproject.toml") for where in ("", "[a-z]*/**/") for path in PROJECT.glob(where + end)
    ]
    stated = [str(path.relative_to(PROJECT)) for path in files for _ in STATED.finditer(path.read_text())]

    assert ["clients/python/onward_client/__init__.py", "foundation/version.py"] == sorted(stated)


def test_the_committed_contract_has_the_version():
    assert VERSION == json.loads((PROJECT / "docs/openapi.json").read_text())["info"]["version"]
