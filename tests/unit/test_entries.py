"""An outbox entry in memory is changed in one file only."""

from __future__ import annotations

import ast

from outbox.entries import OutboxEntry
from side_effects.effects import Effect, EventType
from tests.unit.test_architecture import PROJECT

OWN = {"remaining", "staged", "abandoned", "leased_at"}


def test_nobody_else_writes_an_entrys_bits():
    """Six fields were written in three modules."""
    written = {
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for package in ("orders", "chat", "outbox", "side_effects")
        for path in (PROJECT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in OWN
    }

    assert {"outbox/entries.py"} == {place.partition(":")[0] for place in written}, written


def test_what_is_done_neither_remains_nor_is_staged():
    event_type = EventType("order", "here", "", tuple(Effect(f"effect.{bit}", bit) for bit in range(4)))
    entry = OutboxEntry(1, event_type, 7, 17, event_type.everything, "request-1")

    entry.stage(0b0111 | 1 << 20)
    assert 0b0111 == entry.staged, "nothing is staged that does not remain"
    entry.mark_done(0b1001)
    assert (0b0110, 0b0110) == (entry.remaining, entry.staged)
    entry.mark_done(0b0110)
    assert (0, 0) == (entry.remaining, entry.staged)
