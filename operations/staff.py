"""Deleting the account of a person: the name goes from everywhere, what the person did stays.

The history says `person:12`, and its reader looks the name up; so with the account the name is gone from there. Live
events were written with the name, and stored responses may have it.
"""

from __future__ import annotations

from access import idempotency, people
from foundation.db import commit
from operations import actions
from realtime import erasure


def delete(email: str, actor: str, reason: str) -> int:
    """Delete an account; returns how many live events had its name. Raises NotFound if there is no such account.

    It goes in pieces that each commit, the account comes last: interrupted, it is finished by repeating it.
    """
    return end(email, actor, reason, take_out(email, actor, reason))


def take_out(email: str, actor: str, reason: str) -> int:
    """Everything but the account: end its sessions, and take its name out of what was written with it."""
    people.end_sessions(email, actor, reason)
    id, role, principal_id = people.empty(email)
    erasure.wait_for_appends()  # so that no event is written afterwards with the name
    idempotency.forget(f"{role}:{principal_id}")
    return erasure.erase_person(f"{role}:{principal_id}", id)


def end(email: str, actor: str, reason: str, erased: int) -> int:
    """Delete the account and record it; returns `erased`."""
    whom = people.delete(email)
    actions.record(actor, "delete person", whom, reason, erased)
    commit()
    return erased
