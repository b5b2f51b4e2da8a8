"""One attempt at a mail, against a server that says what it is told to."""

from __future__ import annotations

import socket
import threading

import pytest

from notifications.email import Mail, Mailer

MAIL = Mail("alice@example.org", "Shipped", "It is on its way.", "email.status.order.7")


class Conversation(threading.Thread):
    """Takes one connection, answers each line by its first word, and remembers the words; silent where it has none."""

    def __init__(self, **answers):
        super().__init__(daemon=True)
        self.words = []
        self._answers = {"EHLO": "250 hello", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on"} | answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._listening.getsockname()[1]}"
        self.start()

    def run(self):
        connection, _ = self._listening.accept()
        with self._listening, connection, connection.makefile("rwb") as file:
            self._say(file, "220 welcome")
            in_data = False
            for line in file:
                text = line.decode().strip()
                word = text.split(" ")[0].upper()
                if in_data:
                    in_data = text != "."
                    if not in_data:
                        self._say(file, "250 taken")
                    continue
                self.words.append(word)
                in_data = word == "DATA"
                if word in self._answers:
                    self._say(file, self._answers[word])

    @staticmethod
    def _say(file, line):
        file.write(line.encode() + b"\r\n")
        file.flush()


@pytest.fixture
def converse():
    conversations = []

    def begin(**answers):
        conversations.append(Conversation(**answers))
        return conversations[-1]

    yield begin
    for one in conversations:
        one.join(5)
        assert not one.is_alive()


def test_a_mail_that_was_taken_is_sent_though_the_server_says_no_goodbye(converse):
    """It was sent a second time, since the missing goodbye was taken for a failure."""
    server = converse()

    assert "succeeded" == Mailer(server.url, "orders@shop.test").send(MAIL).kind
    server.join(5)
    assert "QUIT" == server.words[-1]


def test_a_server_that_offers_encryption_is_taken_at_its_word(converse):
    """Nothing of the mail is said in clear; this one hangs up when it comes to it."""
    server = converse(EHLO="250-hello\r\n250 STARTTLS", STARTTLS="454 not now")

    assert "retry" == Mailer(server.url, "orders@shop.test").send(MAIL).kind
    server.join(5)
    assert ["EHLO", "STARTTLS"] == server.words
