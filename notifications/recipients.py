"""Decides in SQL who gets a notification in the inbox: the one place for it, whatever the notification is about.

An inbox belongs to one side of an order, and the people of a shop share theirs as they share its board. What a side did
itself raises nothing in its inbox, whoever of its people it was and by whichever key: colleagues see it on the board,
live, and in the history with the name of who did it.
"""

from __future__ import annotations


def notifies(side: str, actor_role: str = "actor_role") -> str:
    """The SQL condition that what `actor_role`, which is SQL too, has done notifies this side: it was not itself."""
    return f"{actor_role} <> '{side}'"
