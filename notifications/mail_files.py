"""The newest e-mails of a demo, one file each in a folder: they are shown, and reach nobody."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

MOST_KEPT = 200
NAME = re.compile(r"[0-9a-f]{20}")


def keep(folder: Path, message_id: str, content: bytes) -> None:
    """Write it down. An e-mail that is sent again replaces itself."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(message_id.encode()).hexdigest()[:20]
    draft = folder / f"{name}.{os.getpid()}"
    draft.write_bytes(content)
    draft.rename(path(folder, name))
    for old in newest(folder)[MOST_KEPT:]:
        old.unlink(missing_ok=True)


def path(folder: Path, name: str) -> Path:
    """The file of this name."""
    return folder / f"{name}.eml"


def newest(folder: Path) -> list[Path]:
    """All files by time; what is deleted meanwhile by another process counts as the oldest."""
    return sorted(folder.glob("*.eml"), key=_written_at, reverse=True)


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def refusal(folder: Path) -> Path:
    """While this file exists, the demo's mail server refuses every e-mail."""
    return folder / "refuse"
