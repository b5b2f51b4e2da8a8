"""A real mail server whose behaviour a test decides."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """Takes mail, or answers what it is told to."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.envelopes: list[Envelope] = []
        self.answer = ""
        """Said in place of taking a mail, such as `451 later`."""

        self.recipients: dict[str, str] = {}
        """What is said of a recipient in place of yes."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
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


@contextmanager
def running(port: int) -> Iterator[MailServer]:
    """A mail server on this port, in a thread of its own."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
        for thread in threading.enumerate():
            assert thread is threading.main_thread() or thread.daemon or not thread.name.startswith("aiosmtpd")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
