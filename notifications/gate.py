"""What an attempt at an e-mail asks first: whether it is sent now, later, in a digest, or not at all.

The batch writes a row for every e-mail that the workflow table names; the person's choices are read when the row is
due, so that a choice made meanwhile counts. The statement that claims the row has asked before whether it is still
wanted (`no_longer_due`); this decides about the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from foundation.connections import Statement
from notifications import digests, preferences
from notifications.rules import EVERY_KIND, NotificationRule, Preferences, Timing, WayName, decide
from side_effects.effects import Run
from side_effects.kinds import Claimed
from side_effects.retry import Outcome

ERASED = "the data it speaks of were erased"
TURNED_OFF = "turned off by the person"
SEEN = "seen before it was due"
MOVED_ON = "the order moved on before it was due"
NOT_IN_TABLE = "the workflow table does not name this way any more"
COLLECTED = "collected into the digest of "
QUIET = "waits for the end of quiet hours"
UNSEEN = "waits unless it is seen"

WAITED = timedelta(days=9999)
"""What waits unless it is seen is not claimed before that time is over, however long it is."""

RULES = {
    ERASED: "erased",
    TURNED_OFF: "preference",
    SEEN: "seen",
    MOVED_ON: "moved_on",
    NOT_IN_TABLE: "table",
    QUIET: "quiet_hours",
    UNSEEN: "unless_seen",
}
"""The rule behind each reason, as `explain` names it."""


@dataclass(frozen=True)
class Addressed:
    """What an attempt is about, and to whom."""

    rule: NotificationRule
    kind: str
    owner: str
    """Whose preferences count: `buyer:7`, `person:12`."""


def held(run: Run, claimed: Claimed, to: Addressed) -> Outcome | None:
    """The outcome of an attempt that sends nothing now; None if the e-mail is to be sent."""
    person, now = preferences.of(run, to.owner)
    decision = decide(to.rule, to.kind, "email", person, now - WAITED, now)
    if decision.what == "now":
        return None
    if decision.what == "digest":
        return _collected(run, claimed, to, person, decision)
    if decision.what == "not":
        return Outcome("superseded", TURNED_OFF if decision.rule == "preference" else NOT_IN_TABLE)
    assert decision.at is not None  # what waits has an end
    seconds = (decision.at - now).total_seconds()
    return Outcome("later", QUIET if decision.rule == "quiet_hours" else UNSEEN, seconds)


def _collected(run: Run, claimed: Claimed, to: Addressed, person: Preferences, decision: Timing) -> Outcome:
    assert decision.at is not None  # a digest has a time,
    assert decision.every is not None  # and comes regularly
    due = digests.collect(run, to.owner, person, decision.every, decision.at, claimed)
    return Outcome("superseded", f"{COLLECTED}{due:%Y-%m-%dT%H:%M:%SZ}")


def no_longer_due(
    source: str,
    *,
    erased: str,
    owner: str,
    kind: str,
    waits: str = "false",
    seen: str = "false",
    moved_on: str = "false",
) -> str:
    """SQL over a side effect `s`, for its kind: why its e-mail is not wanted any more, NULL if it is.

    `source` is what follows the SELECT list; all others are SQL over it: whether the data were erased, whose
    preferences count, the kind of news, whether it waits unless it is seen, and then whether it was, or moved on.
    """
    return f"""(SELECT CASE WHEN {erased} THEN '{ERASED}'
            WHEN {turned_off(owner, kind)} THEN '{TURNED_OFF}'
            WHEN {waits} AND {seen} THEN '{SEEN}'
            WHEN {waits} AND {moved_on} THEN '{MOVED_ON}' END
        {source})"""


def asked_again(name: str, why: str) -> Callable[[Run, Claimed], Outcome | None]:
    """For an attempt: asks again what its claim asked (`why`, from `no_longer_due`), by a statement of this name.

    Several are claimed at once, and the last of them may wait for the others. None if the e-mail is still wanted.
    """
    statement = Statement(name, ("bigint",), f"SELECT {why} FROM side_effects s WHERE s.id = $1")

    def withdrawn(run: Run, claimed: Claimed) -> Outcome | None:
        reasons = [reason for (reason,) in run(statement, (claimed.id,)) if reason]
        return Outcome("superseded", reasons[0]) if reasons else None

    return withdrawn


def in_inbox(owner: str, kind: str) -> str:
    """SQL for whether the owner's inbox is notified of this kind; both are SQL. As long as nobody has turned it off for
    anything, no preferences are read: that is asked once per statement."""
    return f"""CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN {turned_off(owner, kind, "inbox")} IS NOT TRUE ELSE true END"""


def turned_off(owner: str, kind: str, way: WayName = "email") -> str:
    """SQL for whether the owner has turned this way off for this kind, NULL without preferences; `owner` and `kind` are
    SQL."""
    chosen = f"p.choices #>> ARRAY[{kind}, '{way}'], p.choices #>> ARRAY['{EVERY_KIND}', '{way}']"
    return f"(SELECT coalesce({chosen}) = 'off' FROM preferences p WHERE p.owner = {owner})"
