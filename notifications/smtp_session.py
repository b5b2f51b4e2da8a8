"""One session with a mail server (RFC 5321), step by step, so that each reply is judged by its step."""

from __future__ import annotations

import ipaddress
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from notifications.smtp_replies import Reply, Step, judge, reply_of
from side_effects.retry import Outcome

TIMEOUT_SECONDS = 8
"""Timeout for each step: the circuit of a silent server opens within 10 s. The kind's own limit covers the whole
session."""

RSET_SECONDS = 2
"""Timeout for the first command on a kept connection. A router may have forgotten it in silence; then there must be
time left for another."""

BEFORE_THE_DATA = ("MAIL FROM", "RCPT TO", "DATA")
"""Steps at which the server has nothing of the e-mail yet, so that it can be handed over again without a doubt."""

LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True)
class Envelope:
    """The envelope's sender and recipient as plain addresses, and the message as bytes with CRLF."""

    sender: str
    recipient: str
    content: bytes


class NotOffered(Exception):
    """The server does not offer what a session requires."""


class SmtpSession:
    """One connection to the server, for one e-mail or for several in a row; `step` is the current one."""

    def __init__(self, url: str, cleartext_auth: bool) -> None:
        self._url = urlsplit(url)
        self._cleartext_auth = cleartext_auth
        self._encrypted = self._url.scheme == "smtps"
        self._server: smtplib.SMTP | None = None
        self.step: Step = "connect"
        self.mails = 0
        """E-mails that were offered to the server over this connection."""

        self.worn_out = False
        """Whether the last e-mail failed in a way that may be due to the connection's age alone: before the server had
        anything of it, with a lost connection, or with a refusal of the next e-mail, whichever it were."""

    def send(self, envelope: Envelope) -> Outcome:
        """Hand the e-mail over, after connecting if that is not done, and judge where it ended."""
        self.mails += 1
        try:
            if self._server is None:
                self._server = self._connect()
                self._begin(self._server)
            self._hand_over(self._server, envelope)
        except (OSError, smtplib.SMTPException, ValueError, NotOffered) as error:
            reply, reply_text = _judged(self.step, error)
            self.worn_out = (self.step in BEFORE_THE_DATA and reply in ("421", "lost")) or (
                self.step == "MAIL FROM" and reply in ("4yz", "5yz")
            )
            return judge(self.step, reply, _without(envelope.recipient, reply_text))
        return judge(self.step, "2yz", "taken")

    def is_alive(self) -> bool:
        """Whether a kept connection still works: by RSET, which also ends what was refused."""
        assert self._server is not None
        try:
            self._limit(RSET_SECONDS)
            code, _ = self._server.docmd("RSET")
            self._limit(TIMEOUT_SECONDS)
        except (OSError, smtplib.SMTPException):
            return False
        return code == 250

    def close(self, goodbye: bool = True) -> None:
        """Close the connection, if there is one. The reply to QUIT is not waited for: it changes nothing."""
        if self._server is not None:
            if goodbye:
                with suppress(OSError, smtplib.SMTPException):
                    self._server.putcmd("QUIT")
            self._server.close()

    def _limit(self, seconds: float) -> None:
        if self._server is not None and self._server.sock is not None:
            self._server.sock.settimeout(seconds)

    def _connect(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port
        try:
            if self._encrypted:
                context = ssl.create_default_context()
                return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_SECONDS, context=context)
            return smtplib.SMTP(host, port or 25, timeout=TIMEOUT_SECONDS)
        except smtplib.SMTPException:
            self.step = "banner"  # the library reads it as a part of connecting
            raise

    def _begin(self, server: smtplib.SMTP) -> None:
        """Greet, encrypt if that is offered, and authenticate if a user is configured."""
        self.step = "EHLO"
        server.ehlo_or_helo_if_needed()  # until EHLO, it has no extensions
        if not self._encrypted and server.has_extn("starttls"):
            self.step = "STARTTLS"
            server.starttls(context=ssl.create_default_context())
            self._encrypted = True
            self.step = "EHLO"
            server.ehlo_or_helo_if_needed()
        if self._url.username:
            self.step = "AUTH"
            if not (self._encrypted or self._cleartext_auth or _is_loopback(server)):
                raise NotOffered("it offers no STARTTLS, and the password of SMTP_URL is not sent in clear")
            server.login(unquote(self._url.username), unquote(self._url.password or ""))

    def _hand_over(self, server: smtplib.SMTP, envelope: Envelope) -> None:
        self._ask(server, "MAIL FROM", f"MAIL FROM:<{envelope.sender}>")
        self._ask(server, "RCPT TO", f"RCPT TO:<{envelope.recipient}>")
        self._ask(server, "DATA", "DATA")
        self.step = "end of data"
        server.send(LEADING_DOT.sub(b"..", envelope.content) + b".\r\n")
        self._expect(*server.getreply())
        self.step = "QUIT"

    def _ask(self, server: smtplib.SMTP, step: Step, command: str) -> None:
        self.step = step
        self._expect(*server.docmd(command))

    def _expect(self, code: int, text: bytes) -> None:
        if reply_of(self.step, code) != "2yz":
            raise smtplib.SMTPResponseException(code, text)


def _without(recipient: str, reply_text: str) -> str:
    """The server's reply without the recipient: replies are stored and logged, where no erasure would find an
    address."""
    return re.sub(re.escape(recipient), "(recipient)", reply_text, flags=re.IGNORECASE)


def _is_loopback(server: smtplib.SMTP) -> bool:
    """Whether nobody can eavesdrop: decided by the connection, since a name may resolve to anything."""
    assert server.sock is not None
    return ipaddress.ip_address(server.sock.getpeername()[0].partition("%")[0]).is_loopback


def _judged(step: Step, error: Exception) -> tuple[Reply, str]:
    """The class of what ended the session, and its text."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        if isinstance(text, str):  # the library's own text, with a code that the server did not send: an endless line
            return "nonsense", text
        reply_text = text.decode("utf-8", "replace")
        return reply_of(step, error.smtp_code), f"the mail server answered {error.smtp_code} {reply_text}"
    reply_text = f"{type(error).__name__}: {error}"
    if isinstance(error, NotOffered | smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return "not offered", reply_text
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "time-out" if isinstance(error.__context__, TimeoutError) else "lost", reply_text
    if isinstance(error, smtplib.SMTPException):
        return "not offered", reply_text  # no common way to authenticate
    if isinstance(error, TimeoutError):
        return "time-out", reply_text
    return "lost" if isinstance(error, OSError) else "nonsense", reply_text
