"""Sessions that are kept for the next e-mails: connecting, TLS and signing in cost more than handing an e-mail over.

A kept connection may have died without a word, and servers limit the e-mails of one. So each is asked by RSET before it
is used again, and what fails for its age alone is handed over on a new one within the same attempt: no attempt is spent
on it, and the circuit counts only new connections, and what the server says to an e-mail.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent

from foundation import clock
from notifications.smtp_session import Envelope, SmtpSession
from side_effects.retry import Outcome

MAILS_PER_CONNECTION = 100
"""What most servers allow; one that allows fewer says so, and gets a new connection."""

KEPT_SECONDS = 5.0
"""How long a connection is kept without an e-mail: under load there are some each second, and servers have others to
serve."""


class KeptSessions:
    """The sessions of one process with its mail server; each is used by one attempt at a time."""

    def __init__(self, connect: Callable[[], SmtpSession], mails_per_connection: int) -> None:
        """`connect` returns a session that connects with its first e-mail."""
        self._connect = connect
        self._most = mails_per_connection
        self._idle: list[tuple[float, SmtpSession]] = []  # with the time of their last use, which is latest at the end
        self._closer: gevent.Greenlet[..., None] | None = None

    def send(self, envelope: Envelope) -> Outcome:
        """One attempt: over a kept session if one works, otherwise over a new one."""
        kept = self._take()
        if kept is not None:
            outcome = self._hand_over(kept, envelope)
            if not kept.worn_out:
                return outcome
        return self._hand_over(self._connect(), envelope)

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            self._idle.pop()[1].close()

    def _take(self) -> SmtpSession | None:
        """A session that works. If the last one used does not, the others are not asked: their server was restarted, or
        is gone, and each might take its time."""
        if not self._idle:
            return None
        _, session = self._idle.pop()
        alive = False
        try:
            alive = session.is_alive()
        finally:
            if not alive:
                session.close(goodbye=False)
        if not alive:
            self.close()
        return session if alive else None

    def _hand_over(self, session: SmtpSession, envelope: Envelope) -> Outcome:
        """Whatever ends it, a time limit too, the session is kept or closed; one in an unknown state is not kept."""
        kept = understood = False
        try:
            outcome = session.send(envelope)
            understood = outcome.verdict == "good"  # the server took the e-mail, or said what is wrong with it
            kept = understood and session.mails < self._most
            return outcome
        finally:
            if kept:
                self._keep(session)
            else:
                session.close(goodbye=understood)

    def _keep(self, session: SmtpSession) -> None:
        self._idle.append((clock.monotonic(), session))
        if not self._closer:
            self._closer = gevent.spawn(self._close_idle)

    def _close_idle(self) -> None:
        """Close what has not been used for a while, until nothing is kept."""
        while self._idle:
            gevent.sleep(max(0.1, self._idle[0][0] + KEPT_SECONDS - clock.monotonic()))
            while self._idle and self._idle[0][0] + KEPT_SECONDS <= clock.monotonic():
                self._idle.pop(0)[1].close()
