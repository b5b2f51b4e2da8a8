"""Attempts at deliveries: reads the event and its endpoint, signs, sends, and writes down what came of it.

What waits, what is due and what is tried again is the engine's (side_effects/worker.py); what is special here is the
claim, which keeps endpoints apart: one that hangs has a few greenlets, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from foundation import clock, locks, sql
from foundation.connections import PreparedPool
from foundation.logs import get_logger
from side_effects import rows
from side_effects.kinds import WEBHOOK_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.liveness import HELD, LEASE_SECONDS
from side_effects.retry import DURABLE, Outcome, Postponed, storable
from webhooks import events, health
from webhooks.events import Fact, Read
from webhooks.health import Answered
from webhooks.matching import DESTINATION, KIND, endpoint_of
from webhooks.models import MARKETPLACE
from webhooks.refusals import Refused, Unreachable
from webhooks.secrets_at_rest import CannotDecrypt, Keyring
from webhooks.sending import Sender
from webhooks.signatures import signed
from webhooks.together import Together

AT_ONCE = 5
"""Deliveries in progress to one endpoint, of all processes together."""

CONCURRENCY = 200
"""Deliveries in progress in one process; each endpoint that hangs has at most AT_ONCE of them."""

ATTEMPT_SECONDS = 30.0
"""Above the 15 s that a call may take; the rest is reading and writing."""

BODY_CHARACTERS, HEADER_CHARACTERS, KEPT_HEADERS = 8 * 1024, 1024, 50
BURST_SECONDS = "greatest(0.5, 1 / w.rate_per_second)"
"""How much of an endpoint's rate may come at once: what becomes due between two looks of a worker."""

SQL = sql.beside(
    __file__,
    kind=KIND,
    at_once=AT_ONCE,
    burst_seconds=BURST_SECONDS,
    endpoint_of_d=endpoint_of("d.destination"),
    status_is_running="status || '' = 'running'",
    held=HELD,
    lease_seconds=LEASE_SECONDS,
)
# Claims of all processes one after another: each counts what the others have in progress.
CLAIM = SQL.prepared("claim_deliveries", before=f"SELECT pg_advisory_xact_lock({locks.WEBHOOKS}); ")
OVERTAKING = SQL.prepared("overtaking")
ENDPOINTS = SQL.prepared("endpoints_of")
LOG = SQL.prepared("log_attempts")
NOTE_FAILURE = SQL.prepared("note_failure")
NOTE_RECOVERY = SQL.prepared("note_recovery")
NOTE_NOTIFIED = SQL.prepared("note_notified")
DISABLE = SQL.prepared("disable_endpoint")

log = get_logger(__name__)


class Notify(Protocol):
    """Notifies the owner of an endpoint, and the operators, that it fails: once for each key."""

    def __call__(self, key: str, seller_id: int | None, shown: Mapping[str, Any]) -> object:
        """`shown` has `url`, `percent` of the way to being disabled, `disabled_at` and `reason`; `seller_id` is None
        for an endpoint of the marketplace."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a delivery goes."""

    id: int
    seller_id: int
    url: str
    thin: bool
    headers: str
    secret: str
    previous_secret: str | None
    disabled: bool
    failing: bool

    @property
    def role(self) -> str:
        """As which its receiver reads orders."""
        return "operator" if self.seller_id == MARKETPLACE else "seller"


@dataclass(frozen=True, slots=True)
class Attempted:
    """A row of the log."""

    endpoint_id: int
    event_type: str
    event_id: int
    order_id: int
    type: str
    attempt: int
    succeeded: bool
    status: int | None
    error: str
    headers: str
    body: str
    seconds: float


class Deliveries:
    """The attempts of one process."""

    def __init__(
        self, dsn: str, keyring: Keyring, sender: Sender, notify: Notify, disable_hours: int, divisor: int
    ) -> None:
        """`divisor` shortens all waits between attempts, for tests."""
        self._pool = PreparedPool(dsn, 2, "webhooks")
        self.keyring = keyring
        self.sender = sender
        self._notify = notify
        self._disable_after = disable_hours * 3600 / divisor
        self._read = Together(self._read_all)
        self._log = Together(self._log_all)
        self.readers: dict[str, Read] = {}
        """What reads the events of each event type of the outbox."""

        self.kind = Kind(
            KIND,
            self.attempt,
            tuple(delay / divisor for delay in DURABLE),
            concurrency=CONCURRENCY,
            timeout=ATTEMPT_SECONDS,
            longest_cooldown=max(1.0, WEBHOOK_COOLDOWN_SECONDS / divisor),
            claim=CLAIM,
            prefix=DESTINATION,
        )

    def attempt(self, claimed: Claimed) -> Outcome:
        """One attempt."""
        endpoint, fact, overtakes = self._read(claimed)
        if endpoint is None:
            return Outcome("dead", "the endpoint was deleted")
        if endpoint.disabled or overtakes:
            raise Postponed("the endpoint is disabled" if endpoint.disabled else "an earlier one has to go before")
        if fact is None:
            return Outcome("dead", "what it speaks of does not exist any more")
        id = events.webhook_id(claimed.event_type, claimed.event_id)
        answered = self.send(endpoint, id, fact, events.traceparent(claimed.request_id, f"{id} {endpoint.id}"))
        outcome = health.judge(answered, clock.unix_seconds())
        self._log(_attempted(endpoint.id, claimed, fact.type, outcome, answered))
        self._note(endpoint, outcome, answered)
        return outcome

    def send(self, endpoint: Endpoint, id: str, fact: Fact, trace: str) -> Answered:
        """Sign and send an event."""
        text = events.body(id, fact, endpoint.thin, trace)
        begun = clock.monotonic()
        try:
            headers = {
                **orjson.loads(self.keyring.decrypt(endpoint.headers)),
                "Content-Type": "application/json",
                "traceparent": trace,
                **signed(self._secrets(endpoint), id, int(clock.unix_seconds()), text),
            }
            reply = self.sender.post(endpoint.url, headers, text)
        except (Refused, Unreachable, CannotDecrypt) as error:
            return Answered(None, {}, b"", clock.monotonic() - begun, str(error))
        return Answered(reply.status, reply.headers, reply.body, reply.seconds)

    def _secrets(self, endpoint: Endpoint) -> list[bytes]:
        return [self.keyring.decrypt(one) for one in (endpoint.secret, endpoint.previous_secret) if one]

    def read(self, endpoint_ids: Sequence[int]) -> dict[int, Endpoint]:
        """These endpoints, as they are now."""
        return {row[0]: Endpoint(*row) for row in self._pool.run(ENDPOINTS, (list(endpoint_ids),))}

    def write_down(self, endpoint: Endpoint, type: str, outcome: Outcome, answered: Answered) -> int:
        """Log an attempt that no delivery is behind, such as that of a test event; returns its id."""
        return self._log(_attempted(endpoint.id, None, type, outcome, answered))

    def release(self, id: int, rate: float | None) -> None:
        """Send what waits for an endpoint that was enabled again, at its rate."""
        self._pool.run(rows.PACE, (f"{DESTINATION}{id}", rate or self.kind.pace))

    def _read_all(self, claimed: Sequence[Claimed]) -> list[tuple[Endpoint | None, Fact | None, bool]]:
        overtaking = {id for (id,) in self._pool.run(OVERTAKING, ([one.id for one in claimed],))}
        ids = [int(one.destination.removeprefix(DESTINATION)) for one in claimed]
        endpoints = self.read(sorted(set(ids)))
        wanted: dict[str, set[tuple[int, str]]] = {}
        for id, one in zip(ids, claimed, strict=True):
            if id in endpoints:
                wanted.setdefault(one.event_type, set()).add((one.event_id, endpoints[id].role))
        facts = {
            name: self.readers[name](self._pool.run, sorted(readings))
            for name, readings in wanted.items()
            if name in self.readers
        }
        return [
            (
                endpoint,
                facts.get(one.event_type, {}).get((one.event_id, endpoint.role)) if endpoint else None,
                one.id in overtaking,
            )
            for id, one in zip(ids, claimed, strict=True)
            for endpoint in (endpoints.get(id),)
        ]

    def _log_all(self, attempts: Sequence[Attempted]) -> list[int]:
        columns = zip(*(_columns(one) for one in attempts), strict=True)
        return [id for (id,) in self._pool.run(LOG, [list(column) for column in columns])]

    def _note(self, endpoint: Endpoint, outcome: Outcome, answered: Answered) -> None:
        """Keep count of an endpoint that fails: notify its owner, and disable it in the end."""
        if outcome.kind == "succeeded":
            if endpoint.failing:
                self._pool.run(NOTE_RECOVERY, (endpoint.id,))
            return
        noted = self._pool.run(NOTE_FAILURE, (endpoint.id, outcome.retry_after or 0.0))
        if not noted:
            return
        seconds, notified, since = noted[0]
        gone = answered.status == health.GONE
        step = 100 if gone else health.step(seconds, self._disable_after, notified)
        if step is None or not self._pool.run(NOTE_NOTIFIED, (endpoint.id, step)):
            return
        reason = outcome.reason if gone else f"nothing has succeeded since {since:%Y-%m-%d %H:%M} UTC: {outcome.reason}"
        self._warn(endpoint, step, since, reason)

    def _warn(self, endpoint: Endpoint, step: int, since: datetime, reason: str) -> None:
        at = clock.now() if step == 100 else since + timedelta(seconds=self._disable_after)
        if step == 100:
            self._pool.run(DISABLE, (endpoint.id, reason, f"{DESTINATION}{endpoint.id}"))
            log.error("webhook.disabled", "Webhook endpoint disabled; its deliveries wait", endpoint=endpoint.id)
        else:
            log.warning("webhook.failing", "Webhook endpoint keeps failing", endpoint=endpoint.id, percent=step)
        shown = {"url": endpoint.url, "percent": step, "disabled_at": f"{at:%Y-%m-%d %H:%M} UTC", "reason": reason}
        self._notify(f"{DESTINATION}{endpoint.id} {since.isoformat()} {step}", endpoint.seller_id or None, shown)


def _attempted(endpoint_id: int, claimed: Claimed | None, type: str, outcome: Outcome, answered: Answered) -> Attempted:
    return Attempted(
        endpoint_id,
        claimed.event_type if claimed else "",
        claimed.event_id if claimed else 0,
        claimed.order_id if claimed else 0,
        type,
        claimed.attempts if claimed else 1,
        outcome.kind == "succeeded",
        answered.status,
        storable(outcome.reason),
        orjson.dumps(_shortened(answered.headers)).decode(),
        _storable(answered.body),
        answered.seconds,
    )


def _shortened(headers: Mapping[str, str]) -> dict[str, str]:
    few = list(headers.items())[:KEPT_HEADERS]
    return {_clean(name)[:200]: _clean(value)[:HEADER_CHARACTERS] for name, value in few}


def _storable(body: bytes) -> str:
    return _clean(body[:BODY_CHARACTERS].decode(errors="replace"))


def _clean(text: str) -> str:
    """PostgreSQL stores no NUL, and a header may have bytes that are no text."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _columns(one: Attempted) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in Attempted.__dataclass_fields__)
