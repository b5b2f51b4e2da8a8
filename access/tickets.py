"""One-time tickets for streams: EventSource sends no headers, and a token must not appear in a URL, which is logged."""

from __future__ import annotations

import hashlib
import secrets

from access.principal import Principal
from access.revocations import Revocations
from foundation import sql
from foundation.db import commit, db
from foundation.errors import Unauthorized

TICKET_SECONDS = 30
PRUNED_TICKETS = 100
"""Unused tickets deleted with each new one; more than are added."""

SQL = sql.beside(__file__, pruned=PRUNED_TICKETS, ticket_seconds=TICKET_SECONDS)
ISSUE = SQL.text("issue")
REDEEM = SQL.text("redeem")


def issue(principal: Principal) -> str:
    """A ticket with which this principal may open one stream within 30 s, in any process."""
    ticket = secrets.token_urlsafe(32)
    values = {
        "hash": _hash(ticket),
        "role": principal.role,
        "id": principal.id,
        "credential": principal.credential,
        "ends": principal.expires_at,
        "scopes": None if principal.scopes is None else sorted(principal.scopes),
        "demo": principal.demo,
    }
    db.session.execute(ISSUE, values)
    commit()
    return ticket


def redeem(ticket: str, revocations: Revocations, demo: bool) -> Principal:
    """The principal that requested this ticket, which is now used; raises Unauthorized. Tickets of the demo need a
    demo."""
    row = db.session.execute(REDEEM, {"hash": _hash(ticket), "demo": demo}).one_or_none()
    db.session.commit()
    if row is None:
        raise Unauthorized("The ticket was used or has expired. Request a new one.")
    role, subject, credential, ends, scopes, of_demo, issued_at = row
    limits = None if scopes is None else frozenset(scopes)
    principal = Principal(role, subject, ends, credential=credential, scopes=limits, demo=of_demo)
    if revocations.refuse(principal, float(issued_at)):
        raise Unauthorized("The credential that requested the ticket was revoked.")
    return principal


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).digest()
