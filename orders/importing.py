"""Importing orders with their history from another system: as they were, without any effect.

Lines are read and written in batches, each in a transaction of its own: an import that ends early has imported what it
has answered, and is continued by sending it again. A line is known by its `external_id`. The digest of what it said is
kept, which distinguishes a repetition from a contradiction, whatever has become of the order since.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from access.principal import Principal
from foundation import clock, locks, logs, sql
from foundation.connections import busy
from foundation.db import db
from foundation.errors import AppError, BodyTooLarge
from foundation.json_body import parse_json
from foundation.problems import body_of
from orders import details, search
from orders.effects import timer
from orders.errors import DuplicateNumber
from orders.import_lines import LINE_BYTES, ImportedOrder, ImportedPast, lines_of, past_of
from orders.lines import stored
from orders.workflow import Workflow

BATCH = 500
BATCH_BYTES = 1024 * 1024
"""A batch ends with the line that reaches one of these."""

TURN_SECONDS = 0.005
"""How long lines are read until others have a turn; the largest line takes twice as long."""

PAUSE_SECONDS = 0.001
"""What a turn of the others lasts at least. Not 0: gevent looks at its sockets only when fifty greenlets that were
ready have run, which may be this one fifty times. So a body of bad lines blocked everybody for a third of a second."""

BATCH_TRIES = 5
"""How often a batch is written that had to wait too long for a lock."""

ANALYZED_FROM = 100
"""Fewer new orders change no plan; PostgreSQL refreshes their statistics by itself."""

log = logs.get_logger(__name__)

SQL = sql.beside(__file__, lock=locks.IMPORT)
ALONE = SQL.text("alone")
KNOWN = SQL.text("known")
PLACE_IMPORTED = SQL.text("place")
REFRESH = SQL.text("refresh")


@dataclass
class Line:
    """One order of a batch, and what becomes of it."""

    number: int
    order: ImportedOrder
    row: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)


class Import:
    """One import: by whom, and how many lines had which result."""

    def __init__(self, workflow: Workflow, principal: Principal) -> None:
        self._workflow = workflow
        self._principal = principal
        self._timers = timer.of_existing(workflow, "o.id = ANY(:orders)")
        self.counts = {"created": 0, "exists": 0, "conflict": 0, "refused": 0}

    @property
    def lines(self) -> int:
        """Lines with a result."""
        return sum(self.counts.values())

    def run(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Import a body that arrives in pieces; yields the results, a line for each, in batches.

        Raises what reading a piece or the database raises; results that were yielded before stand.
        """
        try:
            for batch in self._batches(pieces):
                yield self._write(batch)
            self._refresh_statistics()
        finally:
            log.info("import.ended", "Import ended", lines=self.lines, **self.counts)

    def _batches(self, pieces: Iterable[bytes]) -> Iterator[Sequence[Line | dict[str, Any]]]:
        """The lines, several at a time: none twice in a batch, since the second has to find the first."""
        batch, size, known = list[Line | dict[str, Any]](), 0, set[str]()
        turn_ends = clock.monotonic() + TURN_SECONDS
        for number, raw in lines_of(_in_turns(pieces)):
            line = self._read(number, raw)
            again = isinstance(line, Line) and line.order.external_id in known
            if again or len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size, known = [], 0, set()
            batch.append(line)
            size += len(raw or b"")
            if isinstance(line, Line):
                known.add(line.order.external_id)
            if clock.monotonic() > turn_ends:
                gevent.sleep(PAUSE_SECONDS)
                turn_ends = clock.monotonic() + TURN_SECONDS
        if batch:
            yield batch

    def _read(self, number: int, raw: bytes | None) -> Line | dict[str, Any]:
        """The order of a line, or the result of one that is refused."""
        try:
            if raw is None:
                raise BodyTooLarge(f"A line must not be longer than {LINE_BYTES // 1024} KB.")
            order = parse_json(ImportedOrder, raw)
            past = past_of(order, self._workflow, clock.now())
        except AppError as error:
            return self._result(number, "refused", problem=body_of(error))
        return Line(number, order, _row(order, past, self._workflow))

    def _write(self, batch: Sequence[Line | dict[str, Any]]) -> bytes:
        """Write the orders of a batch, all in one transaction; returns the results of its lines."""
        lines = [line for line in batch if isinstance(line, Line)]
        for tries_left in reversed(range(BATCH_TRIES)):
            try:
                if lines:
                    db.session.execute(ALONE)
                    self._place(lines)
                db.session.commit()
                break
            except DBAPIError as error:
                db.session.rollback()
                if not tries_left or error.orig is None or not busy(error.orig):
                    raise
        results = [line.result if isinstance(line, Line) else line for line in batch]
        for result in results:
            self.counts[result["result"]] += 1
        return b"".join(orjson.dumps(result) + b"\n" for result in results)

    def _place(self, lines: Sequence[Line]) -> None:
        """Place those that are new, and give each line its result."""
        ids: list[int] = []
        known = self._known(lines)
        left = [line for line in lines if line.order.external_id not in known]
        # A number that nobody named is the id, with a mark if the seller has such a number.
        for mark in ("", f"-{random.randrange(10**6):06}"):
            placed = self._place_new(left, mark) if left else {}
            ids += placed.values()
            for line in left:
                if id := placed.get(line.order.external_id):
                    line.result = self._result(line.number, "created", id=id)
            left = [line for line in left if line.order.external_id not in placed]
            known |= self._known(left)
            left = [line for line in left if line.order.number is None and line.order.external_id not in known]
        for line in lines:
            if not line.result or line.result["result"] != "created":
                line.result = self._left(line, known)
        if ids and self._timers:
            db.session.execute(text(self._timers), {"orders": ids})

    def _known(self, lines: Sequence[Line]) -> dict[str, tuple[int, str | None]]:
        """Orders that exist, by their external ids: each with its id, and the digest of the line that brought it."""
        if not lines:
            return {}
        rows = db.session.execute(KNOWN, {"external_ids": [line.order.external_id for line in lines]})
        return {external_id: (id, digest) for external_id, id, digest in rows}

    def _place_new(self, lines: Sequence[Line], mark: str) -> dict[str, int]:
        values = {
            "orders": orjson.dumps([line.row for line in lines]).decode(),
            "mark": mark,
            "role": self._principal.role,
            "id": self._principal.id,
            "via": self._principal.via,
            "request_id": logs.request_id.get(),
        }
        return {row.external_id: row.id for row in db.session.execute(PLACE_IMPORTED, values)}

    def _left(self, line: Line, known: dict[str, tuple[int, str | None]]) -> dict[str, Any]:
        """The result of a line that created nothing."""
        if line.order.external_id not in known:
            error = DuplicateNumber(f"The seller already has an order with number {line.order.number}.")
            return self._result(line.number, "refused", problem=body_of(error))
        id, digest = known[line.order.external_id]
        return self._result(line.number, "exists" if digest == line.order.digest else "conflict", id=id)

    def _result(self, number: int, result: str, **more: Any) -> dict[str, Any]:
        return {"line": number, "result": result, **more}

    def _refresh_statistics(self) -> None:
        """What PostgreSQL knows of the tables was true before the import, and its plans are made for that."""
        if self.counts["created"] >= ANALYZED_FROM:
            db.session.execute(REFRESH)
            db.session.commit()


def _in_turns(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; others have a turn before each, whatever is in it."""
    for piece in pieces:
        gevent.sleep(PAUSE_SECONDS)
        yield piece


def _row(order: ImportedOrder, past: ImportedPast, workflow: Workflow) -> dict[str, Any]:
    """The order as the statement takes it."""
    closed = workflow.statuses[past.status].closed
    return {
        **details.NONE,
        **details.columns(order, details.NONE),
        **order.model_dump(include={"number", "seller_id", "buyer_id", "currency", "buyer_name", "buyer_email"}),
        "items": stored(order.items),
        "total_minor": order.cost,
        "terms": search.terms(order.model_dump()),
        "status": past.status,
        "version": len(past.events),
        "open": not closed,
        "closed_as": past.status if closed else None,
        "created_at": past.created_at,
        "updated_at": past.events[-1]["at"],
        "history": past.events,
        "digest": order.digest,
    }
