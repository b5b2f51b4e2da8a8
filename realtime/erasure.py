"""Removes names and texts of people from the log of live events, whose order stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import TextClause

from foundation import sql
from foundation.db import PIECE, db
from realtime.log import WAIT_FOR_APPENDS

SQL = sql.beside(__file__)
ERASE = SQL.text("erase")
ERASE_PACKS = SQL.text("erase_packs")
ERASE_PACKS_OF = SQL.text("erase_packs_of")
ERASE_PERSON = SQL.text("erase_person")
ERASE_PERSON_PACKS = SQL.text("erase_person_packs")
ERASE_WITHOUT_ORDER = SQL.text("erase_without_order")
ANY_WITHOUT_ORDER = SQL.text("any_without_order")


def wait_for_appends() -> None:
    """Return when all that is appended from now on was made of what is committed by now."""
    db.session.execute(WAIT_FOR_APPENDS)
    db.session.commit()


def erase_packs(channel: str, name: str) -> int:
    """Replace the buyer's name and the texts in the packed events of the orders of this channel, which is the buyer's,
    by `name`; returns how many.

    Runs in chunks that each commit. A process that has sent them keeps the newest in memory, until newer ones replace
    them.
    """
    return _in_pieces(ERASE_PACKS, channel=channel, name=name)


def erase_packs_of(ids: Sequence[int], name: str) -> int:
    """The same for the packed events of these internal notes, which are on no buyer's channel."""
    return _in_pieces(ERASE_PACKS_OF, ids=[-id for id in ids], name=name) if ids else 0


def erase(orders: Sequence[int], name: str) -> int:
    """The same for events of these orders that have a row each."""
    return _in_pieces(ERASE, orders=list(orders), name=name)


def erase_without_order(channels: Sequence[str], orders: Sequence[int], name: str) -> int:
    """The same for events of these channels that do not name their order."""
    if not db.session.execute(ANY_WITHOUT_ORDER).scalar_one():
        return 0
    return sum(_in_pieces(ERASE_WITHOUT_ORDER, channel=one, orders=list(orders), name=name) for one in channels)


def erase_person(channel: str, person: int) -> int:
    """Take the name of this person out of the events of the account's channel; returns how many."""
    marker = f'"person":{{"id":{person},'  # as access/actors.py writes it
    return sum(_in_pieces(one, channel=channel, marker=marker) for one in (ERASE_PERSON_PACKS, ERASE_PERSON))


def _in_pieces(statement: TextClause, **values: object) -> int:
    """Scans the log in order, since erased events cannot be distinguished by a search."""
    total, read, after = 0, PIECE, 0
    while read == PIECE:
        read, last, erased = db.session.execute(statement, {**values, "after": after, "piece": PIECE}).one()
        db.session.commit()
        total, after = total + erased, last
    return total
