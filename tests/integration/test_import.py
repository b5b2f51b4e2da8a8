"""Orders that come from another system with their history: as they were, once, and without any effect."""

from __future__ import annotations

import io
import socket
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from cli import init_commands
from foundation.db import db
from orders import import_lines, import_routes, importing
from orders.import_lines import LINE_BYTES, lines_of
from tests.cast import new_order

DAY = datetime(2026, 1, 1, 9, tzinfo=UTC)


def past(*statuses, **more):
    """A history with an event a day."""
    return [
        {"status": status, "at": (DAY + timedelta(days=day)).isoformat()} | more for day, status in enumerate(statuses)
    ]


@pytest.fixture
def order(cast):
    """A line's order."""

    def order(external_id="shop-1", *statuses, **members):
        history = {"history": past(*(statuses or ("PENDING", "CONFIRMED")))}
        return new_order(cast.bob.id, cast.alice.id) | {"external_id": external_id} | history | members

    return order


@pytest.fixture
def send(app, cast):
    """Import these lines; returns the results, and their sum."""

    def send(*lines, who=cast.shop, status=200):
        body = b"".join((one if isinstance(one, bytes) else orjson.dumps(one)) + b"\n" for one in lines)
        headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/x-ndjson"}
        answer = app.test_client().post("/api/orders/import", data=body, headers=headers)
        assert answer.status_code == status, answer.get_data(as_text=True)
        *results, summary = [orjson.loads(line) for line in answer.get_data().splitlines()]
        return results, summary

    return send


def kinds(results):
    return [one["result"] for one in results]


def test_an_order_comes_with_its_history(cast, send, order):
    history = past("PENDING", "CONFIRMED", "CANCELLED")
    history[1] |= {"actor": {"role": "seller", "id": cast.bob.id}}
    history[2] |= {"actor": {"role": "buyer", "id": cast.alice.id}, "reason": "too late"}

    ([result], summary) = send(order(number="A-77", history=history))

    assert {"line": 1, "result": "created", "id": result["id"]} == result
    assert {"lines": 1, "created": 1, "exists": 0, "conflict": 0, "refused": 0} == summary
    stored = cast.bob.order(result["id"])
    assert ("CANCELLED", 3, "A-77", 2800) == tuple(
        stored[name] for name in ("status", "version", "number", "total_minor")
    )
    assert (DAY, DAY + timedelta(days=2)) == tuple(
        datetime.fromisoformat(stored[name]) for name in ("created_at", "updated_at")
    )
    events = cast.olive.get(f"/api/orders/{result['id']}/history").json["events"]
    assert [
        ("order.created", None, "PENDING", "service", None),
        ("order.status_changed", "PENDING", "CONFIRMED", "seller", None),
        ("order.status_changed", "CONFIRMED", "CANCELLED", "buyer", "too late"),
    ] == [(one["type"], one["from_status"], one["to_status"], one["actor"]["role"], one["reason"]) for one in events]


def test_an_import_has_no_effects(cast, send, order, outbox, sql):
    (results, _) = send(*(order(f"shop-{number}") for number in range(3)))
    outbox.run_until_idle()

    tables = ("outbox", "notifications", "messages", "realtime_packs", "realtime_events")
    assert [(0,)] * len(tables) == [row for table in tables for row in sql(f"SELECT count(*) FROM {table}")]
    events = cast.olive.get(f"/api/orders/{results[0]['id']}/history").json["events"]
    assert [[], []] == [event["effects"] for event in events]


def test_an_open_order_gets_its_timer(send, order, sql):
    """From when it reached its status, as for an order that was changed here."""
    ([waiting, done], _) = send(
        order("shop-1", "PENDING", "CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED"),
        order("shop-2", "PENDING", "CANCELLED"),
    )

    ((order_id, at),) = sql("SELECT order_id, scheduled_at FROM side_effects WHERE event_type = 'timer'")
    assert waiting["id"] == order_id != done["id"]
    assert at > DAY + timedelta(days=5)


def test_an_imported_order_moves_on_as_any_other(cast, send, order, outbox, sql):
    ([result], _) = send(order())

    moved = cast.bob.move(result["id"], "PREPARING", If_Match='"2"')
    outbox.run_until_idle()

    assert (200, 3) == (moved.status, moved.json["version"])
    assert [(1,)] == sql("SELECT count(*) FROM notifications WHERE kind = 'generic'")


def test_an_imported_order_is_found(cast, send, order):
    send(order(number="A-4711", buyer_name="José Núñez"))

    for words in ("A-4711", "nunez", "alice@example.org"):
        assert ["A-4711"] == [one["number"] for one in cast.bob.get(f"/api/orders?q={words}").json["orders"]]


def test_a_repeated_line_changes_nothing(cast, send, order, sql):
    (first, _) = send(order("shop-1"), order("shop-2"))
    cast.bob.move(first[0]["id"], "PREPARING")

    reordered = dict(reversed(order("shop-1").items()))
    (again, summary) = send(reordered, order("shop-2"), order("shop-3"))

    assert ["exists", "exists", "created"] == kinds(again)
    assert [one["id"] for one in first] == [one["id"] for one in again[:2]]
    assert (2, 1) == (summary["exists"], summary["created"])
    assert [(3,)] == sql("SELECT count(*) FROM orders")


def test_another_order_with_the_same_external_id_is_a_conflict(send, order, sql):
    (results, _) = send(order("shop-1"), order("shop-1"), order("shop-1", buyer_name="Somebody else"))

    assert ["created", "exists", "conflict"] == kinds(results)
    assert 1 == len({one["id"] for one in results})
    assert [("Alice Archer",)] == sql("SELECT buyer_name FROM orders")


def test_a_number_that_the_seller_has_is_refused(send, order):
    (results, _) = send(order("shop-1", number="A-1"), order("shop-2", number="A-1"), order("shop-3", number="A-2"))

    assert ["created", "refused", "created"] == kinds(results)
    assert "duplicate_number" == results[1]["problem"]["code"]


def test_an_order_without_a_number_gets_one_that_is_free(cast, send, order, sql):
    ((next_id,),) = sql("SELECT nextval(pg_get_serial_sequence('orders', 'id')) + 2")
    cast.place(number=str(next_id))

    ([result], _) = send(order())

    assert "created" == result["result"]
    assert cast.bob.order(result["id"])["number"].startswith(f"{result['id']}-")


WRONG = {
    "no JSON": (b"{", "malformed_request"),
    "a list": (b"[]", "malformed_request"),
    "bad UTF-8": (b'{"external_id":"\xff"}', "malformed_request"),
    "a NUL": (b'{"external_id":"\\u0000"}', "malformed_request"),
    "a raw NUL": (b'{"external_id":"\x00"}', "malformed_request"),
    "too deep": (b'{"items":' + b"[" * 99, "malformed_request"),
    "too long": (b'{"external_id":"' + b"x" * LINE_BYTES + b'"}', "body_too_large"),
    "too many members": (b'{"items":[' + b"1," * 20_000 + b"1]}", "invalid_request"),
}


@pytest.mark.parametrize(("line", "code"), WRONG.values(), ids=WRONG)
def test_a_bad_line_refuses_itself_only(send, order, line, code):
    (results, _) = send(order("shop-1"), line, order("shop-2"))

    assert ["created", "refused", "created"] == kinds(results)
    assert [1, 2, 3] == [one["line"] for one in results]
    assert code == results[1]["problem"]["code"]


CONTRADICTIONS = {
    "an unknown status": {"history": past("PENDING", "LOST-IN-SPACE")},
    "an unknown current status": {"history": [], "status": "LOST-IN-SPACE"},
    "another status than that of the last event": {"status": "SHIPPED"},
    "events out of order": {"history": past("PENDING", "CONFIRMED")[::-1]},
    "created after its first event": {"created_at": (DAY + timedelta(hours=1)).isoformat()},
    "a future": {"history": [{"status": "PENDING", "at": "2999-01-01T00:00:00Z"}]},
    "another seller": {"history": past("PENDING", actor={"role": "seller", "id": 4242})},
    "a time that is a number": {"created_at": 1767258000},
    "a member that nobody knows": {"colour": "red"},
    "no external id": {"external_id": None},
}


@pytest.mark.parametrize("members", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_history_that_contradicts_itself_is_refused(send, order, sql, members):
    ([result], _) = send(order(**members))

    assert ("refused", 422) == (result["result"], result["problem"]["status"])
    assert [(0,)] == sql("SELECT count(*) FROM orders")


def test_an_order_without_a_history_begins_with_its_status(cast, send, order):
    ([result], _) = send(order(history=[], status="SHIPPED", created_at=DAY.isoformat()))

    (event,) = cast.olive.get(f"/api/orders/{result['id']}/history").json["events"]
    assert ("order.created", None, "SHIPPED") == (event["type"], event["from_status"], event["to_status"])
    assert DAY == datetime.fromisoformat(event["at"])


def test_empty_lines_are_counted_and_nothing_else(send, order):
    (results, summary) = send(b"", order(), b"  \r")

    assert [(2, "created")] == [(one["line"], one["result"]) for one in results]
    assert 1 == summary["lines"]


def test_another_media_type_is_refused(app, cast):
    headers = {"Authorization": f"Bearer {cast.shop.token}", "Content-Type": "application/json"}
    assert 415 == app.test_client().post("/api/orders/import", data=b"{}", headers=headers).status_code


def test_batches_are_committed_one_by_one(monkeypatch, send, order, sql):
    monkeypatch.setattr(importing, "BATCH", 2)
    (results, _) = send(*(order(f"shop-{number}") for number in range(5)))

    assert ["created"] * 5 == kinds(results)
    assert sorted(one["id"] for one in results) == [one["id"] for one in results]
    assert 3 == sql("SELECT count(DISTINCT xmin::text) FROM orders")[0][0]


def test_what_was_imported_before_the_database_broke_is_told(app, monkeypatch, send, order, sql):
    monkeypatch.setattr(importing, "BATCH", 2)
    written = []
    place = importing.Import._place

    def break_at_the_second(self, lines):
        written.append(lines)
        if len(written) == 2:
            sql(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'onward cold' AND datname = current_database()"""
            )
        place(self, lines)

    monkeypatch.setattr(importing.Import, "_place", break_at_the_second)
    (results, summary) = send(*(order(f"shop-{number}") for number in range(5)))

    assert ["created"] * 2 == kinds(results)
    assert (2, "service_unavailable") == (summary["created"], summary["problem"]["code"])
    assert "exists" in summary["problem"]["detail"]
    with app.app_context():
        db.engine.dispose()  # the connections of other tests broke, too


def test_statistics_are_fresh_afterwards(monkeypatch, send, order, sql):
    monkeypatch.setattr(importing, "ANALYZED_FROM", 3)
    sql("ANALYZE orders")
    send(*(order(f"shop-{number}") for number in range(3)))

    assert [(3.0,)] == sql("SELECT reltuples FROM pg_class WHERE relname = 'orders'")


def test_nothing_that_a_digest_could_tell_is_left_of_an_erased_buyer(cast, send, order, sql):
    send(order())
    cast.olive.post("/api/ops/personal-data/erase", {"buyer_id": cast.alice.id, "reason": "asked"})

    assert [(None,)] == sql("SELECT digest FROM order_imports")
    assert ["conflict"] == kinds(send(order())[0])


def test_the_command_imports_as_the_route_does(app, cast, send, order, sql, tmp_path):
    if "orders" not in app.cli.commands:
        init_commands(app)
    file = tmp_path / "orders.ndjson"
    file.write_bytes(orjson.dumps(order("shop-1")) + b"\n" + b"{\n")
    run = app.test_cli_runner().invoke

    from_file = run(args=["orders", "import", str(file)])
    assert 1 == from_file.exit_code
    assert ["created", "refused"] == kinds([orjson.loads(line) for line in from_file.output.splitlines()[:2]])
    again = run(args=["orders", "import", "-"], input=io.BytesIO(orjson.dumps(order("shop-1"))))
    assert (0, "exists") == (again.exit_code, orjson.loads(again.output.splitlines()[0])["result"])


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_are_the_same_in_whatever_pieces_they_come(monkeypatch, size):
    monkeypatch.setattr(import_lines, "LINE_BYTES", 20)
    body = b"one\n\n" + b"x" * 21 + b"\n" + b"y" * 20 + b"\r\nlast" + b"z" * 30 + b"\nend"

    found = list(lines_of(body[at : at + size] for at in range(0, len(body), size)))

    assert [(1, b"one"), (3, None), (4, None), (5, None), (6, b"end")] == found


@pytest.fixture
def unread():
    """A connection whose client has not read what it was sent."""
    ours, client = socket.socketpair()
    with ours, client:
        ours.sendall(b"something")
        yield ours


def test_results_wait_for_a_client_that_sends_everything_first(monkeypatch, app, cast, order, unread):
    """It would wait for us to read, and we for it; only what is more than may be held has to be read meanwhile."""
    monkeypatch.setattr(importing, "BATCH", 1)
    headers = {"Authorization": f"Bearer {cast.shop.token}", "Content-Type": "application/x-ndjson"}

    def pieces(first):
        body = b"".join(orjson.dumps(order(f"shop-{number}")) + b"\n" for number in range(first, first + 3))
        answer = app.test_client().post(
            "/api/orders/import", data=body, headers=headers, environ_overrides={"gunicorn.socket": unread}
        )
        return list(answer.iter_encoded())

    assert 1 == len(pieces(0))
    monkeypatch.setattr(import_routes, "HELD_BYTES", 1)
    assert 4 == len(pieces(10))
