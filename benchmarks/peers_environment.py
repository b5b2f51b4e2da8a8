"""The Pythons that the peers run on, apart from the service's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import BenchmarkError
from benchmarks.database import PROJECT

REQUIREMENTS = PROJECT / "requirements" / "bench.txt"
NEWER = ("3.12", "3.13", "3.14")
"""What Oban runs on; the other peers run on the Python of the service."""


def python_of_the_peers() -> Path:
    """A Python with what the peers need, installed on first use, or when the list has changed."""
    return _installed(sys.executable, PROJECT / ".venv-bench")


def newer_python_of_the_peers() -> Path | None:
    """The same for Oban, which needs Python 3.12; None if the machine has none."""
    found = sys.executable if sys.version_info >= (3, 12) else _newer()
    return _installed(found, PROJECT / ".venv-bench-newer") if found else None


def _newer() -> str | None:
    places = [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    for version in NEWER:
        for place in places:
            python = shutil.which(f"python{version}", path=place)
            # What is in the path may be a shim for a version that is not chosen.
            if python and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
                return python
    return None


def _installed(base: str, environment: Path) -> Path:
    python, installed = environment / "bin" / "python", environment / "installed"
    if not installed.exists() or installed.stat().st_mtime < REQUIREMENTS.stat().st_mtime:
        print(f"Installing requirements/bench.txt into {environment.name} ...", file=sys.stderr)
        pip = ("-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        steps: tuple[Sequence[str | Path], ...] = (
            (base, "-m", "venv", "--without-pip", environment),
            (sys.executable, *pip, "-r", REQUIREMENTS),
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode != 0:
                raise BenchmarkError(f"The peers' environment could not be made: {done.stderr.strip()}")
        (environment / ".gitignore").write_text("*\n")
        installed.touch()
    return python
