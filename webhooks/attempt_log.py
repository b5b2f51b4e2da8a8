"""The log of attempts: read by page, redelivered from, erased, and pruned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from access.principal import Principal
from foundation import logs, sql
from foundation.db import commit, db, in_pieces, one_piece
from foundation.errors import InvalidRequest, NotFound
from side_effects.insertion import insert
from webhooks import events
from webhooks.endpoints import owner
from webhooks.matching import DESTINATION, KIND
from webhooks.schemas import RedeliverWebhookRequest

MOST_REDELIVERED = 10_000
"""Deliveries that one request redelivers."""

TEST_SECONDS = 2
"""Between two test events to one endpoint: a test is a call that anybody with an account can have made."""

SHOWN = """(SELECT a.id, nullif(a.event_type || '_' || a.event_id, '_0') AS webhook_id, a.type, a.attempt, a.succeeded,
    a.status, a.error, a.headers, a.body, a.seconds, a.at)"""

AGAIN = insert(
    "chosen",
    kind=f"'{KIND}'",
    destination=":destination",
    event_type="event_type",
    event_id="event_id",
    order_id="order_id",
    request_id=":request_id",
    scheduled_at="clock_timestamp() + make_interval(secs => place / CAST(:pace AS float8))",
    conflict="""(event_type, event_id, kind, destination) DO UPDATE SET status = 'pending', attempts = 0, crashes = 0,
        finished_at = NULL, scheduled_at = excluded.scheduled_at
        WHERE side_effects.status NOT IN ('pending', 'running')""",
)
"""What is pending anyway stays as it is."""

SQL = sql.beside(__file__, shown=SHOWN, again=AGAIN, kind=KIND, test_seconds=TEST_SECONDS)
PAGE, FAILED_PAGE, ATTEMPT, OWNED = SQL.text("page"), SQL.text("failed_page"), SQL.text("attempt"), SQL.text("owned")
REDELIVER_EVENT, REDELIVER_RANGE = SQL.text("redeliver_event"), SQL.text("redeliver_range")
REDELIVER_FAILED, TESTED_LATELY = SQL.text("redeliver_failed"), SQL.text("tested_lately")
ERASE, PRUNE, PRUNE_HOURS = SQL.text("erase"), SQL.text("prune"), SQL.text("prune_hours")


def page(principal: Principal, id: int, before: int, limit: int, failed: bool) -> tuple[str, int | None]:
    """Attempts with ids below `before`, newest first, as a JSON array, and the next cursor; raises NotFound."""
    check_owner(principal, id)
    values = {"endpoint": id, "before": before, "limit": limit + 1}
    rows = db.session.execute(FAILED_PAGE if failed else PAGE, values).all()
    shown = rows[:limit]
    return f"[{','.join(text for _, text in shown)}]", shown[-1][0] if len(rows) > limit else None


def one(id: int) -> str:
    """An attempt as JSON text."""
    text: str = db.session.scalars(ATTEMPT, {"id": id}).one()
    return text


def redeliver(principal: Principal, id: int, wanted: RedeliverWebhookRequest) -> tuple[int, bool]:
    """Make deliveries again; returns how many, and whether there are more. Raises NotFound, InvalidRequest."""
    check_owner(principal, id)
    values: dict[str, Any] = {"destination": f"{DESTINATION}{id}", "pace": wanted.per_second}
    if wanted.failed_since is not None:
        values |= {"since": wanted.failed_since, "most": MOST_REDELIVERED}
        count = _run(REDELIVER_FAILED, values)
    elif wanted.since is not None:
        values |= {"endpoint": id, "since": wanted.since, "until": wanted.until, "most": MOST_REDELIVERED}
        count = _run(REDELIVER_RANGE, values | {"request_id": logs.request_id.get()})
    else:
        event = events.event_of(wanted.webhook_id or "")
        if event is None:
            raise InvalidRequest("webhook_id: an id like order_17.")
        values |= {"endpoint": id, "event_type": event[0], "event_id": event[1], "request_id": logs.request_id.get()}
        count = _run(REDELIVER_EVENT, values)
    commit()
    return count, count == MOST_REDELIVERED


def check_owner(principal: Principal, id: int) -> None:
    """Raises NotFound if the endpoint is not this owner's."""
    if db.session.execute(OWNED, {"id": id, "seller": owner(principal)}).one_or_none() is None:
        raise NotFound("No such webhook.")


def tested_lately(id: int) -> bool:
    """Whether a test event was sent to this endpoint within the last seconds."""
    return bool(db.session.scalars(TESTED_LATELY, {"endpoint": id}).one())


def erase(order_ids: Sequence[int]) -> int:
    """Erase what receivers answered about these orders, in chunks that each commit; returns how many."""
    return in_pieces(ERASE, orders=list(order_ids))


def prune(days: int) -> int:
    """Delete a chunk of the log that is older; returns how much."""
    return one_piece(PRUNE, PRUNE_HOURS, days=days)


def _run(statement: Any, values: dict[str, Any]) -> int:
    count: int = db.session.execute(statement, values).rowcount  # type: ignore[attr-defined]
    return count
