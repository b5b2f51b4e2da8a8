"""The demo's mail server: `python -m demo.mail_server DESCRIPTOR FOLDER`.

It listens on the socket that it inherits as DESCRIPTOR, and keeps in the folder what it is given (RFC 5321, as far as
our own client goes). While the folder has a file `refuse`, it turns everybody away with its first word, as a server
does that is overloaded: that shows how a circuit opens, and closes again, and that no e-mail is lost.
"""

from __future__ import annotations

import email.parser
import socket
import socketserver
import sys
from pathlib import Path

from notifications import mail_files

LONGEST_LINE = 8192
ANSWERS = {
    b"EHLO": "250-demo\r\n250-8BITMIME\r\n250 SMTPUTF8",
    b"HELO": "250 demo",
    b"MAIL": "250 2.1.0 OK",
    b"RCPT": "250 2.1.5 OK",
    b"RSET": "250 2.0.0 OK",
    b"NOOP": "250 2.0.0 OK",
    b"DATA": "354 End with a dot",
    b"QUIT": "221 2.0.0 Bye",
}
REFUSED = "421 4.3.2 The demo has switched the mail server off"


class MailServer(socketserver.ThreadingTCPServer):
    """Serves on an open listener."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        super().__init__(listener.getsockname(), Conversation, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.folder = folder

    @property
    def refuses(self) -> bool:
        return mail_files.refusal(self.folder).exists()


class Conversation(socketserver.StreamRequestHandler):
    """One client's connection."""

    server: MailServer
    timeout = 60

    def handle(self) -> None:
        """Answer line by line, until the client leaves or is turned away."""
        self._say(REFUSED if self.server.refuses else "220 demo ESMTP")
        while not self.server.refuses and (line := self.rfile.readline(LONGEST_LINE)):
            verb = line[:4].upper()
            if self.server.refuses:
                return self._say(REFUSED)
            self._say(ANSWERS.get(verb, "502 5.5.1 Not here"))
            if verb == b"DATA":
                self._keep(self._content())
                self._say("250 2.0.0 Kept")
            if verb == b"QUIT":
                return None
        return None

    def _content(self) -> bytes:
        """The lines up to a single dot; a line that begins with one has another before it."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _keep(self, content: bytes) -> None:
        id = email.parser.BytesHeaderParser().parsebytes(content)["Message-ID"] or ""
        mail_files.keep(self.server.folder, id.strip("<> "), content)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


if __name__ == "__main__":
    with MailServer(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])) as server:
        server.serve_forever()
