"""What the pages are given: they read and write through it and contain no SQL of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from access.tracking_links import TrackingLinks
from chat.wiring import Chat
from dashboard.role_views import RoleView
from foundation import languages
from notifications.inbox import Marks
from orders.edits import Edits
from orders.resending import Resending
from orders.status_change import StatusChanges
from orders.undo import Undo
from orders.workflow import Workflow

ROLES = ("seller", "buyer", "operator", "auditor")
"""The roles that have pages."""


@dataclass
class PageContext:
    """The lower packages, as far as the pages need them."""

    workflow: Workflow
    changes: StatusChanges
    undo: Undo
    chat: Chat
    marks: Marks
    cursor: Callable[[], str]
    """The live stream's current position; read before anything else of a page, so that no event is lost in between."""

    demo: bool
    edits: Edits
    resending: Resending
    links: TrackingLinks

    def __post_init__(self) -> None:
        self._views: dict[tuple[str, str], RoleView] = {}

    def view(self, role: str) -> RoleView:
        """The labels and actions that this role sees, in the current language."""
        language = languages.current()
        if (role, language) not in self._views:
            self._views[role, language] = RoleView.of(self.workflow.in_language(language), role)
        return self._views[role, language]
