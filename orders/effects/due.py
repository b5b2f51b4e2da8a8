"""Whether a change is notified, and when: what the workflow table says as SQL, and what people have chosen.

The inbox is decided by the batch that writes it, since it is written at once; an e-mail by its attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from foundation import sql
from notifications import gate
from notifications.gate import Addressed
from notifications.rules import Way
from orders.effects.source import MOVED_ON
from orders.json_sql import literal
from orders.workflow_notices import EVENT_KINDS, MESSAGE_CREATED, ORDER_CORRECTED, ORDER_CREATED, Notices
from side_effects.effects import Run
from side_effects.kinds import Claimed
from side_effects.retry import Outcome

SQL = sql.beside(__file__)
NOTIFIED_EVENT = SQL.prepared("notified_event")

BUYER = "buyer"


def in_inbox(notices: Notices, side: str) -> str:
    """SQL over the columns of `order_changes`: whether this side's inbox is notified, by the table and by its owner."""
    kind = f"CASE WHEN type IN ({_list(_events(notices, side))}) THEN type ELSE to_status END"
    silent = [one for (one, whose), rule in notices.rules.items() if whose == side and not rule.way("inbox")]
    named = f" AND ({kind}) NOT IN ({_list(silent)})" if silent else ""
    wanted = gate.in_inbox(f"'{side}:' || {side}_id", kind)
    return f"{named} AND {wanted}"


def both_sides_are_notified(notices: Notices) -> str:
    """SQL over an event `e`: the table notifies both inboxes of its status, and neither side has turned its own off for
    anything; so what is not there is missing."""
    silent = {one for (one, _), rule in notices.rules.items() if not rule.way("inbox")}
    names = _list(sorted(silent))
    named = f" AND e.to_status NOT IN ({names}) AND e.type NOT IN ({names})"
    return f"""NOT EXISTS (SELECT FROM preferences p
            WHERE p.inbox_off AND p.owner IN ('buyer:' || e.buyer_id, 'seller:' || e.seller_id))
            {named if silent else ""}"""


def _events(notices: Notices, side: str) -> list[str]:
    return [one for one in (ORDER_CREATED, ORDER_CORRECTED) if (one, side) in notices.rules]


def mailed(notices: Notices) -> str:
    """SQL over the columns of `order_events`: the changes of which the table notifies buyers by e-mail."""
    kinds = [kind for (kind, side), rule in notices.rules.items() if side == BUYER and rule.way("email")]
    worded = [kind for kind, side in notices.texts if side == BUYER and kind not in EVENT_KINDS]
    if (ORDER_CORRECTED, BUYER) not in notices.rules:
        return f"to_status IN ({_list(one for one in worded if one in kinds)})"
    return f"to_status IN ({_list(worded)}) AND {_kind(notices)} IN ({_list(kinds)})"


def scheduled_at(notices: Notices) -> str | None:
    """SQL for when the e-mail of a change is due; None if no status has it wait."""
    cases = [f"WHEN {literal(kind)} THEN interval '{way.wait_seconds} s'" for kind, way in _waiting(notices).items()]
    if not cases:
        return None
    wait = f"CASE {_kind(notices)} {' '.join(cases)} ELSE interval '0 s' END"
    return f"clock_timestamp() + CASE WHEN changed IS NULL THEN {wait} ELSE interval '0 s' END"


def no_longer_due(notices: Notices) -> str:
    """SQL over the side effect `s`: why the buyer's e-mail is not wanted any more, NULL if it is."""
    waits, seen = "false", "false"
    if waiting := _waiting(notices):
        waits = f"e.changed IS NULL AND {_kind(notices, 'e.')} IN ({_list(waiting)})"
        seen = """EXISTS (SELECT FROM notifications n
            WHERE n.event_id = e.id AND n.kind IN ('generic', 'status') AND n.recipient_role = 'buyer'
                AND n.read_at IS NOT NULL)"""
    return gate.no_longer_due(
        """FROM order_events e CROSS JOIN LATERAL (SELECT buyer_email FROM orders WHERE id = e.order_id OFFSET 0) AS o
        WHERE e.id = s.event_id""",
        erased="o.buyer_email = ''",
        owner="'buyer:' || e.buyer_id",
        kind=_kind(notices, "e."),
        waits=waits,
        seen=seen,
        moved_on=MOVED_ON,
    )


def when_due(notices: Notices, read: Run, attempt: Callable[[Claimed], Outcome]) -> Callable[[Claimed], Outcome]:
    """The attempt, made only when the buyer's e-mail is to be sent now."""
    withdrawn = gate.asked_again("why_not", no_longer_due(notices))

    def decided(claimed: Claimed) -> Outcome:
        if outcome := withdrawn(read, claimed):
            return outcome
        rows = read(NOTIFIED_EVENT, (claimed.event_id,))
        held = gate.held(read, claimed, _addressed(notices, *rows[0])) if rows else None
        return held or attempt(claimed)

    return decided


def _addressed(notices: Notices, type: str, status: str, buyer_id: int, changes: bool) -> Addressed:
    kind = notices.kind(type, status, BUYER)
    rule = notices.rule(kind, BUYER)
    if not changes:  # sent again, because somebody asked for it
        rule = replace(rule, ways=(Way("email"),))
    return Addressed(rule, kind, f"buyer:{buyer_id}")


def _waiting(notices: Notices) -> dict[str, Way]:
    """The buyer's e-mails that wait, by kind."""
    return {
        kind: way
        for (kind, side), rule in notices.rules.items()
        if side == BUYER
        and kind not in (ORDER_CREATED, MESSAGE_CREATED)
        and (way := rule.way("email"))
        and way.wait_seconds
    }


def _kind(notices: Notices, of: str = "") -> str:
    """SQL for the kind of a change, as buyers are notified of it."""
    if (ORDER_CORRECTED, BUYER) not in notices.rules:
        return f"{of}to_status"
    return f"CASE {of}type WHEN '{ORDER_CORRECTED}' THEN '{ORDER_CORRECTED}' ELSE {of}to_status END"


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(literal, names)) or "NULL"
