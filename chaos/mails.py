"""The proofs' side of the mail server: starts it, sets its mode, and reads what it accepted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from chaos.database import PROJECT
from chaos.service import free_port

EVENT = re.compile(r"\.(\d+)@")


class MailServer:
    """A mail server process of our own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._file = folder / "mails"
        self._file.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.mail_server", str(self.port), str(self._file)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._heard()

    def behave(self, mode: str) -> None:
        """Change its mode; returns when that is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode}\n".encode())
        self._process.stdin.flush()
        self._heard()

    def events(self) -> list[int]:
        """The event of each accepted e-mail, as often as it was accepted."""
        found = [EVENT.search(line) for line in self._lines("mail ")]
        return [int(match[1]) for match in found if match]

    def accepted(self) -> list[tuple[int, float]]:
        """The event of each accepted e-mail, and when it was."""
        found = [(EVENT.search(line), float(line.split()[1])) for line in self._lines("mail ")]
        return [(int(match[1]), at) for match, at in found if match]

    def calls(self) -> list[float]:
        """The times of all connections."""
        return [float(line.split()[1]) for line in self._lines("call ")]

    def stop(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()

    def _lines(self, start: str) -> list[str]:
        return [line for line in self._file.read_text().splitlines() if line.startswith(start)]

    def _heard(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.readline()
