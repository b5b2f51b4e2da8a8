"""What leaves the hub: frames for the same receivers, in as few writes as possible."""

from __future__ import annotations

from realtime.subscriber import Subscriber

PIECE_BYTES = 16 * 1024
"""Events of one channel that arrive together leave in one write, up to this size: four cost as much as one."""

Departure = tuple[tuple[Subscriber, ...], bytes, int]
"""The receivers, the bytes, and the number of events in them."""


def join(departures: list[Departure], audience: tuple[Subscriber, ...], frames: list[bytes]) -> None:
    """Frames for the same receivers, joined into as few writes as possible."""
    if len(frames) == 1:
        departures.append((audience, frames[0], 1))
        return
    piece: list[bytes] = []
    size = 0
    for frame in frames:
        if piece and size + len(frame) > PIECE_BYTES:
            departures.append((audience, b"".join(piece), len(piece)))
            piece, size = [], 0
        piece.append(frame)
        size += len(frame)
    departures.append((audience, b"".join(piece), len(piece)))
