"""A real SMTP server that can be told to misbehave: `python -m chaos.mail_server PORT FILE`, modes on standard input.

With `CERTIFICATE KEY` behind it offers STARTTLS, and any password is right.

well      takes every mail and writes its Message-ID to the file
refuse    does not listen
hang      takes connections and says nothing
later     answers 451 to every message
drip      says one byte a second, so that no single step of the conversation ever times out
slow      takes the mail, and says so four seconds later
forgetful takes the mail, and hangs when it is asked to say goodbye
picky     is well, and answers 450 to recipients called busy, 550 to those called gone
stranger  turns everybody away with its first word
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult

MODES = ("well", "refuse", "hang", "later", "drip", "slow", "forgetful", "picky", "stranger")
FOREVER = 3600.0
DRIP_SECONDS = 1.0
SLOW_SECONDS = 4.0


class Sink:
    """Its current mode, and the file of what it accepted: `mail <time> <Message-ID>` and `call <time>`."""

    def __init__(self, port: int, file: Path, context: ssl.SSLContext | None = None) -> None:
        self.mode = "well"
        self.context = context
        self.conversations: WeakSet[Conversation] = WeakSet()
        self._port = port
        self._file = file.open("a", buffering=1)
        self._server: asyncio.Server | None = None

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Accept the recipient, or judge it by its name in that mode."""
        if self.mode == "picky" and address.startswith("busy"):
            return "450 4.2.0 Greylisted, come back later"
        if self.mode == "picky" and address.startswith("gone"):
            return "550 5.1.1 Nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        """Accept one e-mail, or reply that later would be better."""
        if self.mode == "later":
            return "451 Come back later"
        head = envelope.content.decode(errors="replace")
        id = next(line for line in head.splitlines() if line.lower().startswith("message-id:"))
        self._file.write(f"mail {time.time()} {id.partition(':')[2].strip()}\n")
        if self.mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        """Reply to QUIT, unless the mode forbids it."""
        if self.mode == "forgetful":
            await asyncio.sleep(FOREVER)
        return "221 Bye"

    def called(self) -> None:
        """Record a connection."""
        self._file.write(f"call {time.time()}\n")

    async def behave(self, mode: str) -> None:
        """Change the mode. All connections end: those that clients keep would go on as they began."""
        self.mode = mode
        for one in list(self.conversations):
            if one.transport is not None:
                one.transport.close()
        if mode == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        elif mode != "refuse" and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Conversation(self), "127.0.0.1", self._port, backlog=512)
        print(mode, flush=True)


class Conversation(SMTP):
    """One connection, in the server's current mode."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(
            sink,
            hostname="chaos.invalid",
            tls_context=sink.context,
            authenticator=lambda *_: AuthResult(success=True),
        )
        self._sink = sink
        sink.conversations.add(self)

    async def _handle_client(self) -> None:
        self._sink.called()
        if self._sink.mode == "hang":
            await asyncio.sleep(FOREVER)
        await super()._handle_client()

    async def push(self, status: Any) -> None:
        """Send a reply; byte by byte in that mode."""
        line = status if isinstance(status, bytes) else status.encode()
        if self._sink.mode == "stranger" and line.startswith(b"220"):
            line = b"554 5.7.1 We do not know you"
        if self._sink.mode != "drip":
            await super().push(line)
            return
        for byte in line + b"\r\n":
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(DRIP_SECONDS)


async def serve(port: int, file: Path, *certificate: str) -> None:
    """Serve until standard input ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
    if context is not None:
        context.load_cert_chain(*certificate)
    sink = Sink(port, file, context)
    await sink.behave("well")
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await sink.behave(line.decode().strip())


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
