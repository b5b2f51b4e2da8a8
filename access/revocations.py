"""What was taken back. Each process remembers the newest of it, and asks the database about proofs that are older.

Everybody can take something back, as the links to an order of one's own, so the table grows without asking us: it holds
one row for each subject, is pruned of what refuses nothing any more, and is never read as a whole. A process knows all
that was taken back after a moment, the horizon. Where a proof was issued before it, an index is asked: which is seldom,
since the horizon lies before all times as long as the table is no larger than the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from access.principal import Principal, grounds
from foundation import sql
from foundation.db import commit, db

LOOK_BACK_SECONDS = 60
"""A transaction that began earlier may be committed later; none of ours lives that long."""

SKEW_SECONDS = 120
"""How far the clock of somebody who signs for us may be from the database's, where a proof's age is compared."""

MOST = 100_000
"""Subjects that are read at once, and half of what is remembered: some 20 MB, and a quarter of a second at a start."""

EVERYBODY = "*"
"""Stands among the lost subjects when there were more of them than can be told."""

LINKS = "order:"
"""What begins the subjects of links to an order. No proof that is remembered, and no stream, is called so."""

SQL = sql.beside(__file__, look_back_seconds=LOOK_BACK_SECONDS)
LOOK = SQL.text("look")
ASK = SQL.text("ask")
REVOKE = SQL.text("revoke")
PRUNE = SQL.text("prune")


class Revocations:
    """What this process knows of them."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._since = float(LOOK_BACK_SECONDS)
        self._horizon = float("inf")
        """All that was taken back after this moment is in memory; what was before may be."""

        self.version = 0
        """Grows when somebody loses a right: who was let in meanwhile asks again."""

        self.known = False
        """Whether this process has ever looked. Before that it asks the database about each proof."""

        self._lost: set[str] = set()

    def look(self) -> None:
        """Learn what was revoked since the last look; inside an application context."""
        *rows, (_, now) = db.session.execute(LOOK, {"since": self._since, "most": MOST}).all()
        db.session.rollback()
        begins = (self._since if self.known else now) - LOOK_BACK_SECONDS
        cut = rows[-1][1] if len(rows) == MOST else float("-inf")
        self._horizon = max(self._horizon, cut) if self.known else cut
        news = {subject: at for subject, at in reversed(rows) if at > self._at.get(subject, 0.0)}
        lost = {subject for subject, at in news.items() if at > begins and not subject.startswith(LINKS)}
        self._lose(lost | ({EVERYBODY} if cut > begins else set()))
        self._at.update(news)
        self._forget_oldest()
        self._since, self.known = now, True

    def refuse(self, principal: Principal, issued_at: float, *subjects: str) -> bool:
        """Whether a proof of this principal, issued at that second, is not to be accepted.

        Nor is it when everything of one of the further subjects was taken back at that second or later.
        """
        dated, names = (principal.who, *subjects), grounds(principal.proof)
        asked = {} if issued_at > self._horizon + SKEW_SECONDS else _ask((*dated, *names))
        # In memory too, and afterwards: it may have become known while the database was answering.
        return any(
            any(issued_at <= at.get(subject, -1.0) for subject in dated) or any(name in at for name in names)
            for at in (asked, self._at)
        )

    def take_lost(self) -> set[str]:
        """The subjects that were revoked since this was asked last, those of links excepted; or EVERYBODY."""
        lost, self._lost = self._lost, set()
        return lost

    @property
    def offline(self) -> bool:
        """Whether nobody needs to be asked, however old a proof is."""
        return self._horizon == float("-inf")

    def _lose(self, subjects: set[str]) -> None:
        if subjects:
            self.version += 1
            self._lost |= subjects

    def _forget_oldest(self) -> None:
        if len(self._at) > 2 * MOST:
            by_age = sorted(self._at, key=self._at.__getitem__)
            for subject in islice(by_age, len(by_age) - MOST):
                self._horizon = max(self._horizon, self._at.pop(subject))


def revoke(subject: str, actor: str, reason: str) -> None:
    """Take back a token (`jti:…`), or all of a principal's that were issued until now (`seller:7`)."""
    db.session.execute(REVOKE, {"subject": subject, "actor": actor, "reason": reason})
    commit()


def prune(kept_hours: dict[str, int], most: int = 1000) -> int:
    """Forget up to `most` of each kind (`order`, …) that are older than this many hours; returns how many.

    A token's end is not known here, nor is that of a key: what operators took back of these stays as the record.
    """
    return sum(_prune(kind, hours, most) for kind, hours in kept_hours.items())


def _prune(kind: str, hours: int, most: int) -> int:
    count: int = db.session.execute(PRUNE, {"kind": kind, "hours": hours, "most": most}).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count


def _ask(subjects: Sequence[str]) -> dict[str, float]:
    rows = db.session.execute(ASK, {"subjects": [*filter(None, subjects)]}).all()
    db.session.rollback()  # a request may wait for long, and the connection is somebody else's meanwhile
    return {row[0]: row[1] for row in rows}
