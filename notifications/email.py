"""Plain-text e-mail over SMTP: one message, one attempt, and a judgement of how it went."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from side_effects.retry import Outcome, failed

MAIL_SERVER = "mail-server"
"""The destination that all mail goes through, and whose circuit it shares."""

TIMEOUT_SECONDS = 8
"""For each step of the conversation: a server that says nothing has its circuit opened within 10 s. The kind's own
limit is on the whole of it."""


@dataclass(frozen=True)
class Mail:
    """What is to be sent to one person."""

    to: str
    subject: str
    text: str
    message_id: str
    """The same at every attempt, so that a mail program shows a repetition once."""


@dataclass(frozen=True)
class Mailer:
    """Sends over one server, on a new connection for each mail."""

    url: str
    sender: str

    def send(self, mail: Mail) -> Outcome:
        """One attempt. A refused recipient or message is dead, whatever else goes wrong is worth a retry."""
        try:
            server = self._connect()
            try:
                self._greet(server)
                server.send_message(self._message(mail))
                with suppress(OSError, smtplib.SMTPException):
                    server.putcmd("quit")  # the mail is taken: whether they say goodbye in return changes nothing
            finally:
                server.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return _judge(code, text)
        except smtplib.SMTPResponseException as error:
            return _judge(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            return failed(error)
        return Outcome("succeeded")

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(host, port or 25, timeout=TIMEOUT_SECONDS)

    def _greet(self, server: smtplib.SMTP) -> None:
        parts = urlsplit(self.url)
        server.ehlo_or_helo_if_needed()  # until it was greeted, it has no extensions
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, mail.to, mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{mail.message_id}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation reply, please
        message.set_content(mail.text)
        return message


def _judge(code: int, text: bytes | str) -> Outcome:
    """5yz is permanent, 4yz is not (RFC 5321, section 4.2.1)."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    kind = "dead" if 500 <= code < 600 else "retry"
    return Outcome(kind, f"the mail server answered {code} {said}"[:500])  # type: ignore[arg-type]
