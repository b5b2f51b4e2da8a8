"""Words again, in the reader's language, what was stored in the installation's: notifications, and system messages.

It is read from the event that each is about. In the installation's language everything stays as it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from access.principal import Principal
from foundation import languages
from orders import bulk_changes, queries, sentences
from orders.schemas import bare
from orders.workflow import Status, Workflow

Stored = dict[str, Any]

OF_CHANGES = ("generic", "status")
"""The kinds of notifications of a change; others are of a message or a bulk change, whose id is in place of an
event's."""


def is_needed(workflow: Workflow) -> bool:
    """Whether the reader's language is another than the installation's."""
    return workflow.in_language(languages.current()) is not workflow


def of_page(workflow: Workflow, principal: Principal, content: Mapping[str, Any]) -> None:
    """Word what a page shows of it."""
    table = workflow.in_language(languages.current())
    _word_notifications(table, principal, content.get("notifications", ()))
    _word_messages(table, principal, content.get("messages", ()), content.get("events", ()))


def _word_notifications(table: Workflow, principal: Principal, rows: Sequence[Stored]) -> None:
    """What somebody wrote in them stays."""
    changes = queries.changes([row["event_id"] for row in rows if row["kind"] in OF_CHANGES])
    ended = bulk_changes.summaries([row["event_id"] for row in rows if row["kind"] == "bulk_change"])
    for row in rows:
        if row["kind"] == "bulk_change" and (how := ended.get(row["event_id"])) and how.status in table.statuses:
            row["title"], row["body"] = sentences.bulk_result(how, table.statuses[how.status].seller)
        change = changes.get(row["event_id"]) if row["kind"] in OF_CHANGES else None
        if change and (status := table.statuses.get(change.to_status)):
            _word(row, change, status, principal.role)


def _word(row: Stored, change: queries.ChangeAbout, status: Status, side: str) -> None:
    number = bare(change.number)
    if row["kind"] == "generic":
        row["title"], row["body"] = sentences.order_title(number), _label(status, side)
    elif notice := status.notify.get(side):
        row["title"] = sentences.notice(notice, number, change.type)


def _word_messages(table: Workflow, principal: Principal, rows: Sequence[Stored], events: Sequence[Stored]) -> None:
    """Those of the service, about these events."""
    by_id = {event["id"]: event for event in events}
    for row in rows:
        event = by_id.get(row.get("event_id")) if row["kind"] == "system" else None
        if event and (status := table.statuses.get(event["to_status"])):
            row["body"] = sentences.message(event["type"], _label(status, principal.role), principal.role)


def _label(status: Status, side: str) -> str:
    return status.buyer if side == "buyer" else status.seller
