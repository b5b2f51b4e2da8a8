"""Letters to everybody who acts for a principal: a shop's staff, the operators. Each person gets one of their own.

An event has one side effect for all of them. Who has got the letter is written down, so that an attempt that failed for
one person is not repeated for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from access.addressees import Addressee, addressees
from foundation import sql
from foundation.db import one_piece
from notifications.letters import Letter
from notifications.posting import Post
from side_effects.kinds import Claimed
from side_effects.retry import SUCCEEDED, Outcome

SQL = sql.beside(__file__)
LETTERS_SENT = SQL.prepared("letters_sent")
NOTE_SENT = SQL.prepared("letter_sent")
PRUNE_LETTERS = SQL.text("prune_letters")

Recipients = tuple[str, int | None]
"""A role and a principal's id; None for everybody with this role."""

Write = Callable[[Addressee], Letter]
Hold = Callable[[Addressee], Outcome | None]
"""The outcome for a person who is not written to now; None for one who is."""

KINDS = ("superseded", "succeeded", "dead", "later", "retry")
VERDICTS = ("nothing", "good", "bad", "refused")
"""Both from the best to the worst."""

FINISHED = ("succeeded", "superseded")
"""Kinds of an outcome after which there is nothing left to do for a person."""


def nobody(_person: Addressee) -> Outcome | None:
    """Holds nobody's letter back."""
    return None


class StaffMail:
    """Sends the letters of one process."""

    def __init__(self, post: Post) -> None:
        self.post = post

    def people(self, recipients: Sequence[Recipients], author: str | None = None) -> list[Addressee]:
        """Everybody once; nobody is notified of what they did themselves (`author`, such as `person:12`)."""
        everybody = {one.id: one for role, id in recipients for one in addressees(self.post.run, role, id)}
        return [one for one in everybody.values() if one.owner != author]

    def send(self, claimed: Claimed, people: Sequence[Addressee], write: Write, hold: Hold = nobody) -> Outcome:
        """One attempt for all of them who have not got it yet."""
        if not people:
            return Outcome("succeeded", "nobody to write to")
        if len(people) == 1:
            return hold(people[0]) or self.post.send(write(people[0]))
        sent = {id for (id,) in self.post.run(LETTERS_SENT, (claimed.kind, claimed.event_id))}
        return worst(list(self._each(claimed, [one for one in people if one.id not in sent], write, hold)))

    def _each(self, claimed: Claimed, people: Sequence[Addressee], write: Write, hold: Hold) -> Iterator[Outcome]:
        """One after another, until the server fails: it would fail for the others too."""
        for person in people:
            outcome = hold(person) or self.post.send(write(person))
            if outcome.kind in FINISHED:
                self.post.run(NOTE_SENT, (claimed.kind, claimed.event_id, person.id))
            yield outcome
            if outcome.verdict in ("bad", "refused"):
                return


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome for all: a retry while anybody can still be reached, with the worst verdict on the server; dead if
    some never can. What waits is due for the first of them."""

    def badness(one: Outcome) -> tuple[int, int, float]:
        return KINDS.index(one.kind), VERDICTS.index(one.verdict), -(one.retry_after or 0.0)

    return max(outcomes, key=badness, default=SUCCEEDED)


def prune_letters(days: int) -> int:
    """Delete a chunk of what is older than this; returns how many."""
    return one_piece(PRUNE_LETTERS, days=days)
