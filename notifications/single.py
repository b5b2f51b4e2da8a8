"""A notification that no change of an order brings about: written in the transaction of the session, with its live
event."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from access.principal import Principal
from foundation import sql
from foundation.db import db
from notifications.inbox import CREATED_TYPE, Append

SQL = sql.beside(__file__)
ADD_SINGLE = SQL.text("add_single")


@dataclass(frozen=True)
class Single:
    """What it says, and what it is about."""

    kind: str
    event_id: int
    """The id of what it is about; of each there is one such notification."""

    title: str
    body: str


def add(append: Append, to: Principal, single: Single) -> None:
    """Write it; the caller commits, and has seen to it that this happens once."""
    values = asdict(single) | {"role": to.role, "id": to.id}
    id, at = db.session.execute(ADD_SINGLE, values).one()
    notification = {"id": id, "order_id": None, **asdict(single), "created_at": at, "read_at": None}
    event = {"at": at, "type": CREATED_TYPE, "notification": notification}
    append(to.who, CREATED_TYPE, orjson.dumps(event).decode())
