"""A list of orders as a file, streamed: CSV or NDJSON, however many there are, in constant memory.

A page of the list is read at a time, on a connection that is given back before anything is written: a slow reader holds
nothing but its place. Each page shows the orders as they are when it is read.
"""

from __future__ import annotations

import csv
import errno
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import gevent
import orjson
from flask import current_app

from access.principal import Principal
from foundation.errors import TooManyRequests
from orders import listing
from orders.listing import Wanted
from orders.workflow import Workflow
from server.writing import Stalled

EXPORT_PAGE = 500
TURN = 50
"""Orders that are written before others have a turn: a millisecond or two."""

TAKING_SECONDS = 60
"""How long a reader may take for one piece, of some 50 KB."""

EXPORTS_AT_ONCE, EXPORTS_AT_ONCE_EACH = 8, 2
"""Exports in progress: of a process, and of one principal."""

AGAIN_SECONDS = 10

UNSAFE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), also in full width."""

_running: Counter[str] = Counter()


@dataclass(frozen=True)
class ExportForm:
    """A media type, and how orders are written in it."""

    media_type: str
    extension: str
    head: bytes
    lines: Callable[[list[str]], bytes]
    """Orders, each as JSON text, as lines."""


def begin(principal: Principal) -> Callable[[], None]:
    """Count an export, and return what is to be called at its end; raises TooManyRequests."""
    if _running.total() >= EXPORTS_AT_ONCE or _running[principal.who] >= EXPORTS_AT_ONCE_EACH:
        raise TooManyRequests("Too many exports are in progress.", AGAIN_SECONDS)
    _running[principal.who] += 1
    left = [principal.who]

    def end() -> None:
        for who in left:
            _running[who] -= 1
        left.clear()

    return end


def pieces(workflow: Workflow, principal: Principal, wanted: Wanted, form: ExportForm) -> Iterator[bytes]:
    """The whole list. Its first page is read at once, so that what is wrong is raised before anything is written.

    Ends with Stalled if the reader does not take a piece in time.
    """
    pages = _pages(workflow, principal, wanted)
    first = next(pages)
    return _written(form, chain([first], pages))


def _written(form: ExportForm, pages: Iterable[list[str]]) -> Iterator[bytes]:
    yield from _taken(form.head)
    for page in pages:
        for orders in _cut(page):
            yield from _taken(form.lines(orders))


def _cut(page: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(page), TURN):
        yield page[start : start + TURN]
        gevent.sleep(0)


def _pages(workflow: Workflow, principal: Principal, wanted: Wanted) -> Iterator[list[str]]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    cursor: str | None = ""
    while cursor is not None:
        # Of its own, at whose end the connection is given back.
        with app.app_context():
            orders, cursor = listing.page(workflow, principal, replace(wanted, cursor=cursor, limit=EXPORT_PAGE))
        yield orders


def _taken(piece: bytes) -> Iterator[bytes]:
    if piece:
        with gevent.Timeout(TAKING_SECONDS, Stalled(errno.ECONNRESET, "The client takes too long for an export.")):
            yield piece


def _ndjson(orders: list[str]) -> bytes:
    return "".join(f"{order}\n" for order in orders).encode()


def _csv(orders: list[str]) -> bytes:
    return _rows(_cells(orjson.loads(order)) for order in orders)


def _rows(rows: Iterable[Iterable[Any]]) -> bytes:
    """Lines as in RFC 4180."""
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    name: lambda order, name=name: order.get(name)
    for name in ("id", "number", "external_id", "status", "seller_id", "buyer_id", "buyer_name", "buyer_email")
} | {
    "items": lambda order: "; ".join(_item(item) for item in order["items"]),
    "total_minor": lambda order: order["total_minor"],
    "currency": lambda order: order["currency"],
    "carriers": lambda order: _of_parcels(order, "carrier"),
    "tracking_numbers": lambda order: _of_parcels(order, "number"),
    "expected_on": lambda order: _of_parcels(order, "expected_on"),
    "delivery": lambda order: _address(order.get("delivery") or {}),
    "tags": lambda order: ", ".join(order.get("tags") or ()),
    "due_at": lambda order: order.get("due_at"),
    "created_at": lambda order: order["created_at"],
    "updated_at": lambda order: order["updated_at"],
}
"""The columns of a CSV file; what an order does not have is empty."""


def _cells(order: Mapping[str, Any]) -> list[Any]:
    return [safe(value(order)) for value in COLUMNS.values()]


def safe(cell: Any) -> Any:
    """A cell that no spreadsheet runs as a formula: an apostrophe goes before a text that looks like one."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(UNSAFE) else cell


def _item(item: Mapping[str, Any]) -> str:
    return f"{item['quantity']} x {item['title']} ({item['sku']})" if item.get("sku") else str(item["title"])


def _of_parcels(order: Mapping[str, Any], member: str) -> str:
    parcels = order.get("parcels") or [one for one in [order.get("tracking")] if one]
    return "; ".join(str(parcel[member]) for parcel in parcels if parcel.get(member))


def _address(delivery: Mapping[str, Any]) -> str:
    place = " ".join(delivery[name] for name in ("postcode", "city") if delivery.get(name))
    lines = [delivery.get("name"), *(delivery.get("lines") or ()), place, delivery.get("country")]
    return ", ".join(line for line in lines if line)


CSV = ExportForm("text/csv", "csv", _rows([COLUMNS]), _csv)
NDJSON = ExportForm("application/x-ndjson", "ndjson", b"", _ndjson)
FORMS = {form.media_type: form for form in (CSV, NDJSON)}
