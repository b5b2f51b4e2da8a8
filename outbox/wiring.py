"""Builds the engine of one process from what the packages above need done after a commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foundation.connections import Row
from foundation.settings import Settings
from outbox.completion import Announcement
from outbox.engine import Engine
from side_effects.effects import EventType
from side_effects.kinds import Kind


def build(
    settings: Settings,
    event_types: Sequence[EventType],
    announcement: Announcement,
    on_rows: Callable[[list[Row]], None],
    kinds: Sequence[Kind] = (),
) -> Engine:
    """`kinds`: those whose rows no event writes. Raises LookupError naming an effect without a handler."""
    return Engine(settings, event_types, announcement, on_rows, kinds)
