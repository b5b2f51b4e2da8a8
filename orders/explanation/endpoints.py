"""The deliveries of an event to endpoints: what became of each, and why an endpoint has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orders.effects.webhook import BIT
from orders.explanation.causes import Explained, Ruling
from orders.explanation.facts import EventFacts, Row
from orders.explanation.rulings import ruling_of
from side_effects.kinds import Kind
from webhooks.matching import DESTINATION, KIND, TYPES

FAN_OUT = "webhook.fan_out"


def deliveries_of(facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
    """One node for each endpoint of the shop and of the marketplace, and for each that was deleted since; one for all
    where there is none."""
    all_rows = [one for one in facts.rows if one["kind"] in (KIND, FAN_OUT)]
    rows = {one["destination"]: one for one in all_rows if one["destination"].startswith(DESTINATION)}
    known = {f"{DESTINATION}{one['id']}": one for one in facts.endpoints}
    of_all = [one for one in all_rows if one["destination"] not in rows]  # it stands for all that were not written
    for row in of_all:
        ruling = ruling_of(row, kinds.get(row["kind"]), facts.event["now"])
        yield Explained("webhook", "", ruling, KIND, row["id"], row["attempts"])
    if not all_rows and not known:
        yield Explained("webhook", "", Ruling("skipped", "no_endpoints"), KIND)
    for name in sorted({*rows, *known} if not of_all else rows, key=_number):
        yield _of_endpoint(facts, name, known.get(name), rows.get(name), kinds)


def _number(destination: str) -> int:
    return int(destination.removeprefix(DESTINATION))


def _of_endpoint(
    facts: EventFacts, name: str, endpoint: Row | None, row: Row | None, kinds: dict[str, Kind]
) -> Explained:
    attempts = [_attempt(name, one) for one in facts.deliveries.get(name, ())]
    if row is None:
        return Explained("webhook", name, _why_none(facts, endpoint), KIND, children=attempts)
    ruling = ruling_of(row, kinds.get(KIND), facts.event["now"])
    if ruling.state == "waiting" and endpoint is not None:
        ruling = _parked(facts, endpoint, row, ruling, bool(attempts))
    return Explained("webhook", name, ruling, KIND, row["id"], row["attempts"], children=attempts)


def _parked(facts: EventFacts, endpoint: Row, row: Row, ruling: Ruling, attempted: bool) -> Ruling:
    """What the endpoint itself makes wait, before anything that its row or its circuit says."""
    now = facts.event["now"]
    if endpoint["disabled"] and row["status"] == "pending":
        return Ruling("waiting", "endpoint_disabled", endpoint["disabled_at"], endpoint["disabled_reason"])
    if ruling.cause in ("paused", "circuit_open", "session_refused", "blocked", "in_progress", "process_died"):
        return ruling
    if not row["attempts"] and attempted:
        return replace(ruling, cause="redelivered")
    if endpoint["waits_until"] > now:
        return Ruling("waiting", "endpoint_pause", endpoint["waits_until"], row["last_error"])
    if endpoint["rate_per_second"] and endpoint["paced_until"] > now and ruling.cause == "due":
        return Ruling("waiting", "rate_limit", endpoint["paced_until"])
    return ruling


def _why_none(facts: EventFacts, endpoint: Row | None) -> Ruling:
    """Why an endpoint has no delivery of the event, as far as it is known from what it asks for now."""
    event = facts.event
    if endpoint is None:
        return Ruling("skipped", "endpoint_deleted")
    family = f"{event['type'].partition('.')[0]}.*"
    if event["type"] not in TYPES or not {event["type"], family, "*"} & {*endpoint["event_types"]}:
        return Ruling("skipped", "event_filter")
    if endpoint["statuses"] is not None and event["to_status"] not in endpoint["statuses"]:
        return Ruling("skipped", "status_filter")
    if waiting := facts.waiting(BIT):
        return waiting
    if not facts.has(BIT):
        return Ruling("skipped", "webhooks_off")
    if endpoint["created_at"] > event["at"]:
        return Ruling("skipped", "endpoint_newer")
    return Ruling("unknown", "pruned")


def _attempt(name: str, one: Row) -> Explained:
    answered = f"answered {one['status']}" if one["status"] else ""
    error = one["error"] or answered
    state = Ruling("done", "accepted", one["at"]) if one["succeeded"] else Ruling("failed", "failed", one["at"], error)
    return Explained("attempt", name, state, KIND, one["id"], one["attempt"])
