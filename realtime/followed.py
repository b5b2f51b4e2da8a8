"""What somebody with a tracking link receives: that its order has changed, and nothing that only the buyer may read.

Such a stream has the channel `buyer:42#17`, to which nothing is published. Its events are those of the order 17 on the
buyer's channel, reduced to what the link's page shows anyway; whoever receives one reads that page again. With a link
that shows the conversation too, the channel is `buyer:42#17+`.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from access.revocations import LINKS
from realtime.channel_index import ChannelIndex
from realtime.packs import Event
from realtime.subscriber import Subscriber

MARK = "#"
"""Between the buyer's channel and the order; no other channel has it."""

TALKING = "+"
"""Behind the order, for those who may read its conversation."""

SHOWN = ("order.created", "order.status_changed", "order.corrected", "order.updated")
"""The events after which the link's page looks different."""

MESSAGE = "message.created"


class Followers(ChannelIndex):
    """Subscribers that follow one order each."""

    def __init__(self) -> None:
        super().__init__()
        self.buyers: dict[str, int] = {}
        """How many follow an order of this buyer: the events of all others are not looked into."""

    def join(self, channel: str, subscriber: Subscriber) -> None:
        super().join(channel, subscriber)
        self.buyers[subscriber.who] = self.buyers.get(subscriber.who, 0) + 1

    def leave(self, channel: str, subscriber: Subscriber) -> None:
        super().leave(channel, subscriber)
        self.buyers[subscriber.who] -= 1
        if not self.buyers[subscriber.who]:
            del self.buyers[subscriber.who]


def channel_of(buyer: str, order_id: int, talking: bool = False) -> str:
    """The channel of those who follow this order of `buyer:42`, or of those of them who may read its conversation."""
    return f"{buyer}{MARK}{order_id}{TALKING if talking else ''}"


def is_followed(channels: tuple[str, ...]) -> bool:
    """Whether these are the channels of a stream that follows an order."""
    return MARK in channels[0]


def logged(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The channels of the log from which the events for these come."""
    return (channels[0].partition(MARK)[0],) if is_followed(channels) else channels


def revocable(subscriber: Subscriber) -> str:
    """The name by which the links of the order are revoked; empty for a stream that was not opened by a link."""
    _, mark, order_id = subscriber.channels[0].partition(MARK)
    return f"{LINKS}{order_id.removesuffix(TALKING)}" if mark else ""


def reduced(channel: str, type: str, data: str) -> list[tuple[str, str]]:
    """The channels of those who follow the order of this event, each with what they may know of it."""
    if type not in SHOWN and type != MESSAGE:
        return []
    event = orjson.loads(data)
    if type == MESSAGE:
        known = orjson.dumps({"at": event["at"], "type": type}).decode()
        return [(channel_of(channel, event["message"]["order_id"], talking=True), known)]
    order = event["order"]
    shown = {"number": order["number"], "status": order["status"], "version": order["version"]}
    known = orjson.dumps({"at": event["at"], "type": type, "order": shown}).decode()
    return [(channel_of(channel, order["id"], talking), known) for talking in (False, True)]


def for_channels(channels: tuple[str, ...], page: Iterable[Event]) -> Iterable[Event]:
    """The events of a page of the log as a stream of these channels receives them."""
    if not is_followed(channels):
        return page
    return [
        (number, to, type, known)
        for number, channel, type, data in page
        for to, known in reduced(channel, type, data)
        if to in channels
    ]
