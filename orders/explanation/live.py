"""The live events of a change: on which channels they were published, and which streams have received them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from notifications.rules import SIDES, Side
from orders.channels import EVERY_SELLER
from orders.effects.realtime import BUYER_BIT, SELLER_BIT
from orders.explanation.causes import Explained, Ruling
from orders.explanation.facts import EventFacts
from orders.explanation.rulings import deferred
from realtime.readers import LOST_SECONDS, channels_of_buyer, readers_of
from side_effects.kinds import Kind

MOST_READERS = 200
"""Streams that are shown; a shop with more than these has them all alike."""

SLOW = "slow consumer"
BITS_OF_LIVE: dict[Side, int] = {"seller": SELLER_BIT, "buyer": BUYER_BIT}


def live_of(facts: EventFacts, kinds: Mapping[str, Kind]) -> Iterator[Explained]:
    """The channel of each side, with the streams on it."""
    logged = facts.logged
    found: list[dict[str, Any]] = []
    of_buyer = channels_of_buyer(f"buyer:{facts.event['buyer_id']}", [facts.event["order_id"]])
    of_side = {"seller": [f"seller:{facts.event['seller_id']}", EVERY_SELLER], "buyer": of_buyer}
    if logged:
        channels = [one for some in of_side.values() for one in some]
        found = readers_of(channels, logged["first"], logged["last"], logged["at"], MOST_READERS)
    for side in SIDES:
        channel, *_ = of_side[side]
        node = Explained("live", channel, _published(facts, side, kinds), f"realtime.{side}")
        node.children = [_reader(facts, one) for one in found if one["channel"] in of_side[side]]
        if logged and not any(one["channel"] == channel for one in found):
            node.children.append(Explained("reader", channel, Ruling("skipped", "no_streams")))
        yield node


def _published(facts: EventFacts, side: Side, kinds: Mapping[str, Kind]) -> Ruling:
    bit = BITS_OF_LIVE[side]
    if waiting := facts.waiting(bit) or deferred(facts, f"realtime.{side}", kinds):
        return waiting
    if facts.logged:
        return Ruling("done", "done", facts.logged["at"])
    return Ruling("unknown", "pruned" if facts.has(bit) else "not_recorded")


def _reader(facts: EventFacts, one: dict[str, Any]) -> Explained:
    logged = facts.logged
    assert logged is not None
    lost = one["reason"] == SLOW and one["ended_at"] - logged["at"] < timedelta(seconds=LOST_SECONDS)
    if lost or (one["received_through"] is not None and one["received_through"] < logged["last"]):
        ruling = Ruling("skipped", "stream_lost", one["ended_at"], one["reason"])
    elif one["received_through"] is None and not one["lives"]:
        ruling = Ruling("unknown", "stream_unknown", one["opened_at"])
    else:
        ruling = Ruling("done", "replayed" if one["opened_at"] > logged["at"] else "live", one["opened_at"])
    return Explained("reader", one["via"] or one["who"], ruling)
