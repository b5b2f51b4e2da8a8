"""The generated files of all clients, with what is in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from generator import javascript, python
from generator.contract import Contract

CLIENTS = Path(__file__).resolve().parents[1]
CONTRACT = CLIENTS.parent / "docs" / "openapi.json"
JAVASCRIPT = CLIENTS / "javascript" / "src" / "generated"
PYTHON = CLIENTS / "python" / "onward_client" / "generated"


def generated() -> dict[Path, str]:
    """What `make clients` writes, by path."""
    contract = Contract(json.loads(CONTRACT.read_text()))
    modules = {PYTHON / name: _formatted(text) for name, text in python.modules(contract).items()}
    return modules | {JAVASCRIPT / name: text for name, text in javascript.modules(contract).items()}


def _formatted(module: str) -> str:
    """As ruff has it: sorted imports, only those that are used, and our line length."""
    for command in (["check", "--quiet", "--fix-only", "--select", "F401,I"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(PYTHON / "module.py"), "-"]
        module = subprocess.run(ruff, input=module, capture_output=True, text=True, check=True, cwd=CLIENTS).stdout
    return module
