"""What results are made of: frozen values from JSON, each with what was received and the response it came in."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar, cast

T = TypeVar("T", bound="Value")
Converter = Callable[[Any], Any] | None
"""Makes a member of its JSON; None leaves it as it is."""


@dataclass(frozen=True)
class Http:
    """The response that a result or an error came in."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""

    sent_request_id: str = ""

    @property
    def request_id(self) -> str:
        """The request's id in the service's logs."""
        return self.headers.get("x-request-id", self.sent_request_id)

    @property
    def etag(self) -> str:
        """Send it as `if_match` or `if_none_match`."""
        return self.headers.get("etag", "")

    @property
    def retry_after(self) -> float:
        """The seconds of Retry-After, given as such or as a date; 0 without one."""
        text = self.headers.get("retry-after", "")
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError):
            return 0.0


NO_RESPONSE = Http()


@dataclass(frozen=True, kw_only=True)
class Value:
    """What the service sent. Members that a later version of it adds are in `raw`."""

    raw: Any = field(default=None, repr=False, compare=False)
    """The JSON; or the text of a response that is none; or None if it is empty."""

    http: Http = field(default=NO_RESPONSE, repr=False, compare=False)
    """The response, in what an operation returns."""


def decoded(kind: type[T], data: Any, http: Http = NO_RESPONSE) -> T:
    """A value of this kind from JSON. What is missing is None."""
    members: dict[str, Any] = {}
    if isinstance(data, Mapping):
        for name, key, convert in _members(kind):  # type: ignore[arg-type]  # a class has a hash
            given = data.get(key)
            members[name] = given if given is None or convert is None else convert(given)
    return kind(**members, raw=data, http=http)


@functools.cache
def _members(kind: type) -> list[tuple[str, str, Converter]]:
    """Name, name in JSON (`from_` is `from` there) and converter of each member."""
    hints = typing.get_type_hints(kind)
    names = [one.name for one in dataclasses.fields(kind) if one.name not in ("raw", "http")]
    return [(name, name.rstrip("_"), _converter(hints[name])) for name in names]


def _converter(hint: Any) -> Converter:
    if isinstance(hint, type) and issubclass(hint, Value):
        return functools.partial(decoded, hint)
    if hint in (datetime, date):
        return cast(Callable[[Any], Any], hint.fromisoformat)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _of_several([one for one in typing.get_args(hint) if one is not types.NoneType])
    if typing.get_origin(hint) is tuple:
        convert = _converter(typing.get_args(hint)[0])
        return tuple if convert is None else functools.partial(_each, convert)
    return None


def _each(convert: Callable[[Any], Any], items: list[Any]) -> tuple[Any, ...]:
    return tuple(one if one is None else convert(one) for one in items)


def _of_several(hints: list[Any]) -> Converter:
    """One kind as it is; of several kinds the one whose `type` has the value that was sent, or the one without."""
    if len(hints) == 1:
        return _converter(hints[0])
    if not all(isinstance(one, type) and issubclass(one, Value) for one in hints):
        return None
    kinds: dict[Any, type[Value]] = {}
    for one in hints:
        type_hint = typing.get_type_hints(one).get("type")
        names = typing.get_args(type_hint) if typing.get_origin(type_hint) is Literal else (None,)
        kinds |= dict.fromkeys(names, one)
    return lambda data: decoded(kinds.get(data.get("type"), kinds.get(None, Value)), data)
