"""The format of a stream: Server-Sent Events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, order=True)
class Cursor:
    """A position in the log: the id of the last event received, `<epoch>.<seq>` as sent."""

    epoch: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """The cursor that a client sent, or None if it is not one of ours."""
        match = CURSOR.fullmatch(text)
        return cls(int(match[1]), int(match[2])) if match else None

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"


def encode(event: str, data: str, id: str = "", retry_ms: int | None = None) -> bytes:
    """One frame. A line break inside `data` cannot break it: each line gets a `data:` of its own."""
    head = f"retry: {retry_ms}\n" if retry_ms is not None else ""
    head += f"id: {id}\n" if id else ""
    if "\n" in data or "\r" in data:  # rare: the regular expression alone would be half the cost of a frame
        data = LINE_END.sub("\ndata: ", data)
    return f"{head}event: {event}\ndata: {data}\n\n".encode()


def encode_json(event: str, data: dict[str, object], id: str = "", retry_ms: int | None = None) -> bytes:
    """One frame whose data is a JSON object on one line; like that of every event, it has the event's `type`."""
    return encode(event, orjson.dumps({**data, "type": event}).decode(), id, retry_ms)
