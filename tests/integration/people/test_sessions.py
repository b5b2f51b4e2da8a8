"""Sessions of people: what they consist of, and when somebody has to sign in again."""

from __future__ import annotations

import time

import pytest

from access import people
from foundation import clock
from process import onward_of
from tests.integration.people.browser import OTHER, PASSWORD, Browser


def test_a_new_password_ends_every_session_and_every_stream(app, browser, bob):
    browser.sign_in()
    assert 200 == browser.me

    with app.app_context():
        people.set_password(people.by_email("bob@example.org"), OTHER)
    onward_of(app).access.refresher.look()

    assert 401 == browser.me
    credential = bob.principal.credential
    assert {credential} == onward_of(app).access.credentials.rights_lost({"seller:1", credential})
    assert 303 == browser.sign_in(password=OTHER).status_code


def test_somebody_who_is_disabled_is_out_at_once_and_stays_out(app, run, browser, bob):
    browser.sign_in()
    assert 200 == browser.me

    assert 0 == run("people", "disable", "bob@example.org", "--reason", "left").exit_code
    onward_of(app).access.refresher.look()

    assert 401 == browser.me
    assert 401 == browser.sign_in().status_code
    assert "disabled" in run("people", "list").output
    assert 1 == run("people", "reset", "bob@example.org").exit_code
    assert 0 == run("people", "enable", "bob@example.org").exit_code
    assert 303 == browser.sign_in().status_code


def test_somebody_with_another_role_has_to_sign_in_again(app, run, browser, bob):
    """Nothing goes on with the rights of before: neither requests nor streams."""
    browser.sign_in()
    stream = f"{bob.principal.credential}.a-browser"

    said = run("people", "change", "bob@example.org", "--role", "auditor", "--id", "7").output
    onward_of(app).access.refresher.look()

    assert "bob@example.org is auditor 7 now, and has to sign in again." in said
    assert 401 == browser.me
    assert {stream} == onward_of(app).access.credentials.rights_lost({stream})
    assert 303 == browser.sign_in().status_code
    assert ("auditor", 7) == ((me := browser.client.get("/api/me").get_json())["role"], me["id"])
    assert 1 == run("people", "change", "x@example.org", "--role", "auditor", "--id", "7").exit_code


def test_all_that_a_principal_was_given_can_be_taken_back_with_the_sessions(app, browser, bob, sql):
    browser.sign_in()
    sql("INSERT INTO revocations (subject, actor, reason, at) VALUES ('seller:1', '', '', now() + interval '2 s')")
    onward_of(app).access.refresher.look()
    try:
        assert 401 == browser.me
    finally:
        onward_of(app).access.credentials.tokens.revocations._at.pop("seller:1")


@pytest.mark.parametrize(
    ("idle", "hours", "steps"), [(10, 100, (5, 5, 11)), (10, 1, (9,) * 6 + (7,))], ids=["idle", "old"]
)
def test_a_session_ends(app_with, bob, monkeypatch, idle, hours, steps):
    """When nobody was there for a while, and after a time in any case."""
    browser = Browser(app_with(session_idle_minutes=idle, session_hours=hours))
    browser.sign_in()
    now = time.time()

    seen = []
    for minutes in steps:
        now += minutes * 60
        monkeypatch.setattr(clock, "unix_seconds", lambda now=now: now)
        seen.append(browser.me)

    assert [*[200] * (len(steps) - 1), 401] == seen


def test_a_stream_that_comes_back_is_no_sign_of_somebody(app_with, bob, monkeypatch):
    browser = Browser(app_with(session_idle_minutes=10))
    browser.sign_in()
    start = time.time()
    for minutes, status in ((6, 200), (11, 401)):
        monkeypatch.setattr(clock, "unix_seconds", lambda minutes=minutes: start + minutes * 60)
        answer = browser.client.get("/api/stream", headers={"Accept": "text/event-stream"})
        assert status == answer.status_code


def copy_of(browser, app):
    """Another browser with the same cookie, as a thief or another tab has it."""
    copy = Browser(app)
    copy.client.set_cookie("onward_session", browser.client.get_cookie("onward_session").value)
    return copy


@pytest.mark.parametrize("by", ["password", "button"])
def test_signing_out_ends_the_session_wherever_its_cookie_is(app, browser, bob, by):
    """And nobody else's: the same person goes on in another browser."""
    fields = {"email": "bob@example.org", "password": PASSWORD} if by == "password" else {"person": "bob"}
    elsewhere = Browser(app)
    for each in (browser, elsewhere):
        assert 303 == each.post("/sign-in", **fields).status_code
    copy = copy_of(browser, app)
    assert [200, 200] == [copy.me, elsewhere.me]

    assert 303 == browser.sign_out().status_code
    onward_of(app).access.refresher.look()

    assert [401, 200] == [copy.me, elsewhere.me]


def test_signing_out_ends_the_streams_and_the_tickets_of_that_session(app, browser, bob, sql):
    browser.sign_in()
    browser.get("/inbox")
    ticket = browser.client.post("/api/stream-tickets", headers={"X-CSRFToken": browser.token}).get_json()["ticket"]
    (credential,) = sql("SELECT credential FROM stream_tickets")[0]

    browser.sign_out()
    onward_of(app).access.refresher.look()

    others = {"seller:1", bob.principal.credential, f"{bob.principal.credential}.another"}
    assert {credential} == onward_of(app).access.credentials.rights_lost({credential} | others)
    assert 401 == app.test_client().get("/api/stream", query_string={"ticket": ticket}).status_code


def test_the_streams_of_all_sessions_end_with_their_person(app, run, browser, bob):
    credential = f"{bob.principal.credential}.a-browser"
    run("people", "disable", "bob@example.org")
    onward_of(app).access.refresher.look()

    assert {credential} == onward_of(app).access.credentials.rights_lost(
        {credential, "seller:1", "session:another.a-browser"}
    )


def test_who_signs_out_costs_nobody_else_a_look_at_the_database(app, cast, browser, bob):
    credentials = onward_of(app).access.credentials
    cast.alice.get("/api/me")
    browser.sign_in()

    browser.sign_out()
    onward_of(app).access.refresher.look()

    assert credentials.remembered(cast.alice.token)


def test_a_session_is_a_new_one_after_signing_in(browser, bob):
    """A cookie that somebody else has planted is worth nothing."""
    browser.get("/sign-in")
    before = browser.client.get_cookie("onward_session").value
    browser.sign_in()
    cookie = browser.client.get_cookie("onward_session")

    assert before != cookie.value
    assert (True, "Lax", False) == (cookie.http_only, cookie.same_site, cookie.secure)


SECURE = {"public_url": "https://orders.example.org"}


@pytest.mark.parametrize(
    ("changes", "secure"),
    [
        ({"cookie_secure": True}, True),
        (SECURE, True),
        (SECURE | {"cookie_secure": False}, False),
        ({"public_url": "http://orders.example.org"}, False),
    ],
    ids=str,
)
def test_cookies_travel_only_over_https_where_people_come_by_it(app_with, bob, changes, secure):
    """Unless a setting says otherwise; the cookie that a device is known by, too."""
    browser = Browser(app_with(**changes))
    browser.client.environ_base["wsgi.url_scheme"] = "https"
    browser.client.environ_base["HTTP_REFERER"] = "https://localhost/sign-in"
    browser.sign_in()

    cookies = [browser.client.get_cookie("onward_session"), browser.client.get_cookie("onward_device", path="/sign-in")]
    assert [secure, secure] == [cookie.secure for cookie in cookies]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        (SECURE, "max-age=31536000"),
        (SECURE | {"hsts_seconds": 60}, "max-age=60"),
        (SECURE | {"hsts_seconds": 0}, None),
    ],
    ids=str,
)
def test_browsers_are_told_to_keep_to_https_where_they_come_by_it(app_with, changes, told):
    client = app_with(**changes).test_client()

    assert {told} == {
        client.get(path).headers.get("Strict-Transport-Security") for path in ("/sign-in", "/", "/api/me")
    }


def test_a_session_key_is_no_bearer_token(app, browser, bob):
    browser.sign_in()
    for text in (bob.session_key, f"\n{bob.session_key}"):
        headers = [("Authorization", f"Bearer {text}".replace("\n", " "))]
        assert 401 == app.test_client().get("/api/me", headers=headers).status_code
