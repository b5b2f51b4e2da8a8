"""The subscribers of one channel: a tuple while they are few, which is nearly always, and a set when they are many."""

from __future__ import annotations

from realtime.subscriber import Subscriber

FEW = 8
"""A tuple of two takes 56 bytes and a set 216; above this size, removing from a tuple costs more than from a set."""

ALL = "*"
"""`seller:*`, a stream's only channel, matches every channel with that prefix."""

Subscribers = tuple[Subscriber, ...] | set[Subscriber]


class ChannelIndex:
    """The subscribers of each channel."""

    def __init__(self) -> None:
        self.by_channel: dict[str, Subscribers] = {}

    def __len__(self) -> int:
        return len(self.by_channel)

    def __contains__(self, channel: object) -> bool:
        return channel in self.by_channel

    def of(self, channel: str) -> tuple[Subscriber, ...]:
        """A snapshot of the current subscribers; later changes do not affect it."""
        audience = self.by_channel.get(channel, ())
        return audience if isinstance(audience, tuple) else tuple(audience)

    def join(self, channel: str, subscriber: Subscriber) -> None:
        audience = self.by_channel.get(channel, ())
        if isinstance(audience, set):
            audience.add(subscriber)
        elif len(audience) < FEW:
            self.by_channel[channel] = (*audience, subscriber)
        else:
            self.by_channel[channel] = {*audience, subscriber}

    def leave(self, channel: str, subscriber: Subscriber) -> None:
        audience = self.by_channel.get(channel, ())
        if isinstance(audience, set):
            audience.discard(subscriber)
        else:
            audience = self.by_channel[channel] = tuple(one for one in audience if one is not subscriber)
        if not audience:
            self.by_channel.pop(channel, None)


def prefix_of(channel: str) -> str:
    """The channel of those who receive everything with its prefix: `seller:*` for `seller:7`."""
    return channel.partition(":")[0] + ":" + ALL
