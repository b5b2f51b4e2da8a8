"""E-mails while something fails: the server, our own database, the process; what an attempt costs and leaves."""

from __future__ import annotations

import dataclasses
import sys

import gevent
import psycopg2
import pytest

from foundation.errors import ServiceUnavailable
from notifications.email import MAIL_SERVER
from orders.effects.email import CONCURRENCY, STATUS_MAIL
from process import onward_of
from tests.facts import eventually
from tests.integration.conftest import Outbox, send_through
from tests.integration.mail.server import running


def test_a_sick_server_opens_its_circuit_and_parks_what_waits(cast, bob, olive, outbox, sql, port):
    orders = [cast.place() for _ in range(14)]
    for order in orders:
        bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    for _ in range(3):
        outbox.try_again()

    attempts = sorted(row[3] for row in outbox.effects)
    assert [("open",)] == sql("SELECT state FROM circuits")
    assert {1} == set(attempts) or attempts.count(0), "no attempt is spent while it is open"
    before = outbox.effects
    outbox.try_again()
    assert before == outbox.effects
    (circuit,) = olive.get("/api/ops/side-effects/circuits").json["circuits"]
    assert (MAIL_SERVER, "open") == (circuit["destination"], circuit["state"])
    assert "calls just failed" in circuit["reason"]

    with running(port) as server:
        sql("UPDATE circuits SET until = clock_timestamp()")
        for _ in range(10):
            outbox.try_again()
        assert [("closed",)] == sql("SELECT state FROM circuits")
        assert 14 == len({mail["Message-ID"] for mail in server.mails}) == len(server.mails)
    changes = [state for (state,) in sql("SELECT state FROM circuit_changes ORDER BY id")]
    assert ["open", "half-open", "closed"] == changes


def test_what_waited_for_the_server_goes_out_over_few_connections(cast, bob, outbox, sql, port):
    """Chaos R8 has 2,000 of them, and a minute."""
    for order in [cast.place() for _ in range(20)]:
        bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("INSERT INTO circuits (destination, state, until) VALUES ('mail-server', 'open', clock_timestamp())")

    with running(port) as server:
        for _ in range(6):
            outbox.try_again()
        assert 20 == len({mail["Message-ID"] for mail in server.mails}) == len(server.mails)
        assert len(server.sessions) <= CONCURRENCY < len(server.mails)
    assert {("succeeded", 1)} == {row[2:] for row in outbox.effects}


@pytest.mark.parametrize("error", [psycopg2.OperationalError("starting up"), ServiceUnavailable("All are busy.")])
def test_our_own_database_away_costs_no_attempt_and_opens_no_circuit(
    cast, bob, outbox, mailing, mail_server, sql, monkeypatch, error
):
    """It cost one, and what was under way at a restart of PostgreSQL waited for another 30 s."""

    def away(_claimed):
        raise error

    worker = onward_of(mailing).engine.worker
    kind = worker.kinds[STATUS_MAIL]
    monkeypatch.setitem(worker.kinds, STATUS_MAIL, dataclasses.replace(kind, attempt=away))
    for _ in range(12):
        bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    monkeypatch.undo()
    worker.look()
    outbox.run_until_idle()

    assert {(STATUS_MAIL, MAIL_SERVER, "succeeded", 1)} == set(outbox.effects)
    assert [] == sql("SELECT state FROM circuits WHERE state <> 'closed'")


def test_what_cannot_be_loaded_is_not_claimed_for_nothing(cast, bob, outbox, mailing, mail_server, monkeypatch):
    """It stayed running until its lease ended, and was taken for a crash."""
    engine = onward_of(mailing).engine

    def away(_run, _ids):
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    monkeypatch.setitem(engine.event_types, "order", dataclasses.replace(engine.event_types["order"], load=away))
    running = gevent.spawn(engine.worker.run)
    engine.worker.owner = 4711
    eventually(lambda: [(STATUS_MAIL, MAIL_SERVER, "running", 1)] == outbox.effects)
    monkeypatch.undo()
    eventually(lambda: [(STATUS_MAIL, MAIL_SERVER, "succeeded", 1)] == outbox.effects)
    running.kill()
    engine.worker.owner = 0


def test_an_error_that_no_text_may_hold_is_kept_all_the_same(cast, bob, outbox, mail_server, sql):
    """Its record failed, and the attempt was taken for a crash."""
    mail_server.answer = "451 later\0, please"
    bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects
    assert [("end of data: the mail server answered 451 later, please",)] == sql("SELECT last_error FROM side_effects")


def test_an_attempt_that_ends_its_process_is_spent(app_with, settings, sql, empty, port, monkeypatch):
    """Handed back by the stop that it causes, it would be made for ever."""
    app = app_with(smtp_url=f"smtp://127.0.0.1:{port}", side_effects_mode="sequential")
    engine, cast = onward_of(app).engine, send_through(app, settings)
    order = cast.place()
    engine.finish()
    kind = dataclasses.replace(engine.worker.kinds[STATUS_MAIL], attempt=sys.exit)
    monkeypatch.setitem(engine.worker.kinds, STATUS_MAIL, kind)
    with pytest.raises(SystemExit):
        cast.bob.move(order["id"], "CONFIRMED")
    engine.stop()

    assert [("running", 1)] == sql("SELECT status, attempts FROM side_effects")


def test_an_outcome_is_recorded_even_when_its_circuit_cannot_be_told(cast, bob, outbox, mailing, port, monkeypatch):
    """It was forgotten with the circuit: the row stayed running until its lease ended, and was taken for a crash."""
    monkeypatch.setattr(onward_of(mailing).engine.worker.circuits, "note", _no_database_for_circuits)
    bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects


def _no_database_for_circuits(*_):
    raise psycopg2.OperationalError("server closed the connection unexpectedly")


def test_probes_take_turns_and_cost_no_attempt(cast, bob, outbox, mailing, sql):
    """A mail server that is away for a weekend is probed ten thousand times."""
    orders = [cast.place()["id"] for _ in range(12)]
    for order in orders:
        bob.move(order, "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert [("open",)] == sql("SELECT state FROM circuits")
    before = sql("SELECT sum(attempts) FROM side_effects")

    probed = set()
    for _ in range(8):
        sql("UPDATE circuits SET until = clock_timestamp()")
        tried = dict(sql("SELECT id, scheduled_at FROM side_effects"))
        onward_of(mailing).engine.worker.look()
        outbox.run_until_idle()
        probed |= {id for id, at in sql("SELECT id, scheduled_at FROM side_effects") if at != tried[id]}

    assert len(probed) > 1
    assert before == sql("SELECT sum(attempts) FROM side_effects")


def confirm(cast, bob, sql, *addresses):
    """Orders of these buyers' addresses, however they came into the table, and a change of each."""
    for address in addresses:
        order = cast.place()
        sql("UPDATE orders SET buyer_email = %s WHERE id = %s", address, order["id"])
        assert 200 == bob.move(order["id"], "CONFIRMED").status


def test_mails_that_can_never_be_sent_are_dead_and_stop_no_other(cast, bob, outbox, mail_server, sql):
    """Twelve of them opened the circuit for good: good mail was never sent, and nothing ever became a dead letter."""
    confirm(cast, bob, sql, *[f"jörg{n}@example.org" for n in range(12)], "=?utf-8?q?a=0D=0ABcc:_z?=@example.org")
    confirm(cast, bob, sql, "alice@example.org")
    outbox.run_until_idle()
    outbox.try_again()

    assert [("dead", 13), ("succeeded", 1)] == sql("SELECT status, count(*) FROM side_effects GROUP BY 1 ORDER BY 1")
    assert ["alice@example.org"] == [mail["To"] for mail in mail_server.mails]
    assert [] == sql("SELECT state FROM circuit_changes")


@pytest.mark.parametrize(
    ("answer", "status"),
    [("450 greylisted, come back", "pending"), ("452 mailbox full", "pending"), ("550 no", "dead")],
)
def test_what_a_recipient_is_refused_for_stops_no_other(cast, bob, outbox, mail_server, sql, answer, status):
    mail_server.recipients["popular@example.org"] = answer
    confirm(cast, bob, sql, *["popular@example.org"] * 12, "alice@example.org")
    outbox.run_until_idle()
    outbox.try_again()

    assert [(status, 1, 12), ("succeeded", 1, 1)] == sql(
        "SELECT status, attempts, count(*) FROM side_effects GROUP BY 1, 2 ORDER BY 3 DESC"
    )
    assert [] == sql("SELECT state FROM circuit_changes")


def test_a_refused_session_opens_the_circuit_at_once_and_spends_no_mail(
    app_with, settings, sql, empty, port, mail_server
):
    """43 mails were dead at their first attempt because of a password that had expired, and the circuit closed."""
    app = app_with(smtp_url=f"smtp://shop:secret@127.0.0.1:{port}")  # this one does not know us: no AUTH
    cast, outbox = send_through(app, settings), Outbox(onward_of(app), sql)
    for _ in range(3):
        cast.bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert {("pending", 0)} == set(sql("SELECT status, attempts FROM side_effects"))
    assert [("open",)] == sql("SELECT state FROM circuit_changes")
    (circuit,) = cast.olive.get("/api/ops/side-effects/circuits").json["circuits"]
    assert circuit["reason"].startswith("it refuses all calls: AUTH: ")


def test_a_probe_says_what_the_destination_says_and_nothing_of_bad_mails(cast, bob, outbox, mailing, sql, port):
    """One of the 64 oldest was probed, which were the bad ones, and each of them opened the circuit again."""
    confirm(cast, bob, sql, *["alice@example.org"] * 12)
    outbox.run_until_idle()
    outbox.try_again()
    assert [("open",)] == sql("SELECT state FROM circuits")
    confirm(cast, bob, sql, *[f"jörg{n}@example.org" for n in range(72)], *[f"bob{n}@example.org" for n in range(3)])
    outbox.run_until_idle()
    worker = onward_of(mailing).engine.worker
    with running(port) as server:
        sql("UPDATE circuits SET until = clock_timestamp()")
        for _ in range(3):
            worker.look()
            outbox.run_until_idle()
        assert {"bob0@example.org", "bob1@example.org", "bob2@example.org"} == {mail["To"] for mail in server.mails}
    assert ["open", "half-open", "closed"] == [
        state for (state,) in sql("SELECT state FROM circuit_changes ORDER BY id")
    ]


def test_probes_of_mails_that_can_never_be_sent_make_room_for_others(cast, bob, outbox, mailing, sql, port):
    confirm(cast, bob, sql, *["alice@example.org"] * 12)
    outbox.run_until_idle()
    outbox.try_again()
    sql("DELETE FROM side_effects")
    confirm(cast, bob, sql, *[f"bob{n}@example.org" for n in range(3)], *[f"jörg{n}@example.org" for n in range(7)])
    outbox.run_until_idle()
    worker = onward_of(mailing).engine.worker
    with running(port) as server:
        sql("UPDATE circuits SET until = clock_timestamp()")
        for _ in range(10):
            worker.look()
            outbox.run_until_idle()
        assert 3 == len(server.mails)
    outbox.try_again()
    assert [("dead", 7), ("succeeded", 3)] == sql("SELECT status, count(*) FROM side_effects GROUP BY 1 ORDER BY 1")
    assert [("closed",)] == sql("SELECT state FROM circuits")


def test_a_probe_that_failed_gives_way_to_what_was_not_tried(cast, bob, outbox, mailing, sql):
    confirm(cast, bob, sql, *["alice@example.org"] * 12)
    outbox.run_until_idle()
    outbox.try_again()
    sql("DELETE FROM side_effects")
    confirm(cast, bob, sql, *[f"bob{n}@example.org" for n in range(6)])
    outbox.run_until_idle()
    for _ in range(6):
        sql("UPDATE circuits SET until = clock_timestamp()")
        onward_of(mailing).engine.worker.look()
        outbox.run_until_idle()

    assert [(0, 6)] == sql("SELECT attempts, count(*) FROM side_effects WHERE last_error <> '' GROUP BY 1")


@pytest.mark.parametrize("kinds", [{}, {STATUS_MAIL: "sequential"}], ids=["background", "sequential"])
def test_in_both_modes_the_change_is_made_and_the_bad_mail_is_dead(cast, bob, outbox, mailing, sql, kinds):
    """And no mail server was asked: there is none."""
    onward_of(mailing).engine.modes.learn(kinds)
    try:
        confirm(cast, bob, sql, "jörg@example.org")
        outbox.run_until_idle()
        outbox.try_again()
    finally:
        onward_of(mailing).engine.modes.learn({})

    assert [(STATUS_MAIL, MAIL_SERVER, "dead", 1)] == outbox.effects
    assert [] == sql("SELECT state FROM circuits")
