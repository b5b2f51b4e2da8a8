"""The first durable kind: a status e-mail to the buyer, over a real mail server with all sorts of manners."""

from __future__ import annotations

import dataclasses
import sys

import gevent
import psycopg2
import pytest

from app import build_app, onward_of
from foundation.errors import ServiceUnavailable
from notifications.email import MAIL_SERVER
from orders.effects import STATUS_MAIL
from tests.facts import eventually
from tests.rooms.conftest import Outbox, send_through
from tests.rooms.mail import free_port, running


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def mailing(settings, port, _green):
    """The application with a mail server configured; whether one is there is another question."""
    app = build_app(dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="orders@shop.test"))
    yield app
    onward_of(app).stop()


@pytest.fixture
def app(mailing):
    """Stands in for the application without mail."""
    return mailing


@pytest.fixture
def outbox(mailing, sql, empty):
    return Outbox(onward_of(mailing), sql)


@pytest.fixture
def cast(mailing, settings, empty):
    return send_through(mailing, settings)


@pytest.fixture
def mail_server(port):
    with running(port) as server:
        yield server


def statuses(outbox):
    return [status for kind, _, status, _ in outbox.effects if kind == STATUS_MAIL]


def test_the_buyer_gets_a_mail_of_the_new_status(cast, bob, outbox, mail_server):
    order = cast.place(number="A-7", buyer_email="alice@example.org")
    outbox.run_until_idle()
    assert [] == outbox.effects, "a new order promises none"

    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 0)] == outbox.effects
    outbox.try_again()

    assert ["succeeded"] == statuses(outbox)
    (mail,) = mail_server.mails
    assert ("alice@example.org", "orders@shop.test", "Your order #A-7 was confirmed.") == (
        mail["To"],
        mail["From"],
        mail["Subject"],
    )
    assert mail["Message-ID"].startswith(f"<{STATUS_MAIL}.order.")


def test_it_holds_a_link_to_the_order_where_the_service_has_an_address(settings, port, sql, empty, mail_server):
    app = build_app(dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}", public_url="https://shop.test"))
    outbox, cast = Outbox(onward_of(app), sql), send_through(app, settings)
    cast.bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    (mail,) = mail_server.mails
    link = mail.get_payload(decode=True).decode().partition("https://shop.test")[2].split()[0]

    assert 200 == app.test_client().get(link).status_code
    onward_of(app).stop()


def test_a_server_that_is_away_costs_an_attempt_and_loses_nothing(cast, bob, outbox, port):
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects

    with running(port) as server:
        outbox.try_again()
        assert [(STATUS_MAIL, MAIL_SERVER, "succeeded", 2)] == outbox.effects
        assert 1 == len(server.mails)


@pytest.mark.parametrize(("answer", "status"), [("451 later, please", "pending"), ("550 nobody of that name", "dead")])
def test_a_server_that_says_no_is_believed(cast, bob, outbox, mail_server, answer, status, sql):
    mail_server.answer = answer
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert [status] == statuses(outbox)
    assert answer.encode()[:3].decode() in sql("SELECT last_error FROM side_effects")[0][0]


def test_mails_of_an_order_go_out_in_the_order_of_its_events(cast, bob, outbox, mail_server):
    order = cast.place()
    for status in ("CONFIRMED", "PREPARING", "READY"):
        bob.move(order["id"], status)
    outbox.run_until_idle()
    for expected in (1, 2, 3):
        outbox.try_again()
        assert expected == len(mail_server.mails), "the next one only after the one before"

    assert ["confirmed.", "prepared.", "ready."] == [mail["Subject"].split()[-1] for mail in mail_server.mails]


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


def test_a_paused_destination_hears_nothing_until_it_is_resumed(cast, bob, olive, outbox, mail_server):
    pause = {"destination": MAIL_SERVER, "action": "pause", "reason": "they asked us to"}
    assert 200 == olive.post("/api/ops/side-effects/circuits", pause).status
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert ["pending"] == statuses(outbox)

    assert 200 == olive.post("/api/ops/side-effects/circuits", pause | {"action": "resume"}).status
    outbox.try_again()
    assert ["succeeded"] == statuses(outbox)
    assert ["resume", "pause"] == [one["action"] for one in olive.get("/api/ops/side-effects/actions").json["actions"]]


def test_in_sequential_mode_the_mail_is_sent_before_the_answer(cast, bob, outbox, mailing, mail_server):
    order = cast.place()
    outbox.run_until_idle()
    onward_of(mailing).engine.modes.learn({STATUS_MAIL: "sequential"})
    try:
        bob.move(order["id"], "CONFIRMED")
        assert 1 == len(mail_server.mails)
    finally:
        onward_of(mailing).engine.modes.learn({})


@pytest.mark.usefixtures("_green")
def test_without_a_mail_server_no_mail_is_promised(settings):
    app = build_app(settings)

    assert STATUS_MAIL not in [effect.name for effect in onward_of(app).engine.topics["order"].effects]


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
