"""One request of an operation, and how a method is made of a function that returns one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from onward_client.values import Value

P = ParamSpec("P")
T = TypeVar("T", bound=Value)
Scalar = str | int | float | bool | date
Parameter = Scalar | Sequence[Scalar] | None


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and the kind of its result."""

    method: str
    path: str
    kind: type[T]
    query: Mapping[str, Parameter] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Any = None
    media: str = "application/json"
    key: str | None = None
    keyed: bool = False
    """Whether the operation takes an Idempotency-Key."""


class Sender(Protocol):
    """Sends a request and waits for its result."""

    def send(self, call: Call[T]) -> T: ...


class AsyncSender(Protocol):
    """Sends a request; its result is awaited."""

    async def send(self, call: Call[T]) -> T: ...


def sync(call: Callable[P, Call[T]]) -> Callable[Concatenate[Sender, P], T]:
    """The method that sends what this function returns."""

    @functools.wraps(call)
    def method(self: Sender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(call(*args, **kwargs))

    return method


def asynchronous(call: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncSender, P], Coroutine[Any, Any, T]]:
    """The method that sends what this function returns, and is awaited."""

    @functools.wraps(call)
    async def method(self: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(call(*args, **kwargs))

    return method


def path(template: str, *parameters: str | int) -> str:
    """The path, with each parameter as one segment of it, whatever it contains.

    Raises ValueError for what no segment can be: nothing, and the dots that every HTTP client resolves.
    """
    segments = [str(one) for one in parameters]
    for one in segments:
        if one in ("", ".", ".."):
            raise ValueError(f"{one!r} cannot be part of a path")
    return template.format(*(quote(one, safe="") for one in segments))


def texts(query: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    """The parameters as they are sent: None is omitted, and several values are several parameters."""
    for name, value in query.items():
        values = () if value is None else value if isinstance(value, list | tuple) else (value,)
        yield from ((name, _text(one)) for one in values)


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
