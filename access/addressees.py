"""Whom e-mails to a principal reach: each of its accounts, in the person's own language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from foundation import sql
from foundation.connections import Row, Statement

MOST_PEOPLE = 50
"""People of one principal that are written to: more is a list, not a staff."""

SQL = sql.beside(__file__, most=MOST_PEOPLE)
ADDRESSEES = SQL.prepared("addressees")


@dataclass(frozen=True)
class Addressee:
    """A person with an account."""

    id: int
    email: str
    name: str
    language: str
    """BCP 47; empty if the person has not chosen one."""

    @property
    def owner(self) -> str:
        """The person, as the preferences name owners: `person:12`."""
        return f"person:{self.id}"


def language_of_buyer(buyer_id: str) -> str:
    """SQL for the language that a buyer's first account has chosen, NULL without one; `buyer_id` is SQL."""
    return f"""(SELECT p.language FROM people p
        WHERE p.role = 'buyer' AND p.principal_id = {buyer_id} AND p.disabled_at IS NULL ORDER BY p.id LIMIT 1)"""


def addressees(
    run: Callable[[Statement, Sequence[Any]], list[Row]], role: str, principal_id: int | None
) -> list[Addressee]:
    """The accounts of this principal that are not disabled; those of all with this role, if it is None."""
    return [Addressee(*row) for row in run(ADDRESSEES, (role, principal_id))]


def exists(role: str, principal_id: str, before: str) -> str:
    """SQL for whether this principal had such an account at that time; `principal_id` and `before` are SQL.

    Not as EXISTS: planned while the table was empty, that became a join which reads all of it.
    """
    return f"""(SELECT p.id FROM people p WHERE p.role = '{role}' AND p.principal_id = {principal_id}
        AND p.disabled_at IS NULL AND p.created_at <= {before} LIMIT 1) IS NOT NULL"""
