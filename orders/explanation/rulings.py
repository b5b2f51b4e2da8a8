"""What a side effect's row says: whether it is done, and otherwise what it waits for or what ended it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from notifications import gate
from orders.effects import digest
from orders.explanation.causes import CRASH, Ruling
from orders.explanation.facts import EventFacts, Row, discarded_by
from side_effects.kinds import Kind
from side_effects.retry import MAX_CRASHES

NO_ANSWER = re.compile(r"no answer within|time-?out|timed out", re.IGNORECASE)
REFUSES_ALL = "it refuses all calls"
"""How the reason of a circuit begins that a refusal of all calls alike has opened."""

ENDED = (
    (re.compile(re.escape(CRASH)), "crashed"),
    (re.compile("^it can never be sent: "), "address_invalid"),
    (re.compile("address was erased"), "erased"),
    (re.compile("^no receiver is called "), "receiver_gone"),
    (re.compile("^the workflow has no text "), "table"),
    (re.compile("^the endpoint was deleted"), "endpoint_deleted"),
    (re.compile("does not exist any more"), "gone"),
)
"""What an error says about why something was given up, where it is neither a refusal nor the end of its attempts."""

NOT_NEEDED = (
    (re.compile(f"^{re.escape(gate.COLLECTED)}"), "digest"),
    (re.compile("^superseded by event "), "reverted"),
    (re.compile(f"^{re.escape(digest.NOTHING)}"), "nothing_left"),
    (re.compile("^the order moved on"), "moved_on"),
    (re.compile("^the endpoint was deleted"), "endpoint_deleted"),
    (re.compile("^nobody to write to"), "no_people"),
    (re.compile("^the workflow moves no order on "), "table"),
)
"""The same for what ended without an attempt."""


def ruling_of(row: Row, kind: Kind | None, now: datetime, usual: str = "paced") -> Ruling:
    """What became of this side effect; `kind` is how it is attempted, None if this process does not know it. `usual` is
    why one is set for later that says nothing else."""
    error, ended = row["last_error"], row["finished_at"]
    match row["status"]:
        case "succeeded":
            skipped = _named(error, NOT_NEEDED)
            return Ruling("skipped", skipped, ended, error) if skipped else Ruling("done", "accepted", ended)
        case "superseded":
            return Ruling("skipped", gate.RULES.get(error) or _named(error, NOT_NEEDED) or "reverted", ended, error)
        case "discarded":
            return _discarded(error, ended)
        case "dead":
            return Ruling("failed", _why_dead(row, kind), ended, error)
        case "running":
            return Ruling("waiting", "in_progress" if row["lives"] else "process_died", None, error)
    return _waiting(row, kind, now, usual)


def deferred(facts: EventFacts, name: str, kinds: Mapping[str, Kind]) -> Ruling | None:
    """What became of an internal effect that failed at its first attempt, and so has a row of its own; None if it has
    none, or is done by now."""
    row = next((one for one in facts.rows if one["kind"] == name and one["status"] != "succeeded"), None)
    return ruling_of(row, kinds.get(name), facts.event["now"]) if row else None


def _discarded(error: str, ended: datetime) -> Ruling:
    named = _named(error, NOT_NEEDED)
    if named == "reverted":  # of a kind of which only the newest counts, this says that a newer one is there
        named = "replaced"
    return (
        Ruling("skipped", named, ended, error) if named else Ruling("skipped", "discarded", ended, discarded_by(ended))
    )


def _why_dead(row: Row, kind: Kind | None) -> str:
    """Known by its error; otherwise by whether it had attempts left."""
    if row["crashes"] >= MAX_CRASHES:
        return "crashed"
    if named := _named(row["last_error"], ENDED):
        return named
    most = len(kind.delays) if kind else 0
    return "given_up" if row["attempts"] > most else "refused"


def _waiting(row: Row, kind: Kind | None, now: datetime, usual: str) -> Ruling:
    """What a pending row waits for: what the claim asks, in the order in which it decides."""
    at, error = row["scheduled_at"], row["last_error"]
    later = at > now
    if later and not row["attempts"] and (not error or error in gate.RULES):
        return Ruling("waiting", gate.RULES.get(error, usual), at, error)
    if row["paused"]:
        return Ruling("waiting", "paused", None, row["circuit_reason"] or "")
    if row["circuit"] not in (None, "closed"):
        reason = row["circuit_reason"] or ""
        cause = "session_refused" if reason.startswith(REFUSES_ALL) else "circuit_open"
        return Ruling("waiting", cause, row["circuit_until"], reason)
    if row["earlier"] is not None:
        return Ruling("waiting", "blocked", None, f"event {row['earlier']}")
    if kind and kind.destinations is not None and row["destination"] not in kind.destinations():
        return Ruling("waiting", "receiver_unknown", None, error)
    if row["attempts"] and error:
        return Ruling("waiting", "timed_out" if NO_ANSWER.search(error) else "retry", at, error)
    return Ruling("waiting", "redelivered" if error and error not in gate.RULES else "due", at, error)


def _named(error: str, patterns: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    return next((cause for pattern, cause in patterns if pattern.search(error)), "")
