"""The forms of an order's page: a parcel with its change, the order's details, parcels afterwards, links."""

from __future__ import annotations

import html
import re

import pytest

from process import onward_of
from tests.integration.visitor import Visitor, press_button

DHL = {"tracking_carrier": "DHL", "tracking_number": "JD01", "tracking_url": "https://dhl.example/JD01"}
ADDRESS = {
    "name": "Alice Archer",
    "lines": "1 High Street\nFlat 2",
    "postcode": "N1",
    "city": "London",
    "country": "gb",
}


@pytest.fixture
def packed(placed, cast, outbox):
    for status in ("CONFIRMED", "PREPARING", "READY"):
        cast.bob.move(placed["id"], status)
    outbox.run_until_idle()
    return cast.bob.order(placed["id"])


def form(order, **fields):
    return {"version": order["version"], "key": f"a-key-of-{order['version']}"} | fields


def page_of(visitor, order):
    return visitor.get(f"/seller/orders/{order['id']}").text


def test_shipping_has_its_parcel_in_sight_and_no_two_buttons_of_one_name(visit, packed, cast):
    page = page_of(visit("bob"), packed)

    next_step = page[page.index('id="next"') : page.index('id="progress"')]
    names = re.findall(r'<button type="submit"[^>]*aria-label="([^"]+)"', next_step)
    assert len(set(names)) == len(names) >= 2
    in_sight = next_step[: next_step.index('class="more"')]
    for field in ("tracking_carrier", "tracking_number", "tracking_url", "tracking_expected_on"):
        assert 1 == in_sight.count(f'name="{field}"') == next_step.count(f'name="{field}"')


def test_an_order_is_shipped_with_its_parcel_in_one_go(visit, packed, cast):
    visit("bob").move(packed, "SHIPPED", tracking_expected_on="2026-12-01", **DHL)

    order = cast.bob.order(packed["id"])
    parcel = {"carrier": "DHL", "number": "JD01", "url": DHL["tracking_url"], "expected_on": "2026-12-01"}
    assert ("SHIPPED", [{"id": "1"} | parcel]) == (order["status"], order["parcels"])


@pytest.mark.parametrize("ticked", [{"notify": "yes"}, {}])
def test_an_operator_chooses_whether_the_buyer_is_notified(visit, packed, cast, ticked):
    olive = visit("olive")
    assert 'name="notify" value="yes" checked' in olive.get(f"/operator/orders/{packed['id']}").text

    olive.move(packed, "SHIPPED", asked="notify", **ticked)

    assert bool(ticked) == cast.bob.get(f"/api/orders/{packed['id']}/history").json["events"][-1]["notify"]


def test_what_is_still_possible_after_a_foreign_change_can_be_done_anyway(visit, placed, cast):
    bob = visit("bob")
    page_of(bob, placed)
    cast.olive.move(placed["id"], "CONFIRMED")

    refused = bob.move(placed, "CANCELLED", reason="Out of stock")
    again = re.search(r'<form class="move anyway".*?</form>', refused.text, re.DOTALL)[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', again))
    done = bob.post(f"/orders/{placed['id']}/status", **fields)

    assert (412, 303) == (refused.status_code, done.status_code)
    assert "Operator changed this order to “Confirmed” before you." in refused.text
    assert ("CANCELLED", 3) == tuple(cast.bob.order(placed["id"])[name] for name in ("status", "version"))


def test_what_is_no_longer_possible_cannot_be_done_anyway(visit, placed, cast):
    bob = visit("bob")
    cast.alice.move(placed["id"], "CANCELLED", "Ordered twice")

    assert 'class="move anyway"' not in bob.move(placed, "CONFIRMED").text


def test_an_edit_changes_what_was_entered_and_nothing_else(visit, placed, cast):
    fields = {"phone": "+44 20 7946 0000", "note": "Rings\r\ntwice", "due": "2027-01-02T03:04", "tags": " gift , red"}

    answer = visit("bob").post(f"/orders/{placed['id']}/edit", **form(placed, **ADDRESS, **fields))

    assert (303, f"/seller/orders/{placed['id']}#buyer") == (answer.status_code, answer.location)
    order = cast.olive.order(placed["id"])
    assert ["1 High Street", "Flat 2"] == order["delivery"]["lines"]
    assert ("GB", "+44 20 7946 0000") == (order["delivery"]["country"], order["delivery"]["phone"])
    assert ("Rings\ntwice", "2027-01-02T03:04:00+00:00", ["gift", "red"]) == tuple(
        order[name] for name in ("note", "due_at", "tags")
    )
    assert ("alice@example.org", 2) == (order["buyer_email"], order["version"]), "its field was empty: it is masked"


def test_a_form_that_is_saved_as_it_stands_makes_no_version_and_keeps_what_is_masked(visit, placed, cast):
    bob, path = visit("bob"), f"/orders/{placed['id']}/edit"
    bob.post(path, **form(placed, **ADDRESS, phone="+44 20 7946 0000", note="a <b>", due="2027-01-02T03:04", tags="x"))
    page = page_of(bob, placed)
    edit = re.search(r'<form class="fields" method="post" action="/orders/\d+/edit".*?</form>', page, re.DOTALL)[0]
    fields = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', edit))
    fields |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)<', edit))

    assert ("", "…00") == (fields["phone"], re.search(r'name="phone"[^>]* placeholder="([^"]*)"', edit)[1])
    assert 303 == bob.post(path, **{name: html.unescape(value) for name, value in fields.items()}).status_code
    order = cast.olive.order(placed["id"])
    assert (2, "+44 20 7946 0000") == (order["version"], order["delivery"]["phone"])


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("email", "not an address", "Enter one plain e-mail address."),
        ("phone", "call me", "Enter a phone number"),
        ("country", "Britain", "Enter the country as two letters"),
        ("due", "tomorrow", "Enter a day and a time."),
        ("tags", "a,a", "Enter up to 20 different tags"),
        ("lines", "\n".join("1234567"), "The address may have up to six lines."),
    ],
)
def test_what_cannot_be_saved_is_said_beside_the_form_and_stays_in_it(visit, placed, cast, field, value, why):
    answer = visit("bob").post(f"/orders/{placed['id']}/edit", **form(placed, **{field: value}))

    assert 422 == answer.status_code
    assert why in answer.text
    assert html.escape(value) in answer.text
    assert 1 == cast.bob.order(placed["id"])["version"]


def test_an_edit_of_an_older_version_is_refused_and_can_be_saved_again(visit, placed, cast):
    bob = visit("bob")
    cast.olive.move(placed["id"], "CONFIRMED")

    answer = bob.post(f"/orders/{placed['id']}/edit", **form(placed, note="Rings twice"))

    assert 412 == answer.status_code
    assert "Operator changed this order before you. Nothing that you entered is lost" in answer.text
    assert ">Rings twice</textarea>" in answer.text
    assert "note" not in cast.bob.order(placed["id"])


def test_the_same_edit_sent_twice_is_made_once(visit, placed, cast):
    bob = visit("bob")

    answers = [bob.post(f"/orders/{placed['id']}/edit", **form(placed, note="Once")).status_code for _ in range(2)]

    assert ([303, 303], 2) == (answers, cast.bob.order(placed["id"])["version"])


def test_parcels_are_added_corrected_and_removed_after_shipping(visit, packed, cast):
    bob = visit("bob")
    bob.move(packed, "SHIPPED", tracking_carrier="DHL", tracking_number="WRONG")

    def send(**fields):
        order = cast.bob.order(packed["id"])
        assert 303 == bob.post(f"/orders/{order['id']}/parcels", **form(order, **fields)).status_code
        return [(one["id"], one["number"]) for one in cast.bob.order(packed["id"]).get("parcels", ())]

    assert [("1", "JD01")] == send(parcel="1", carrier="DHL", number="JD01")
    assert [("1", "JD01"), ("2", "1Z")] == send(carrier="UPS", number="1Z")
    assert [("2", "1Z")] == send(parcel="1", remove="yes")
    assert [] == send(parcel="2", remove="yes")


def test_a_parcel_that_is_gone_is_not_brought_back(visit, placed, cast):
    bob = visit("bob")

    answer = bob.post(f"/orders/{placed['id']}/parcels", **form(placed, parcel="7", carrier="DHL", number="JD01"))

    assert (422, True) == (answer.status_code, "This parcel is no longer there." in answer.text)


def test_a_link_is_shown_once_with_its_qr_code_until_all_are_revoked(visit, placed, app):
    bob = visit("bob")
    answer = bob.post(f"/orders/{placed['id']}/link")
    link = re.search(r'value="[^"]*(/t/[^"]+)"', answer.text)[1]

    assert (200, True) == (answer.status_code, 'class="qr"' in answer.text)
    assert 'class="qr"' not in page_of(bob, placed)
    assert 200 == app.test_client().get(link).status_code
    assert 303 == bob.post(f"/orders/{placed['id']}/link/revoke").status_code
    with app.app_context():
        onward_of(app).access.credentials.tokens.revocations.look()  # as a process does twice a second
    assert 404 == app.test_client().get(link).status_code


def test_an_auditor_reads_everything_and_changes_nothing(app, placed):
    browser = app.test_client()
    press_button(browser, "auditor")
    ada = Visitor(browser)
    page = ada.get(f"/auditor/orders/{placed['id']}").text

    assert "/edit" not in page
    assert "/parcels" not in page
    for form_of in ("edit", "parcels", "resend", "link", "link/revoke"):
        assert 403 == ada.post(f"/orders/{placed['id']}/{form_of}", **form(placed)).status_code


def test_a_pick_list_has_each_article_once_with_the_orders_that_need_it(visit, placed, cast):
    ids = [placed["id"], cast.place()["id"]]
    page = visit("bob").get(f"/seller/print?orders={ids[0]},{ids[1]},{ids[0]}&as=list").text
    rows = re.findall(r'<td class="quantity">(\d+) ×</td><td class="sku" dir="ltr">([A-Z0-9-]+)</td>', page)

    assert [("4", "MUG-1"), ("2", "SPOON")] == rows


@pytest.mark.parametrize("orders", ["", "x", "1,,2", "0", ",".join(["1"] * 101)])
def test_what_names_no_orders_prints_nothing(visit, orders):
    answer = visit("bob").get(f"/seller/print?orders={orders}")

    assert (422, True) == (answer.status_code, "Name the orders to print" in answer.text)


def test_nobody_prints_orders_of_others(visit, placed):
    assert 404 == visit("dave").get(f"/seller/print?orders={placed['id']}").status_code
