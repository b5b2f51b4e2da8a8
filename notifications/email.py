"""Plain-text e-mail: composes one message to one person, safe for every mail client, and sends it."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

from foundation.addresses import addr_spec, mailbox
from foundation.one_line import folded
from notifications.smtp_session import Envelope, SmtpSession
from side_effects.retry import Outcome, describe

MAIL_SERVER = "mail-server"
"""The destination of all e-mail, which shares one circuit."""

SEVEN_BITS = policy.SMTP.clone(cte_type="7bit")
"""Extensions that need not be negotiated."""


@dataclass(frozen=True)
class Mail:
    """One e-mail to one person."""

    to: str
    subject: str
    text: str
    message_id: str
    """The same for every attempt, so that a mail client shows a repetition once."""

    reply_to: tuple[str, str] | None = None
    """Whom an answer reaches, as name and address; None if it is the sender."""


@dataclass(frozen=True)
class Mailer:
    """Sends over one server, with a new connection for each e-mail."""

    url: str
    sender: str
    """One address, with or without a display name."""

    cleartext_auth: bool = False
    """Whether the password of the URL may be sent to another machine without TLS."""

    def send(self, mail: Mail) -> Outcome:
        """One attempt. What no server could accept is dead without a call."""
        try:
            envelope = compose(mailbox(self.sender), mail)
        except ValueError as error:
            return Outcome("dead", f"it can never be sent: {describe(error)}")
        return SmtpSession(self.url, self.cleartext_auth).send(envelope)


def compose(sender: Address, mail: Mail) -> Envelope:
    """The message and its envelope; raises ValueError if it can never be sent: no address, no header."""
    recipient = addr_spec(mail.to)
    message = EmailMessage(SEVEN_BITS)
    message["From"], message["To"], message["Subject"] = sender, Address(addr_spec=recipient), mail.subject
    if mail.reply_to:
        name, address = mail.reply_to
        message["Reply-To"] = Address(folded(name), addr_spec=addr_spec(address))
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation reply, please
    message.set_content(mail.text)
    return Envelope(sender.addr_spec, recipient, message.as_bytes())
