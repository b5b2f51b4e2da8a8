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
    """One connection for one e-mail; `step` is the current one."""

    def __init__(self, url: str, cleartext_auth: bool) -> None:
        self._url = urlsplit(url)
        self._cleartext_auth = cleartext_auth
        self._encrypted = self._url.scheme == "smtps"
        self.step: Step = "connect"

    def send(self, envelope: Envelope) -> Outcome:
        """Run the session, and judge where it ended."""
        try:
            server = self._connect()
            try:
                self._begin(server)
                self._hand_over(server, envelope)
            finally:
                server.close()
        except (OSError, smtplib.SMTPException, ValueError, NotOffered) as error:
            reply, reply_text = _judged(self.step, error)
            return judge(self.step, reply, _without(envelope.recipient, reply_text))
        return judge(self.step, "2yz", "taken")

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
        with suppress(OSError, smtplib.SMTPException):
            server.putcmd("QUIT")

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
