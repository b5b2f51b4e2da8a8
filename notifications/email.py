"""Plain-text e-mail: one message to one person, composed so that it says the same to whoever reads it, and sent."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

from foundation.addresses import addr_spec, mailbox
from notifications.smtp_session import Conversation, Envelope
from side_effects.retry import Outcome, describe

MAIL_SERVER = "mail-server"
"""The destination that all mail goes through, and whose circuit it shares."""

SEVEN_BITS = policy.SMTP.clone(cte_type="7bit")
"""What every server takes without being asked whether it does."""


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
    """One address, with or without a name before it."""

    cleartext_auth: bool = False
    """Whether the password of the URL may be sent without TLS to another machine."""

    def send(self, mail: Mail) -> Outcome:
        """One attempt. What no server could take is dead without one having been asked."""
        try:
            envelope = compose(mailbox(self.sender), mail)
        except ValueError as error:
            return Outcome("dead", f"it can never be sent: {describe(error)}")
        return Conversation(self.url, self.cleartext_auth).send(envelope)


def compose(sender: Address, mail: Mail) -> Envelope:
    """The message and its envelope; ValueError where it can never be sent: no address, no header."""
    recipient = addr_spec(mail.to)
    message = EmailMessage(SEVEN_BITS)
    message["From"], message["To"], message["Subject"] = sender, Address(addr_spec=recipient), mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation reply, please
    message.set_content(mail.text)
    return Envelope(sender.addr_spec, recipient, message.as_bytes())
