"""Pages are in the language that their reader has chosen, or that the browser asks for, in the reader's time zone."""

from __future__ import annotations

import re

import pytest

from foundation.languages import PSEUDO, mirrored
from tests.integration.people.browser import Browser
from tests.integration.people.test_actors import api

TIME = re.compile(r"<time[^>]*>([^<]*:[^<]*)</time>")


@pytest.fixture
def desk(app, bob):
    browser = Browser(app)
    browser.sign_in(bob.email)
    return browser


def read(browser, path, accepted=""):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = accepted
    return browser.get(path)


def test_a_stranger_is_served_as_the_browser_asks(browser):
    assert "<h1>Anmelden</h1>" in (german := read(browser, "/sign-in", "fr, de-CH;q=0.9, en;q=0.5")).text
    assert ("de", True) == (german.headers["Content-Language"], '<html lang="de" dir="ltr">' in german.text)
    assert "<h1>Sign in</h1>" in read(browser, "/sign-in", "fr").text
    assert f"<h1>{mirrored('Sign in')}</h1>" in (arabic := read(browser, "/sign-in", PSEUDO)).text
    assert f'<html lang="{PSEUDO}" dir="rtl">' in arabic.text


def test_a_person_reads_what_the_person_has_chosen_with_the_tables_labels(desk):
    api(desk, "PATCH", "/api/me", {"language": "de"})

    page = read(desk, "/seller/orders", "en")
    assert "<h1>Bestellungen</h1>" in page.text
    assert "In Vorbereitung" in page.text
    assert "Preparing" not in page.text


def test_a_person_chooses_language_and_zone_on_a_page(desk):
    assert '<option value="de">Deutsch</option>' in read(desk, "/settings", "en").text

    saved = desk.post("/settings", language="de", time_zone="Asia/Kolkata", theme="")
    assert (303, "/settings") == (saved.status_code, saved.location)
    page = read(desk, "/settings", "en").text
    assert "Ihre Einstellungen sind gespeichert." in page
    assert '<option value="de" selected>Deutsch</option>' in page
    assert '<option value="Asia/Kolkata" selected>' in page
    me = desk.client.get("/api/me").get_json()["person"]
    assert ("de", "Asia/Kolkata", None) == (me["language"], me["time_zone"], me["theme"])


def test_a_choice_that_there_is_not_is_refused(desk):
    assert 422 == desk.post("/settings", time_zone="Mars/Olympus").status_code
    assert desk.client.get("/api/me").get_json()["person"]["time_zone"] is None


def test_what_was_not_found_is_said_in_the_readers_language(desk):
    api(desk, "PATCH", "/api/me", {"language": "de"})

    page = read(desk, "/seller/orders/17", "en")
    assert (404, True) == (page.status_code, "Diese Bestellung gibt es nicht." in page.text)
    wrong = desk.client.get("/api/orders/17")
    assert "No such order." == wrong.get_json()["detail"], "programs are answered in English"


def test_a_wrong_password_is_refused_in_the_readers_language(browser, bob):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"

    assert "E-Mail-Adresse oder Passwort ist falsch." in browser.sign_in(bob.email, "not this one").text


def test_times_are_those_of_the_persons_zone_and_language(desk, placed):
    assert all(one.endswith(" UTC") for one in TIME.findall(read(desk, f"/seller/orders/{placed['id']}").text))
    api(desk, "PATCH", "/api/me", {"language": "de", "time_zone": "Asia/Kolkata"})

    page = read(desk, f"/seller/orders/{placed['id']}").text
    assert TIME.findall(page)
    assert all(re.fullmatch(r"\d+\. \w+\.?, \d\d:\d\d", one) for one in TIME.findall(page)), TIME.findall(page)
    assert "Zeiten in Asia/Kolkata" in page


def test_what_was_stored_is_worded_again_for_its_reader(desk, cast, placed, outbox):
    cast.alice.move(placed["id"], "CANCELLED", "Zu spät")
    outbox.run_until_idle()
    api(desk, "PATCH", "/api/me", {"language": "de"})

    number, inbox = placed["number"], read(desk, "/inbox").text
    assert f"Die Bestellung #{number} wurde storniert." in inbox
    assert "Zu spät" in inbox
    assert "was cancelled" not in inbox
    assert "Status geändert: Storniert" in read(desk, f"/seller/orders/{placed['id']}").text
    titles = [one["title"] for one in cast.bob.get("/api/notifications").json["notifications"]]
    assert f"Order #{number} was cancelled." in titles, "programs get what was stored"


def test_the_reference_is_in_english_whoever_asks_first(browser):
    for accepted in ("de", "en"):
        page = read(browser, "/docs", accepted)
        assert '<html lang="en" dir="ltr">' in page.text
        assert ("en", True) == (page.headers["Content-Language"], "Skip to content" in page.text)
