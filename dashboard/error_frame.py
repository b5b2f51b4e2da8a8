"""Who reads an error: their pages stay in sight beside it, if it is known who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g

from access import guards
from access.principal import Principal
from dashboard import people
from dashboard.context import ROLES
from foundation import logs
from foundation.languages import N_, gettext

FIRST_OWN_FAULT = 500
"""From here on the service is at fault: nothing more is asked of it, above all not of its database."""

HEADINGS = {
    "forbidden": N_("You don't have access to this page"),
    "not_found": N_("There is nothing here"),
    "internal_error": N_("Something failed on our side"),
    "service_unavailable": N_("The service isn't responding"),
}
"""What pages call these problems, by code; others have their title."""

FOR_OTHERS = N_("It is for people with another role than yours. Sign in as somebody else, or go back.")

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class ReaderOfError:
    """What the frame of an error needs."""

    role: str
    name: str

    @property
    def side(self) -> str:
        """Whose pages they are: auditors read those of operators."""
        return "operator" if self.role == "auditor" else self.role


def reader_of_error(status: int, demo: bool) -> ReaderOfError | None:
    """Whoever has signed in; None if nobody has, or if that is not known now."""
    principal = g.get("principal") or (_identified() if status < FIRST_OWN_FAULT else None)
    if principal is None or principal.role not in ROLES:
        return None
    profile = g.get("profile") or {}
    return ReaderOfError(principal.role, profile.get("name") or people.name_of(principal, demo))


def in_words(problem: Mapping[str, Any]) -> tuple[str, str]:
    """The heading and the sentence of a problem's page, in its reader's language."""
    heading = HEADINGS.get(problem["code"], problem["title"])
    detail = FOR_OTHERS if problem["code"] == "forbidden" else problem["detail"]
    return gettext(heading), gettext(detail)


def _identified() -> Principal | None:
    try:
        return guards.identify()
    except Exception:  # an error page must come, whatever fails meanwhile
        log.info("error_page.reader_unknown", "The reader of an error page is not known", exc_info=True)
        return None
