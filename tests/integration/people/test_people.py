"""Accounts with passwords: how people get one, how they sign in, and how attackers are kept out."""

from __future__ import annotations

import time

import pytest

from access import password_links, passwords, people, throttle
from foundation.errors import ServiceUnavailable
from tests.integration.people.browser import OTHER, PASSWORD, Browser


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


@pytest.mark.parametrize("email", ["carol", "a,carol@example.org", "Carol <carol@example.org>", "a\x01b@example.org"])
def test_nobody_is_added_by_what_is_no_address(run, email):
    refused = run("people", "add", "--email", email, "--name", "Carol", "--role", "buyer", "--id", "2")

    assert 2 == refused.exit_code
    assert "must be one e-mail address" in refused.output


def test_nobody_is_added_by_a_name_of_two_lines(run):
    refused = run("people", "add", "--email", "c@example.org", "--name", "Ca\nrol", "--role", "buyer", "--id", "2")

    assert 2 == refused.exit_code
    assert "--name must be one line" in refused.output


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

    assert (401, True) == (answer.status_code, "Wrong e-mail address or password." in answer.text)
    assert 401 == browser.me


def test_somebody_without_a_password_cannot_sign_in(app, browser):
    with app.app_context():
        people.add("new@example.org", "New", "seller", 9)

    assert 401 == browser.sign_in("new@example.org", "").status_code


@pytest.fixture
def quick(monkeypatch):
    """Passwords are compared at once: here they are tried a hundred times."""
    monkeypatch.setattr(passwords, "matches", lambda known, password: known is not None and password == PASSWORD)


def wear_out(browser, tries=throttle.TRIES):
    assert {401} == {browser.sign_in(password=OTHER).status_code for _ in range(tries)}


def test_after_too_many_tries_the_right_password_does_not_help_for_a_while(browser, bob, sql, quick):
    """Neither here nor in another process: the count is in the database."""
    wear_out(browser)

    answer = browser.sign_in()
    assert 429 == answer.status_code
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.WINDOW_SECONDS

    sql("UPDATE sign_in_attempts SET since = since - interval '1 hour'")
    assert 303 == browser.sign_in().status_code
    assert {(0,)} == set(sql("SELECT count FROM sign_in_attempts")), "no failure is left"


def test_a_stranger_does_not_lock_out_whom_he_is_not(app, browser, bob, quick):
    """Bob comes from another address."""
    wear_out(Browser(app, "192.0.2.66"))

    assert 303 == browser.sign_in().status_code


def test_strangers_do_not_lock_out_a_device_that_is_known(app, browser, bob, sql, quick):
    """Though so many tried that nobody else gets in, also from bob's own address."""
    browser.sign_in()
    browser.sign_out()
    sql("UPDATE sign_in_attempts SET count = 1000")

    assert [429, 303] == [Browser(app).sign_in().status_code, browser.sign_in().status_code]


def test_a_known_device_has_its_own_tries(app, browser, bob, quick):
    """Whoever has found it cannot try for ever, and costs bob nothing elsewhere."""
    browser.sign_in()
    browser.sign_out()
    wear_out(browser)

    assert [429, 303] == [browser.sign_in().status_code, Browser(app).sign_in().status_code]


def test_a_device_is_known_to_the_account_that_was_signed_in_to(app, browser, bob, sql, quick):
    browser.sign_in()
    browser.sign_out()
    sql("UPDATE sign_in_attempts SET count = 1000")

    assert 429 == browser.sign_in("carol@example.org").status_code
    cookie = browser.client.get_cookie("onward_device", path="/sign-in")
    assert (True, "Strict", "/sign-in") == (cookie.http_only, cookie.same_site, cookie.path)
    assert "bob" not in cookie.value


@pytest.mark.parametrize("cookie", ["", "x", "é", "W10.x.y", "x" * 4000])
def test_a_device_cookie_that_we_did_not_make_is_none(browser, bob, sql, quick, cookie):
    wear_out(browser)
    browser.client.set_cookie("onward_device", cookie, path="/sign-in")

    assert 429 == browser.sign_in().status_code


def test_an_account_is_not_tried_from_everywhere(app, bob, quick):
    """However many addresses somebody has."""
    for number in range(throttle.TRIES_PER_ACCOUNT // throttle.TRIES):
        wear_out(Browser(app, f"192.0.2.{number}"))

    assert 429 == Browser(app, "192.0.2.99").sign_in().status_code


def test_the_addresses_of_one_network_are_one(app, bob, quick):
    for number in range(throttle.TRIES):
        wear_out(Browser(app, f"2001:db8:1:2:{number}::1"), 1)

    assert 429 == Browser(app, "2001:db8:1:2:ffff::1").sign_in().status_code
    assert 303 == Browser(app, "2001:db8:1:3::1").sign_in().status_code


def test_one_address_cannot_try_everybody(browser, bob, sql, quick):
    """Nor fill the table with what it tries."""
    browser.sign_in("somebody@example.org")
    sql("UPDATE sign_in_attempts SET count = %s", throttle.TRIES_PER_ADDRESS)
    before = sql("SELECT count(*) FROM sign_in_attempts")

    assert 429 == browser.sign_in("somebody.else@example.org").status_code
    assert before == sql("SELECT count(*) FROM sign_in_attempts")


def test_tries_of_long_ago_are_not_kept(browser, bob, sql, quick):
    sql("INSERT INTO sign_in_attempts SELECT int4send(n), 1, now() - interval '1 hour' FROM generate_series(1, 99) n")
    browser.sign_in(password=OTHER)

    assert [(3,)] == sql("SELECT count(*) FROM sign_in_attempts"), "one of the address, two of the account"


def test_an_address_is_not_written_down(browser, bob, sql):
    browser.sign_in(password=OTHER)

    assert "bob" not in str(sql("SELECT encode(key, 'escape') FROM sign_in_attempts"))


def test_no_form_works_without_its_csrf_token(browser, bob):
    link = onward_link(browser, bob)
    for path, fields in (("/sign-in", {"email": "bob@example.org", "password": PASSWORD}), (link, {"password": OTHER})):
        assert 400 == browser.client.post(path, data=fields).status_code


def onward_link(browser, person):
    return browser.client.application.extensions["onward"].access.password_links.address(person).partition("8000")[2]


@pytest.mark.parametrize("link", ["x", "e30.x.y", "%00", "x" * 3000])
def test_a_link_that_we_did_not_make_leads_nowhere(browser, link):
    assert 404 == browser.get(f"/password/{link}").status_code


def test_a_link_is_good_for_a_day(browser, bob, monkeypatch):
    link = onward_link(browser, bob)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + password_links.LINK_SECONDS + 2)

    assert 404 == browser.get(link).status_code


def test_an_address_belongs_to_one_person(run, bob):
    again = run("people", "add", "--email", "BOB@example.org", "--name", "B", "--role", "seller", "--id", "2")

    assert (1, True) == (again.exit_code, "already" in again.output)


def test_no_more_people_wait_for_their_password_than_there_are_places(monkeypatch):
    while passwords._places.acquire(blocking=False):
        pass
    try:
        with pytest.raises(ServiceUnavailable):
            passwords.matches(None, PASSWORD)
    finally:
        for _ in range(passwords.AT_ONCE + passwords.MOST_WAITING):
            passwords._places.release()


def test_a_command_says_what_it_did(run, cast, bob):
    """Or why it did nothing: in one line, with a status that is not 0."""
    nobody, email = "No account with the e-mail address x@example.org.", "bob@example.org"

    def said(*words):
        answer = run("people", *words)
        return answer.exit_code, answer.output.strip()

    out = f"{email} (seller 1) is disabled, and is signed out within a second."
    assert (0, out) == said("disable", "Bob@example.org")
    assert (1, f"Error: {email} is disabled.") == said("disable", email) == said("reset", email)
    assert (0, f"{email} is enabled.") == said("enable", email)
    assert (1, f"Error: {email} is not disabled.") == said("enable", email)
    assert {(1, f"Error: {nobody}")} == {said(word, "x@example.org") for word in ("disable", "enable", "reset")}


def test_what_an_operator_who_leaves_has_made_is_named(app, run, cast):
    """Keys are for other systems, which go on: whoever disables a person decides about each."""
    with app.app_context():
        people.add("olive@example.org", "Olive", "operator", 1)
    made = cast.olive.post("/api/ops/keys", {"name": "k", "id": 1, "scopes": ["orders:read"]}).json["id"]

    assert (
        f"Keys created by operator 1 are still valid: {made}." in run("people", "disable", "olive@example.org").output
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("revoke", "--role", "seller", "--id", "7"), "Every credential of seller 7 issued until now is refused"),
        (("revoke", "--token-id", "abc"), "The token abc is refused within a second."),
        (("side-effects", "pause", "mail-server"), "mail-server is paused; its side effects wait until it is resumed"),
        (("side-effects", "mode", "default"), "All effects: as SIDE_EFFECTS_MODE says"),
    ],
    ids=" ".join,
)
def test_no_command_is_silent(run, words, said):
    assert (0, True) == ((answer := run(*words)).exit_code, said in answer.output)


def test_a_key_that_is_revoked_takes_its_own_along_and_says_so(run, cast):
    body = {"name": "k", "role": "operator", "id": 1, "scopes": ["ops:write"]}
    made = cast.olive.post("/api/ops/keys", body).json
    cast.olive.request("POST", "/api/ops/keys", body, Authorization=f"Bearer {made['key']}")

    said = f"Key {made['id']} is refused within a second, and 1 created with it."
    assert said == run("keys", "revoke", str(made["id"])).output.strip()
