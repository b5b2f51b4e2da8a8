"""A mail server that plays one session, and does at one step of it what a test asks for."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from io import BufferedRWPair

WELL = {
    "banner": "220 welcome",
    "EHLO": "250 hello",
    "HELO": "250 hello",
    "AUTH": "235 come in",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "end of data": "250 taken",
}
"""What is answered where nothing else is asked for; silence after QUIT."""

HANG_UP = "hang up"


class Conversation(threading.Thread):
    """Takes one connection, answers each line by its first word, and remembers the lines; silent where it has none."""

    def __init__(self, host: str = "127.0.0.1", **answers: str) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._answers = WELL | {name.replace("_", " "): said for name, said in answers.items()}
        self._listening = socket.create_server((host, 0))
        self.url = f"smtp://{host}:{self._listening.getsockname()[1]}"
        self.start()

    @property
    def words(self) -> list[str]:
        """The commands that came."""
        return [line.split(" ")[0].upper() for line in self.lines]

    def run(self) -> None:
        connection, _ = self._listening.accept()
        # The other side may be gone before it has heard us.
        with self._listening, connection, suppress(OSError), connection.makefile("rwb") as file:
            self._converse(file)

    def _converse(self, file: BufferedRWPair) -> None:
        going, in_data = self._say(file, "banner"), False
        while going and (line := file.readline()):
            text = line.decode().rstrip("\r\n")
            if in_data:
                in_data = text != "."
                going = in_data or self._say(file, "end of data")
                continue
            self.lines.append(text)
            word = text.split(" ")[0].upper()
            in_data = word == "DATA" and self._answers["DATA"].startswith("354")
            going = self._say(file, word)

    def _say(self, file: BufferedRWPair, word: str) -> bool:
        """Whether the conversation goes on."""
        said = self._answers.get(word, "")
        if said and said != HANG_UP:
            file.write(said.encode() + b"\r\n")
            file.flush()
        return said != HANG_UP
