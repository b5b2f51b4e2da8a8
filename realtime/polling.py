"""`GET /api/events`: the stream's events, for clients that poll.

The numbers of the log follow the commits, so a cursor is exact: nothing is missed, and nothing is repeated. It is the
stream's cursor too; a client may switch between the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from pydantic import Field

from foundation.contract import Answer
from foundation.errors import AppError, InvalidRequest
from realtime import packs
from realtime.events import EVENT_ID
from realtime.log import EventLog, LogState
from realtime.packs import SEQ
from realtime.sse import Cursor

LOOKED_BACK = 4
"""An event of a seller has others beside it, with numbers of their own."""

PLACE = re.compile(r"(?:([0-9]{1,18})\.)?([0-9]{1,18})")


class UnusableCursor(Answer):
    """Members of a problem about a cursor."""

    reason: str = Field(description="Why the cursor cannot be used.", examples=["expired", "epoch", "ahead of head"])
    head: str = Field(description="The cursor to continue from.")


class CursorExpired(AppError):
    """The events after this cursor are no longer available: fetch what you need and continue from `head`."""

    code, status = "cursor_expired", 410
    sentence = "This cursor cannot be used (expired). Fetch what you need and continue from head."
    extension = UnusableCursor
    example: ClassVar[Mapping[str, Any]] = {"reason": "expired", "head": EVENT_ID}


@dataclass(frozen=True)
class Page:
    """Some events as JSON texts, and the cursor of the next page."""

    events: list[str]
    cursor: Cursor
    more: bool


def page(log: EventLog, channels: tuple[str, ...], after: str, limit: int) -> Page:
    """The next events of these channels after a cursor, a bare number, or nothing, which means the oldest stored
    event."""
    match = PLACE.fullmatch(after) if after else None
    if after and not match:
        raise InvalidRequest("after: use the next_cursor of the previous page, or the id of an event.")
    seq = int(match[2]) if match else 0
    # One row more: the first may be the one in which the cursor lies, with nothing behind it.
    state, rows = log.read_page(channels, seq, limit + 1)
    if match:
        _judge(state, int(match[1]) if match[1] else state.epoch, seq)
    wanted = packs.matching(channels)
    found = [event for row in rows for event in packs.events(row, wanted, seq)]
    events, more = found[:limit], len(found) > limit or len(rows) > limit
    last = events[-1][0] if len(found) > limit else rows[-1][SEQ] if more else state.head
    return Page([_event(state.epoch, *event) for event in events], Cursor(state.epoch, last), more)


def _judge(state: LogState, epoch: int, seq: int) -> None:
    reason = ""
    if epoch != state.epoch:
        reason = "epoch"
    elif seq > state.head:
        reason = "ahead of head"
    elif seq < state.pruned_through:
        reason = "expired"
    if reason:
        members = {"reason": reason, "head": str(Cursor(state.epoch, state.head))}
        raise CursorExpired(
            f"This cursor cannot be used ({reason}). Fetch what you need and continue from head.", members
        )


def _event(epoch: int, number: int, channel: str, type: str, data: str) -> str:
    head = orjson.dumps({"id": str(Cursor(epoch, number)), "channel": channel, "type": type}).decode()
    return f'{head[:-1]},"data":{data}}}'


def newest(log: EventLog, channels: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    """The newest events of these channels, the newest first: at most `count`, among so many numbers and a few more."""
    state = log.state()
    seq = max(state.pruned_through, state.head - LOOKED_BACK * count, 0)
    _, rows = log.read_page(channels, seq, LOOKED_BACK * count)
    wanted = packs.matching(channels)
    found = [event for row in rows for event in packs.events(row, wanted, seq)]
    return [orjson.loads(_event(state.epoch, *event)) for event in found[: -count - 1 : -1]]
