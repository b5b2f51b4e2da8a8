"""Alerts: what operators are notified of by e-mail, once for each key, however many processes notice it.

Circuits and dead letters are looked at by every process once a minute. Other packages raise alerts of their own through
`Alerts.raise_alert`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from access.addressees import Addressee
from foundation import sql
from foundation.db import in_pieces, one_piece
from foundation.logs import get_logger
from notifications import causes
from notifications.causes import NotWell
from notifications.email import MAIL_SERVER
from notifications.letters import Letter
from notifications.staff_mail import Recipients, StaffMail
from side_effects.effects import Run
from side_effects.insertion import insert
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

ALERT_MAIL = "email.alert"
ALERT = "alert"
"""The event type of their e-mails."""

_MAIL = insert(
    "raised WHERE :mailed",
    kind=f"'{ALERT_MAIL}'",
    destination=f"'{MAIL_SERVER}'",
    event_type=f"'{ALERT}'",
    order_id="-id",
    request_id="''",
)

SQL = sql.beside(__file__, mail=_MAIL)
RAISE = SQL.prepared("raise_alert")
READ_ALERT = SQL.prepared("alert")
PRUNE_ALERTS = SQL.text("prune_alerts")
ERASE_QUOTED = SQL.text("erase_quoted")

log = get_logger(__name__)


@dataclass(frozen=True)
class Alert:
    """Something that a person has to look at."""

    kind: Literal["circuit", "dead_letters", "endpoint", "late"]
    """Its template is `alert_KIND`."""

    key: str
    """The same for whatever is one alert: it is sent once."""

    shown: Mapping[str, Any]
    """What the template shows, as JSON. Personal data are at most an address in its `reason` (`erase_quoted`)."""

    seller_id: int | None = None
    """Whose staff is notified too."""


class Alerts:
    """Raises alerts, and sends their e-mails if there is a way to."""

    def __init__(self, run: Run, staff: StaffMail | None, most_dead: int) -> None:
        """`most_dead`: how many dead letters are nothing to report; 0 if none ever are."""
        self._run = run
        self._staff = staff
        self._most_dead = most_dead
        self.kinds = (Kind(ALERT_MAIL, self._attempt, longest_cooldown=SMTP_COOLDOWN_SECONDS),) if staff else ()

    def raise_alert(self, alert: Alert) -> bool:
        """Record it, with its e-mails; False if it has been raised before."""
        shown = orjson.dumps(alert.shown).decode()
        args = (alert.key, alert.kind, alert.seller_id, shown, self._staff is not None)
        raised = bool(self._run(RAISE, args))
        if raised:
            log.warning("alert.raised", "Operators are alerted", alert=alert.kind, key=alert.key)
        return raised

    def endpoint_fails(self, key: str, seller_id: int | None, shown: Mapping[str, Any]) -> None:
        """Alert the operators, and the people of its seller, to a webhook endpoint that is about to be disabled."""
        self.raise_alert(Alert("endpoint", key, shown, seller_id))

    def look(self) -> int:
        """Raise what circuits and dead letters call for, where there is a way to send it: the log has them anyway.

        Returns 0, as a pruning does that has nothing left to do.
        """
        if self._staff is not None:
            for found in self.find():
                if found.cause.mailed_each is not None:
                    self.raise_alert(self._about(found, found.cause.mailed_each(found.since)))
        return 0

    def find(self) -> list[NotWell]:
        """All that is not well now."""
        return list(causes.find(self._run, self._most_dead))

    def _about(self, found: NotWell, time: str) -> Alert:
        since = f"{found.since:%Y-%m-%d %H}:00"
        if found.cause.name == "circuit":
            shown: dict[str, Any] = {"destination": found.subject, "reason": found.reason, "since": since}
            return Alert("circuit", f"circuit {found.subject} {time}", shown)
        if found.cause.name == "dead_letters":
            return Alert("dead_letters", f"dead letters {time}", {"threshold": self._most_dead})
        key = " ".join([found.cause.name, found.reason, found.subject, time])
        return Alert("late", key, {"what": found.reason or "outbox", "destination": found.subject, "since": since})

    def _attempt(self, claimed: Claimed) -> Outcome:
        assert self._staff is not None  # or there would be no kind
        rows = self._run(READ_ALERT, (claimed.event_id,))
        if not rows:
            return Outcome("dead", "the alert does not exist any more")
        kind, seller_id, shown = rows[0]
        recipients: list[Recipients] = [("operator", None)]
        if seller_id is not None:
            recipients.append(("seller", seller_id))
        values = orjson.loads(shown)

        def write(person: Addressee) -> Letter:
            id = f"{claimed.message_id}.{person.id}"
            return Letter(person.email, person.language, f"alert_{kind}", values, id)

        return self._staff.send(claimed, self._staff.people(recipients), write)


def erase_quoted(addresses: Sequence[str]) -> None:
    """Erase the reasons that quote one of these addresses, in chunks that each commit."""
    if addresses:
        in_pieces(ERASE_QUOTED, addresses=list(addresses))


def prune_alerts(days: int) -> int:
    """Delete a chunk of what is older than this; returns how many."""
    return one_piece(PRUNE_ALERTS, days=days)
