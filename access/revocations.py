"""Revocations. Each process keeps the newest in memory and asks the database about older credentials.

Anybody can cause revocations, such as those of the links to one's own order, so the table grows beyond our control: it
has one row per subject, is pruned of rows that no longer refuse anything, and is never read as a whole. A process knows
everything that was revoked after a point in time, the horizon. For a credential that was issued before it, an index is
read: that is rare, since the horizon precedes all times as long as the table fits into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from access.principal import Principal, grounds
from foundation import sql
from foundation.db import commit, db, in_pieces

LOOK_BACK_SECONDS = 60
"""A transaction that began earlier may be committed later; none of ours lives that long."""

SKEW_SECONDS = 120
"""Maximum difference between an issuer's clock and the database's when the age of a credential is compared."""

MOST = 100_000
"""Subjects that are read at once, and half of what is kept in memory: some 20 MB, and a quarter of a second at
start."""

EVERYBODY = "*"
"""Reported among the lost subjects if there were more of them than can be listed."""

LINKS = "order:"
"""Prefix of the subjects of tracking links. No cached credential has such a name, but streams opened by a link do."""

SQL = sql.beside(__file__, look_back_seconds=LOOK_BACK_SECONDS)
LOOK = SQL.text("look")
ASK = SQL.text("ask")
REVOKE = SQL.text("revoke")
ERASE_REASONS = SQL.text("erase_reasons")
PRUNE_REVOCATIONS = SQL.text("prune")


class Revocations:
    """What this process knows of the revocations."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._since = float(LOOK_BACK_SECONDS)
        self._horizon = float("inf")
        """Everything revoked after this moment is in memory; older revocations may be."""

        self.version = 0
        """Increases with every lost right: whoever was admitted meanwhile checks again."""

        self.known = False
        """Whether this process has read revocations at all. Before that it asks the database about each credential."""

        self._lost: set[str] = set()

    def look(self) -> None:
        """Read what was revoked since the last call; inside an application context."""
        *rows, (_, now) = db.session.execute(LOOK, {"since": self._since, "most": MOST}).all()
        db.session.rollback()
        begins = (self._since if self.known else now) - LOOK_BACK_SECONDS
        cut = rows[-1][1] if len(rows) == MOST else float("-inf")
        self._horizon = max(self._horizon, cut) if self.known else cut
        news = {subject: at for subject, at in reversed(rows) if at > self._at.get(subject, 0.0)}
        lost = {subject for subject, at in news.items() if at > begins}
        self._lose(lost | ({EVERYBODY} if cut > begins else set()))
        self._at.update(news)
        self._forget_oldest()
        self._since, self.known = now, True

    def refuse(self, principal: Principal, issued_at: float, *subjects: str) -> bool:
        """Whether a credential of this principal, issued at that second, has to be refused.

        It is also refused if everything of one of the further subjects was revoked at that second or later.
        """
        dated, names = (principal.who, *subjects), grounds(principal.credential)
        if issued_at <= self._horizon + SKEW_SECONDS and _contains(_ask((*dated, *names)), issued_at, dated, names):
            return True
        # In memory too, and afterwards: it may have become known while the database was answering.
        return _contains(self._at, issued_at, dated, names)

    def take_lost(self) -> set[str]:
        """The subjects that were revoked since the last call; or EVERYBODY."""
        lost, self._lost = self._lost, set()
        return lost

    @property
    def offline(self) -> bool:
        """Whether the database need not be asked, however old a credential is."""
        return self._horizon == float("-inf")

    def _lose(self, subjects: set[str]) -> None:
        self._lost |= subjects
        # Anybody can revoke links, again and again: streams that were opened by one check it themselves.
        if not all(subject.startswith(LINKS) for subject in subjects):
            self.version += 1

    def _forget_oldest(self) -> None:
        if len(self._at) > 2 * MOST:
            by_age = sorted(self._at, key=self._at.__getitem__)
            for subject in islice(by_age, len(by_age) - MOST):
                self._horizon = max(self._horizon, self._at.pop(subject))


def _contains(at: dict[str, float], issued_at: float, dated: Sequence[str], names: Sequence[str]) -> bool:
    """Whether these revocations contain a name, or one of the dated subjects at that second or later."""
    for subject in dated:
        if issued_at <= at.get(subject, -1.0):
            return True
    return any(name in at for name in names)


def revoke(subject: str, actor: str, reason: str) -> None:
    """Revoke a token (`jti:…`), or all tokens of a principal issued until now (`seller:7`)."""
    db.session.execute(REVOKE, {"subject": subject, "actor": actor, "reason": reason})
    commit()


def erase_reasons(subjects: Sequence[str]) -> int:
    """Erase why these were revoked, which somebody wrote, in chunks that each commit; they stay revoked."""
    return in_pieces(ERASE_REASONS, subjects=list(subjects))


def prune(kept_hours: dict[str, int], most: int = 1000) -> int:
    """Delete up to `most` of each kind (`order`, …) that are older than this many hours; returns how many.

    The expiry of a token or a key is not known here: operators' revocations of these are kept as the record.
    """
    return sum(_prune(kind, hours, most) for kind, hours in kept_hours.items())


def _prune(kind: str, hours: int, most: int) -> int:
    count: int = db.session.execute(PRUNE_REVOCATIONS, {"kind": kind, "hours": hours, "most": most}).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count


def _ask(subjects: Sequence[str]) -> dict[str, float]:
    rows = db.session.execute(ASK, {"subjects": [*filter(None, subjects)]}).all()
    db.session.rollback()  # a request may wait for long, and another greenlet gets the connection meanwhile
    return {row[0]: row[1] for row in rows}
