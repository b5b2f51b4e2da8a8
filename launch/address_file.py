"""The service's address, left in the data directory for the command line.

The file names its writer's process and start time: one left behind by a killed launcher is ignored.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from foundation.settings import Settings

FILE = "address.json"
SHARED = ("HOST", "PORT", "PUBLIC_URL")


@contextmanager
def left_in(settings: Settings) -> Iterator[None]:
    """Leave the address of a ready service, for the duration of the block."""
    path = settings.data_dir / FILE
    me = psutil.Process()
    shared = {name: str(getattr(settings, name.lower())) for name in SHARED}
    _write(path, {"pid": me.pid, "since": me.create_time(), **shared})
    try:
        yield
    finally:
        # Another launcher on the same folder may have written its own since.
        if _read(path).get("pid") == me.pid:
            path.unlink(missing_ok=True)


def found_in(data_dir: Path) -> dict[str, str]:
    """The settings with the address of this folder's service; empty if none is running."""
    found = _read(data_dir / FILE)
    try:
        alive = psutil.Process(int(found["pid"])).create_time() == found["since"]
        return {name: found[name] for name in SHARED if found[name]} if alive else {}
    except (psutil.Error, KeyError, TypeError, ValueError):
        return {}


def _write(path: Path, content: dict[str, object]) -> None:
    """The file appears complete, or not at all."""
    fd, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(fd, "w") as file:
        json.dump(content, file)
    Path(draft).replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
