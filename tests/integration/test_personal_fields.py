"""Who reads which personal field: the table in docs/access.md, held against every route that may show one."""

from __future__ import annotations

import json
import re

import pytest

from access.principal import Principal
from access.tokens import Tokens
from foundation import connections
from process import onward_of
from tests.cast import Person
from tests.conftest import PROJECT
from tests.integration.conftest import send_through
from tests.integration.visitor import Visitor, press_button

ROLES = ("buyer", "seller", "operator", "auditor", "service")
LINK = "tracking link"

FIELDS = {
    "buyer_name": "Zora Zqname",
    "buyer_email": "zqmail@example.org",
    "delivery": "Zqstreet 1",
    "delivery.phone": "+49 30 5550199",
    "note": "zqnote",
    "metadata": "zqmetadata",
    "tags": "zqtag",
    "reason": "zqreason",
    "messages": "zqmessage",
    "internal notes": "zqinternal",
    "values of edits": "zqformer@example.org",
}
"""What is stored of an order of alice's in each field."""

MASKS = {"buyer_email": "z…@example.org", "delivery.phone": "…99"}

PLACED = {
    "buyer_name": FIELDS["buyer_name"],
    "buyer_email": FIELDS["values of edits"],
    "delivery": {"lines": [FIELDS["delivery"]], "city": "Berlin", "phone": FIELDS["delivery.phone"]},
    "note": FIELDS["note"],
    "metadata": {"key": FIELDS["metadata"]},
    "tags": [FIELDS["tags"]],
}


def table():
    """Each field with what each reader gets of it: yes, masked or no."""
    text = (PROJECT / "docs" / "access.md").read_text()
    section = text.partition("## Who reads which personal field")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    head, _, *rows = rows
    assert head[1:] == [*ROLES, LINK]
    return {row[0].partition(":")[0].replace("`", ""): dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.fixture
def contact(monkeypatch):
    """Connections that a test's application makes must not tell others what it was set to."""
    monkeypatch.setitem(connections.OURS, connections.SELLERS_SEE_CONTACT, "0")


@pytest.fixture
def readers(app, cast, settings):
    """One of each role; alice and bob are the order's own."""
    return {role: _person(role, cast.bob.id, settings, cast.bob.send) for role in ROLES}


def _person(role, id, settings, send):
    return Person(Principal(role, id), Tokens.of(settings).issue(role, id), send)


def tell(cast, outbox):
    """An order with everything in it; returns its id."""
    id = cast.place(**PLACED)["id"]
    edited = cast.shop.request("PATCH", f"/api/orders/{id}", {"buyer_email": FIELDS["buyer_email"]})
    assert edited.status == 200, edited
    assert cast.alice.post(f"/api/orders/{id}/messages", {"body": FIELDS["messages"]}).status == 201
    note = {"body": FIELDS["internal notes"], "kind": "note"}
    assert cast.olive.post(f"/api/orders/{id}/messages", note).status == 201
    assert cast.olive.move(id, "CONFIRMED", FIELDS["reason"]).status == 200
    outbox.run_until_idle()
    return id


def routes(app, reader, id):
    """What this reader gets from each route that shows something of the order, by the route."""
    role, found = reader.principal.role, {}
    channel = f"{role}:{reader.id}" if role in ("buyer", "seller") else "ops"
    for name, reply in {
        "the order": reader.get(f"/api/orders/{id}"),
        "the list": reader.get("/api/orders"),
        "the history": reader.get(f"/api/orders/{id}/history"),
        "the conversation": reader.get(f"/api/orders/{id}/messages"),
        "the inbox": reader.get("/api/notifications"),
        "live events": reader.get(f"/api/events?channels={channel}"),
        "an edit": reader.request("PATCH", f"/api/orders/{id}", {}),
        "a dry run": reader.post(f"/api/orders/{id}/status/dry-run", {"status": "PREPARING"}),
        "a refusal": reader.move(id, "DELIVERED"),
        "a batch": reader.post("/api/orders/status-changes", {"changes": [{"order_id": id, "status": "DELIVERED"}]}),
    }.items():
        found[name] = json.dumps(reply.json, ensure_ascii=False)
    if role not in ("auditor", "service"):
        client = app.test_client()
        press_button(client, role, reader.id)
        for name, path in {"the page": f"/{role}/orders/{id}", "the board": f"/{role}/orders"}.items():
            shown = Visitor(client).get(path)
            assert shown.status_code == 200, name
            found[name] = shown.text
    return found


def seen(text, field):
    """How a text shows a field."""
    if FIELDS[field] in text:
        return "yes"
    return "masked" if field in MASKS and MASKS[field] in text else "no"


def expected(route, role, field):
    """What the table says; an event shows an order as it shows it to the side whose channel it is on."""
    of_channel = route == "live events" and role not in ("buyer", "seller")
    return table()[field]["seller" if of_channel else role]


def test_the_table_names_every_field():
    assert table().keys() == FIELDS.keys()
    assert {cell for row in table().values() for cell in row.values()} <= {"yes", "masked", "no"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_what_the_table_says(app, cast, readers, outbox, role):
    """Through every route: what it may not read, none shows; what it may, one shows at least."""
    id = tell(cast, outbox)

    texts = routes(app, readers[role], id)

    most = {}
    for field in FIELDS:
        shown = {route: seen(text, field) for route, text in texts.items()}
        too_much = {route for route, how in shown.items() if how not in ("no", expected(route, role, field))}
        assert too_much == set(), f"{role} sees {field}"
        most[field] = next((how for how in ("yes", "masked") if how in shown.values()), "no")
    assert most == {field: table()[field][role] for field in FIELDS}


def test_whoever_has_a_tracking_link_reads_what_the_table_says(app, cast, outbox):
    id = tell(cast, outbox)
    url = cast.alice.post(f"/api/orders/{id}/tracking-links", {}).json["url"]

    page = Visitor(app.test_client()).get(re.sub(r"^https?://[^/]+", "", url)).text

    assert {field: seen(page, field) for field in FIELDS} == {field: table()[field][LINK] for field in FIELDS}


def test_sellers_read_contact_where_the_installation_lets_them(app_with, settings, contact, cast, outbox):
    id = tell(cast, outbox)
    app = app_with(sellers_see_contact=True)
    bob = send_through(app, settings).bob

    order = bob.order(id)
    with_all = bob.get("/api/orders").json["orders"][0]

    assert [FIELDS["buyer_email"]] * 2 == [one["buyer_email"] for one in (order, with_all)]
    assert FIELDS["delivery.phone"] == order["delivery"]["phone"]
    assert bob.move(id, "PREPARING").json["buyer_email"] == FIELDS["buyer_email"]
    onward_of(app).engine.wait_until_quiet()


def test_a_seller_replaces_what_is_masked_and_cannot_send_the_mask_back(cast, outbox):
    id = tell(cast, outbox)
    masked = cast.bob.order(id)

    for members in ({"buyer_email": masked["buyer_email"]}, {"delivery": {"phone": masked["delivery"]["phone"]}}):
        assert cast.bob.request("PATCH", f"/api/orders/{id}", members).status == 422
    new = {"buyer_email": "zora@example.org", "delivery": {"phone": "+49 30 1234567"}}
    assert cast.bob.request("PATCH", f"/api/orders/{id}", new).status == 200

    order = cast.alice.order(id)
    assert ("zora@example.org", "+49 30 1234567") == (order["buyer_email"], order["delivery"]["phone"])
    assert ("z…@example.org", "…67") == (
        cast.bob.order(id)["buyer_email"],
        cast.bob.order(id)["delivery"]["phone"],
    )


def test_a_seller_finds_an_address_by_all_of_it_and_by_nothing_less(cast, outbox):
    tell(cast, outbox)

    def found(who, words):
        return len(who.get(f"/api/orders?q={words}").json["orders"])

    assert 1 == found(cast.bob, "zqmail@example.org")
    assert [0, 0, 0] == [found(cast.bob, words) for words in ("zqmail", "zqmail@", "zqmail@example.or")]
    assert 1 == found(cast.olive, "zqmail@example.or")
