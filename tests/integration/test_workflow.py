"""The workflow table over HTTP, and a custom one."""

from __future__ import annotations

import pytest

from cli import init_commands
from orders import workflow_file, workflow_trial
from orders.workflow_file import DEFAULT
from tests.integration.conftest import send_through

OWN = """
initial = "ORDERED"

[statuses.ORDERED]
seller = "Ordered"
buyer = "Ordered"
tone = "blue"
icon = "disc"
notify.seller = "Somebody ordered, 100 % sure: '{number}'"

[statuses.EATEN]
seller = "Eaten"
buyer = "Enjoyed"
tone = "green"
icon = "star"
final = true
tracking = true
notify.seller = "#{number} was eaten."
notify.buyer = "#{number} was eaten."

[[transitions]]
from = "ORDERED"
to = "EATEN"
roles = ["buyer", "seller"]
"""


@pytest.fixture
def kitchen(app_with, tmp_path, settings, empty):
    """The cast, in an installation with a table of its own."""
    table = tmp_path / "kitchen.toml"
    table.write_text(OWN)
    return send_through(app_with(order_workflow=table), settings)


def test_everybody_who_is_somebody_may_read_the_table(alice, bob, olive, shop):
    table = alice.get("/api/workflow").json

    assert "PENDING" == table["initial"]
    assert {"name": "SHIPPED", "seller": "Shipped", "buyer": "On its way", "tracking": True}.items() <= next(
        one for one in table["statuses"] if one["name"] == "SHIPPED"
    ).items()
    assert {
        "from": "PENDING",
        "to": "CANCELLED",
        "roles": ["seller", "buyer", "operator", "service"],
        "reason": True,
        "action": "Cancel order",
        "after_seconds": None,
        "since": None,
        "correction": False,
        "reopens": False,
        "within_seconds": {},
    } in table["transitions"]
    assert all(table == person.get("/api/workflow").json for person in (bob, olive, shop))


def test_the_table_is_not_sent_again_to_who_has_it(alice):
    first = alice.get("/api/workflow")

    again = alice.get("/api/workflow", If_None_Match=first.headers["ETag"])
    assert (304, None) == (again.status, again.json)


def test_a_table_of_ones_own_takes_the_place_of_ours(kitchen):
    order = kitchen.place()

    assert ("ORDERED", ["EATEN"]) == (order["status"], kitchen.alice.order(order["id"])["allowed_transitions"])
    assert 422 == kitchen.bob.move(order["id"], "CONFIRMED").status
    assert 200 == kitchen.alice.move(order["id"], "EATEN", tracking={"carrier": "Mouth", "number": "1"}).status
    assert ["ORDERED", "EATEN"] == [one["name"] for one in kitchen.alice.get("/api/workflow").json["statuses"]]


def test_orders_of_another_table_stay_readable(cast, kitchen):
    """They stand in a status that the new table does not know."""
    order = cast.place()

    for person in (kitchen.alice, kitchen.bob, kitchen.olive):
        assert ("PENDING", []) == tuple(person.order(order["id"])[key] for key in ("status", "allowed_transitions"))
    assert 409 == kitchen.bob.move(order["id"], "EATEN").status


def test_the_table_is_published_in_the_language_that_the_client_accepts(cast):
    def published(accepted):
        answer = cast.bob.get("/api/workflow", Accept_Language=accepted)
        (shipped,) = [one for one in answer.json["statuses"] if one["name"] == "SHIPPED"]
        return shipped["seller"], answer.headers["Content-Language"], answer.headers["Vary"], answer.headers["ETag"]

    english, german = published("en"), published("de-AT, en;q=0.5")
    assert ("Shipped", "en") == english[:2] == published("nonsense;;q=,")[:2]
    assert ("Versendet", "de") == german[:2]
    assert "Accept-Language" in german[2]
    assert english[3] != german[3]


def test_a_bad_table_is_refused_before_anything_starts(app_with, tmp_path):
    table = tmp_path / "bad.toml"
    table.write_text(OWN.replace('"star"', '"stern"'))

    with pytest.raises(workflow_file.WorkflowError, match=r"bad\.toml:15: status EATEN: icon: "):
        app_with(order_workflow=table)


@pytest.fixture
def trial(app, tmp_path):
    """Tries the table, as it is after some of its text was replaced, on what has happened."""
    init_commands(app)

    def run(*replaced):
        text = DEFAULT.read_text()
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "new.toml").write_text(text)
        result = app.test_cli_runner().invoke(args=["workflow", "try", str(tmp_path / "new.toml")])
        return result.exit_code, result.output.splitlines()

    return run


@pytest.fixture
def past(cast):
    """One order is on its way, one was cancelled by its buyer, and one was confirmed by mistake."""
    orders = [cast.place() for _ in range(3)]
    for status in ("CONFIRMED", "PREPARING", "SHIPPED"):
        cast.bob.move(orders[0]["id"], status)
    cast.alice.move(orders[1]["id"], "CANCELLED", "No longer needed")
    cast.bob.move(orders[2]["id"], "CONFIRMED")
    cast.bob.move(orders[2]["id"], "PENDING", "misclick")
    return [order["id"] for order in orders]


def test_the_table_in_use_would_have_refused_nothing(past, trial):
    assert (0, ["0 of 6 changes would have been refused.", "0 of 3 orders would be stranded."]) == trial()


MOVE = '[[transitions]]\nfrom = "{}"\nto = "{}"\nroles = ["seller", {}"operator", "service"]\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            MOVE.format("PREPARING", "SHIPPED", ""),
            "",
            "1 x PREPARING to SHIPPED by seller: no such transition; the first is",
        ),
        (
            MOVE.format("PENDING", "CANCELLED", '"buyer", '),
            MOVE.format("PENDING", "CANCELLED", ""),
            "1 x PENDING to CANCELLED by buyer: not for this role; the first is",
        ),
        (
            MOVE.format("CONFIRMED", "PREPARING", ""),
            MOVE.format("CONFIRMED", "PREPARING", "") + "reason = true\n",
            "1 x CONFIRMED to PREPARING by seller: no reason was given; the first is",
        ),
        (
            'within = { seller = "15 minutes" }',
            'within = { seller = "1 second" }',
            "1 x CONFIRMED to PENDING by seller: too late; the first is",
        ),
    ],
)
def test_a_new_table_is_tried_on_the_past(past, trial, sql, old, new, said):
    sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    sql("UPDATE order_events SET at = at - interval '5 seconds' WHERE version < 3")
    sql("ALTER TABLE order_events ENABLE TRIGGER USER")

    code, lines = trial((old, new))
    assert (1, "1 of 6 changes would have been refused.") == (code, lines[0])
    assert lines[1].strip().startswith(said)


def test_a_new_table_says_whom_it_would_strand(past, trial, sql):
    sql("UPDATE orders SET status = 'BAKED' WHERE id = %s", past[0])
    sql("UPDATE orders SET status = 'REFUNDED' WHERE id = %s", past[2])

    code, lines = trial()
    assert 1 == code
    assert lines[1:] == [
        "2 of 3 orders would be stranded.",
        f"  1 x BAKED: not in the table; the first is order {past[0]}",
        f"  1 x REFUNDED: open, and no transition leaves it; the first is order {past[2]}",
    ]


def test_the_past_is_replayed_in_pieces(past, trial, monkeypatch):
    """However long it is, only a piece of it is in memory."""
    monkeypatch.setattr(workflow_trial, "PIECE", 2)

    assert "0 of 6 changes would have been refused." == trial()[1][0]
