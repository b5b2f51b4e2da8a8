"""Editing an order: what it has beside its status, by whom, and what is told of it."""

from __future__ import annotations

import gevent
import orjson
import pytest

from orders.effects import timer
from orders.workflow_file import DEFAULT
from process import onward_of
from tests.integration.conftest import send_through

AT_ONCE = 2
"""Fewer than the application has connections for in tests."""

ADDRESS = {"name": "Alice Archer", "lines": ["1 High Street"], "city": "London", "postcode": "N1", "country": "GB"}
DHL = {"carrier": "DHL", "number": "JD01", "url": "https://dhl.example/JD01", "expected_on": "2026-12-01"}
UPS = {"carrier": "UPS", "number": "1Z", "url": None, "expected_on": None}
DETAILS = {
    "external_id": "shop-7",
    "parcels": [{"id": "a", **DHL}, UPS],
    "delivery": ADDRESS | {"phone": "+44 20 7946 0000"},
    "note": "Rings twice.\nHas a dog.",
    "due_at": "2020-01-02T03:04:05Z",
    "metadata": {"cart": {"id": 9007199254740991, "share": 0.1}},
    "tags": ["present", "fragile"],
}
SHOWN = {
    "external_id": "shop-7",
    "parcels": [{"id": "a", **DHL}, {"id": "1", **UPS}],
    "tracking": DHL,
    "buyer_email": "alice@example.org",
    "delivery": DETAILS["delivery"],
    "note": DETAILS["note"],
    "due_at": "2020-01-02T03:04:05+00:00",
    "late": True,
    "metadata": DETAILS["metadata"],
    "tags": DETAILS["tags"],
}


@pytest.fixture
def edit(placed):
    """Edit alice's order."""

    def edit(person, body, **headers):
        return person.request("PATCH", f"/api/orders/{placed['id']}", body, **headers)

    return edit


def history(person, order_id):
    return person.get(f"/api/orders/{order_id}/history").json["events"]


def seen(order):
    return {name: order[name] for name in SHOWN if name in order}


def test_an_order_has_what_it_was_created_with(cast, olive):
    order = cast.place(**DETAILS)

    assert SHOWN == seen(order)
    assert SHOWN == seen(olive.order(order["id"]))
    assert order == cast.shop.order(order["id"])


def test_an_order_without_details_does_not_mention_them(placed, olive):
    assert {"tracking": None, "buyer_email": "alice@example.org"} == seen(olive.order(placed["id"]))


def test_each_role_reads_its_own_members(cast, alice, bob, outbox, sql):
    order = cast.place(**DETAILS)
    outbox.run_until_idle()
    of_seller = SHOWN | {"buyer_email": "a…@example.org", "delivery": ADDRESS | {"phone": "…00"}}
    of_buyer = {name: SHOWN[name] for name in ("external_id", "parcels", "tracking", "buyer_email", "delivery")}

    for person, expected in ((bob, of_seller), (alice, of_buyer)):
        assert expected == seen(person.order(order["id"]))
        assert expected == seen(person.get("/api/orders").json["orders"][0])
        channel = f"{person.principal.role}:{person.id}"
        ((data,),) = sql("SELECT data FROM live_events WHERE channel = %s AND type = 'order.created'", channel)
        assert expected == seen(orjson.loads(data)["order"])
    assert of_seller == seen(bob.move(order["id"], "CONFIRMED").json)
    assert of_buyer == seen(alice.move(order["id"], "CANCELLED", "Too late").json)


@pytest.mark.usefixtures("mode")
def test_an_edit_is_a_version_in_the_history_and_live_on_both_channels(edit, alice, bob, placed, outbox, sql):
    reply = edit(bob, {"note": "Rings twice.", "tracking": DHL}, If_Match='"1"')
    outbox.run_until_idle()

    assert (200, 2, "Rings twice.", DHL, '"2"') == (
        reply.status,
        reply.json["version"],
        reply.json["note"],
        reply.json["tracking"],
        reply.headers["ETag"],
    )
    created, updated = history(bob, placed["id"])
    assert (None, ["note", "parcels"]) == (created["changed"], updated["changed"])
    assert ("order.updated", "PENDING", "PENDING", {"role": "seller", "id": bob.id}) == tuple(
        updated[name] for name in ("type", "from_status", "to_status", "actor")
    )
    assert {"realtime.seller", "realtime.buyer", "signal.order_status_changed"} == {
        one["effect"] for one in updated["effects"] if one["status"] == "succeeded"
    }
    assert [] == outbox.rows
    told = dict(sql("SELECT channel, data FROM live_events WHERE type = 'order.updated'"))
    assert {f"seller:{bob.id}", f"buyer:{alice.id}"} == set(told)
    of_seller, of_buyer = (orjson.loads(told[f"{side}:1"]) for side in ("seller", "buyer"))
    assert reply.json == of_seller["order"]
    assert ("note" in of_buyer["order"], DHL) == (False, of_buyer["order"]["tracking"])
    assert ["note", "parcels"] == of_buyer["event"]["changed"]


def test_the_history_never_has_the_values(edit, placed, olive, sql):
    edit(olive, {"buyer_email": "alice@new.example", "delivery": ADDRESS})

    assert "new.example" not in str(history(olive, placed["id"]))
    assert [("{buyer_email,delivery}",)] == sql("SELECT changed::text FROM order_events WHERE version = 2")
    ((before, after),) = sql("SELECT before, after FROM order_edits")
    assert {"buyer_email": "alice@example.org", "delivery": None} == before
    assert {"buyer_email": "alice@new.example", "delivery": ADDRESS} == after


@pytest.mark.parametrize(
    ("first", "then", "parcels"),
    [
        ({"tracking": DHL}, {"tracking": UPS}, [{"id": "1", **UPS}]),
        ({"parcels": [DHL, {"id": "b", **UPS}]}, {"tracking": UPS}, [{"id": "1", **UPS}]),
        ({"tracking": DHL}, {"parcels": [DHL, UPS]}, [{"id": "1", **DHL}, {"id": "2", **UPS}]),
        ({"parcels": [{"id": "1", **DHL}, UPS]}, {"parcels": [{"id": "2", **UPS}]}, [{"id": "2", **UPS}]),
        ({"parcels": [DHL, UPS]}, {"tracking": None}, None),
        ({"tracking": DHL}, {"parcels": []}, None),
        ({"tracking": DHL}, {"parcels": None}, None),
    ],
    ids=str,
)
def test_parcels_are_set_one_by_one_or_all_together(edit, bob, first, then, parcels):
    edit(bob, first)
    order = edit(bob, then).json

    assert parcels == order.get("parcels")
    assert ({name: parcels[0][name] for name in DHL} if parcels else None) == order["tracking"]


def test_tracking_with_a_later_status_replaces_the_parcels(edit, bob, placed):
    edit(bob, {"parcels": [DHL, UPS]})
    for status in ("CONFIRMED", "PREPARING"):
        bob.move(placed["id"], status)
    order = bob.move(placed["id"], "SHIPPED", tracking=UPS).json

    assert ([{"id": "1", **UPS}], UPS) == (order["parcels"], order["tracking"])


def test_null_removes_a_member_and_objects_are_changed_member_by_member(edit, olive):
    edit(olive, DETAILS)
    order = edit(
        olive,
        {
            "delivery": {"postcode": "N19 3TU", "phone": None},
            "metadata": {"cart": None, "aisle": 3},
            "note": None,
            "due_at": None,
            "tags": [],
            "external_id": None,
        },
    ).json

    assert (ADDRESS | {"postcode": "N19 3TU"}, {"aisle": 3}) == (order["delivery"], order["metadata"])
    assert not {"note", "due_at", "late", "tags", "external_id"} & order.keys()
    assert not {"delivery", "metadata"} & edit(olive, {"delivery": None, "metadata": {"aisle": None}}).json.keys()


def test_an_edit_that_changes_nothing_makes_no_version(edit, olive, sql):
    edit(olive, DETAILS)
    again = edit(olive, DETAILS, If_Match='"2"', Idempotency_Key="again")

    assert (200, 2, '"2"') == (again.status, again.json["version"], again.headers["ETag"])
    assert [(2,)] == sql("SELECT count(*) FROM order_events")
    assert 1 == sql("SELECT count(*) FROM order_edits")[0][0]


def test_an_edit_of_an_earlier_version_is_refused_with_the_order_as_it_is(edit, bob, olive):
    edit(olive, {"note": "First."})
    reply = edit(bob, {"note": "Second."}, If_Match='"1"')

    assert (412, "stale_version") == (reply.status, reply.json["code"])
    assert ("First.", ["note"]) == (reply.json["current"]["note"], reply.json["changed"]["changed"])


def test_a_repeated_edit_is_made_once_and_answered_the_same(edit, bob, olive, sql):
    first = edit(bob, {"note": "Mine.", "tags": None}, Idempotency_Key="k", If_Match='"1"')
    edit(olive, {"note": "Hers."})
    again = edit(bob, {"note": "Mine.", "tags": None}, Idempotency_Key="k", If_Match='"1"')

    assert (first.status, first.json, first.headers["ETag"]) == (again.status, again.json, again.headers["ETag"])
    assert 422 == edit(bob, {"note": None}, Idempotency_Key="k").status
    assert [(3,)] == sql("SELECT version FROM orders")


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("alice", {"delivery": ADDRESS, "buyer_name": "Alice B", "buyer_email": "a@b.example"}, 200),
        ("alice", {"note": "x"}, 403),
        ("alice", {"tracking": DHL}, 403),
        ("alice", {"due_at": None}, 403),
        ("bob", {"note": "x", "tags": ["a"], "due_at": "2027-01-01", "buyer_email": "a@b.example"}, 200),
        ("bob", {"metadata": {}}, 403),
        ("bob", {"external_id": "mine"}, 403),
        ("olive", {"metadata": {"a": 1}, "external_id": "mine"}, 200),
        ("shop", {"metadata": {"a": 1}, "external_id": "mine", "buyer_name": "Alice B"}, 200),
        ("mallory", {"note": "x"}, 404),
    ],
    ids=str,
)
def test_each_role_edits_its_own_members(edit, request, who, body, status, sql):
    assert status == edit(request.getfixturevalue(who), body).status
    assert [(2 if status == 200 else 1,)] == sql("SELECT version FROM orders")


@pytest.mark.parametrize("moves", [("CONFIRMED", "PREPARING", "SHIPPED"), ("CANCELLED",)])
def test_a_buyer_mends_the_address_until_the_order_was_shipped(edit, alice, olive, placed, moves):
    assert 200 == edit(alice, {"delivery": ADDRESS}).status
    for status in moves:
        olive.move(placed["id"], status, "Asked for")
    reply = edit(alice, {"delivery": {"postcode": "N2"}})

    assert (409, "not_editable", moves[-1]) == (reply.status, reply.json["code"], reply.json["current"]["status"])


@pytest.mark.parametrize(
    "body",
    [
        {"status": "CONFIRMED"},
        {"buyer_name": None},
        {"buyer_email": None},
        {"buyer_email": "a@b.example,c@d.example"},
        {"tracking": DHL, "parcels": [UPS]},
        {"tracking": DHL | {"id": "x"}},
        {"tracking": {"carrier": "DHL"}},
        {"tracking": DHL | {"url": "javascript:alert(1)"}},
        {"parcels": [{"id": "a", **DHL}, {"id": "a", **UPS}]},
        {"parcels": [DHL] * 51},
        {"delivery": {"street": "1 High Street"}},
        {"delivery": {"country": "Britain"}},
        {"delivery": {"phone": "•••• 12"}},
        {"delivery": {"city": "Lon\ndon"}},
        {"delivery": {"lines": []}},
        {"note": "x" * 2001},
        {"due_at": "soon"},
        {"due_at": 1767225600},
        {"metadata": {"a": "x" * 4096}},
        {"metadata": {"a": 2**53}},
        {"metadata": {"a": [1e300]}},
        {"metadata": [1]},
        {"external_id": " "},
        {"tags": ["a", "a"]},
        {"tags": ["a,b"]},
        {"tags": [""]},
        {"tags": [str(number) for number in range(21)]},
    ],
    ids=lambda body: str(body)[:60],
)
def test_an_edit_that_makes_no_sense_is_refused(edit, olive, body, sql):
    reply = edit(olive, body)

    assert 422 == reply.status
    assert next(reversed(body)) == reply.json["errors"][0]["field"].split(".")[0]
    assert [(1,)] == sql("SELECT version FROM orders")


def test_what_is_no_json_number_is_refused(edit, olive, sql):
    assert edit(olive, b'{"metadata": {"a": NaN}}').status in (400, 422)
    assert edit(olive, b'{"metadata": {"a": 1e999}}').status in (400, 422)
    assert [(1,)] == sql("SELECT version FROM orders")


def test_metadata_does_not_outgrow_its_limit_edit_by_edit(edit, olive):
    assert 200 == edit(olive, {"metadata": {"a": "x" * 4000}}).status
    reply = edit(olive, {"metadata": {"b": "x" * 200}})

    assert (422, "metadata") == (reply.status, reply.json["errors"][0]["field"])


def test_an_external_id_is_one_orders(cast, edit, olive, shop):
    other = cast.place(external_id="shop-1")

    for reply in (
        edit(olive, {"external_id": "shop-1"}),
        shop.post("/api/orders", {**_again(other), "external_id": "shop-1"}),
        edit(olive, {"external_id": "shop-1"}, Idempotency_Key="a-key"),
    ):
        assert (409, "duplicate_external_id") == (reply.status, reply.json["code"])
    assert 200 == edit(olive, {"external_id": "shop-2"}).status


def _again(order):
    names = ("seller_id", "buyer_id", "currency", "buyer_name", "buyer_email", "items")
    return {name: order[name] for name in names}


def test_an_order_that_was_edited_is_still_the_one_that_its_key_created(cast, shop, olive, outbox):
    body = {**_again(cast.place()), **DETAILS, "external_id": "once"}
    first = shop.post("/api/orders", body, Idempotency_Key="order-1")
    order_id = first.json["id"]
    changes = {"buyer_name": "Alice B", "metadata": {"cart": None}, "tags": ["late"], "tracking": UPS, "note": None}
    olive.request("PATCH", f"/api/orders/{order_id}", changes)
    olive.request("PATCH", f"/api/orders/{order_id}", {"buyer_name": "Alice C", "delivery": None})
    again = shop.post("/api/orders", body, Idempotency_Key="order-1")

    assert (201, first.json) == (again.status, again.json)
    assert 422 == shop.post("/api/orders", body | {"note": "Another."}, Idempotency_Key="order-1").status


def test_a_status_change_that_is_repeated_after_an_edit_is_answered_the_same(edit, placed, bob, outbox):
    edit(bob, {"note": "One.", "tracking": DHL})
    first = bob.move(placed["id"], "CONFIRMED", Idempotency_Key="once")
    edit(bob, {"note": "Two.", "tracking": UPS, "tags": ["x"]})
    again = bob.move(placed["id"], "CONFIRMED", Idempotency_Key="once")

    assert (200, first.json) == (again.status, again.json)


def test_an_edit_leaves_the_timer_of_the_status(cast, edit, bob, placed, outbox, sql):
    """A timer fires at the version that set it, and found another one."""
    for status in ("CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED"):
        bob.move(placed["id"], status)
    edit(bob, {"note": "Before the batch that sets the timer."})
    outbox.run_until_idle()
    edit(bob, {"note": "While it waits."})
    outbox.run_until_idle()
    assert [("pending",)] == sql("SELECT status FROM side_effects WHERE kind = %s", timer.KIND)

    outbox.try_again()
    assert "COMPLETED" == bob.order(placed["id"])["status"]


def test_an_edit_does_not_make_a_dead_letter_out_of_date(edit, placed, olive, outbox, sql):
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status)
        SELECT 'signal.order_status_changed', 'x', 'order', id, order_id, 'dead' FROM order_events"""
    )
    edit(olive, {"note": "x"})

    (row,) = olive.get("/api/ops/side-effects?status=dead").json["side_effects"]
    assert not row["moved_on"]


def test_what_was_edited_is_exported_and_erased(app, edit, cast, placed, olive, outbox, sql):
    """The values stand beside the history, where they can be erased."""
    edit(
        olive, {name: value for name, value in DETAILS.items() if name != "parcels"} | {"buyer_email": "a@new.example"}
    )
    outbox.run_until_idle()
    edit(cast.alice, {"delivery": {"lines": ["9 Secret Road"]}}, Idempotency_Key="kept")
    outbox.run_until_idle()
    secrets = ("a@new.example", "9 Secret Road", "Rings twice", "1 High Street", "fragile")
    exported = str(olive.get(f"/api/ops/personal-data?buyer_id={cast.alice.id}").json)
    assert [] == [one for one in (*secrets, "alice@example.org") if one not in exported]

    erased = olive.post("/api/ops/personal-data/erase", {"buyer_id": cast.alice.id, "reason": "asked"})
    assert 200 == erased.status
    tables = ("orders", "order_events", "order_edits", "realtime_packs", "realtime_events", "idempotency_keys")
    left = " ".join(str(sql(f"SELECT row_to_json(t) FROM {table} t")) for table in tables)
    assert [] == [one for one in (*secrets, "alice@example.org") if one in left]
    assert [["delivery"]] == [event["changed"] for event in history(olive, placed["id"])][2:]
    for body in ({"buyer_email": "a@b.example"}, {"delivery": ADDRESS}, {"buyer_name": "Alice"}):
        reply = edit(olive, body)
        assert (409, "buyer_erased") == (reply.status, reply.json["code"])
    assert 200 == edit(olive, {"tags": ["done"]}).status
    onward_of(app).access.credentials.tokens.revocations._at.clear()


def test_entering_a_status_with_due_says_when_the_order_is_late(settings, empty, tmp_path, app_with, sql):
    """By the database's clock, and not where somebody said when."""
    table = tmp_path / "workflow.toml"
    marked = DEFAULT.read_text().replace("[statuses.CONFIRMED]", '[statuses.CONFIRMED]\ndue = "2 days"')
    table.write_text(marked.replace("[statuses.PENDING]", '[statuses.PENDING]\ndue = "1 hour"'))
    cast = send_through(app_with(order_workflow=table), settings)
    plain, fixed = cast.place(), cast.place(due_at="2030-01-01T00:00:00Z")
    hours = "SELECT extract(epoch FROM due_at - updated_at)::int / 3600.0 FROM orders WHERE id = %s"
    assert [(1,)] == sql(hours, plain["id"])
    for order in (plain, fixed):
        cast.bob.move(order["id"], "CONFIRMED")
    assert [(48,)] == sql(hours, plain["id"])
    assert "2030-01-01T00:00:00+00:00" == cast.bob.order(fixed["id"])["due_at"]

    assert not cast.bob.order(plain["id"])["late"]
    sql("UPDATE orders SET due_at = clock_timestamp() WHERE id = %s", plain["id"])
    assert cast.bob.order(plain["id"])["late"]
    for status in ("PREPARING", "SHIPPED"):
        seen = [cast.bob.move(order["id"], status).json.get("due_at") for order in (plain, fixed)]
        assert [None, "2030-01-01T00:00:00+00:00" if status == "PREPARING" else None] == seen
    assert {"due_seconds": 172800}.items() <= cast.bob.get("/api/workflow").json["statuses"][1].items()


def test_edits_and_a_move_at_once_lose_nothing(edit, bob, olive, placed, outbox, sql):
    asked = [gevent.spawn(edit, olive, {"metadata": {f"m{number}": number}}) for number in range(AT_ONCE)]
    asked.append(gevent.spawn(bob.move, placed["id"], "CONFIRMED"))
    gevent.joinall(asked, raise_error=True, timeout=30)

    assert {200} == {one.value.status for one in asked}
    order = olive.order(placed["id"])
    assert (2 + AT_ONCE, "CONFIRMED", AT_ONCE) == (
        order["version"],
        order["status"],
        len(order["metadata"]),
    )
    assert [(version,) for version in range(1, 3 + AT_ONCE)] == sql(
        "SELECT version FROM order_events ORDER BY at, version"
    )
    outbox.run_until_idle()
    assert [(2, "order.created"), (2, "order.status_changed"), (2 * AT_ONCE, "order.updated")] == sql(
        "SELECT count(*), type FROM live_events WHERE type LIKE 'order.%%' GROUP BY type ORDER BY type"
    )


def test_the_pages_show_what_was_edited(app, edit, visit, bob, alice, olive, placed):
    edit(olive, {**DETAILS, "parcels": [DHL, UPS]})
    link = alice.post(f"/api/orders/{placed['id']}/tracking-links", {"days": 1}).json["url"]
    path = link[link.index("/t/") :]
    seller = visit("bob").get(f"/seller/orders/{placed['id']}").text
    buyer = visit("alice").get(f"/buyer/orders/{placed['id']}").text
    follower = app.test_client(use_cookies=False).get(path).text

    for page in (seller, buyer, follower):
        assert page.count('class="parcel"') == 2
        assert not [one for one in ("JD01", "Expected 1 Dec", "https://dhl.example/JD01", "1Z") if one not in page]
        assert 1 == page.count('aria-current="step"')
        assert "Changed: delivery address" in page
    assert ["1 High Street" in page for page in (seller, buyer, follower)] == [True, True, False]
    assert ["Rings twice" in page for page in (seller, buyer, follower)] == [True, False, False]
    assert "Late" in seller
    assert "+44" not in seller
    assert "Late" in visit("bob").get("/seller/orders").text


def test_a_number_with_a_hash_of_its_own_is_shown_with_one(cast, visit, bob, outbox):
    order = cast.place(number="#1001")
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    page = visit("alice").get(f"/buyer/orders/{order['id']}").text
    titles = [one["title"] for one in cast.alice.get("/api/notifications").json["notifications"]]

    assert "Order #1001 ·" in page
    assert {"Order #1001", "Your order #1001 was confirmed."} == set(titles)
