"""The messages for refused changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from access.principal import Principal
from dashboard import messages, texts
from foundation.errors import InvalidRequest
from orders.errors import IllegalTransition, StaleVersion

STATIC = Path(__file__).resolve().parents[2] / "static"
SCRIPTS = "".join(path.read_text() for path in STATIC.glob("*.js"))
PLACEHOLDER = re.compile(r"\{\w+\}")
WORDS = {"CANCELLED": "Cancelled", "SHIPPED": "On its way"}
OPERATORS_CHANGE = {"actor": {"role": "operator", "id": 1}}
BUYER, SELLER = Principal("buyer", 1), Principal("seller", 1)


def test_a_stale_page_names_who_was_faster() -> None:
    changed = {"actor": {"role": "buyer", "id": 1}}
    current = {"status": "CANCELLED", "buyer_name": "Alice Archer"}
    error = StaleVersion("…", {"current": current, "changed": changed, "allowed_transitions": []})

    told = messages.refusal(error, "CONFIRMED", SELLER, WORDS)

    assert "Alice Archer changed this order to “Cancelled” before you." == told


def test_who_may_still_do_what_they_wanted_is_told_so() -> None:
    members = {"current": {"status": "SHIPPED"}, "changed": OPERATORS_CHANGE, "allowed_transitions": ["DELIVERED"]}

    told = messages.refusal(StaleVersion("The order is at version 2.", members), "DELIVERED", SELLER, WORDS)

    assert "Operator changed this order to “On its way” before you. Check it and try again." == told


def test_an_impossible_move_says_where_the_order_stands_in_the_readers_words() -> None:
    error = IllegalTransition("A buyer cannot move …", {"current": {"status": "SHIPPED"}})

    told = messages.refusal(error, "CANCELLED", BUYER, WORDS)

    assert "This order is “On its way” now, so this is no longer possible." == told


def test_a_missing_reason_is_asked_for() -> None:
    assert "Give a reason." == messages.refusal(
        InvalidRequest("A reason is required for CANCELLED."), "CANCELLED", BUYER, WORDS
    )


def test_a_buyer_reads_no_names_of_a_shops_staff() -> None:
    assert "The shop" == messages.actors(BUYER, "Alice Archer")["seller"]
    assert "Alice Archer" == messages.actors(SELLER, "Alice Archer")["buyer"]


@pytest.mark.parametrize("name", texts.TEXTS)
def test_a_text_is_written_by_the_server_only(name: str) -> None:
    """Refusals and counts stood in Python and in JavaScript, and one of them had come to differ."""
    pieces = [re.escape(piece) for piece in PLACEHOLDER.split(texts.TEXTS[name])]
    literal = re.compile(r"([\"'`])" + r"\$\{.*?\}".join(pieces) + r"\1")

    assert not literal.search(SCRIPTS)


def test_a_script_names_only_texts_that_there_are() -> None:
    named = set(re.findall(r"""\btext\("(\w+)\"""", SCRIPTS))

    assert {"just_changed", "unread", "zone"} <= named
    assert [] == sorted(named - texts.for_scripts()["texts"].keys())
