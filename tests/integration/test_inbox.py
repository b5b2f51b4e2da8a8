"""The inbox: what the other side did, each change as one entry, and counts that are the server's."""

from __future__ import annotations

import orjson
import pytest

from notifications import inbox
from operations import completeness
from process import onward_of
from tests.unit.listening import Reader, close_all

INBOX = "/api/notifications"
LATEST = 2**53 - 1

LONG = """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT -n, {order}, 'generic', 'buyer', 1, 'Order', '',
        clock_timestamp() - interval '1 h' + n * interval '{apart} s'
    FROM generate_series(1, {many}) AS n"""


def entries(person, query=""):
    return person.get(f"{INBOX}?grouped=true{query}").json["notifications"]


def unread(person):
    return person.get(INBOX).json["unread_count"]


def moved(person, order, *statuses):
    for status in statuses:
        assert 200 == person.move(order["id"], status).status


def told(sql, person):
    """What the channel's log says about its inbox."""
    channel = person.principal.who
    rows = sql("SELECT data FROM live_events WHERE channel = %s AND type = 'notification.read' ORDER BY seq", channel)
    return [orjson.loads(data) for (data,) in rows]


@pytest.fixture
def busy(cast, bob, outbox):
    """Three orders of alice's; bob has moved the last one three times, the others once."""
    orders = [cast.place() for _ in range(3)]
    for order in orders:
        moved(bob, order, "CONFIRMED")
    moved(bob, orders[2], "PREPARING", "READY")
    outbox.run_until_idle()
    return orders


def test_what_i_did_raises_nothing_in_my_inbox(mode, cast, alice, bob, outbox):
    order = cast.place()
    outbox.run_until_idle()
    bob.post(f"{INBOX}/read", {"up_to": LATEST})
    seen = bob.get(INBOX).json["notifications"]

    moved(bob, order, "CONFIRMED", "PREPARING")
    outbox.run_until_idle()
    assert (0, seen) == (unread(bob), bob.get(INBOX).json["notifications"])
    before = alice.get(INBOX).json["notifications"]

    assert 200 == alice.move(cast.place()["id"], "CANCELLED", "changed my mind").status
    outbox.run_until_idle()
    assert before == alice.get(INBOX).json["notifications"]


def test_both_are_told_when_neither_did_it(mode, placed, olive, alice, bob, outbox):
    moved(olive, placed, "CONFIRMED")
    outbox.run_until_idle()

    for person in (alice, bob):
        newest, before, *_ = person.get(INBOX).json["notifications"]
        assert ("status", "generic") == (newest["kind"], before["kind"])
        assert newest["title"].endswith(f"rder #{placed['number']} was confirmed.")


def test_a_change_is_two_notifications_and_one_entry(mode, placed, alice, bob, outbox):
    moved(bob, placed, "CONFIRMED")
    outbox.run_until_idle()

    assert ["status", "generic"] == [one["kind"] for one in alice.get(INBOX).json["notifications"]]
    (entry,) = entries(alice)
    assert ("status", f"Your order #{placed['number']} was confirmed.", 1) == tuple(
        entry[name] for name in ("kind", "title", "count")
    )
    assert 1 == unread(alice)


def test_a_burst_on_one_order_is_one_entry_that_says_how_many(busy, alice):
    newest, *others = entries(alice)

    assert (busy[2]["id"], 3) == (newest["order_id"], newest["count"])
    assert "is packed and ready" in newest["title"]
    assert [(busy[1]["id"], 1), (busy[0]["id"], 1)] == [(one["order_id"], one["count"]) for one in others]
    assert 3 == unread(alice)


@pytest.mark.parametrize(("apart", "counts"), [(119, [3, 1, 1]), (121, [1, 1, 1, 1, 1])])
def test_changes_two_minutes_apart_are_no_burst(busy, alice, sql, apart, counts):
    sql(
        "UPDATE notifications SET created_at = clock_timestamp() + dense * interval '1 s' * %s FROM"
        " (SELECT id AS which, dense_rank() OVER (PARTITION BY order_id ORDER BY event_id) AS dense"
        " FROM notifications) AS ranked WHERE which = id",
        apart,
    )

    assert counts == [one["count"] for one in entries(alice)]
    assert len(counts) == unread(alice)


def test_pages_of_entries_have_each_once(busy, alice, bob, outbox):
    moved(bob, busy[0], "PREPARING")  # newer than what it collapses with
    outbox.run_until_idle()
    expected = [one["id"] for one in entries(alice)]
    found, cursor = [], LATEST
    while cursor:
        page = alice.get(f"{INBOX}?grouped=true&limit=1&cursor={cursor}").json
        found += [one["id"] for one in page["notifications"]]
        cursor = page["next_cursor"]

    assert 3 == len(expected)
    assert expected == found


def test_behind_a_long_burst_the_inbox_goes_on(alice, busy, sql):
    sql(LONG.format(order=busy[0]["id"] + 1000, many=inbox.ROWS_READ + 50, apart=0))
    page = alice.get(f"{INBOX}?grouped=true&limit=10").json
    rest = alice.get(f"{INBOX}?grouped=true&limit=10&cursor={page['next_cursor']}").json

    assert [inbox.BURST_ROWS] == [one["count"] for one in page["notifications"]]
    assert 3 == len(rest["notifications"])
    assert None is rest["next_cursor"]


def test_one_is_marked_with_what_it_stands_for(busy, alice, sql):
    newest, second, third = entries(alice)
    reply = alice.post(f"{INBOX}/read", {"ids": [newest["id"]]})

    assert (200, 2) == (reply.status, reply.json["unread_count"])
    read = {one["order_id"] for one in reply.json["notifications"] if one["read_at"]}
    assert ({newest["order_id"]}, 6) == (read, sum(bool(one["read_at"]) for one in reply.json["notifications"]))
    assert [second["id"], third["id"]] == [one["id"] for one in entries(alice) if one["read_at"] is None]


def test_some_are_marked_and_then_all(busy, alice):
    first, second, _ = (one["id"] for one in entries(alice))

    assert 1 == alice.post(f"{INBOX}/read", {"ids": [first, second]}).json["unread_count"]
    assert 0 == alice.post(f"{INBOX}/read", {"up_to": first}).json["unread_count"]
    assert all(one["read_at"] for one in entries(alice))


def test_a_later_change_makes_the_entry_unread_again(busy, alice, bob, outbox):
    alice.post(f"{INBOX}/read", {"up_to": LATEST})
    moved(bob, busy[0], "PREPARING")
    outbox.run_until_idle()

    assert 1 == unread(alice)
    assert [None] == [one["read_at"] for one in entries(alice) if one["order_id"] == busy[0]["id"]]


def test_nobody_marks_what_is_somebody_elses(busy, alice, bob, mallory, sql):
    ids = [one["id"] for one in entries(alice)]
    for person in (bob, mallory):
        assert 200 == person.post(f"{INBOX}/read", {"ids": ids}).status

    assert 3 == unread(alice)
    assert [] == told(sql, mallory)


@pytest.mark.parametrize(
    "body", [{}, {"up_to": 1, "ids": [1]}, {"ids": []}, {"ids": [0]}, {"ids": [1] * 201}, {"ids": "1"}, {"up_to": None}]
)
def test_what_is_to_be_marked_is_said_in_one_way(alice, body):
    reply = alice.post(f"{INBOX}/read", body)

    assert (422, "invalid_request") == (reply.status, reply.json["code"])


def test_other_tabs_are_told_what_was_read_and_what_is_left(form, busy, alice, sql):
    newest, *_ = entries(alice)
    alice.post(f"{INBOX}/read", {"ids": [newest["id"]]})
    alice.post(f"{INBOX}/read", {"up_to": newest["id"]})
    alice.post(f"{INBOX}/read", {"up_to": LATEST})  # nothing is left to be marked

    some, all_of_them = told(sql, alice)
    assert ([newest["id"]], None, 2, newest["id"]) == tuple(
        some[name] for name in ("ids", "up_to", "unread_count", "as_of")
    )
    assert (None, newest["id"], 0) == tuple(all_of_them[name] for name in ("ids", "up_to", "unread_count"))


def test_nothing_is_marked_if_it_cannot_be_told(app, busy, alice):
    def fail(*_):
        raise ConnectionError

    with app.app_context(), pytest.raises(ConnectionError):
        inbox.Marks(fail).up_to(alice.principal, LATEST)

    assert 3 == unread(alice)


@pytest.fixture
def listening(onward):
    """Somebody whose stream is open in this process."""
    hub = onward.realtime.hub
    yield lambda *channels: Reader(hub, "iterator", *channels, who=channels[0])
    close_all(hub)


def publish(onward, sql, after):
    """Deliver what the log has behind a number, as the feed does."""
    rows = sql("SELECT seq, channel, other, recipe, pieces FROM realtime_packs WHERE seq > %s ORDER BY seq", after)
    onward.realtime.hub.publish(1, rows)


def counts(reader):
    frames = reader.read().decode().split("\n\n")
    return [orjson.loads(one.partition("data: ")[2]) for one in frames if one.startswith("event: notification.count")]


def test_the_count_is_pushed_to_those_who_look(busy, onward, sql, alice, bob, listening):
    reader, stranger, several = listening("buyer:1"), listening("buyer:7"), listening("buyer:1", "buyer:7")
    publish(onward, sql, 0)
    onward.counts.push()

    (count,) = counts(reader)
    assert ("notification.count", 3, entries(alice)[0]["id"]) == tuple(
        count[name] for name in ("type", "unread_count", "as_of")
    )
    assert [] == counts(stranger)
    assert [] == counts(several), "it would not say whose it is"
    onward.counts.push()
    assert [] == counts(reader), "nothing has changed since"


def test_a_count_that_is_old_already_is_not_pushed(busy, onward, listening, monkeypatch):
    reader = listening("buyer:1")
    ask = inbox.unread

    def changed_meanwhile(recipients):
        found = ask(recipients)
        onward.counts.note({"buyer:1"})
        return found

    onward.counts.note({"buyer:1"})
    monkeypatch.setattr(inbox, "unread", changed_meanwhile)
    onward.counts.push()
    assert [] == counts(reader)
    monkeypatch.undo()
    onward.counts.push()

    assert [3] == [one["unread_count"] for one in counts(reader)]


def test_a_notification_that_is_lost_is_missed_and_one_that_nobody_gets_is_not(
    app, placed, cast, bob, olive, outbox, sql, monkeypatch
):
    moved(bob, placed, "CONFIRMED")
    moved(olive, placed, "PREPARING")
    outbox.run_until_idle()
    monkeypatch.setattr(completeness, "COMPLETED_AFTER_SECONDS", -1)

    def missing():
        with app.app_context():
            return [one.effect for one in completeness.missing(onward_of(app).engine.event_types.values(), 24)]

    assert [] == missing()
    sql("DELETE FROM notifications WHERE kind = 'generic' AND recipient_role = 'seller'")
    assert ["notification.generic"] == missing()


def test_the_page_marks_one_some_and_all_and_goes_back(visit, busy, alice, sql):
    sql(LONG.format(order=f"{busy[2]['id']} + n", many=60, apart=1))
    page = visit("alice")
    first = page.get("/inbox").text
    assert ("3 updates" in page.get(f"/inbox?before={LATEST}").text, "Older" in first) == (False, True)
    newest, second, third, *_ = (one["id"] for one in entries(alice))

    page.post("/inbox/read", id=newest)
    assert 62 == unread(alice)
    page.post("/inbox/read", **{f"entry-{second}": second, f"entry-{third}": third, "entry-x": "x"})
    assert 60 == unread(alice)
    page.post("/inbox/read", up_to=newest)
    assert 0 == unread(alice)
    older = page.get(f"/inbox?before={entries(alice, '&limit=50')[-1]['id']}").text
    assert ("3 updates" in older, 'name="up_to"' in older) == (True, False)
