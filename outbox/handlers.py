"""The handlers of all kinds: those of the effects, and those the engine creates for effects that failed at their first
attempt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from outbox.batches import BatchWriter
from side_effects.effects import CalledEffect, DurableEffect, EventType, WrittenEffect
from side_effects.kinds import Claimed, Kind
from side_effects.retry import INTERNAL, SUCCEEDED, Outcome, failed


def all_kinds(event_types: Sequence[EventType], writer: BatchWriter) -> list[Kind]:
    """A kind for every effect of every event type; raises LookupError naming a durable one without a handler."""
    handled = {kind.name: kind for event_type in event_types for kind in event_type.handlers}
    for event_type in event_types:
        for effect in event_type.effects:
            if isinstance(effect, CalledEffect):
                handled[effect.name] = Kind(effect.name, partial(_call_again, effect), destinations=effect.destinations)
            elif isinstance(effect, DurableEffect):
                if effect.name not in handled:
                    raise LookupError(f"The effect {effect.name} is recorded but has no handler.")
                if effect.fans_out:
                    handled[effect.fans_out] = _written_again(writer, effect.fans_out, effect.bit)
            elif isinstance(effect, WrittenEffect):
                handled[effect.name] = _written_again(writer, effect.name, effect.bit)
    return list(handled.values())


def _written_again(writer: BatchWriter, name: str, bit: int) -> Kind:
    return Kind(name, partial(writer.do_again, bit), INTERNAL, records_itself=True)


def _call_again(effect: CalledEffect, claimed: Claimed) -> Outcome:
    if claimed.payload is None:
        return Outcome("dead", "what it speaks of does not exist any more")
    try:
        effect.call_one(claimed.payload, claimed.destination)
    except Exception as error:
        return failed(error)
    return SUCCEEDED
