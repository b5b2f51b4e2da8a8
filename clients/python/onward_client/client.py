"""The service as an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TypeVar

from onward_client import shortcuts
from onward_client.call import Call, sync
from onward_client.credentials import Token
from onward_client.events import Change, Result
from onward_client.generated.operations import Operations
from onward_client.shortcuts import paged
from onward_client.stream import Listening
from onward_client.transport import Transport
from onward_client.values import Value

T = TypeVar("T", bound=Value)


class Onward(Operations):
    """A client of one Onward installation with one token; thread-safe.

    `timeout` is how long the service may be silent, `patience` how long an unanswered request is repeated, in seconds.
    """

    def __init__(self, url: str, token: Token = "", *, timeout: float = 10.0, patience: float = 30.0) -> None:
        self._transport = Transport(url, token, timeout, patience)

    me = Operations.get_principal
    workflow = Operations.get_workflow
    order = Operations.get_order
    create = Operations.create_order
    change_status = sync(shortcuts.change_status)
    dry_run = sync(shortcuts.dry_run)
    edit = sync(shortcuts.edit)
    send_message = sync(shortcuts.send_message)
    orders = paged(shortcuts.orders)
    history = paged(shortcuts.history)
    events = paged(shortcuts.events)

    def send(self, call: Call[T]) -> T:
        """The result of a request, which `onward_client.calls` has for every operation."""
        return self._transport.send(call)

    def change_many(self, changes: Sequence[Change], *, key: str | None = None) -> list[Result]:
        """Make many changes, each independently; 500 are sent per request."""
        answers = map(self.send, shortcuts.change_many(changes, key))
        return [Result.of(one) for answer in answers for one in answer.results]

    def listen(self, cursor: str | None = None, *, channels: Sequence[str] = ()) -> Listening:
        """Live events from now on, or after the cursor, endlessly: the operation `streamEvents`."""
        return Listening(self._transport, cursor, tuple(channels))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
