"""Whether somebody may still act who has started work that goes on without them."""

from __future__ import annotations

from datetime import datetime

from access.principal import Principal
from foundation import sql
from foundation.db import db

SQL = sql.beside(__file__)
MAY_ACT = SQL.text("may_act")


def may_act(principal: Principal, since: datetime) -> bool:
    """False if since then everything of this principal was revoked, or the person or key by which it acts was disabled.
    That its token or session has ended is no reason: nobody stays signed in for that long."""
    asked = {"who": principal.who, "via": principal.via or "", "role": principal.role, "id": principal.id}
    allowed: bool = db.session.scalars(MAY_ACT, asked | {"since": since}).one()
    return allowed
