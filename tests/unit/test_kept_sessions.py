"""Connections to the mail server that are kept for the next e-mails: what they spare, and what they must never cost."""

from __future__ import annotations

import gevent
import pytest

from notifications import kept_sessions, smtp_session
from notifications.email import Mail, Mailer
from notifications.smtp_session import SmtpSession
from tests.unit.smtp_script import HANG_UP, Conversation

FIRST, SECOND, THIRD = (Mail("alice@example.org", f"Subject {n}", f"Text {n}.\n", f"mail.{n}") for n in (1, 2, 3))
TO_ALICE = ["MAIL", "RCPT", "DATA"]


@pytest.fixture
def begin():
    begun = []

    def mailer(*scripts, most=10):
        server = Conversation(scripts=scripts)
        begun.append((server, Mailer(server.url, "orders@shop.test", mails_per_connection=most)))
        return begun[-1]

    yield mailer
    for server, mailer in begun:
        mailer.close()
        server.join(5)
        assert not server.is_alive()


def test_the_next_mail_goes_over_the_same_connection(begin):
    server, mailer = begin({})

    assert ["succeeded"] * 3 == [mailer.send(mail).kind for mail in (FIRST, SECOND, THIRD)]
    assert ["EHLO", *TO_ALICE, "RSET", *TO_ALICE, "RSET", *TO_ALICE] == server.words


def test_a_connection_is_used_for_so_many_mails_and_no_more(begin):
    server, mailer = begin({}, {}, most=2)

    assert ["succeeded"] * 3 == [mailer.send(mail).kind for mail in (FIRST, SECOND, THIRD)]
    assert ["EHLO", *TO_ALICE, "RSET", *TO_ALICE, "QUIT", "EHLO", *TO_ALICE] == server.words


def test_a_connection_without_mails_is_closed_after_a_while(begin, monkeypatch):
    monkeypatch.setattr(kept_sessions, "KEPT_SECONDS", 0.0)
    server, mailer = begin({})
    mailer.send(FIRST)
    with gevent.Timeout(5):
        while server.is_alive():
            gevent.sleep(0.02)

    assert "QUIT" == server.words[-1]


AGED = {
    "closed meanwhile": {"end of data": ["250 taken", HANG_UP], "RSET": HANG_UP},
    "closed at RSET": {"RSET": "421 we have closed"},
    "does not know RSET": {"RSET": "502 what?"},
    "forgotten by a router": {"RSET": ""},
    "enough mails for one connection": {"MAIL": ["250 ok", "421 too many"]},
    "enough mails, without closing": {"MAIL": ["250 ok", "452 too many"]},
    "no longer signed in": {"MAIL": ["250 ok", "530 sign in first"]},
    "lost at the recipient": {"RCPT": ["250 ok", HANG_UP]},
    "lost before the data": {"DATA": ["354 go on", HANG_UP]},
}


@pytest.mark.parametrize("script", AGED.values(), ids=AGED.keys())
def test_a_kept_connection_that_fails_costs_neither_an_attempt_nor_the_circuit(begin, monkeypatch, script):
    """The e-mail goes over a new one in the same attempt, once."""
    monkeypatch.setattr(smtp_session, "RSET_SECONDS", 0.1)
    server, mailer = begin(script, {})

    assert [("succeeded", "good")] * 2 == [(one.kind, one.verdict) for one in map(mailer.send, (FIRST, SECOND))]
    assert 2 == server.words.count("EHLO")
    assert TO_ALICE == server.words[-3:]


@pytest.mark.parametrize(
    ("script", "kind", "verdict"),
    [
        ({"RCPT": ["250 ok", "550 nobody"]}, "dead", "good"),
        ({"RCPT": ["250 ok", "450 later"]}, "retry", "good"),
        ({"end of data": ["250 taken", "554 spam"]}, "dead", "good"),
    ],
)
def test_what_the_server_says_of_a_mail_is_believed_and_the_connection_is_kept(begin, script, kind, verdict):
    server, mailer = begin({name: [*said, "250 ok"] for name, said in script.items()})
    outcomes = [mailer.send(mail) for mail in (FIRST, SECOND, THIRD)]

    assert [("succeeded", "good"), (kind, verdict), ("succeeded", "good")] == [(o.kind, o.verdict) for o in outcomes]
    assert 1 == server.words.count("EHLO")


def test_a_connection_lost_after_the_data_is_a_failed_attempt(begin):
    """The server may have taken the e-mail: only the schedule sends it again."""
    server, mailer = begin({"end of data": ["250 taken", HANG_UP]})

    assert ["succeeded", "retry"] == [mailer.send(mail).kind for mail in (FIRST, SECOND)]
    assert 1 == server.words.count("EHLO")


def test_a_new_connection_that_fails_is_judged_as_ever(begin):
    """The kept one is gone, and so is the server: that is a failure."""
    _, mailer = begin({"RSET": HANG_UP}, {"banner": "421 shutting down"})

    assert [("succeeded", "good"), ("retry", "bad")] == [
        (one.kind, one.verdict) for one in map(mailer.send, (FIRST, SECOND))
    ]


def test_an_attempt_out_of_time_leaves_no_connection_behind(begin, monkeypatch):
    """In the middle of an e-mail, the next one would be taken for the rest of it."""

    def out_of_time(*_):
        raise gevent.Timeout(1)

    server, mailer = begin({}, {})
    mailer.send(FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(SmtpSession, "_hand_over", out_of_time)
        with pytest.raises(gevent.Timeout):
            mailer.send(SECOND)

    assert "succeeded" == mailer.send(THIRD).kind
    assert ["EHLO", *TO_ALICE, "RSET", "EHLO", *TO_ALICE] == server.words
