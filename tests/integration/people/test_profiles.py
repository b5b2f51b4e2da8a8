"""Profiles: what people choose for themselves, how a shop shows itself, and whose people are whose."""

from __future__ import annotations

import pytest

from access import api_keys, people
from access.api_keys import NewKey
from access.profile_schemas import PIXEL, SHOP
from process import onward_of
from tests.cast import Person
from tests.integration.people.browser import Browser
from tests.integration.people.test_actors import actors, api, move
from tests.integration.test_events import read_all


@pytest.fixture
def desk(app, bob):
    browser = Browser(app)
    browser.sign_in(bob.email)
    return browser


@pytest.fixture(autouse=True)
def _nothing_stays_revoked(app):
    yield
    onward_of(app).access.credentials.tokens.revocations._at.clear()


def test_a_person_chooses_language_zone_and_theme(desk, bob):
    chosen = {"language": "de", "time_zone": "Asia/Kolkata", "theme": "dark"}
    changed = api(desk, "PATCH", "/api/me", chosen).get_json()

    assert chosen | {"id": bob.id, "email": bob.email, "name": bob.name} == changed["person"]
    assert changed == desk.client.get("/api/me").get_json()
    assert {**chosen, "theme": None} == {
        name: api(desk, "PATCH", "/api/me", {"theme": None}).get_json()["person"][name] for name in chosen
    }


def test_a_new_name_and_theme_are_on_the_next_page(desk):
    api(desk, "PATCH", "/api/me", {"name": "Robert", "theme": "dark", "time_zone": "Asia/Kolkata"})

    page = desk.get("/seller/orders").text
    assert 'aria-hidden="true">Robert</span>' in page
    assert '<html lang="en" dir="ltr" data-theme="dark">' in page
    assert "Asia/Kolkata" in page


def test_a_persons_language_comes_before_the_browsers(desk):
    api(desk, "PATCH", "/api/me", {"language": "de-AT"})

    answer = desk.client.get("/api/workflow", headers={"Accept-Language": "en"})
    assert "de" == answer.headers["Content-Language"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": " "},
        {"name": "Bo\nb"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"language": "german please"},
        {"theme": "pink"},
        {"email": "x@example.org"},
    ],
    ids=str,
)
def test_a_profile_holds_only_what_it_is_for(desk, wrong):
    assert 422 == api(desk, "PATCH", "/api/me", wrong).status_code


def test_a_profile_is_changed_once_with_a_key_which_is_the_persons_own(desk, app, bob, sql):
    with app.app_context():
        bea = people.add("bea@example.org", "Bea", "seller", 1)
    sql("UPDATE people SET password = (SELECT password FROM people WHERE id = %s) WHERE id = %s", bob.id, bea.id)
    at_beas = Browser(app)
    at_beas.sign_in(bea.email)

    key = {"Idempotency-Key": "a-key"}
    first, again, beas = (api(one, "PATCH", "/api/me", {"theme": "dark"}, **key) for one in (desk, desk, at_beas))
    assert (200, first.get_json()) == (again.status_code, again.get_json())
    assert (422, "idempotency_mismatch") == (beas.status_code, beas.get_json()["code"])


def test_a_token_and_a_key_say_what_they_are_and_have_no_profile(app, cast):
    with app.app_context():
        id, text = api_keys.create(NewKey("ERP", "seller", 1, ("orders:read",)), "a test")
    key = Person(cast.bob.principal, text, cast.bob.send)

    assert (None, None) == ((me := cast.bob.get("/api/me").json)["person"], me["api_key"])
    assert {"id": id, "name": "ERP"} == key.get("/api/me").json["api_key"]
    refused = cast.bob.request("PATCH", "/api/me", {"theme": "dark"})
    assert (403, True) == (refused.status, "has a profile" in refused.json["detail"])


def test_an_auditor_has_a_profile_too(app, sql, hashed):
    with app.app_context():
        otto = people.add("otto@example.org", "Otto", "auditor", 1)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, otto.id)
    browser = Browser(app)
    browser.sign_in(otto.email)

    assert 200 == api(browser, "PATCH", "/api/me", {"theme": "light"}).status_code


def test_a_shop_shows_itself_to_its_buyers(cast, placed):
    assert 404 == cast.alice.get("/api/sellers/1").status
    written = cast.bob.request("PUT", "/api/sellers/1", SHOP)

    assert (200, '"1"') == (written.status, written.headers["ETag"])
    seen = cast.alice.get("/api/sellers/1")
    assert SHOP | {"reply_to": None} == {name: seen.json[name] for name in SHOP}
    for reader in (cast.bob, cast.olive, cast.shop):
        assert SHOP["reply_to"] == reader.get("/api/sellers/1").json["reply_to"]
    assert cast.mallory.get("/api/sellers/1").json["reply_to"] is None


def test_pages_call_a_shop_by_its_name(visit, cast, placed):
    cast.bob.move(placed["id"], "CONFIRMED")
    cast.bob.request("PUT", "/api/sellers/1", {"name": "Mugs & more"})
    link = cast.alice.post(f"/api/orders/{placed['id']}/tracking-links", {}).json["url"].partition("8000")[2]

    assert "Messages with Mugs &amp; more" in visit("alice").get(f"/buyer/orders/{placed['id']}").text
    assert "Mugs &amp; more (1)" in visit("olive").get(f"/operator/orders/{placed['id']}").text
    assert "Mugs &amp; more" in visit("alice").get(link).text


def test_only_the_seller_and_operators_write_a_profile_and_only_as_last_read(cast):
    def put(who, name, **headers):
        return who.request("PUT", "/api/sellers/1", {"name": name}, **headers).status

    assert [403, 403] == [put(who, "x") for who in (cast.mallory, cast.alice)]
    assert 412 == put(cast.bob, "none yet", If_Match="*")
    assert [200, 200] == [put(cast.bob, "first"), put(cast.olive, "second", If_Match='"1"')]
    assert 412 == put(cast.bob, "late", If_Match='"1"')
    assert 200 == put(cast.bob, "third", If_Match='W/"2"')
    assert 422 == put(cast.bob, "x", If_Match=",")
    assert ("third", 3) == ((shop := cast.bob.get("/api/sellers/1").json)["name"], shop["version"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": "A", "logo": "https://tracker.example/pixel.png"},
        {"name": "A", "logo": "data:image/svg+xml;base64,PHN2Zz4="},
        {"name": "A", "logo": PIXEL.replace("png", "jpeg")},
        {"name": "A", "logo": "data:image/png;base64,iVBORw0KGgo"},
        {"name": "A", "logo": PIXEL[:-4] + "A" * 44_000},
        {"name": "A", "colour": "red"},
        {"name": "A", "reply_to": "Bob <bob@example.org>"},
        {"name": "A", "reply_to": "a@example.org,b@example.org"},
        {"name": "A", "hours": "Mon\nTue"},
        {"name": "A", "password": "x"},
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_shops_profile_holds_only_what_it_is_for(cast, wrong):
    assert 422 == cast.bob.request("PUT", "/api/sellers/1", wrong).status


def test_an_operator_adds_somebody_who_chooses_a_password(app, cast, browser):
    made = cast.olive.post("/api/ops/people", {"email": "Bea@Example.org", "name": "Bea", "role": "seller", "id": 1})

    assert 201 == made.status
    assert "bea@example.org" in browser.get(made.json["link"].partition("8000")[2]).text
    assert (
        422
        == cast.olive.post(
            "/api/ops/people", {"email": "bea@example.org", "name": "B", "role": "seller", "id": 2}
        ).status
    )
    listed = cast.olive.get("/api/ops/people?role=seller&id=1").json["people"]
    assert [("bea@example.org", False)] == [(one["email"], one["has_password"]) for one in listed]
    assert [] == cast.olive.get("/api/ops/people?role=seller&id=2").json["people"]


def test_whoever_is_disabled_is_signed_out_and_comes_back_when_enabled(app, cast, desk, bob):
    disabled = cast.olive.post("/api/ops/people/disable", {"id": bob.id, "reason": "left"}, Idempotency_Key="k")
    onward_of(app).access.refresher.look()

    assert (200, 401) == (disabled.status, desk.me)
    assert (
        disabled.json
        == cast.olive.post("/api/ops/people/disable", {"id": bob.id, "reason": "left"}, Idempotency_Key="k").json
    )
    assert 404 == cast.olive.post("/api/ops/people/disable", {"id": bob.id, "reason": "left"}).status
    assert 200 == cast.olive.post("/api/ops/people/enable", {"id": bob.id}).status
    assert 303 == desk.sign_in(bob.email).status_code
    assert 200 == cast.olive.post("/api/ops/people/revoke", {"id": bob.id, "reason": "a stolen laptop"}).status
    onward_of(app).access.refresher.look()
    assert 401 == desk.me
    done = [one["action"] for one in cast.olive.get("/api/ops/side-effects/actions").json["actions"]]
    assert ["revoke sessions", "enable person", "disable person"] == done


def test_a_shop_reads_who_its_people_are(cast, bob):
    listed = cast.bob.get("/api/sellers/1/people")

    assert [(bob.id, bob.email)] == [(one["id"], one["email"]) for one in listed.json["people"]]
    assert listed.json == cast.olive.get("/api/sellers/1/people").json
    assert [403, 403] == [who.get("/api/sellers/1/people").status for who in (cast.mallory, cast.alice)]


def test_a_key_gives_nobody_an_account_and_ends_no_operators(app, cast, sql):
    with app.app_context():
        _, text = api_keys.create(NewKey("leaked", "operator", 1, ("ops:read", "ops:write")), "a test")
        olive = people.add("olive@example.org", "Olive", "operator", 1)
    key = Person(cast.olive.principal, text, cast.olive.send)

    zoe = {"email": "zoe@example.org", "name": "Zoe", "role": "operator", "id": 1}
    assert 403 == key.post("/api/ops/people", zoe).status
    assert 403 == key.post("/api/ops/people/enable", {"id": olive.id}).status
    for what in ("disable", "revoke", "delete"):
        assert 403 == key.post(f"/api/ops/people/{what}", {"id": olive.id, "reason": "mine now"}).status
    assert [("Olive", None)] == sql("SELECT name, disabled_at FROM people")


def test_a_deleted_account_leaves_no_name_anywhere(cast, desk, bob, placed, outbox, sql, run, form):
    move(desk, placed, "CONFIRMED")
    path, key = f"/api/orders/{placed['id']}/messages", {"Idempotency-Key": "a-key"}
    assert 201 == api(desk, "POST", path, {"body": "Hello"}, **key).status_code
    outbox.run_until_idle()
    before = read_all(cast.alice)[0]
    assert "Bob Baker" in everything(sql)

    assert 200 == cast.olive.post("/api/ops/people/delete", {"id": bob.id, "reason": "asked"}).status

    assert "Bob Baker" not in everything(sql)
    assert "bob@example.org" not in everything(sql)
    assert {"id": bob.id, "name": None, "former": True} == actors(cast.bob, placed)[1]["person"]
    assert 2 == sum(bob.id == (who(event).get("person") or {}).get("id") for event in read_all(cast.bob)[0])
    assert before == read_all(cast.alice)[0]
    assert 1 == run("people", "delete", "bob@example.org", "--reason", "again", "--yes").exit_code


def test_a_buyer_who_is_erased_has_no_name_in_live_events_either(app, cast, placed, outbox, sql, hashed, form):
    with app.app_context():
        alice = people.add("alice@example.org", "Alicia Secret", "buyer", cast.alice.id)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, alice.id)
    browser = Browser(app)
    browser.sign_in(alice.email)
    move(browser, placed, "CANCELLED", reason="late")
    api(browser, "POST", f"/api/orders/{placed['id']}/messages", {"body": "Sorry"})
    outbox.run_until_idle()
    assert 2 == str([event["data"] for event in read_all(cast.alice)[0]]).count("Alicia Secret")

    cast.olive.post("/api/ops/personal-data/erase", {"buyer_id": cast.alice.id, "reason": "asked"})

    assert "Alicia Secret" not in everything(sql)
    assert {"id": alice.id, "name": None, "former": True} == actors(cast.olive, placed)[1]["person"]


def who(event):
    return event["data"].get("event", {}).get("actor") or event["data"].get("message", {}).get("author") or {}


def everything(sql):
    tables = sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    return " ".join(str(sql(f"SELECT row_to_json(t) FROM {name} t")) for (name,) in tables)
