"""Cuts every live connection of the demo at once, in all of its processes, to show that nothing is missed.

Processes know of each other only through the database, and the demo needs none of that: whoever cuts touches a file,
and each process looks at it several times a second.
"""

from __future__ import annotations

from pathlib import Path

import gevent

from realtime.hub import Hub

LOOK_SECONDS = 0.1
REASON = "cut by the demo"


class StreamCuts:
    """The cuts of one process's streams."""

    def __init__(self, file: Path | None, hub: Hub) -> None:
        """Without a file, only this process's are cut."""
        self._file = file
        self._hub = hub
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        if self._file is not None:
            self._greenlet = gevent.spawn(self._look, self._file)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def ask(self) -> None:
        """Cut them all, as a network does that fails: without a word, and what was not sent yet is lost on the way."""
        if self._file is None:
            self._hub.reset_all(REASON)
        else:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.touch()
            gevent.sleep(1.5 * LOOK_SECONDS)  # what happens from now on is missed, until the browsers connect again

    def _look(self, file: Path) -> None:
        before = _asked_at(file)
        while True:
            gevent.sleep(LOOK_SECONDS)
            now = _asked_at(file)
            if now != before:
                self._hub.reset_all(REASON)
            before = now


def _asked_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
