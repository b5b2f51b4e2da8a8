"""Who acted: two people of one seller, and a key, are told apart everywhere, and only their own side reads it."""

from __future__ import annotations

import orjson
import pytest

from access import api_keys, people
from access.api_keys import NewKey
from orders.signals import order_status_changed
from tests.cast import Person, new_order
from tests.conftest import PROJECT
from tests.integration.people.browser import Browser
from tests.integration.test_events import read_all

PLAIN = {"role": "seller", "id": 1}
HEARD = []


def hear(event, **_):
    HEARD.append(event)


@pytest.fixture
def bea(app, bob, sql):
    """She works for the same seller as bob."""
    with app.app_context():
        person = people.add("bea@example.org", "Bea Berg", "seller", 1)
    sql("UPDATE people SET password = (SELECT password FROM people WHERE id = %s) WHERE id = %s", bob.id, person.id)
    return person


@pytest.fixture
def desks(app, bob, bea):
    """The browsers of bob and bea."""
    found = {}
    for one in (bob, bea):
        found[one.id] = browser = Browser(app)
        browser.sign_in(one.email)
    return found[bob.id], found[bea.id]


@pytest.fixture
def erp(app, cast):
    """The seller's own system."""
    with app.app_context():
        key = NewKey("ERP", "seller", 1, ("orders:read", "orders:write", "chat:read", "chat:write"))
        id, text = api_keys.create(key, "a test")
    return id, Person(cast.bob.principal, text, cast.bob.send)


def move(desk, order, to, **fields):
    desk.get("/inbox")
    form = {"to": to, "version": str(order["version"]), "csrf_token": desk.token} | fields
    return desk.client.post(f"/orders/{order['id']}/status", data=form, headers={"Accept": "text/html"})


def api(desk, method, path, body, **headers):
    desk.get("/inbox")
    return desk.client.open(path, method=method, json=body, headers={"X-CSRFToken": desk.token} | headers)


def actors(reader, order):
    return [event["actor"] for event in reader.get(f"/api/orders/{order['id']}/history").json["events"]]


def named(person, former=False):
    return PLAIN | {"person": {"id": person.id, "name": person.name, "former": former}}


def test_two_people_of_one_shop_are_told_apart(desks, bob, bea, cast, placed):
    at_bobs, at_beas = desks
    move(at_bobs, placed, "CONFIRMED")
    move(at_beas, placed | {"version": 2}, "PREPARING")

    assert [named(bob), named(bea)] == actors(cast.bob, placed)[1:]
    page = at_beas.get(f"/seller/orders/{placed['id']}").text
    assert ["You", "Bob Baker"] == names_in(page)[:2]
    assert ["Bea Berg", "You"] == names_in(at_bobs.get(f"/seller/orders/{placed['id']}").text)[:2]


def test_what_a_colleague_did_raises_nothing_in_the_inbox_of_their_shop(desks, cast, placed, outbox):
    at_bobs, at_beas = desks
    before = api(at_beas, "GET", "/api/notifications", None).get_json()["unread_count"]
    move(at_bobs, placed, "CONFIRMED")
    outbox.run_until_idle()

    assert before == api(at_beas, "GET", "/api/notifications", None).get_json()["unread_count"]
    assert 1 == cast.alice.get("/api/notifications").json["unread_count"]


def names_in(page):
    """Who acted, as the page's history says, newest first."""
    return [one.partition("<")[0] for one in page.partition('id="history"')[2].split('class="who">')[1:]]


def test_only_their_own_side_and_operators_read_who_it_was(desks, bob, erp, cast, placed):
    move(desks[0], placed, "CONFIRMED")
    erp[1].move(placed["id"], "PREPARING")

    by_key = PLAIN | {"api_key": {"id": erp[0], "name": "ERP"}}
    for reader in (cast.bob, cast.olive, cast.shop):
        assert [named(bob), by_key] == actors(reader, placed)[1:]
    assert [PLAIN, PLAIN] == actors(cast.alice, placed)[1:]


def test_a_live_event_names_the_person_to_the_own_side_only(desks, bob, cast, placed, outbox):
    move(desks[0], placed, "CONFIRMED")
    api(desks[0], "POST", f"/api/orders/{placed['id']}/messages", {"body": "Hello"})
    outbox.run_until_idle()

    for reader, seen in ((cast.bob, named(bob)), (cast.alice, PLAIN)):
        events, _ = read_all(reader)
        assert seen in [one["data"]["event"]["actor"] for one in events if one["type"] == "order.status_changed"]
        assert seen in [one["data"]["message"]["author"] for one in events if one["type"] == "message.created"]


def test_a_conflict_names_the_colleague_who_was_faster(desks, bea, cast, placed):
    at_bobs, at_beas = desks
    move(at_beas, placed, "CONFIRMED")

    path, tag = f"/api/orders/{placed['id']}/status", {"If-Match": '"1"'}
    answer = api(at_bobs, "PATCH", path, {"status": "CONFIRMED"}, **tag)
    assert (412, named(bea)) == (answer.status_code, answer.get_json()["changed"]["actor"])
    assert "Bea Berg changed this order" in move(at_bobs, placed, "CONFIRMED").text
    assert "Bea Berg changed this order" in move(at_bobs, placed, "CONFIRMED", **{"from": "board"}).text
    assert PLAIN == cast.alice.move(placed["id"], "CANCELLED", "late", If_Match='"1"').json["changed"]["actor"]


def test_a_conversation_names_its_people(desks, bob, bea, cast, placed):
    at_bobs, at_beas = desks
    path = f"/api/orders/{placed['id']}/messages"
    sent = api(at_bobs, "POST", path, {"body": "Ready tomorrow"}).get_json()
    api(at_beas, "POST", path, {"body": "Today, even"})

    assert named(bob) == sent["author"]
    assert [named(bob), named(bea)] == [one["author"] for one in cast.bob.get(path).json["messages"]]
    assert [PLAIN, PLAIN] == [one["author"] for one in cast.alice.get(path).json["messages"]]
    shown = at_beas.get(f"/seller/orders/{placed['id']}").text.partition('id="messages"')[2]
    assert ["Bob Baker", "You"] == [one.partition("<")[0] for one in shown.split('class="who">')[1:3]]


def test_who_has_left_is_a_former_member_and_who_was_erased_has_no_name(app, desks, bob, bea, cast, placed, sql):
    at_bobs, at_beas = desks
    move(at_beas, placed, "CONFIRMED")
    sql("UPDATE people SET disabled_at = now() WHERE id = %s", bea.id)

    assert named(bea, former=True) == actors(cast.bob, placed)[1]
    assert "Bea Berg (former member)" in at_bobs.get(f"/seller/orders/{placed['id']}").text

    sql("DELETE FROM people WHERE id = %s", bea.id)
    assert PLAIN | {"person": {"id": bea.id, "name": None, "former": True}} == actors(cast.bob, placed)[1]
    page = at_bobs.get(f"/seller/orders/{placed['id']}").text
    assert "Former member" in page
    assert "Bea" not in page


def test_a_person_who_sells_for_somebody_else_now_was_a_member_then(desks, bea, cast, placed, sql):
    move(desks[1], placed, "CONFIRMED")
    sql("UPDATE people SET principal_id = 2 WHERE id = %s", bea.id)

    assert named(bea, former=True) == actors(cast.bob, placed)[1]


def test_a_key_belongs_to_the_account_so_a_colleagues_repetition_is_answered_as_the_first(desks, bob, cast, placed):
    path, key = f"/api/orders/{placed['id']}/status", {"Idempotency-Key": "a-key"}
    first, again = (api(desk, "PATCH", path, {"status": "CONFIRMED"}, **key) for desk in desks)

    assert (200, first.get_json()) == (again.status_code, again.get_json())
    assert [named(bob)] == actors(cast.bob, placed)[1:]


def test_a_batch_a_creation_and_receivers_say_by_what(erp, app, cast, outbox):
    with app.app_context():
        id, key = api_keys.create(NewKey("Shop system", "service", 1, ("orders:write",)), "a test")
    order = Person(cast.shop.principal, key, cast.shop.send).post("/api/orders", new_order(1, 1)).json
    with order_status_changed.connected_to(hear):
        erp[1].post("/api/orders/status-changes", {"changes": [{"order_id": order["id"], "status": "CONFIRMED"}]})
        outbox.run_until_idle()

    created, changed = actors(cast.olive, order)
    assert {"role": "service", "id": 1, "api_key": {"id": id, "name": "Shop system"}} == created
    assert PLAIN | {"api_key": {"id": erp[0], "name": "ERP"}} == changed
    assert [f"key:{erp[0]}"] == [event.actor_via for event in HEARD if event.order_id == order["id"]][-1:]


def test_an_import_says_by_which_key_unless_a_line_names_another(app, cast):
    with app.app_context():
        id, key = api_keys.create(NewKey("Old shop", "service", 1, ("orders:read", "orders:write")), "a test")
    ours, theirs = {"status": "PENDING", "at": "2026-11-20T09:00:00Z"}, {"role": "seller", "id": 1}
    past = [ours, {"status": "CONFIRMED", "at": "2026-11-20T10:00:00Z", "actor": theirs}]
    order = new_order(1, 1) | {"external_id": "old-1", "history": past}
    answer = app.test_client().post(
        "/api/orders/import",
        data=orjson.dumps(order),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
    )

    created, changed = actors(cast.olive, {"id": orjson.loads(answer.text.splitlines()[0])["id"]})
    assert {"role": "service", "id": 1, "api_key": {"id": id, "name": "Old shop"}} == created
    assert theirs == changed


def test_every_statement_that_writes_history_says_who_acted():
    """History is append-only: what a statement leaves out is lost."""
    files = [path for path in (PROJECT / "orders").rglob("*") if path.suffix in (".py", ".sql")]
    inserts = [part for path in files for part in path.read_text().split("INSERT INTO order_events")[1:]]

    assert len(inserts) >= 3
    assert [] == [part[:200] for part in inserts if "actor_via" not in part.partition(")")[0]]


def test_a_key_that_is_remembered_is_known_on_the_fast_path(erp, onward, cast, placed):
    erp[1].get("/api/orders")

    assert f"key:{erp[0]}" == onward.orders.fast_path._known(f"Bearer {erp[1].token}").via


def test_the_demos_buttons_and_plain_tokens_are_what_they_are(visit, cast, placed):
    bob = visit("bob")
    bob.move(placed, "CONFIRMED")
    cast.bob.move(placed["id"], "PREPARING")

    assert [PLAIN | {"demo": True}, PLAIN] == actors(cast.olive, placed)[1:]
    assert ["Your shop", "You"] == names_in(bob.get(f"/seller/orders/{placed['id']}").text)[:2]


def test_a_followed_link_names_nobody(app, cast, placed, sql, hashed):
    with app.app_context():
        alice = people.add("alice@example.org", "Alice Secret", "buyer", cast.alice.id)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, alice.id)
    browser = Browser(app)
    browser.sign_in("alice@example.org")
    move(browser, placed, "CANCELLED", reason="late")
    link = cast.alice.post(f"/api/orders/{placed['id']}/tracking-links", {}).json["url"].partition("8000")[2]

    assert "You" in names_in(browser.get(f"/buyer/orders/{placed['id']}").text)
    followed = Browser(app).get(link)
    assert (200, False) == (followed.status_code, "Secret" in followed.text)


def test_the_audit_trail_names_the_operator_who_acted(app, cast, sql, hashed):
    with app.app_context():
        olive = people.add("olive@example.org", "Olive Ojala", "operator", 1)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, olive.id)
    browser = Browser(app)
    browser.sign_in("olive@example.org")
    body = {"mode": "sequential", "kind": "*"}
    assert 200 == api(browser, "POST", "/api/ops/side-effects/mode", body).status_code
    cast.olive.post("/api/ops/side-effects/mode", body | {"mode": "default"})

    token, signed_in = cast.olive.get("/api/ops/side-effects/actions").json["actions"]
    assert (None, "operator 1") == (token["by"], token["actor"])
    assert {"id": olive.id, "name": "Olive Ojala", "former": False} == signed_in["by"]["person"]
