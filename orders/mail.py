"""The e-mail to the buyer about a new status."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from foundation.connections import Statement
from foundation.one_line import folded
from notifications.email import Mail, Mailer
from orders import json_sql
from orders.effects import STATUS_MAIL
from orders.workflow import Workflow
from side_effects.effects import Run
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

CONCURRENCY = 16
"""E-mails in progress at once, per process: at 100 ms each that is 160 a second."""

LINK = re.compile(r"://|www\.|[@/\\]|\w\.\w\w", re.IGNORECASE)
"""What mail clients turn into links: a scheme, an address, a domain with or without one."""

ADDRESSED = Statement(
    "mail_of_event",
    ("bigint",),
    f"""SELECT o.buyer_email, o.buyer_name, o.number, e.to_status, e.reason, o.id, o.buyer_id
    FROM {json_sql.EVENTS} e JOIN orders o ON o.id = e.order_id WHERE e.id = $1""",
)


MakeLink = Callable[[int, int], tuple[str, float]]
"""Given an order and its buyer, returns a URL that shows it, and its expiry."""


def status_mail(workflow: Workflow, mailer: Mailer, run: Run, make_link: MakeLink | None = None) -> Kind:
    """The kind of durable side effect that sends it, with a tracking link if one can be made."""
    attempt = partial(_attempt, workflow, mailer, run, make_link)
    return Kind(STATUS_MAIL, attempt, concurrency=CONCURRENCY, longest_cooldown=SMTP_COOLDOWN_SECONDS)


def _attempt(workflow: Workflow, mailer: Mailer, run: Run, make_link: MakeLink | None, claimed: Claimed) -> Outcome:
    rows = run(ADDRESSED, (claimed.event_id,))
    if not rows:
        return Outcome("dead", "what it speaks of does not exist any more")
    email, name, number, status, reason, order_id, buyer_id = rows[0]
    if not email:
        return Outcome("dead", "the buyer's address was erased")
    notice = workflow.statuses[status].notify.get("buyer") if status in workflow.statuses else None
    if notice is None:
        return Outcome("dead", f"the workflow has no text for {status} any more")
    sentence = folded(notice.replace("{number}", number))
    text = f"{greeting(name)}\n\n{sentence}\n" + (f"\nReason given: {reason}\n" if reason else "")
    if make_link:
        text += f"\nFollow it here: {make_link(order_id, buyer_id)[0]}\n"
    return mailer.send(Mail(email, sentence, text, claimed.message_id))


def greeting(name: str) -> str:
    """The first line. The name is chosen by the buyer, and the e-mail carries our sender address: it is one line, and a
    name that a mail client would turn into a link is omitted."""
    name = folded(name)
    return f"Hello {name}," if name and not LINK.search(name) else "Hello,"
