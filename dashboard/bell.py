"""The newest notifications, for the panel of the bell; read only when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from access import guards
from dashboard import loaders, rewording
from dashboard.context import PageContext
from foundation.contract import LARGEST_ID
from notifications import inbox

MOST_ENTRIES = 8


@dataclass(frozen=True)
class BellPanel:
    """What it shows."""

    entries: list[dict[str, Any]]
    unread: int
    newest: int | None
    """Marked as read are all up to this one: what has come meanwhile stays unread."""


def panel(context: PageContext) -> BellPanel:
    """Of the current reader."""
    principal = guards.current()
    entries, _ = loaders.notifications(principal, LARGEST_ID)
    shown = entries[:MOST_ENTRIES]
    if rewording.is_needed(context.workflow):
        rewording.of_page(context.workflow, principal, {"notifications": shown})
    return BellPanel(shown, inbox.unread_count(principal), entries[0]["id"] if entries else None)
