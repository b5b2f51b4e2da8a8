"""People with passwords: how they get in, how they are kept out, and when they have to come in again."""

from __future__ import annotations

import re
import time

import pytest

from access import passwords, people, throttle
from app import init_commands, onward_of
from foundation import clock
from foundation.errors import ServiceUnavailable

PASSWORD, OTHER = "correct horse battery", "another horse battery"


@pytest.fixture
def run(app, empty):
    """`flask …`, in this process."""
    if "people" not in app.cli.commands:
        init_commands(app)
    return lambda *words: app.test_cli_runner().invoke(args=words)


@pytest.fixture(scope="module")
def hashed():
    return passwords.hashed(PASSWORD)


@pytest.fixture
def bob(app, empty, sql, hashed):
    """Bob, who sells as seller 1 and has a password."""
    with app.app_context():
        person = people.add("Bob@Example.org", "Bob Baker", "seller", 1)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, person.id)
    return person


class Browser:
    """A browser without scripts."""

    def __init__(self, app):
        self.client, self.token = app.test_client(), ""

    def get(self, path):
        return self._seen(self.client.get(path, headers={"Accept": "text/html"}))

    def post(self, path, **fields):
        self.get(path)
        form = {"csrf_token": self.token} | fields
        return self._seen(self.client.post(path, data=form, headers={"Accept": "text/html"}))

    def sign_in(self, email="bob@example.org", password=PASSWORD, **more):
        return self.post("/sign-in", email=email, password=password, **more)

    @property
    def me(self):
        return self.client.get("/api/me").status_code

    def _seen(self, answer):
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.token = found[1]
        return answer


@pytest.fixture
def browser(app, empty):
    return Browser(app)


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


def test_a_new_password_ends_every_session_and_every_stream(app, browser, bob):
    browser.sign_in()
    assert 200 == browser.me

    with app.app_context():
        people.set_password(people.by_email("bob@example.org"), OTHER)
    onward_of(app).watch.look()

    assert 401 == browser.me
    proof = bob.principal.proof
    assert {proof} == onward_of(app).watch.proofs.rights_lost({"seller:1", proof})
    assert 303 == browser.sign_in(password=OTHER).status_code


def test_somebody_who_is_disabled_is_out_at_once_and_stays_out(app, run, browser, bob):
    browser.sign_in()
    assert 200 == browser.me

    assert 0 == run("people", "disable", "bob@example.org", "--reason", "left").exit_code
    onward_of(app).watch.look()

    assert 401 == browser.me
    assert 401 == browser.sign_in().status_code
    assert "disabled" in run("people", "list").output
    assert 1 == run("people", "reset", "bob@example.org").exit_code
    assert 0 == run("people", "enable", "bob@example.org").exit_code
    assert 303 == browser.sign_in().status_code


def test_all_that_a_principal_was_given_can_be_taken_back_with_the_sessions(app, browser, bob, sql):
    browser.sign_in()
    sql("INSERT INTO revocations (subject, actor, reason, at) VALUES ('seller:1', '', '', now() + interval '2 s')")
    onward_of(app).watch.look()
    try:
        assert 401 == browser.me
    finally:
        onward_of(app).watch.proofs.tokens.revocations._at.pop("seller:1")


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


def test_a_session_is_a_new_one_after_signing_in(browser, bob):
    """A cookie that somebody else has planted is worth nothing."""
    browser.get("/sign-in")
    before = browser.client.get_cookie("onward_session").value
    browser.sign_in()
    cookie = browser.client.get_cookie("onward_session")

    assert before != cookie.value
    assert (True, "Lax", False) == (cookie.http_only, cookie.same_site, cookie.secure)


def test_a_cookie_travels_only_over_https_where_that_is_set(app_with, bob):
    browser = Browser(app_with(cookie_secure=True))
    browser.client.get("/sign-in", base_url="https://localhost")

    assert browser.client.get_cookie("onward_session").secure


def test_a_session_key_is_no_bearer_token(app, browser, bob):
    browser.sign_in()
    for text in (bob.session_key, f"\n{bob.session_key}"):
        headers = [("Authorization", f"Bearer {text}".replace("\n", " "))]
        assert 401 == app.test_client().get("/api/me", headers=headers).status_code


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
