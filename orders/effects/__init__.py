"""The effects of a change to an order: one file for each, and the one list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chat.effects import BITS as BITS_OF_CHAT
from foundation.languages import in_language
from orders.effects import chat, digest, email, new_order_email, notification, realtime, signal, source, timer, webhook
from orders.effects.given import Given
from orders.outbox_entry import EVENT_TYPE
from side_effects.effects import Effect, EventType, WrittenEffect

CONTEXT = "order-status-update"


class EffectModule(Protocol):
    """A file of this package: everything about one effect, or about two that are alike."""

    def effects(self, given: Given) -> tuple[Effect, ...]:
        """Its effects, including those that this installation has not enabled."""
        ...


EFFECTS: tuple[EffectModule, ...] = (
    realtime,
    notification,
    signal,
    chat,
    email,
    new_order_email,
    webhook,
    timer,
)
"""In the order in which they are done, and in which the API lists them."""

BITS_OF_OTHERS = {**BITS_OF_CHAT}
"""Bits of other event types: one statement completes the entries of all event types."""


def event_type(given: Given) -> EventType:
    """The event type of orders, with the effects that are enabled; raises ValueError if two effects share a bit."""
    with in_language(given.settings.default_language):  # of what is stored: pages word it again for their reader
        effects = [effect for module in EFFECTS for effect in module.effects(given)]
    refuse_shared_bits(effects)
    written = [effect for effect in effects if isinstance(effect, WrittenEffect)]
    return EventType(
        EVENT_TYPE,
        CONTEXT,
        source.sql(given.workflow, [one for effect in written for one in effect.drawn]),
        tuple(effect for effect in effects if effect.enabled),
        source.load_events,
        "order_events",
        source.MOVED_ON,
        source.FORGOTTEN,
        (*(effect.handler for effect in written if effect.handler), *digest.handlers(given)),
        rows=source.ROWS,
    )


def refuse_shared_bits(effects: Sequence[Effect]) -> None:
    """Raise ValueError if two effects have the same bit.

    An effect that is not enabled keeps its bit: stored entries may have it, from another process or other settings.
    """
    owners = dict(BITS_OF_OTHERS)
    for effect in effects:
        if effect.bit in owners:
            raise ValueError(f"Bit {effect.bit} belongs to {owners[effect.bit]}; {effect.name} needs one of its own.")
        owners[effect.bit] = effect.name
