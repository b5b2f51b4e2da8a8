"""The hot path: change one order's status, write its history and its outbox entry, in one statement and one commit.

A repeated request is applied once: each change stores a key, the client's or a generated one. If the connection breaks
while the statement runs, whether it was committed is unknown; the key is looked up, and decides.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
import psycopg2
import psycopg2.errors

from access.principal import Principal
from foundation import logs
from foundation.connections import PreparedPool, Row, Statement, outcome_unknown
from foundation.errors import Forbidden, IdempotencyMismatch, InvalidRequest, NotFound, ServiceUnavailable
from orders.change_sql import Form, change_status
from orders.errors import IllegalTransition, OrderLocked, StaleVersion
from orders.group_commit import IN_FLIGHT, GroupCommit
from orders.lookups import Questions
from orders.outbox_entry import ChangeEffects, names_of_change
from orders.repeated_keys import Repeaters
from orders.schemas import ChangeOrderStatusRequest
from orders.signals import OrderEvent
from orders.statements import FIND_BY_KEY, WHY_NOT
from orders.workflow import Workflow
from outbox.engine import Engine
from outbox.entries import OutboxEntry
from side_effects.effects import EventType

log = logs.get_logger(__name__)

CHANGED, CORRECTED = "order.status_changed", "order.corrected"
MAY_BE_SILENT = ("operator", "service")
"""The roles that may leave the buyer without notice of any change; others of a correction."""

TRIES = 3
"""How often a change is retried if the order changed between the statement and the lookup of its refusal."""


@dataclass(frozen=True)
class StatusChange:
    """One requested change of one order."""

    order_id: int
    principal: Principal
    new: ChangeOrderStatusRequest
    key: str = ""
    """The client's Idempotency-Key; empty if it sent none."""

    version: int | None = None
    """The version that the order must have, from If-Match."""

    undoes: int = 0
    """The event that it undoes; 0 for any other change."""


@dataclass(frozen=True)
class Changed:
    """The result of a change."""

    order_id: int
    order: bytes
    version: int
    event_id: int = 0
    """The row of the history; 0 if only an order is returned."""


@dataclass(frozen=True)
class Rehearsal:
    """The outcome that a change would have."""

    source: str
    target: str
    order: dict[str, Any]
    """The order after the change; `updated_at` is still the old one."""

    effects: list[str]
    correction: bool = False
    done_before: bool = False
    """The key was already used for this exact change: repeating it returns `order` and does nothing."""


class StatusChanges:
    """Makes the status changes of one process."""

    def __init__(
        self,
        pool: PreparedPool,
        own: PreparedPool,
        workflow: Workflow,
        engine: Engine,
        event_type: EventType,
        require_version: bool = False,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self.require_version = require_version
        """Whether every client has to name the version that it has seen."""

        self._keys = Questions(pool, FIND_BY_KEY)
        self._repeaters = Repeaters()
        self._current = Questions(pool, WHY_NOT)
        self._workflow = workflow
        self._engine = engine
        self._event_type = event_type
        effects = ChangeEffects.of(event_type)

        @cache
        def form(parts: Form) -> Statement:
            return change_status(effects, parts)

        self.form = form
        """The statement with the parts that a batch needs."""

        self.commits = GroupCommit(pool, own, form, engine.liveness, in_flight)

    def change(self, change: StatusChange) -> Changed:
        """Change the order's status; raises the errors of orders/errors.py and foundation/errors.py, with nothing
        changed then."""
        sources = self._sources(change)
        key = change.key or new_key()
        if change.key and self._repeaters.knows(change.principal) and (stored := self._find(change, key)):
            return self._answer_again(stored, change)
        for _ in range(TRIES):
            rows = self._commit(change, sources, key) if sources else []
            if rows:
                return self._follow(rows[0], change.principal)
            if change.key and (stored := self._find(change, key)):
                self._repeaters.add(change.principal)
                return self._answer_again(stored, change)
            self._explain(change, sources)
        raise IllegalTransition("The order keeps changing; fetch it and try again.")

    def revert(self, change: StatusChange, source: str) -> Changed | None:
        """Make a change that undoes another, out of the status `source`; None if its event is not held any more, or the
        order has changed. The workflow is not asked: nobody outside was notified of that status."""
        rows = self._commit(change, [source], change.key or new_key())
        return self._follow(rows[0], change.principal) if rows else None

    def reverted_before(self, order_id: int, principal: Principal, key: str) -> Changed | None:
        """The result of an undo that was made with this key; raises IdempotencyMismatch if it was another change."""
        new = ChangeOrderStatusRequest(status="")
        stored = self._find(StatusChange(order_id, principal, new, key), key)
        if stored is None:
            return None
        event = _event(stored)
        if event.order_id != order_id or not stored[-1]:
            raise IdempotencyMismatch
        return Changed(order_id, self.with_allowed(stored[2], event.to_status, principal), event.version, event.id)

    def rehearse(self, change: StatusChange) -> Rehearsal:
        """All checks of `change`, without writing; raises the same."""
        sources = self._sources(change)
        if change.key and (stored := self._find(change, change.key)):
            event = self._refuse_another(stored, change)
            again = orjson.loads(self._answer_again(stored, change).order)
            corrected = event.type == CORRECTED
            return Rehearsal(event.from_status or "", event.to_status, again, [], corrected, done_before=True)
        status, version, head = self._explain(change, sources)
        target = change.new.status
        order = orjson.loads(self.with_allowed(head, target, change.principal))
        order |= {"status": target, "version": version + 1}
        if change.new.tracking:
            order["tracking"] = change.new.tracking.model_dump(mode="json")
        effects = names_of_change(self._event_type, status, target, change.new.notify)
        return Rehearsal(status, target, order, effects, status in self._corrections(change))

    def wait(self, changed: Changed, seconds: float) -> bool:
        """Return True when all effects of the change are done, False after this many seconds, or if that cannot be
        determined: the change is committed, and no later failure of the database affects it."""
        try:
            return self._engine.wait_for(self._event_type, changed.order_id, changed.event_id, seconds)
        except (psycopg2.Error, ServiceUnavailable) as error:
            log.warning(
                "status_change.wait_failed",
                "Database unavailable while waiting for side effects; answering without their outcome",
                exc_info=error,
            )
            return False

    def _sources(self, change: StatusChange) -> list[str]:
        """The statuses that the order may have, as far as the table and the body determine them."""
        target, role = change.new.status, change.principal.role
        if target not in self._workflow.statuses:
            raise InvalidRequest(f"Unknown status {target[:50]!r}.", {"statuses": list(self._workflow.statuses)})
        if self._tracking_is_refused(change):
            return []
        sources = self._workflow.sources(target, role, reason=bool(change.new.reason))
        if change.new.notify or role in MAY_BE_SILENT:
            return sources
        return [source for source in sources if source in self._corrections(change)]

    def _tracking_is_refused(self, change: StatusChange) -> bool:
        return change.new.tracking is not None and not self._workflow.statuses[change.new.status].tracking

    def _corrections(self, change: StatusChange) -> Mapping[str, int | None]:
        """The statuses from which the change is a correction, and for how long it may be one."""
        return self._workflow.corrections.get((change.new.status, change.principal.role), {})

    def _commit(self, change: StatusChange, sources: list[str], key: str) -> list[Row]:
        wanted = self._wanted(change, sources, key)
        try:
            return self.commits.run(wanted)
        except psycopg2.errors.UniqueViolation:
            return []  # the key was used; the lookup by key finds it
        except psycopg2.Error as error:
            if not outcome_unknown(error):
                raise
            return self._after_broken_connection(change, key, wanted)

    def _wanted(self, change: StatusChange, sources: list[str], key: str) -> dict[str, Any]:
        """The change as the statement takes it; missing values are NULL."""
        new, principal = change.new, change.principal
        status = self._workflow.statuses[new.status]
        wanted = {
            "order_id": change.order_id,
            "status": new.status,
            "sources": sources,
            "open": not status.closed,
            "actor_role": principal.role,
            "actor_id": principal.id,
            "key": key,
            "request_id": logs.request_id.get(),
        }
        optional = {
            "seller_id": principal.seller_id,
            "buyer_id": principal.buyer_id,
            "actor_via": principal.via,
            "version": change.version,
            "tracking": new.tracking and orjson.Fragment(new.tracking.model_dump_json()),
            "reason": new.reason,
            "keyed": change.key and True,
            "corrects": {name: limit for name, limit in self._corrections(change).items() if name in sources},
            "silent": (not new.notify) or None,
            "hold": new.hold_seconds or None,
            "due": status.due_seconds,
            "done": status.tracking or status.closed or None,
        }
        if change.undoes:  # a correction of whatever status it comes from
            optional |= {"undoes": change.undoes, "corrects": dict.fromkeys(sources)}
        return wanted | {name: value for name, value in optional.items() if value not in (None, "", {})}

    def _after_broken_connection(self, change: StatusChange, key: str, wanted: dict[str, Any]) -> list[Row]:
        """The response was lost: the change is applied already, or has to be made again."""
        try:
            found = self._find(change, key)
            if found is None:
                with suppress(psycopg2.errors.UniqueViolation):
                    if rows := self.commits.run(wanted):
                        return rows
                found = self._find(change, key)  # the first statement may still have been in progress
        except (psycopg2.Error, OrderLocked) as error:
            if not (isinstance(error, OrderLocked) or outcome_unknown(error)):
                raise
            raise ServiceUnavailable(
                "The database is unavailable. Repeat the request with the same Idempotency-Key."
            ) from error
        if found is None:
            return []
        self._refuse_another(found, change)
        return [found[:-2]]

    def _find(self, change: StatusChange, key: str) -> Row | None:
        who = change.principal
        return self._keys.ask({"key": key, "actor_id": who.id, "actor_role": who.role})

    def _follow(self, row: Row, principal: Principal) -> Changed:
        """Dispatch the committed event, and return the order."""
        entry_id, effect_bits, head, event = row[0], row[1], row[2], OrderEvent(*row[3:])
        order = self.with_allowed(head, event.to_status, principal)
        if entry_id is not None:
            request_id = logs.request_id.get()
            self._engine.dispatch(
                OutboxEntry(entry_id, self._event_type, event.id, event.order_id, effect_bits, request_id, event)
            )
        return Changed(event.order_id, order, event.version, event.id)

    def _refuse_another(self, stored: Row, change: StatusChange) -> OrderEvent:
        """The event of this key; raises IdempotencyMismatch if the client used the key for another change."""
        new, tracking, undoes = change.new, *stored[-2:]
        event = _event(stored)
        sent = orjson.loads(new.tracking.model_dump_json()) if new.tracking else None
        asked = (change.order_id, new.status, new.reason or None, new.notify, change.undoes)
        same = (event.order_id, event.to_status, event.reason, event.notify, undoes or 0) == asked
        if event.type not in (CHANGED, CORRECTED) or not same or sent != (orjson.loads(tracking) if tracking else None):
            raise IdempotencyMismatch
        return event

    def _answer_again(self, stored: Row, change: StatusChange) -> Changed:
        event = self._refuse_another(stored, change)
        order = self.with_allowed(stored[2], event.to_status, change.principal)
        return Changed(event.order_id, order, event.version, event.id)

    def _explain(self, change: StatusChange, sources: list[str]) -> tuple[str, int, str]:
        """Explain why nothing was changed; returns the order's status, version and text if nothing prevents the
        change."""
        principal, target = change.principal, change.new.status
        sides = {"seller_id": principal.seller_id, "buyer_id": principal.buyer_id}
        asked = {"order_id": change.order_id, "role": principal.role, "actor_id": principal.id, **sides}
        row = self._current.ask(asked)
        if row is None:
            raise NotFound("No such order.")
        status, version, head, changed, own_seconds = row
        members = {
            "current": orjson.Fragment(self.with_allowed(head, status, principal)),
            "allowed_transitions": self._workflow.targets(status, principal.role),
            "changed": orjson.Fragment(changed or "null"),
        }
        if change.version is not None and version != change.version:
            raise StaleVersion(f"The order is at version {version}, not {change.version}.", members)
        if status not in self._workflow.sources(target, principal.role):
            raise IllegalTransition(
                f"{_one(principal.role)} cannot move this order from {status} to {target}.", members
            )
        limit = self._corrections(change).get(status)
        if limit is not None and (own_seconds is None or own_seconds >= limit):
            raise IllegalTransition(_too_late(principal.role, limit), members)
        if self._workflow.needs_reason(status, target) and not change.new.reason:
            raise InvalidRequest(f"A reason is required for {target}.", members)
        if self._tracking_is_refused(change):
            why = f"tracking is not allowed with {target}. Set it with PATCH /api/orders/{change.order_id}."
            raise InvalidRequest(why, members)
        if status not in sources:
            raise Forbidden(f"{_one(principal.role)} may leave the buyer without notice with a correction only.")
        return status, version, head

    def with_allowed(self, head: str, status: str, principal: Principal) -> bytes:
        """The order's text, with the statuses that this principal may set next."""
        return f'{head},"allowed_transitions":{self._workflow.targets_json(status, principal.role)}}}'.encode()


def _event(stored: Row) -> OrderEvent:
    """The event that was found by its key, with its tracking and what it undoes behind it."""
    return OrderEvent(*stored[3:-2])


def new_key() -> str:
    """A key for a client that sent none. It starts with the time, so that the index grows at its right edge."""
    return f"{time.time_ns():x}-{random.getrandbits(32):08x}"


def _too_late(role: str, limit: int) -> str:
    return f"{_one(role)} may correct only a change of their own, and within {limit / 60:g} minutes of it."


def _one(role: str) -> str:
    return f"An {role}" if role[0] in "aeiou" else f"A {role}"
