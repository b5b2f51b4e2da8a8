"""E-mail: composes one message to one person, safe for every mail client, and sends it."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial

from foundation.addresses import addr_spec, mailbox
from foundation.one_line import folded
from notifications.kept_sessions import KeptSessions
from notifications.smtp_session import Envelope, SmtpSession
from side_effects.retry import Outcome, describe

MAIL_SERVER = "mail-server"
"""The destination of all e-mail, which shares one circuit."""

SEVEN_BITS = policy.SMTP.clone(cte_type="7bit")
"""Extensions that need not be negotiated."""


ONE_LINE = SEVEN_BITS.clone(max_line_length=990)
"""For headers that must not be folded: the library would write a long URL or Message-ID as encoded words (RFC 2047),
which their readers do not decode. RFC 5322, section 2.1.1, allows 998 characters."""


@dataclass(frozen=True)
class Image:
    """An image that is shown in the HTML as `cid:NAME` (RFC 2392)."""

    name: str
    subtype: str
    content: bytes


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

    html: str = ""
    """The same as `text`, for those who see it; empty for an e-mail of plain text."""

    images: tuple[Image, ...] = ()
    thread: str = ""
    """What it is about, such as `order.17`: mail clients show e-mails of one thread together; empty if it is alone."""

    unsubscribe: str = ""
    """The URL that ends e-mails of this kind; empty if there is none."""


class Mailer:
    """Sends over one server."""

    def __init__(self, url: str, sender: str, cleartext_auth: bool = False, mails_per_connection: int = 1) -> None:
        """`sender`: one address, with or without a display name. `cleartext_auth`: whether the password of the URL may
        be sent to another machine without TLS."""
        self._sender = sender
        self._sessions = KeptSessions(partial(SmtpSession, url, cleartext_auth), mails_per_connection)

    def send(self, mail: Mail) -> Outcome:
        """One attempt. What no server could accept is dead without a call."""
        try:
            envelope = compose(mailbox(self._sender), mail)
        except ValueError as error:
            return Outcome("dead", f"it can never be sent: {describe(error)}")
        return self._sessions.send(envelope)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._sessions.close()


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
    if mail.thread:  # the id of an e-mail that nobody sent, which every e-mail of the thread answers
        message["In-Reply-To"] = message["References"] = f"<{mail.thread}@{sender.domain}>"
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
    if mail.unsubscribe.startswith("https://"):  # RFC 8058, section 3.1: nothing else is a one-click URL
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation reply, please
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for image in mail.images:
        shown = message.get_body(("html",))
        assert isinstance(shown, EmailMessage)  # an image without HTML would be shown by nothing
        shown.add_related(image.content, "image", image.subtype, cid=f"<{image.name}>", disposition="inline")
    return Envelope(sender.addr_spec, recipient, message.as_bytes(policy=ONE_LINE))
