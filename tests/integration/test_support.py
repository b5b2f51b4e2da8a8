"""Support finds any order by whatever is known of it, reads why somebody was not notified, and acts with a reason."""

from __future__ import annotations

import re

import pytest

from tests.integration.visitor import Visitor, press_button

SHIPPED = {"carrier": "DHL", "number": "00340434161094042557"}


@pytest.fixture
def olive_at(visit):
    return visit("olive")


@pytest.fixture
def otto_at(app, empty):
    """An auditor at a browser."""
    client = app.test_client()
    press_button(client, "auditor")
    visitor = Visitor(client)
    visitor.get("/inbox")
    return visitor


@pytest.fixture
def shipped(cast, bob, outbox):
    order = cast.place(number="S-77", buyer_name="Alícia Archer")
    for status in ("CONFIRMED", "PREPARING"):
        bob.move(order["id"], status)
    bob.move(order["id"], "SHIPPED", tracking=SHIPPED, X_Request_ID="bobs-request:17")
    outbox.run_until_idle()
    return order


@pytest.mark.parametrize(
    "known", ["S-77", "#S-77", "alice@example.org", "alicia", SHIPPED["number"], "bobs-request:17", " S-77 "]
)
def test_an_order_is_found_by_whatever_is_known_of_it(olive_at, shipped, known):
    found = olive_at._client.get("/support", query_string={"q": known})

    assert (303, f"/support/orders/{shipped['id']}") == (found.status_code, found.location)


def test_several_are_listed_with_their_shops_and_nothing_is_found_in_words(olive_at, cast, shipped, sql):
    cast.place(number="S-78", seller_id=2)
    sql("INSERT INTO sellers (id, name) VALUES (2, 'Mugs & Spoons')")
    page = olive_at.get("/support?q=alice@example.org").text

    assert "#S-77" in page
    assert "#S-78" in page
    assert "Mugs &amp; Spoons" in page
    assert "Shop 1" in page
    assert "No order is known by this." in olive_at.get("/support?q=nothing-at-all").text
    assert 200 == olive_at.get("/support?q=%00%20").status_code


def test_the_page_of_an_order_says_who_was_not_notified_and_why(olive_at, shipped, olive, sql):
    page = olive_at.get(f"/support/orders/{shipped['id']}").text
    tree = olive.get(f"/api/orders/{shipped['id']}/explain").json["tree"]

    for node in tree["children"]:
        assert node["reason"] in page.replace("&#39;", "'")
    created = sql("SELECT min(id) FROM order_events WHERE order_id = %s", shipped["id"])[0][0]
    older = olive_at.get(f"/support/orders/{shipped['id']}?event={created}").text
    assert "The workflow table does not name this way for this kind." in older
    assert 404 == olive_at.get(f"/support/orders/{shipped['id']}?event=999999").status_code


def test_support_acts_with_a_reason_that_is_recorded(olive_at, shipped, olive):
    page = olive_at.get(f"/support/orders/{shipped['id']}").text
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    path = f"/support/orders/{shipped['id']}/status"
    form = {"to": "DELIVERED", "version": version, "key": "a-key-of-the-page"}

    refused = olive_at.post(path, **form)
    assert (422, True) == (refused.status_code, "Give a reason." in refused.text)
    assert 412 == olive_at.post(path, **(form | {"version": "1", "reason": "late"})).status_code
    endless = "9" * 5000  # digits that int() refuses with a ValueError
    assert 412 == olive_at.post(path, **(form | {"version": endless, "reason": "late"})).status_code
    assert 422 == olive_at.post(path, **(form | {"to": "LUNCH", "reason": "hungry"})).status_code
    assert 303 == olive_at.post(path, **(form | {"reason": "The buyer has phoned."})).status_code

    event = olive.get(f"/api/orders/{shipped['id']}/history").json["events"][-1]
    assert ("DELIVERED", "The buyer has phoned.", "operator") == (
        event["to_status"],
        event["reason"],
        event["actor"]["role"],
    )


def test_a_buyers_data_are_exported_and_erased_once_the_number_is_typed(olive_at, shipped, olive):
    path = f"/support/orders/{shipped['id']}"
    exported = olive_at._client.get(f"{path}/export")
    assert "attachment" in exported.headers["Content-Disposition"]
    assert "S-77" == exported.get_json()["orders"][0]["number"]

    olive_at.get(path)
    wrong = olive_at.post(f"{path}/erase", number="S-78", reason="asked")
    assert (422, "alice@example.org") == (wrong.status_code, olive.order(shipped["id"])["buyer_email"])
    assert 303 == olive_at.post(f"{path}/erase", number="S-77", reason="asked").status_code
    assert "buyer_email" not in olive.order(shipped["id"])
    (action,) = olive.get("/api/ops/side-effects/actions").json["actions"]
    assert ("erase", "buyer 1", "asked") == (action["action"], action["target"], action["reason"])


def test_an_auditor_sees_it_all_and_every_action_is_hidden_and_refused(otto_at, shipped):
    page = otto_at.get(f"/support/orders/{shipped['id']}").text

    assert "Who was notified, and who was not" in page
    assert re.findall(r'action="(/support/orders[^"]+)"', page) == []
    assert "/export" not in page
    path = f"/support/orders/{shipped['id']}"
    assert 403 == otto_at.post(f"{path}/status", to="DELIVERED", version="4", reason="no").status_code
    assert 403 == otto_at.post(f"{path}/erase", number="S-77", reason="no").status_code
    assert 403 == otto_at.get(f"{path}/export").status_code
