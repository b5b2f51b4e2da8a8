"""Tokens that were taken back. Every process remembers all of them, and looks for new ones once a second."""

from __future__ import annotations

from sqlalchemy import text

from access.principal import Principal, grounds
from foundation.db import commit, db

LOOK_BACK_SECONDS = 60
"""A transaction that began earlier may be committed later; none of ours lives that long."""

LOOK = text(
    f"""SELECT subject, CAST(extract(epoch FROM at) AS float8), CAST(extract(epoch FROM clock_timestamp()) AS float8)
    FROM revocations WHERE at > to_timestamp(:since) - interval '{LOOK_BACK_SECONDS} s'
    UNION ALL SELECT '', 0, CAST(extract(epoch FROM clock_timestamp()) AS float8)"""
)
REVOKE = text("INSERT INTO revocations (subject, actor, reason) VALUES (:subject, :actor, :reason)")


class Revocations:
    """What this process knows of them."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._since = float(LOOK_BACK_SECONDS)
        self.version = 0
        """Grows with every change: who remembers a verified token has to forget it then."""

        self.known = False
        """Whether this process has ever asked. Before that, nobody can say that a token is still good."""

        self._lost: set[str] = set()

    def look(self) -> None:
        """Learn what was revoked since the last look; inside an application context."""
        rows = db.session.execute(LOOK, {"since": self._since}).all()
        db.session.rollback()
        news = {subject: at for subject, at, _ in rows if subject and at > self._at.get(subject, 0.0)}
        self._at.update(news)
        if news:
            self.version += 1
            self._lost |= news.keys() if self.known else set()
        self._since, self.known = max(now for _, _, now in rows), True

    def refuse(self, principal: Principal, issued_at: float) -> bool:
        """Whether a proof of this principal, issued at that second, is not to be accepted."""
        if not self.known:
            self.look()
        names = grounds(principal.proof)
        return self.taken_back(principal.who, issued_at) or any(name in self._at for name in names)

    def taken_back(self, subject: str, issued_at: float) -> bool:
        """Whether everything of this subject was taken back at that second or later."""
        return issued_at <= self._at.get(subject, -1.0)

    def take_lost(self) -> set[str]:
        """The subjects that were revoked since this was asked last."""
        lost, self._lost = self._lost, set()
        return lost


def revoke(subject: str, actor: str, reason: str) -> None:
    """Take back a token (`jti:…`), or all of a principal's that were issued until now (`seller:7`)."""
    db.session.execute(REVOKE, {"subject": subject, "actor": actor, "reason": reason})
    commit()
