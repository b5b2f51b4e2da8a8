"""The demo's mail: without a mail server, e-mails are kept in a folder and shown at /dev/mail. Never in production."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from foundation.addresses import mailbox
from notifications.email import Mail, compose
from side_effects.retry import Outcome, describe

MOST_KEPT = 200
NAME = re.compile(r"[0-9a-f]{20}")


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
        """Write it down. An e-mail that is sent again replaces itself."""
        try:
            envelope = compose(mailbox(self._sender), mail)
        except ValueError as error:
            return Outcome("dead", f"it can never be sent: {describe(error)}")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(mail.message_id.encode()).hexdigest()[:20]
        draft = self._folder / f"{name}.{os.getpid()}"
        draft.write_bytes(envelope.content)
        draft.rename(self._path(name))
        for old in self._newest()[MOST_KEPT:]:
            old.unlink(missing_ok=True)
        return Outcome("succeeded", "kept in the data folder")

    def mails(self) -> list[KeptMail]:
        """All of them, the newest first."""
        return [found for path in self._newest() if (found := self.mail(path.stem))]

    def mail(self, name: str) -> KeptMail | None:
        """One of them; None if there is none of this name."""
        if not NAME.fullmatch(name):
            return None
        path = self._path(name)
        try:
            content, seconds = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:
            return None
        message = message_from_bytes(content, policy=policy.default)
        return KeptMail(name, datetime.fromtimestamp(seconds, UTC), message)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.eml"

    def _newest(self) -> list[Path]:
        """By time; what is deleted meanwhile by another process counts as the oldest."""
        return sorted(self._folder.glob("*.eml"), key=_written_at, reverse=True)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
