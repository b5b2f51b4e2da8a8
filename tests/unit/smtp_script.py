"""A mail server that plays one session, or several in a row, and does at one step what a test asks for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
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
    "RSET": "250 ok",
}
"""What is answered where nothing else is asked for; silence after QUIT."""

HANG_UP = "hang up"


class Conversation(threading.Thread):
    """Takes one connection, answers each line by its first word, and remembers the lines; silent where it has none.

    With `scripts` it takes as many connections, one after another. An answer may be a list: one for each time, the last
    one for all that follow.
    """

    def __init__(
        self, host: str = "127.0.0.1", scripts: Sequence[Mapping[str, str | list[str]]] = (), **answers: str
    ) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        named = {name.replace("_", " "): said for name, said in answers.items()}
        self._scripts: list[Mapping[str, str | list[str]]] = [{**WELL, **script} for script in scripts or (named,)]
        self._answers: Mapping[str, str | list[str]] = {}
        self._listening = socket.create_server((host, 0))
        self.url = f"smtp://{host}:{self._listening.getsockname()[1]}"
        self.start()

    @property
    def words(self) -> list[str]:
        """The commands that came."""
        return [line.split(" ")[0].upper() for line in self.lines]

    def run(self) -> None:
        with self._listening:
            for script in self._scripts:
                self._answers = script
                connection, _ = self._listening.accept()
                # The other side may be gone before it has heard us.
                with connection, suppress(OSError), connection.makefile("rwb") as file:
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
            going = self._say(file, word)
            in_data = word == "DATA" and self._said.startswith("354")

    def _say(self, file: BufferedRWPair, word: str) -> bool:
        """Whether the conversation goes on."""
        answers = self._answers.get(word, "")
        if isinstance(answers, list):
            answers = answers.pop(0) if len(answers) > 1 else answers[0]
        self._said = said = answers
        if said and said != HANG_UP:
            file.write(said.encode() + b"\r\n")
            file.flush()
        return said != HANG_UP
