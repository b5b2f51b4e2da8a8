"""A message as its further effects read it, at each attempt: who wrote what, and to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation import sql
from side_effects.effects import Run

SQL = sql.beside(__file__)
LOAD = SQL.prepared("load_messages")


@dataclass(frozen=True)
class SentMessage:
    """A person's message. Its columns are those of the statement, in this order."""

    id: int
    order_id: int
    seller_id: int
    buyer_id: int
    author_role: str
    author_id: int
    author_via: str | None
    body: str

    def is_for(self, side: str) -> bool:
        """Whether this side is notified: the one that did not write it; both, if neither did."""
        return self.author_role != side


def load(run: Run, ids: Sequence[int]) -> Mapping[int, SentMessage]:
    """The messages with these ids."""
    messages = [SentMessage(*row) for row in run(LOAD, (list(ids),))]
    return {message.id: message for message in messages}
