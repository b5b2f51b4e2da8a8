"""Mails while something breaks: the server, our own database, the process; what an attempt costs and what it leaves."""

from __future__ import annotations

import dataclasses
import sys

import gevent
import psycopg2
import pytest

from app import onward_of
from foundation.errors import ServiceUnavailable
from notifications.email import MAIL_SERVER
from orders.effects import STATUS_MAIL
from tests.facts import eventually
from tests.rooms.conftest import send_through
from tests.rooms.mail.server import running


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
    monkeypatch.setitem(engine.topics, "order", dataclasses.replace(engine.topics["order"], load=away))
    running = gevent.spawn(engine.worker.run)
    engine.worker.owner = 4711
    eventually(lambda: [(STATUS_MAIL, MAIL_SERVER, "running", 1)] == outbox.effects)
    monkeypatch.undo()
    eventually(lambda: [(STATUS_MAIL, MAIL_SERVER, "succeeded", 1)] == outbox.effects)
    running.kill()
    engine.worker.owner = 0


def test_an_error_that_no_text_may_hold_is_kept_all_the_same(cast, bob, outbox, mail_server, sql):
    """Its settlement failed, and the attempt was taken for a crash."""
    mail_server.answer = "451 later\0, please"
    bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects
    assert [("the mail server answered 451 later, please",)] == sql("SELECT last_error FROM side_effects")


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


def test_an_outcome_is_settled_even_when_its_circuit_cannot_be_told(cast, bob, outbox, mailing, port, monkeypatch):
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
