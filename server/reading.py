"""Reading from a client: never so much at once that others wait, and never more than is needed.

gunicorn read the rest of an unread body, whatever its length, and did not yield while bytes arrived: two connections
and 64 MB killed all workers.
"""

from __future__ import annotations

from typing import Any

import gevent
from gunicorn.http import message, parser
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidChunkSize
from gunicorn.http.unreader import SocketUnreader

from foundation import clock
from server import turns

TURN_SECONDS = 0.001
"""How long the bytes of one connection may occupy the loop. A readable socket never waits."""

PIECE_BYTES = 64 * 1024
"""Bytes read at once: the unused part is copied with each step."""

HEAD_SECONDS = 5.0
"""Time limit for a head, from its first byte."""

BYTES_AT_A_TURN = 128 * 1024
"""Bytes of a body until other connections come first; more than any other request than a large batch has."""

FRAMING_BYTES = 16 * 1024
"""Maximum framing of chunks beyond their content: a chunk of one byte costs as much as one of a KB."""

CHUNKS_AT_A_TURN = 256
"""Chunks in a millisecond of work. Four clients with tiny chunks made every PATCH take a second, although each yielded
in between."""


class Reading(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """The bytes of one connection."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.taken = 0
        """Bytes read from the socket so far."""

        self._turn_at = clock.monotonic()
        self._head_by: float | None = None
        self._in_head = True
        self._of_turn = 0
        """Bytes read since its last turn."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes; none at the end, or when a head has taken too long."""
        self.take_turn()
        size = max(self.mxchunk, min(size_hint or 0, PIECE_BYTES))
        piece: bytes = self._of_a_head(size) if self._in_head else self.sock.recv(size)
        self.taken += len(piece)
        self._of_turn += len(piece)
        return piece

    def take_turn(self) -> None:
        """Yield to others, if this connection has had its turn for long enough."""
        if self._of_turn >= BYTES_AT_A_TURN:
            self._of_turn = 0
            turns.pieces.wait()
            self._turn_at = clock.monotonic()
        elif clock.monotonic() - self._turn_at > TURN_SECONDS:
            gevent.sleep(0)
            self._turn_at = clock.monotonic()

    def begin_head(self, piece: bytes) -> None:
        """Begin with these bytes, which somebody else has read: the time limit of the head begins now."""
        self.unread(piece)
        self._head_by = clock.monotonic() + HEAD_SECONDS

    def begin_request(self) -> None:
        """A head has been read: its body has a time limit of its own."""
        self._in_head, self._head_by = False, None
        self.take_turn()

    def end_request(self) -> None:
        """The next bytes are the head of the next request."""
        self._in_head = True

    def _of_a_head(self, size: int) -> bytes:
        piece: bytes = b""
        if self._head_by is None:
            piece = self.sock.recv(size)  # the worker decides how long the connection may be idle
            self._head_by = clock.monotonic() + HEAD_SECONDS
        else:
            seconds = max(0.001, self._head_by - clock.monotonic())
            with gevent.Timeout(seconds, False):  # type: ignore[arg-type]  # the stubs know no silent one
                piece = self.sock.recv(size)
        return piece


class Chunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    """A chunked body whose framing is in proportion to its content."""

    def __init__(self, req: Any, unreader: Any) -> None:
        super().__init__(req, unreader)
        self._begun_at = getattr(unreader, "taken", 0)
        self._content = self._count = 0

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        """The size of the next chunk, and its bytes so far; raises InvalidChunkSize for too many small ones."""
        self._count += 1
        if self._count % CHUNKS_AT_A_TURN == 0:
            turns.bodies.wait()
        size, rest = super().parse_chunk_size(unreader, data)
        self._content += size
        if getattr(unreader, "taken", 0) - self._begun_at > FRAMING_BYTES + 2 * self._content:
            raise InvalidChunkSize(b"more framing than content")
        return size, rest


def is_unread(request: Any) -> bool:
    """Whether some of a request's body is still to come: the start of the next request is then unknown."""
    body = request.body
    if body.failed:
        return True
    reader = body.reader
    if isinstance(reader, LengthReader):
        return bool(reader.length > request.unreader.buf.getbuffer().nbytes)
    return reader.parser is not None


def install() -> None:
    """Make gunicorn read this way in this process."""
    parser.SocketUnreader = Reading
    message.ChunkedReader = Chunks
