"""People with passwords: how they get one, how they get in, and how they are kept out."""

from __future__ import annotations

import time

import pytest

from access import passwords, people, throttle
from foundation.errors import ServiceUnavailable
from tests.rooms.people.browser import OTHER, PASSWORD


def test_somebody_is_added_chooses_a_password_and_signs_in(app, run, browser):
    made = run("people", "add", "--email", "carol@example.org", "--name", "Carol", "--role", "buyer", "--id", "2")
    link = made.output.strip().partition("8000")[2]

    assert "carol@example.org" in browser.get(link).text
    assert 422 == browser.post(link, password="short").status_code
    assert "/sign-in" == browser.post(link, password=PASSWORD).location
    assert 404 == browser.get(link).status_code, "a link is good for one password"
    assert "/inbox" == browser.sign_in("Carol@example.org ", next="/inbox").location
    assert "Carol" in browser.get("/inbox").text
    assert ("buyer", 2) == ((me := browser.client.get("/api/me").get_json())["role"], me["id"])


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("bob@example.org", OTHER),
        ("nobody@example.org", PASSWORD),
        ("", ""),
        ("bob@example.org\x00", "\x00"),
        ("bob", "x" * 9999),
    ],
    ids=["wrong password", "nobody", "nothing", "NUL", "too long"],
)
def test_whoever_is_wrong_is_told_the_same_words(browser, bob, email, password):
    answer = browser.sign_in(email, password)

    assert (401, True) == (answer.status_code, "E-mail address or password is wrong." in answer.text)
    assert 401 == browser.me


def test_somebody_without_a_password_cannot_sign_in(app, browser):
    with app.app_context():
        people.add("new@example.org", "New", "seller", 9)

    assert 401 == browser.sign_in("new@example.org", "").status_code


def test_after_too_many_tries_the_right_password_does_not_help_for_a_while(browser, bob, sql, monkeypatch):
    """Neither here nor in another process: the count is in the database."""
    monkeypatch.setattr(passwords, "verify", lambda known, password: known is not None and password == PASSWORD)
    for _ in range(throttle.TRIES_PER_ACCOUNT):
        assert 401 == browser.sign_in(password=OTHER).status_code

    answer = browser.sign_in()
    assert 429 == answer.status_code
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.WINDOW_SECONDS

    sql("UPDATE sign_in_tries SET since = since - interval '1 hour'")
    assert 303 == browser.sign_in().status_code
    assert [(0,)] == sql("SELECT count FROM sign_in_tries"), "only the address is left, without a failure"


def test_one_address_cannot_try_everybody(browser, bob, sql, monkeypatch):
    monkeypatch.setattr(passwords, "verify", lambda known, password: False)
    browser.sign_in("somebody@example.org")
    sql("UPDATE sign_in_tries SET count = %s", throttle.TRIES_PER_ADDRESS)

    assert 429 == browser.sign_in("somebody.else@example.org").status_code


def test_an_address_is_not_written_down(browser, bob, sql):
    browser.sign_in(password=OTHER)

    assert "bob" not in str(sql("SELECT encode(key, 'escape') FROM sign_in_tries"))


def test_no_form_works_without_its_csrf_token(browser, bob):
    link = onward_link(browser, bob)
    for path, fields in (("/sign-in", {"email": "bob@example.org", "password": PASSWORD}), (link, {"password": OTHER})):
        assert 400 == browser.client.post(path, data=fields).status_code


def onward_link(browser, person):
    return browser.client.application.extensions["onward.links"].address(person).partition("8000")[2]


@pytest.mark.parametrize("link", ["x", "e30.x.y", "%00", "x" * 3000])
def test_a_link_that_we_did_not_make_leads_nowhere(browser, link):
    assert 404 == browser.get(f"/password/{link}").status_code


def test_a_link_is_good_for_a_day(browser, bob, monkeypatch):
    link = onward_link(browser, bob)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + people.LINK_SECONDS + 2)

    assert 404 == browser.get(link).status_code


def test_an_address_belongs_to_one_person(run, bob):
    again = run("people", "add", "--email", "BOB@example.org", "--name", "B", "--role", "seller", "--id", "2")

    assert (1, True) == (again.exit_code, "already" in again.output)


def test_no_more_people_wait_for_their_password_than_there_are_places(monkeypatch):
    while passwords._places.acquire(blocking=False):
        pass
    try:
        with pytest.raises(ServiceUnavailable):
            passwords.verify(None, PASSWORD)
    finally:
        for _ in range(passwords.AT_ONCE + passwords.MOST_WAITING):
            passwords._places.release()
