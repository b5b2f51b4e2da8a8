"""The demo's mail: without a mail server, e-mails are kept in a folder and shown at /dev/mail. Never in production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from foundation.addresses import mailbox
from notifications import mail_files
from notifications.email import Mail, compose
from side_effects.retry import Outcome, describe


@dataclass(frozen=True)
class KeptMail:
    """One e-mail, and when it was sent."""

    name: str
    at: datetime
    message: EmailMessage


class MailFolder:
    """Keeps the newest e-mails, one file each."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, mail: Mail) -> Outcome:
        """Write it down."""
        try:
            envelope = compose(mailbox(self._sender), mail)
        except ValueError as error:
            return Outcome("dead", f"it can never be sent: {describe(error)}")
        mail_files.keep(self._folder, mail.message_id, envelope.content)
        return Outcome("succeeded", "kept in the data folder")

    def mails(self) -> list[KeptMail]:
        """All of them, the newest first."""
        return [found for path in mail_files.newest(self._folder) if (found := self.mail(path.stem))]

    def mail(self, name: str) -> KeptMail | None:
        """One of them; None if there is none of this name."""
        if not mail_files.NAME.fullmatch(name):
            return None
        path = mail_files.path(self._folder, name)
        try:
            content, seconds = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:
            return None
        message = message_from_bytes(content, policy=policy.default)
        return KeptMail(name, datetime.fromtimestamp(seconds, UTC), message)
