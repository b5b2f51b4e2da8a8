"""The Python that the peers run on, apart from the service's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.contender import BenchmarkError
from benchmarks.database import PROJECT

PEERS_ENVIRONMENT = PROJECT / ".venv-bench"
REQUIREMENTS = PROJECT / "requirements" / "bench.txt"


def python_of_the_peers() -> Path:
    """A Python with what the peers need, installed on first use, or when the list has changed."""
    python, installed = PEERS_ENVIRONMENT / "bin" / "python", PEERS_ENVIRONMENT / "installed"
    if not installed.exists() or installed.stat().st_mtime < REQUIREMENTS.stat().st_mtime:
        print("Installing requirements/bench.txt into .venv-bench ...", file=sys.stderr)
        pip = ("-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        for arguments in (("-m", "venv", "--without-pip", PEERS_ENVIRONMENT), (*pip, "-r", REQUIREMENTS)):
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
            if done.returncode != 0:
                raise BenchmarkError(f"The peers' environment could not be made: {done.stderr.strip()}")
        (PEERS_ENVIRONMENT / ".gitignore").write_text("*\n")
        installed.touch()
    return python
