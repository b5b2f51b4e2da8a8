"""A real mail server whose behaviour a test decides."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """Takes mail, or answers what it is told to."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.envelopes: list[Envelope] = []
        self.sessions: set[Session] = set()
        """The connections over which mails came."""

        self.answer = ""
        """Said in place of taking a mail, such as `451 later`."""

        self.recipients: dict[str, str] = {}
        """What is said of a recipient in place of yes."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.sessions.add(session)
        if address in self.recipients:
            return self.recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        self.envelopes.append(envelope)
        return "250 taken"


class Hanging(Controller):
    """Ends its connections when it stops, as the end of a process does; aiosmtpd leaves them open."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._begun: list[SMTP] = []

    def factory(self) -> SMTP:
        self._begun.append(super().factory())  # type: ignore[no-untyped-call]
        return self._begun[-1]

    def hang_up(self) -> None:
        for one in self._begun:
            if one.transport is not None:
                self.loop.call_soon_threadsafe(one.transport.close)


def body(mail: Message, form: str = "plain") -> str:
    """What a mail says, as whoever reads MIME finds it: as text, or as `html`."""
    for part in mail.walk():
        if part.get_content_type() == f"text/{form}":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode().replace("\r\n", "\n")
    raise AssertionError(f"the mail has no {form} part")


@contextmanager
def running(port: int) -> Iterator[MailServer]:
    """A mail server on this port, in a thread of its own."""
    server = MailServer()
    controller = Hanging(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server
    finally:
        controller.hang_up()
        controller.stop()
        for thread in threading.enumerate():
            assert thread is threading.main_thread() or thread.daemon or not thread.name.startswith("aiosmtpd")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
