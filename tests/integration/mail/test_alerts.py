"""What operators are told by e-mail: once, however many processes notice it, and only what a person has to look at."""

from __future__ import annotations

import pytest

from access import people
from app import build_app
from notifications.alerts import ALERT_MAIL, Alert, Alerts
from notifications.letters import Letter, Letters
from process import onward_of
from tests.integration.mail.server import body, running

DEAD = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status)
    SELECT 'signal.order_status_changed', 'crm', 'order', -n, -n, 'dead' FROM generate_series(1, %s) AS n"""


@pytest.fixture
def alerts(mailing, settings, empty):
    """Those of the application that has a mail server; at three dead letters nobody is told."""
    given = onward_of(mailing).alerts
    return Alerts(given._run, given._staff, 3)


@pytest.fixture
def olive_reads(mailing, empty):
    with mailing.app_context():
        people.add("olive@example.org", "Olive", "operator", 1)
        people.add("bob@example.org", "Bob", "seller", 1)
        people.add("mallory@example.org", "Mallory", "seller", 2)


def recipients(mail_server):
    return sorted(address for one in mail_server.envelopes for address in one.rcpt_tos)


@pytest.mark.usefixtures("olive_reads")
def test_a_circuit_that_opened_is_told_once_when_the_mail_is_back(cast, bob, outbox, alerts, port, sql):
    """Here it is the mail server's own, whose mail can only come later."""
    for order in [cast.place() for _ in range(12)]:
        bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    for _ in range(3):
        outbox.try_again()
    assert [("open",)] == sql("SELECT state FROM circuits WHERE destination = 'mail-server'")
    for _ in range(3):
        alerts.look()
    sql("INSERT INTO circuit_changes (destination, state, reason) VALUES ('mail-server', 'open', 'its probes failed')")
    alerts.look()
    assert 1 == len([one for one in outbox.effects if one[0] == ALERT_MAIL])

    with running(port) as server:
        sql("UPDATE circuits SET until = clock_timestamp()")
        for _ in range(10):
            outbox.try_again()
        (told,) = [one for one in server.mails if "olive@example.org" in one["To"]]
        assert "Calls to mail-server are stopped" == told["Subject"]
        assert "calls just failed" in body(told)
    assert 1 == sql("SELECT count(*) FROM alerts")[0][0]


@pytest.mark.usefixtures("olive_reads")
def test_many_dead_letters_are_told_once_a_day(outbox, alerts, mail_server, sql):
    sql(DEAD, 3)
    alerts.look()
    assert [] == sql("SELECT key FROM alerts"), "as many as are nothing to tell"

    sql(DEAD.replace("-n", "-n - 100"), 1)
    for _ in range(2):
        alerts.look()
    outbox.try_again()
    (told,) = mail_server.mails
    assert ("olive@example.org", "More than 3 side effects were given up") == (told["To"], told["Subject"])


@pytest.mark.usefixtures("olive_reads")
def test_an_endpoint_that_fails_is_told_to_its_owner_too(outbox, alerts, mail_server):
    shown = {"url": "https://shop.example/hook", "percent": 50, "disabled_at": "2026-12-01 09:00 UTC", "reason": "503"}
    alert = Alert("endpoint", "endpoint 5 50", shown, seller_id=1)

    assert [True, False] == [alerts.raise_alert(alert) for _ in range(2)]
    outbox.try_again()
    assert ["bob@example.org", "olive@example.org"] == recipients(mail_server)
    assert "A webhook endpoint fails: 50 % of the way to being disabled" == mail_server.mails[0]["Subject"]


def test_webhooks_raise_their_alerts_here(mailing, empty, sql):
    notify = onward_of(mailing).alerts.endpoint_fails
    shown = {"url": "https://shop.example/hook", "percent": 100, "disabled_at": "2026-12-01 09:00 UTC", "reason": "410"}
    for _ in range(2):
        notify("webhook:5 2026-11-27 100", 1, shown)
    letter = Letter("a@b.example", "en", "alert_endpoint", shown, "x")

    assert [("endpoint", 1)] == sql("SELECT kind, seller_id FROM alerts")
    assert "A webhook endpoint was disabled" == Letters().mail(letter).subject


def test_without_accounts_or_a_mail_server_an_alert_is_written_down(settings, outbox, alerts, mail_server, sql):
    assert alerts.raise_alert(Alert("dead_letters", "one", {"threshold": 1}))
    outbox.try_again()
    assert [(ALERT_MAIL, "mail-server", "succeeded", 1)] == outbox.effects

    app = build_app(settings)
    try:
        assert onward_of(app).alerts.raise_alert(Alert("dead_letters", "two", {"threshold": 1}))
    finally:
        onward_of(app).stop()
    assert 2 == sql("SELECT count(*) FROM alerts")[0][0]
    assert 1 == len(outbox.effects)
    assert [] == mail_server.mails


@pytest.mark.usefixtures("olive_reads")
def test_what_was_told_is_pruned_in_the_end(mailing, alerts, sql):
    from notifications import alerts as module
    from notifications import staff_mail

    alerts.raise_alert(Alert("dead_letters", "one", {"threshold": 1}))
    sql("INSERT INTO sent_letters (kind, event_id, person_id, at) VALUES ('k', 1, 1, now() - interval '91 days')")
    sql("UPDATE alerts SET at = now() - interval '91 days'")
    alerts.raise_alert(Alert("dead_letters", "two", {"threshold": 1}))
    with mailing.app_context():
        assert (1, 1) == (module.prune_alerts(90), staff_mail.prune_letters(90))
    assert [("two",)] == sql("SELECT key FROM alerts")
