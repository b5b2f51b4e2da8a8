"""What the views are handed: they read and act through it, and hold no SQL of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from access.principal import Principal
from chat.messages import Parties
from dashboard.role_views import RoleView
from orders.status_change import StatusChanges
from orders.workflow import Workflow

Say = Callable[[Principal, int, Parties, str], str]
"""Writes a person's message in an order's conversation."""


ROLES = ("seller", "buyer", "operator", "auditor")
"""The roles that there are pages for."""


@dataclass
class PageContext:
    """The context below, as far as pages need them."""

    workflow: Workflow
    changes: StatusChanges
    say: Say
    cursor: Callable[[], str]
    """Where the live stream stands now; asked before a page reads anything, so that nothing falls between."""

    demo: bool

    def __post_init__(self) -> None:
        self._views = {role: RoleView.of(self.workflow, role) for role in ROLES}

    def view(self, role: str) -> RoleView:
        """The words and actions that this role sees."""
        return self._views[role]
