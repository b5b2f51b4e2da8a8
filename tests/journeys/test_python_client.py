"""The Python client against real processes: typed values, retries under one key, pages, and events without gaps."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks
from onward_client import (
    Change,
    Expired,
    Forbidden,
    Illegal,
    Invalid,
    Missing,
    Onward,
    Stale,
    Unauthorized,
    Unavailable,
)

from tests.cast import new_order
from tests.conftest import PROJECT
from tests.facts import awaited, eventually
from webhooks.examination import points
from webhooks.signatures import secret_of

CLIENT = PROJECT / "clients" / "python"
README = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)

pytestmark = pytest.mark.journey


def speaking_as(server, person, **more):
    return Onward(server.url, person.token, **more)


@pytest.fixture
def cast(server):
    return server.cast()


@pytest.fixture
def bob(server, cast):
    with speaking_as(server, cast.bob) as onward:
        yield onward


@pytest.fixture
def shop(server, cast):
    with speaking_as(server, cast.shop) as onward:
        yield onward


def place(shop, cast, **more):
    return shop.create(new_order(cast.bob.id, cast.alice.id) | more)


def test_an_order_is_a_typed_value(shop, bob, cast):
    placed = place(shop, cast)

    me = bob.me()
    assert ("seller", cast.bob.id, 200) == (me.role, me.id, me.http.status)
    moved = bob.change_status(placed.id, "CONFIRMED", version=placed.version)
    assert ("CONFIRMED", 2, ("PREPARING", "CANCELLED")) == (moved.status, moved.version, moved.allowed_transitions)
    assert moved == bob.order(placed.id)
    assert (2, "Blue mug") == (moved.items[0].quantity, moved.items[0].title)
    assert moved.created_at.tzinfo is not None
    assert [("PENDING", "service"), ("CONFIRMED", "seller")] == [
        (event.to_status, event.actor.role) for event in bob.history(placed.id)
    ]


def test_what_is_refused_is_told_as_what_it_is(server, shop, bob, cast):
    order = place(shop, cast)

    with pytest.raises(Illegal) as illegal:
        bob.change_status(order.id, "DELIVERED")
    assert ["CONFIRMED", "CANCELLED"] == illegal.value.members["allowed_transitions"]
    with pytest.raises(Stale) as stale:
        bob.change_status(order.id, "CONFIRMED", version=7)
    assert 1 == stale.value.members["current"]["version"]
    for error, act in (
        (Invalid, lambda: bob.change_status(order.id, "SOLD")),
        (Invalid, lambda: bob.change_status(order.id, "CANCELLED")),
        (Missing, lambda: bob.order(order.id + 10**6)),
        (Forbidden, lambda: bob.create(new_order(1, 1))),
        (Expired, lambda: list(bob.events("1.5"))),
        (Unauthorized, lambda: Onward(server.url, "nobody").me()),
        (Unavailable, lambda: Onward("http://127.0.0.1:1", "nobody", patience=0).me()),
    ):
        with pytest.raises(error):
            act()


def test_a_change_can_be_rehearsed(shop, bob, cast):
    order = place(shop, cast)

    assert "CONFIRMED" == bob.dry_run(order.id, "CONFIRMED").order.status
    assert 1 == bob.order(order.id).version


def test_what_is_said_again_under_its_key_is_said_once(shop, bob, cast):
    order = place(shop, cast)

    said = bob.send_message(order.id, "It leaves today.", key=f"said-{order.id}")
    assert said == bob.send_message(order.id, "It leaves today.", key=f"said-{order.id}")
    with pytest.raises(Invalid):
        bob.send_message(order.id, "It leaves tomorrow.", key=f"said-{order.id}")


def test_many_changes_have_a_result_each(shop, bob, cast):
    orders = [place(shop, cast) for _ in range(3)]
    changes = [Change(order.id, "CONFIRMED") for order in orders]

    results = bob.change_many([*changes, Change(orders[0].id, "REFUNDED")], key="a-batch")
    assert [2, 2, 2] == [result.order.version for result in results[:3]]
    assert isinstance(results[3].error, Illegal)
    assert results[:3] == bob.change_many([*changes, Change(orders[0].id, "REFUNDED")], key="a-batch")[:3]


def test_lists_are_read_page_after_page(shop, bob, cast, monkeypatch):
    placed = [place(shop, cast, buyer_name=name).id for name in ("Ann", "Ben", "Ann", "Ann", "Ben")]
    monkeypatch.setattr("onward_client.shortcuts.PAGE", 2)

    assert placed[::-1] == [order.id for order in bob.orders()]
    assert [placed[0], placed[2], placed[3]] == [order.id for order in bob.orders(q="ann", sort="oldest")]
    assert [] == list(bob.orders(status=["SHIPPED", "DELIVERED"]))


def test_events_are_read_up_to_now_and_heard_from_there(server, shop, bob, cast):
    order = place(shop, cast)
    eventually(lambda: len(list(bob.events())) >= 2)
    *_, last = [event for event in bob.events() if event.order]
    assert (order.id, "PENDING") == (last.order.id, last.order.status)

    with bob.listen(last.id) as events:
        bob.change_status(order.id, "CONFIRMED")
        heard = next(event for event in events if event.order)
    assert ("order.status_changed", "CONFIRMED") == (heard.type, heard.order.status)
    assert heard.id == events.cursor or events.cursor > last.id


def test_nothing_is_lost_and_nothing_done_twice_when_processes_die(own_server):
    """Workers are killed while one client moves orders and another one listens."""
    cast = own_server.cast()
    with speaking_as(own_server, cast.shop) as shop, speaking_as(own_server, cast.bob) as bob:
        orders = [place(shop, cast) for _ in range(10)]
        events, seen = bob.listen(), []
        threading.Thread(target=lambda: seen.extend(changes_of(events)), daemon=True).start()
        eventually(lambda: events.cursor)
        for status in ("CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED"):
            for order in orders:
                if order is orders[5] and status in ("CONFIRMED", "SHIPPED"):
                    os.kill(own_server.workers()[0], signal.SIGKILL)
                assert status == bob.change_status(order.id, status).status

        expected = {(order.id, version) for order in orders for version in range(2, 6)}
        eventually(lambda: expected <= set(seen))
        events.close()
        assert sorted(expected) == sorted(seen)
        moves = "SELECT order_id, version FROM order_events WHERE version > 1"
        assert sorted(expected) == sorted(own_server.sql(moves))


def changes_of(events):
    """Order and version of each change that is heard, while it is heard.

    The version is the change's own: what a killed worker left is told later, with the order as it is then.
    """
    return ((event.order.id, event.change.version) for event in events if event.type == "order.status_changed")


class Enough(Exception):
    """An example has printed enough: it would go on for ever."""


def run_example(number, server, cast):
    """Run an example of the README as it is, but for its address, token, order, and where it begins to listen."""
    cursor = cast.bob.get("/api/events").json["next_cursor"]
    order, printed = cast.place(), []
    for status in ("CONFIRMED", "PREPARING", "SHIPPED")[: 2 + number]:
        cast.bob.move(order["id"], status)

    def print_(*values):
        printed.append(values)
        if str(values[0]).startswith("order."):
            raise Enough

    code = README[number].replace("https://orders.example", server.url).replace('"…"', repr(cast.bob.token))
    code = re.sub(r"\b17\b", str(order["id"]), code).replace("listen()", f"listen({cursor!r})")
    namespace = {"print": print_}
    with suppress(Enough):
        exec(compile(code, "README.md", "exec"), namespace)
        awaited(namespace["main"]())  # only the second has one: the first goes on for ever
    return order, printed


def test_the_examples_of_the_readme_work(server, cast):
    order, printed = run_example(0, server, cast)
    assert ("allowed are", (order["number"], 2800, "EUR")) == (printed[0][0], printed[1])
    assert isinstance(printed[-1][1], dict)


def test_the_asynchronous_example_of_the_readme_works(server, cast):
    order, printed = run_example(1, server, cast)
    assert [order["number"], order["number"]] == [one[0] for one in printed[:2]]


def test_the_receiver_of_the_readme_takes_what_is_signed():
    secret, body, printed = "whsec_" + "A" * 43 + "=", b'{"type": "order.created"}', []
    signature = standardwebhooks.Webhook(secret).sign("1.1", datetime.now(UTC).replace(tzinfo=None), body.decode())
    headers = {"webhook-id": "1.1", "webhook-timestamp": str(int(time.time())), "webhook-signature": signature}
    namespace = {"__name__": "receiver", "print": lambda *values: printed.append(values)}
    exec(compile(README[2].replace("whsec_…", secret), "README.md", "exec"), namespace)
    receiver = namespace["app"].test_client()

    assert 204 == receiver.post("/onward", data=body, headers=headers).status_code
    assert 400 == receiver.post("/onward", data=body + b" ", headers=headers).status_code
    assert [("1.1", "order.created", {"type": "order.created"})] == printed
    for one in points(secret_of(secret), int(time.time())):  # what `flask webhooks examine` sends
        status = receiver.post("/onward", data=one.body, headers=one.headers).status_code
        assert status in {True: (204,), False: (400,), None: (204, 400)}[one.accepts], one.name


def test_it_can_be_installed(tmp_path):
    """From its own pyproject.toml, with nothing of this project beside it."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(tmp_path), str(CLIENT)], check=True, capture_output=True, cwd=tmp_path)

    said = subprocess.run(
        [sys.executable, "-c", "import onward_client; print(onward_client.__file__)"],
        env={"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert tmp_path in Path(said.stdout.strip()).parents
    assert (tmp_path / "onward_client" / "py.typed").exists()
