"""One event is explained as one tree: over the API, by the command, and to operators and auditors only."""

from __future__ import annotations

import re
from random import Random

import pytest

from orders.explanation.causes import CAUSES
from process import onward_of
from realtime.readers import RECORDED, Readers
from realtime.subscriber import Subscriber
from tests.conftest import PROJECT


@pytest.fixture
def scene(world):
    return world.scene(Random(1))


def told(person, order_id, event=""):
    """The state and cause of what is for somebody, by kind and whom."""
    reply = person.get(f"/api/orders/{order_id}/explain{event}")
    assert reply.status == 200, reply
    return {(one["kind"], one["to"]): (one["state"], one["cause"]) for one in reply.json["tree"]["children"]}


def test_everything_that_followed_from_a_change_is_in_one_tree(scene):
    alice, bob, olive = scene.cast.alice, scene.cast.bob, scene.cast.olive
    endpoint = scene.hook()
    scene.place("PREPARING")
    scene.listens(bob)
    scene.move("SHIPPED")
    scene.run()

    reply = olive.get(f"/api/orders/{scene.order_id}/explain")
    tree = reply.json["tree"]
    assert ("change", "done", "committed") == (tree["kind"], tree["state"], tree["cause"])
    assert {"role": "seller", "id": bob.id} == reply.json["event"]["actor"]
    assert ("PREPARING", "SHIPPED", 2) == tuple(
        reply.json["event"][name] for name in ("from_status", "to_status", "version")
    )
    assert told(olive, scene.order_id) == {
        ("live", f"seller:{bob.id}"): ("done", "done"),
        ("live", f"buyer:{alice.id}"): ("done", "done"),
        ("inbox", f"seller:{bob.id}"): ("skipped", "own"),
        ("inbox", f"buyer:{alice.id}"): ("done", "done"),
        ("signal", ""): ("skipped", "no_receivers"),
        ("message", ""): ("done", "done"),
        ("email", f"buyer:{alice.id}"): ("done", "accepted"),
        ("email", f"seller:{bob.id}"): ("skipped", "table"),
        ("webhook", f"webhook:{endpoint}"): ("done", "accepted"),
    }
    by_kind = {one["kind"]: one for one in tree["children"] if one["kind"] in ("webhook", "live")}
    assert [("attempt", "done")] == [(one["kind"], one["state"]) for one in by_kind["webhook"]["children"]]
    readers = [one["children"] for one in tree["children"] if one["kind"] == "live"]
    assert [["live"], ["no_streams"]] == [[one["cause"] for one in some] for some in readers]


def test_an_event_is_named_or_the_latest_one_and_only_operators_and_auditors_ask(scene):
    alice, bob, olive = scene.cast.alice, scene.cast.bob, scene.cast.olive
    scene.place("PREPARING")
    created = scene.sql("SELECT min(id) FROM order_events WHERE order_id = %s", scene.order_id)[0][0]
    scene.move("READY")
    scene.run()

    assert ("skipped", "no_people") == told(olive, scene.order_id, f"?event={created}")["email", f"seller:{bob.id}"]
    assert ("done", "accepted") == told(olive, scene.order_id)["email", f"buyer:{alice.id}"]
    assert 404 == olive.get(f"/api/orders/{scene.order_id}/explain?event=999999999").status
    assert [403, 403] == [one.get(f"/api/orders/{scene.order_id}/explain").status for one in (alice, bob)]


def test_the_command_prints_the_same_tree(scene):
    scene.place("PREPARING")
    scene.move("READY")
    scene.run()
    runner = scene.app.test_cli_runner()

    printed = runner.invoke(args=["explain", str(scene.order_id)]).output
    tree = scene.cast.olive.get(f"/api/orders/{scene.order_id}/explain").json["tree"]
    for node in tree["children"]:
        line = next(one for one in printed.splitlines() if one.startswith(f"  {node['kind']} {node['to']}".rstrip()))
        assert f"{node['state']}, {node['cause']}" in line
        assert node["reason"] in line
    assert "No such event" in runner.invoke(args=["explain", "999999999"]).output


def test_a_discarded_one_says_by_whom_and_why(scene):
    scene.mail.recipients["alice@example.org"] = "550 no such user"
    scene.shipped()
    scene.run()
    ((id,),) = scene.sql("SELECT id FROM side_effects WHERE order_id = %s AND status = 'dead'", scene.order_id)
    scene.cast.olive.post("/api/ops/side-effects/discard", {"ids": [id], "reason": "she phoned"})

    tree = scene.cast.olive.get(f"/api/orders/{scene.order_id}/explain").json["tree"]
    (mail,) = [one for one in tree["children"] if one["effect"] == "email.status"]
    assert ("discarded", f"operator {scene.id}: she phoned") == (mail["cause"], mail["error"])


def test_every_cause_is_documented():
    text = (
        (PROJECT / "docs" / "http.md").read_text().partition("\n## Why somebody was notified")[2].partition("\n## ")[0]
    )
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", text, re.MULTILINE))

    assert {name: rows.get(name) for name in CAUSES} == dict(CAUSES)


def test_no_more_streams_of_one_account_are_recorded_than_a_person_opens(world):
    readers = Readers(onward_of(world.app).realtime.readers._pool)
    for _ in range(3 * RECORDED):
        readers.opened(Subscriber("buyer:1", ("buyer:1",)), None, 0)

    assert RECORDED == len(readers._begun)


def test_when_somebody_was_online_is_erased_with_their_data_and_pruned_with_the_log(scene):
    scene.place()
    scene.listens(scene.cast.alice)
    scene.listens(scene.cast.bob)
    scene.cast.olive.post("/api/ops/personal-data/erase", {"buyer_id": scene.id, "reason": "asked"})
    assert [(f"seller:{scene.id}",)] == scene.sql("SELECT who FROM stream_readers")

    scene.sql("UPDATE stream_readers SET opened_at = clock_timestamp() - interval '25 hours'")
    scene.onward.pruner.prune()
    assert [] == scene.sql("SELECT who FROM stream_readers")
