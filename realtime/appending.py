"""Appends a live event that is no effect of a change, within the session's transaction.

What the event reports and the event itself are one commit. It comes last: the lock that makes the log's numbers follow
the commits is held until then, and every batch of effects waits for it. Streams get it as they get what another process
appended: by the NOTIFY of the commit.
"""

from __future__ import annotations

from collections.abc import Callable

from foundation.db import db
from realtime.log import APPEND_PACK, APPEND_ROW, WAIT_FOR_APPENDS


class Appender:
    """Appends in the form that the log has."""

    def __init__(self, is_packed: Callable[[], bool]) -> None:
        """`is_packed`: whether every process can read packs by now."""
        self._is_packed = is_packed

    def append(self, channel: str, type: str, data: str) -> None:
        """Add an event, `data` being JSON text, to what the session is about to commit."""
        db.session.execute(WAIT_FOR_APPENDS)
        if self._is_packed():
            db.session.execute(APPEND_PACK, {"channel": channel, "recipe": f"{type} 0 0", "data": data})
        else:
            db.session.execute(APPEND_ROW, {"channel": channel, "type": type, "data": data})
