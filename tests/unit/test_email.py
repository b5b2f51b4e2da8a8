"""One attempt at an e-mail, against a server that replies as the test says."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from notifications import smtp_session
from notifications.email import Mail, Mailer
from notifications.smtp_replies import REPLIES, TABLE
from tests.integration.mail.server import free_port
from tests.unit.smtp_script import HANG_UP, Conversation

MAIL = Mail("alice@example.org", "Shipped", "It is on its way.\n.\n", "email.status.order.7")
SENDER = "orders@shop.test"

JUDGEMENTS = """
              2yz    4yz      5yz      421    lost   time-out  nonsense  not-offered
connect       on     wait     refused  wait   wait   wait      wait      refused
banner        on     wait     refused  wait   wait   wait      wait      refused
EHLO          on     wait     refused  wait   wait   wait      wait      refused
STARTTLS      on     wait     refused  wait   wait   wait      wait      refused
AUTH          on     wait     refused  wait   wait   wait      wait      refused
MAIL-FROM     on     wait     refused  wait   wait   wait      wait      refused
RCPT-TO       on     put-off  never    wait   wait   wait      wait      refused
DATA          on     wait     never    wait   wait   wait      wait      refused
end-of-data   on     wait     never    wait   wait   wait      wait      refused
QUIT          on     on       on       on     on     on        on        on
"""

MEANING = {
    "on": ("succeeded", "good"),
    "wait": ("retry", "bad"),
    "put-off": ("retry", "good"),
    "refused": ("retry", "refused"),
    "never": ("dead", "good"),
}
"""What becomes of the mail, and what the circuit hears."""

SAID = {"4yz": "451 no", "5yz": "550 no", "421": "421 bye", "lost": HANG_UP, "time-out": "", "nonsense": "Hello? 250"}
ASKED = {"MAIL FROM": "MAIL", "RCPT TO": "RCPT"}


def judgements():
    head, *rows = (line.split() for line in JUDGEMENTS.strip().splitlines())
    assert [name.replace("-offered", " offered") for name in head] == list(REPLIES)
    for step, *words in rows:
        for reply, word in zip(REPLIES, words, strict=True):
            yield step.replace("-", " "), reply, MEANING[word]


def seen(outcome):
    return outcome.kind, outcome.verdict


def test_every_reply_to_every_step_has_one_judgement():
    written = {(step, reply): meaning for step, reply, meaning in judgements()}

    assert written == {place: seen(outcome) for place, outcome in TABLE.items()}


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


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(smtp_session, "TIMEOUT_SECONDS", 0.2)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("step", "reply", "meaning"), [one for one in judgements() if one[0] != "connect" and one[1] in SAID]
)
def test_a_server_that_says_so_is_judged_so(converse, step, reply, meaning):
    answers = {ASKED.get(step, step): SAID[reply]}
    if step == "EHLO":
        answers["HELO"] = SAID[reply]
    if step in ("AUTH", "STARTTLS"):
        answers["EHLO"] = f"250-hello\r\n250 {step}" + " PLAIN" * (step == "AUTH")
    server = converse(**answers)
    url = signing_in(server) if step == "AUTH" else server.url

    assert meaning == seen(Mailer(url, SENDER).send(MAIL))


def signing_in(server):
    return server.url.replace("//", "//shop:secret@")


def test_a_server_that_is_not_there_is_not_the_mails_fault():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"smtp://127.0.0.1:{listening.getsockname()[1]}"

    assert ("retry", "bad") == seen(Mailer(url, SENDER).send(MAIL))


@pytest.mark.usefixtures("_impatient")
def test_a_server_that_does_not_take_the_connection_is_not_the_mails_fault():
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        outcome = Mailer(f"smtp://127.0.0.1:{listening.getsockname()[1]}", SENDER).send(MAIL)

    assert ("retry", "bad") == seen(outcome)
    assert outcome.reason.startswith("connect: ")


def test_a_yes_to_something_else_is_nonsense(converse):
    """It was taken for leave to go on."""
    server = converse(DATA="250 and a good day to you")

    assert ("retry", "bad") == seen(Mailer(server.url, SENDER).send(MAIL))


def test_a_line_without_an_end_kills_no_mail(converse):
    """The library calls it a 500."""
    server = converse(RCPT="250 " + "x" * 20_000)

    assert ("retry", "bad") == seen(Mailer(server.url, SENDER).send(MAIL))


def test_whose_mail_it_was_is_not_told_with_the_servers_words(converse):
    """It stood in the log, and an erasure did not reach it."""
    server = converse(RCPT="550 5.1.1 <ALICE@example.org>: Recipient address rejected")
    outcome = Mailer(server.url, SENDER).send(MAIL)

    assert "RCPT TO: the mail server answered 550 5.1.1 <(recipient)>: Recipient address rejected" == outcome.reason


def test_a_server_without_a_way_to_sign_in_refuses_us(converse):
    server = converse()
    outcome = Mailer(signing_in(server), SENDER).send(MAIL)

    assert ("retry", "refused") == seen(outcome)
    assert outcome.reason.startswith("AUTH: ")


def test_a_mail_that_was_taken_is_sent_though_the_server_says_no_goodbye(converse):
    """It was sent a second time, since the missing goodbye was taken for a failure."""
    server = converse()

    assert "succeeded" == Mailer(server.url, SENDER).send(MAIL).kind
    server.join(5)
    assert "QUIT" == server.words[-1]


def test_a_server_that_offers_encryption_is_taken_at_its_word(converse):
    """Nothing of the mail is said in clear; this one hangs up when it comes to it."""
    server = converse(EHLO="250-hello\r\n250 STARTTLS", STARTTLS="454 not now")

    assert "retry" == Mailer(server.url, SENDER).send(MAIL).kind
    server.join(5)
    assert ["EHLO", "STARTTLS"] == server.words


@pytest.mark.parametrize(
    "address",
    [
        "jörg@example.org",
        "first,second@example.org",
        "=?utf-8?q?a=0D=0ABcc:_z?=@example.org",
        "group:a@b;",
        "<x@y>",
        "a\x01b@example.org",
        "a b@example.org",
        "x",
    ],
)
def test_what_can_never_be_sent_is_dead_at_once_and_no_server_is_asked(address):
    """Rows from before addresses were checked: twelve of them stopped all mail."""
    outcome = Mailer("smtp://mail.invalid", SENDER).send(Mail(address, "Shipped", "", "7"))

    assert ("dead", "nothing") == seen(outcome)


def test_a_header_that_would_be_two_is_dead_at_once():
    outcome = Mailer("smtp://mail.invalid", SENDER).send(Mail("a@b.example", "Shipped\nBcc: z@b.example", "", "7"))

    assert ("dead", "nothing") == seen(outcome)


@pytest.mark.parametrize(
    ("sender", "envelope"),
    [
        ("My Shop, Inc <o@s.example>", "o@s.example"),
        ("Käse <o@müller.example>", "o@xn--mller-kva.example"),
    ],
)
def test_the_envelope_is_made_of_the_plain_addresses(converse, sender, envelope):
    """The sender was `My`, the domain stood there in Unicode, and SMTPUTF8 was asked for."""
    server = converse()

    outcome = Mailer(server.url, sender).send(Mail("u@müller.example", "Shipped", "", "7"))
    server.join(5)
    assert "succeeded" == outcome.kind
    assert f"MAIL FROM:<{envelope}>" in server.lines
    assert "RCPT TO:<u@xn--mller-kva.example>" in server.lines


@pytest.fixture
def far():
    """An address of this machine that is no loopback: what goes there could be heard elsewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("there is no network but the loopback")
        return asking.getsockname()[0]


CLEAR = "250-hello\r\n250 AUTH PLAIN"


def test_a_password_is_not_sent_in_clear_to_another_machine(converse, far):
    """It stood on the wire: AUTH PLAIN AG1haWxlcgBodW50ZXIyLXNlY3JldA=="""
    server = converse(host=far, EHLO=CLEAR)

    outcome = Mailer(signing_in(server), SENDER).send(MAIL)
    server.join(5)
    assert ("retry", "refused") == seen(outcome)
    assert "no STARTTLS" in outcome.reason
    assert ["EHLO"] == server.words


def test_a_password_is_sent_in_clear_where_the_operator_says_so(converse, far):
    server = converse(host=far, EHLO=CLEAR)

    assert "succeeded" == Mailer(signing_in(server), SENDER, cleartext_auth=True).send(MAIL).kind


def test_a_password_may_be_sent_in_clear_on_this_machine(converse):
    server = converse(EHLO=CLEAR)

    assert "succeeded" == Mailer(signing_in(server), SENDER).send(MAIL).kind


@pytest.fixture
def self_signed(tmp_path):
    """The TLS of a server for whose name nobody vouches."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_no_encryption(self_signed, scheme):
    """Neither the mail nor the password goes to whoever answers."""
    how = {"ssl_context": self_signed} if scheme == "smtps" else {"tls_context": self_signed}
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    outcome = Mailer(f"{scheme}://shop:secret@127.0.0.1:{controller.port}", SENDER).send(MAIL)
    controller.stop()

    assert ("retry", "refused") == seen(outcome)
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason
