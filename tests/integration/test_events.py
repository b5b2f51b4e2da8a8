"""Polling: the same events as the stream's, page by page."""

from __future__ import annotations

import re

import pytest

from cli import init_commands
from foundation.event_schemas import models, type_of


def read_all(person, query=""):
    """Everything there is to read, by following the links, and where to go on."""
    path, events = f"/api/events?{query}", []
    while True:
        reply = person.get(path)
        assert 200 == reply.status, reply
        events += reply.json["events"]
        assert reply.json["more"] == ("Link" in reply.headers)
        if not reply.json["more"]:
            return events, reply.json["next_cursor"]
        path = re.fullmatch(r'<([^>]+)>; rel="next"', reply.headers["Link"])[1]


@pytest.fixture
def happened(cast, outbox):
    """Two orders, of which bob has confirmed one."""
    orders = [cast.place(), cast.place(buyer_id=7)]
    cast.bob.move(orders[0]["id"], "CONFIRMED")
    outbox.run_until_idle()
    return orders


def test_each_event_is_what_its_schema_says(alice, bob, happened, outbox):
    """Clients make their types of these schemas."""
    said = alice.post(f"/api/orders/{happened[0]['id']}/messages", {"body": "Thank you!"}).json
    bob.post(f"/api/orders/{happened[0]['id']}/messages/seen", {"up_to": said["id"]})
    bob.post(f"/api/orders/{happened[0]['id']}/notifications/resend", {})
    bob.move(happened[0]["id"], "PENDING", "misclick")
    bob.request("PATCH", f"/api/orders/{happened[0]['id']}", {"note": "Fragile"})
    outbox.run_until_idle()
    bob.post("/api/notifications/read", {"up_to": 2**53 - 1})
    seen = {event["type"]: event["data"] for event in read_all(bob)[0]}
    schemas = {type_of(model): model for model in models() if getattr(model, "stored", False)}

    assert schemas.keys() == seen.keys()
    for name, data in seen.items():
        assert schemas[name].model_fields.keys() == data.keys()
        schemas[name].model_validate(data)


def of_orders(events):
    return [(event["type"], event["data"]["order"]["id"]) for event in events if event["type"].startswith("order.")]


def test_each_side_reads_what_it_would_have_heard(alice, bob, mallory, happened, sql):
    first, second = (order["id"] for order in happened)
    events, _ = read_all(bob, "limit=2")

    assert [("order.created", first), ("order.created", second), ("order.status_changed", first)] == of_orders(events)
    assert {"seller:1"} == {event["channel"] for event in events}
    assert [("order.created", first), ("order.status_changed", first)] == of_orders(read_all(alice)[0])
    assert [] == read_all(mallory)[0]
    assert [seq for (seq,) in sql("SELECT seq FROM live_events WHERE channel = 'seller:1' ORDER BY seq")] == [
        int(event["id"].partition(".")[2]) for event in events
    ]


def test_who_may_see_every_order_reads_each_change_once(olive, shop, happened):
    first, second = (order["id"] for order in happened)

    for person in (olive, shop):
        changes = of_orders(read_all(person, "limit=1")[0])
        assert [("order.created", first), ("order.created", second), ("order.status_changed", first)] == changes


def test_a_service_may_name_channels(shop, happened):
    events, _ = read_all(shop, "channels=buyer:7,buyer:8")

    assert [("order.created", happened[1]["id"])] == of_orders(events)


def test_a_cursor_goes_on_where_it_stands_though_others_were_told_meanwhile(bob, mallory, happened, outbox):
    events, cursor = read_all(bob)
    assert ([], cursor) == read_all(bob, f"after={cursor}")

    _, idle = read_all(mallory)
    assert idle == cursor
    bob.move(happened[0]["id"], "PREPARING")
    outbox.run_until_idle()
    assert [("order.status_changed", happened[0]["id"])] == of_orders(read_all(bob, f"after={cursor}")[0])
    assert events[1:] + read_all(bob, f"after={cursor}")[0] == read_all(bob, f"after={events[0]['id']}")[0]


def test_a_bare_number_is_one_of_the_present_epoch(bob, happened):
    events, _ = read_all(bob)

    assert events[1:] == read_all(bob, f"after={events[0]['id'].partition('.')[2]}")[0]


def test_what_cannot_be_told_any_more_is_said_and_never_left_out(bob, happened, sql):
    events, cursor = read_all(bob)
    epoch, _, head = cursor.partition(".")
    try:
        sql("UPDATE realtime_log SET pruned_through = %s", int(events[1]["id"].partition(".")[2]))
        told = [
            (reply.status, reply.json["code"], reply.json["reason"], reply.json["head"])
            for reply in (
                bob.get(f"/api/events?after={after}")
                for after in (events[0]["id"], f"{int(epoch) + 1}.{head}", f"{epoch}.{int(head) + 1}", "0")
            )
        ]
        assert [
            (410, "cursor_expired", reason, cursor) for reason in ("expired", "epoch", "ahead of head", "expired")
        ] == told
        assert 200 == bob.get(f"/api/events?after={events[1]['id']}").status
        assert 200 == bob.get("/api/events").status
    finally:
        sql("UPDATE realtime_log SET pruned_through = 0")


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=1.2.3", "after=%00", "limit=0", "limit=501", "channels=seller:*"]
)
def test_what_makes_no_sense_is_refused(bob, query):
    assert bob.get(f"/api/events?{query}").status in (400, 422)


def test_more_channels_than_are_read_are_refused_and_none_is_left_out(shop):
    """The hundred-and-first was dropped without a word, from this list and from the streams."""
    names = [f"buyer:{number}" for number in range(1, 102)]

    assert 200 == shop.get(f"/api/events?channels={','.join(names[:100])}").status
    for address in ("/api/events", "/api/stream"):
        reply = shop.get(f"{address}?channels={','.join(names)}")
        assert (422, "channels") == (reply.status, reply.json["errors"][0]["field"])


def test_after_a_restored_backup_every_reader_is_told_to_begin_anew(app, bob, happened, sql):
    """The restored log counts on; cursors of its former life look like its own."""
    _, cursor = read_all(bob)
    ((epoch,),) = sql("SELECT epoch FROM realtime_log")
    if "live" not in app.cli.commands:
        init_commands(app)
    try:
        assert 0 == app.test_cli_runner().invoke(args=["live", "new-epoch"]).exit_code

        told = bob.get(f"/api/events?after={cursor}")
        assert (410, "epoch") == (told.status, told.json["reason"])
    finally:
        sql("UPDATE realtime_log SET epoch = %s", epoch)


def test_a_read_says_from_where_to_go_on(bob, cast, outbox):
    """A change between a read and the opening of a stream was heard of by nobody."""
    order = cast.place()
    outbox.run_until_idle()
    read = {path: bob.get(path) for path in ("/api/orders", f"/api/orders/{order['id']}")}
    cursors = {reply.headers["Onward-Cursor"] for reply in read.values()}
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()

    for cursor in cursors:
        events = bob.get(f"/api/events?after={cursor}").json["events"]
        assert [2] == [one["data"]["order"]["version"] for one in events if one["type"] == "order.status_changed"]
    again = bob.get("/api/orders", If_None_Match=read["/api/orders"].headers["ETag"])
    assert again.headers["Onward-Cursor"] not in cursors
    assert "Onward-Cursor" not in bob.get("/api/orders/999999").headers
