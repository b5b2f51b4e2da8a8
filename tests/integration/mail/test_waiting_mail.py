"""E-mails as people chose them: waiting unless seen, in quiet hours, in digests, or not at all; once, in both modes."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from datetime import UTC, datetime, timedelta

import pytest

from app import build_app
from orders.effects.email import STATUS_MAIL
from orders.workflow_file import DEFAULT
from process import onward_of

WAITING = 'ways.buyer = ["inbox", "email after 10 minutes unless seen"]\n'
DAILY = 'ways.buyer = ["digest daily"]\n'


@pytest.fixture(scope="module")
def mailing(settings, port, _green, tmp_path_factory):
    """With a table in which CONFIRMED waits unless it is seen, and PREPARING is collected."""
    path = tmp_path_factory.mktemp("telling") / "workflow.toml"
    text = DEFAULT.read_text()
    for status, ways in (("CONFIRMED", WAITING), ("PREPARING", DAILY)):
        text = text.replace(f"[statuses.{status}]\n", f"[statuses.{status}]\n{ways}")
    path.write_text(text)
    mail = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "orders@shop.test"}
    app = build_app(dataclasses.replace(settings, order_workflow=path, **mail))
    yield app
    onward_of(app).stop()


@pytest.fixture
def order(cast, outbox):
    order = cast.place()
    outbox.run_until_idle()
    return order


@pytest.fixture
def rows(sql):
    """The e-mails of changes: status, reason, and whether they are set for later."""
    return lambda: sql(
        """SELECT e.to_status, s.status, s.last_error, s.scheduled_at > clock_timestamp() + interval '1 min'
        FROM side_effects s JOIN order_events e ON e.id = s.event_id WHERE s.kind = %s AND s.event_type = 'order'
        ORDER BY s.event_id""",
        STATUS_MAIL,
    )


def move(person, order, *statuses):
    for status in statuses:
        assert person.move(order["id"], status, "x" if status == "CANCELLED" else None).status == 200


def put(person, **body):
    assert person.request("PUT", "/api/me/preferences", body).status == 200


def quiet_now():
    now = datetime.now(UTC)
    return {"from": f"{now - timedelta(hours=2):%H:%M}", "until": f"{now + timedelta(hours=2):%H:%M}"}


def work(outbox):
    """All that is due: e-mails of one order one after another."""
    outbox.run_until_idle()
    for _ in range(4):
        outbox._engine.worker.look()
        outbox.run_until_idle()


def time_passes(outbox):
    outbox.try_again()
    work(outbox)


def subjects(server):
    return [mail["Subject"] for mail in server.mails]


def told(person, order):
    tree = person.get(f"/api/orders/{order['id']}/explain").json["tree"]
    (node,) = [one for one in tree["children"] if one["effect"] == STATUS_MAIL]
    return node["state"], node["cause"]


def test_an_email_that_nobody_saw_in_the_inbox_is_sent_when_its_time_has_come(
    mode, bob, olive, order, outbox, rows, mail_server
):
    move(bob, order, "CONFIRMED")
    work(outbox)
    assert rows() == [("CONFIRMED", "pending", "", True)]
    assert told(olive, order) == ("waiting", "unless_seen")
    time_passes(outbox)

    assert subjects(mail_server) == [f"Your order #{order['number']} was confirmed."]
    assert told(olive, order) == ("done", "accepted")


def test_an_email_that_was_seen_in_the_inbox_is_superseded(mode, alice, bob, olive, order, outbox, rows, mail_server):
    move(bob, order, "CONFIRMED")
    outbox.run_until_idle()
    newest = alice.get("/api/notifications").json["notifications"][0]["id"]
    alice.post("/api/notifications/read", {"up_to": newest})
    time_passes(outbox)

    assert rows() == [("CONFIRMED", "superseded", "seen before it was due", False)]
    assert mail_server.mails == []
    assert told(olive, order) == ("skipped", "seen")


def test_an_email_of_an_order_that_moved_on_is_superseded_and_holds_nobody_up(
    mode, bob, order, outbox, rows, mail_server
):
    move(bob, order, "CONFIRMED", "CANCELLED")
    work(outbox)
    assert subjects(mail_server) == [f"Your order #{order['number']} was cancelled."]
    time_passes(outbox)

    assert rows()[0] == ("CONFIRMED", "superseded", "the order moved on before it was due", False)
    assert len(mail_server.mails) == 1


def test_an_email_that_was_turned_off_or_whose_order_was_erased_is_superseded(
    alice, bob, olive, order, outbox, rows, sql, mail_server
):
    move(bob, order, "CONFIRMED")
    outbox.run_until_idle()
    put(alice, choices={"CONFIRMED": {"email": "off"}})
    time_passes(outbox)
    assert rows() == [("CONFIRMED", "superseded", "turned off by the person", False)]
    assert told(olive, order) == ("skipped", "preference")

    put(alice)
    move(bob, order, "CANCELLED")
    outbox.run_until_idle()
    sql("UPDATE orders SET buyer_email = ''")
    time_passes(outbox)
    assert rows()[1] == ("CANCELLED", "superseded", "the data it speaks of were erased", False)
    assert mail_server.mails == []


def test_quiet_hours_keep_everything_but_what_is_critical_until_they_end(
    mode, alice, bob, olive, order, outbox, rows, mail_server
):
    put(alice, quiet_hours=quiet_now(), choices={"CONFIRMED": {"email": "on"}})
    move(bob, order, "CONFIRMED")
    outbox.run_until_idle()
    time_passes(outbox)
    assert rows() == [("CONFIRMED", "pending", "waits for the end of quiet hours", True)]
    assert told(olive, order) == ("waiting", "quiet_hours")
    move(bob, order, "CANCELLED")
    work(outbox)
    assert subjects(mail_server) == [f"Your order #{order['number']} was cancelled."]
    assert told(olive, order) == ("done", "critical")


def test_what_waited_in_quiet_hours_is_sent_with_no_attempt_spent(alice, bob, order, outbox, rows, sql, mail_server):
    put(alice, quiet_hours=quiet_now())
    move(bob, order, "CONFIRMED", "PREPARING", "SHIPPED")
    outbox.run_until_idle()
    time_passes(outbox)
    assert rows()[2] == ("SHIPPED", "pending", "waits for the end of quiet hours", True)
    assert sql("SELECT attempts FROM side_effects WHERE last_error LIKE 'waits%'") == [(0,)]
    put(alice)
    time_passes(outbox)

    assert f"Your order #{order['number']} is on its way." in subjects(mail_server)


def _message(mail):
    """The e-mail with its parts."""
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


def test_a_digest_is_one_email_about_all_of_its_window(mode, cast, alice, bob, olive, outbox, sql, mail_server):
    put(alice, choices={"SHIPPED": {"email": "daily"}})
    orders = [cast.place(), cast.place()]
    for order in orders:
        move(bob, order, "CONFIRMED", "PREPARING", "SHIPPED")
    work(outbox)
    assert told(olive, orders[0]) == ("waiting", "digest")
    assert sql("SELECT count(DISTINCT digest_id), count(*) FROM digest_entries") == [(1, 4)]
    for _ in range(3):
        time_passes(outbox)

    (mail,) = [one for one in mail_server.mails if "updates" in one["Subject"]]
    assert mail["Subject"] == "4 updates about your orders"
    lines = _message(mail).get_body(("plain",)).get_content().splitlines()
    assert [f"Your order #{one['number']} is on its way." in lines for one in orders] == [True, True]
    assert told(olive, orders[0]) == ("done", "collected")


def test_a_digest_is_in_its_readers_language(cast, alice, bob, outbox, sql, mail_server):
    sql(
        "INSERT INTO people (email, name, role, principal_id, session_key, language)"
        " VALUES ('alice@example.org', 'Alice', 'buyer', %s, 'a key', 'de')",
        alice.principal.id,
    )
    put(alice, choices={"*": {"email": "daily"}})
    for order in (cast.place(), cast.place()):
        move(bob, order, "CONFIRMED")
    work(outbox)
    for _ in range(3):
        time_passes(outbox)

    (mail,) = mail_server.mails
    assert mail["Subject"] == "2 Neuigkeiten zu Ihren Bestellungen"
    assert _message(mail).get_body(("html",)).get_content().count("bestätigt") == 2


def test_what_comes_when_a_digest_is_being_sent_is_in_the_next_one(alice, bob, order, outbox, sql, mail_server):
    put(alice, choices={"*": {"email": "hourly"}})
    move(bob, order, "CONFIRMED")
    outbox.run_until_idle()
    time_passes(outbox)
    sql("UPDATE digests SET closed_at = clock_timestamp()")
    move(bob, order, "PREPARING")
    work(outbox)
    time_passes(outbox)

    assert sql("SELECT count(*), count(DISTINCT digest_id) FROM digest_entries") == [(2, 2)]
    assert sorted(subjects(mail_server)) == [
        f"Your order #{order['number']} is being prepared.",
        f"Your order #{order['number']} was confirmed.",
    ]


def test_a_digest_leaves_out_what_was_turned_off_or_erased_meanwhile(alice, bob, order, outbox, sql, mail_server):
    put(alice, choices={"*": {"email": "daily"}})
    move(bob, order, "CONFIRMED", "PREPARING")
    work(outbox)
    assert sql("SELECT count(*) FROM digest_entries") == [(1,)]
    put(alice, choices={"*": {"email": "off"}})
    time_passes(outbox)

    assert mail_server.mails == []
    assert sql("SELECT status, last_error FROM side_effects WHERE kind = 'email.digest'") == [
        ("superseded", "nothing is left")
    ]
