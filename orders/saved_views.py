"""Saved views: filters of the list of orders under a name, for the person who saved them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from psycopg2 import errors as pg
from sqlalchemy.exc import IntegrityError

from access.principal import Principal
from foundation import locks, sql
from foundation.db import commit, db, in_pieces
from foundation.errors import AppError, NotFound
from orders import search

MOST = 50
"""Views of one person."""

SQL = sql.beside(__file__, hashed=locks.HASHED)
OWN = SQL.text("own")
COUNT = SQL.text("count")
ADD = SQL.text("add")
CHANGE = SQL.text("change")
REMOVE = SQL.text("remove")
WORDED = SQL.text("worded")
ERASE_OWN = SQL.text("erase_own")
ERASE = SQL.text("erase")


class DuplicateView(AppError):
    """The person already has a view with this name."""

    code, status = "duplicate_view", 409
    sentence = "You already have a view named Late orders."


class TooManyViews(AppError):
    """The person has as many views as anybody can have, 50."""

    code, status = "too_many_views", 409
    sentence = f"You already have {MOST} views. Delete one first."


def owner(principal: Principal) -> str:
    """Whose views these are: the person's who signed in, otherwise those of the role and id."""
    return principal.via if principal.via and principal.via.startswith("person:") else principal.who


def own(principal: Principal) -> str:
    """The views of this person by name, as the text of a JSON array."""
    text: str = db.session.scalars(OWN, {"owner": owner(principal)}).one()
    return text


def add(principal: Principal, name: str, filters: dict[str, Any]) -> str:
    """Save a view, and return it as JSON text; raises DuplicateView, TooManyViews."""
    values = {"owner": owner(principal), "name": name, "filters": orjson.dumps(filters).decode()}
    if db.session.scalars(COUNT, {"owner": values["owner"]}).one() >= MOST:
        raise TooManyViews
    return _written(ADD, values)


def change(principal: Principal, view_id: int, name: str | None, filters: dict[str, Any] | None) -> str:
    """Change a view's name, its filters or both, and return it; raises NotFound, DuplicateView."""
    written = None if filters is None else orjson.dumps(filters).decode()
    return _written(CHANGE, {"owner": owner(principal), "id": view_id, "name": name, "filters": written})


def remove(principal: Principal, view_id: int) -> None:
    """Delete a view; raises NotFound."""
    if db.session.execute(REMOVE, {"owner": owner(principal), "id": view_id}).rowcount == 0:  # type: ignore[attr-defined]
        raise _none()
    commit()


def erase_views(buyer_id: int, texts: Collection[str]) -> int:
    """Erase the views of a buyer, and everybody's that contain all words of one of these texts: a name, an address.

    Returns how many there were. Each piece is committed.
    """
    wanted = [words for words in ({*search.words(text)} for text in texts) if words]
    rows = db.session.execute(WORDED).all()
    found = [row.id for row in rows if any(words <= {*search.words(row.text)} for words in wanted)]
    return in_pieces(ERASE_OWN, buyer=buyer_id) + in_pieces(ERASE, views=found)


def _written(statement: Any, values: dict[str, Any]) -> str:
    try:
        text: str | None = db.session.scalars(statement, values).one_or_none()
    except IntegrityError as error:
        db.session.rollback()
        if not isinstance(error.orig, pg.UniqueViolation):
            raise
        raise DuplicateView(f"You already have a view named {values['name']}.") from error
    if text is None:
        raise _none()
    commit()
    return text


def _none() -> NotFound:
    return NotFound("No such view.")
