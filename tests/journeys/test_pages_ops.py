"""An operator at a browser: a mail server fails, the line says so, and everything is delivered in the end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.facts import eventually
from tests.integration.mail.server import free_port, running
from tests.journeys.browsers import Visitors, fresh_number, needs_browser, press
from tests.journeys.server import Server

pytestmark = needs_browser

SOON = 15_000
"""Milliseconds for what is looked for every two seconds."""

MAILS = 12
"""A circuit opens when half of at least ten calls have failed."""


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def mailing(fresh_database, port):
    """A service whose mail server is ours."""
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "orders@shop.example"}
    with Server(fresh_database, workers=1, **mail) as server:
        yield server


@pytest.fixture
def people(browser, mailing):
    visitors = Visitors(browser, mailing.url)
    yield visitors
    visitors.close()
    assert [] == visitors.complaints


def confirm_orders(server, count):
    for _ in range(count):
        server.move(server.place_order(number=fresh_number())["id"], "CONFIRMED")


def test_a_mail_server_that_fails_is_named_and_everything_is_delivered_in_the_end(mailing, people, port):
    olive = people.signed_in("Olive", "/ops")
    expect(olive.locator("#health")).to_contain_text("All is well.")

    with running(port) as mail_server:
        mail_server.answer = "451 try later"
        confirm_orders(mailing, MAILS)
        line = olive.locator("#health")
        expect(line).to_contain_text("Calls to mail-server are stopped", timeout=SOON)
        expect(line).to_have_class(re.compile("unwell"))

        mail_server.answer = "550 no such mailbox"
        line.get_by_role("link", name="Destinations").click()
        destination = olive.locator("[data-destination=mail-server]")
        destination.get_by_role("button", name="Pause").click()
        expect(destination).to_contain_text("Paused", timeout=SOON)
        press(destination.get_by_role("button", name="Resume"), destination.filter(has_text="Sending"))
        mailing.sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        eventually(lambda: mailing.sql("SELECT count(*) FROM side_effects WHERE status = 'dead'") == [(MAILS,)])

        olive.goto("/ops/dead")
        mail_server.answer = ""
        olive.get_by_label(f"All {MAILS} that match").check()
        olive.get_by_label("A second").select_option("1000")
        olive.get_by_role("button", name="Redeliver").click()
        expect(olive.locator("#jobs")).to_contain_text(f"{MAILS} of {MAILS} · {MAILS} done", timeout=SOON)
        expect(olive.locator("#groups")).to_contain_text("No dead letters.", timeout=SOON)
        assert MAILS == len(mail_server.mails)

    olive.goto("/ops")
    expect(olive.locator("#health")).to_contain_text("All is well.")
    olive.goto("/ops/live")
    expect(olive.locator("#audit")).to_contain_text("start redeliver")
