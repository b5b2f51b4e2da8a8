"""Sends letters: each is made into an e-mail, and handed to the mail server, or kept in a folder by the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import jinja2

from foundation.logs import get_logger
from notifications.email import Mail
from notifications.letters import Letter, Letters
from side_effects.effects import Run
from side_effects.retry import Outcome, describe

log = get_logger(__name__)


class Mailing(Protocol):
    """Where e-mails go."""

    def send(self, mail: Mail) -> Outcome:
        """One attempt."""
        ...


@dataclass(frozen=True)
class Post:
    """Everything that an effect needs to send a letter."""

    letters: Letters
    mailing: Mailing
    run: Run
    """Reads what a letter says, over a connection that the mail has for itself."""

    unsubscribe: Callable[[str, str], str] | None = None
    """Given an owner of preferences (`buyer:7`, `person:12`) and a kind, returns a URL that turns this kind of e-mail
    off; None if `PUBLIC_URL` is not set."""

    def unsubscribing(self, owner: str, kind: str) -> str:
        """That URL; empty if there is none."""
        return self.unsubscribe(owner, kind) if self.unsubscribe else ""

    def send(self, letter: Letter) -> Outcome:
        """One attempt. A template that cannot be filled is no fault of the mail server: the circuit counts nothing."""
        try:
            mail = self.letters.mail(letter)
        except jinja2.TemplateError as error:
            log.exception("letter.not_written", "A template could not be filled", template=letter.template)
            return Outcome("retry", f"the template {letter.template}: {describe(error)}", circuit="nothing")
        return self.mailing.send(mail)
