"""The ring of newest events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime.recent_events import Ring
from tests.unit.listening import rows

CHANNELS = ("buyer:1", "seller:1", "seller:2")


@given(st.lists(st.sampled_from(CHANNELS), max_size=60), st.integers(1, 20), st.integers(0, 60))
def test_above_its_start_it_holds_everything_and_nothing_else(channels, most, cursor):
    ring, log = Ring(0, most), []
    for seq, channel in enumerate(channels, 1):
        log += rows(seq, channel=channel)
        ring.keep(log[-1:])

    assert len(ring) <= most
    assert max(0, len(channels) - most) == ring.start
    for asked in (CHANNELS, CHANNELS[:1], CHANNELS[1:]):
        expected = [row for row in log if row[0] > max(cursor, ring.start) and row[1] in asked]
        assert expected == ring.after(asked, max(cursor, ring.start))
    sellers = [row for row in log if row[0] > max(cursor, ring.start) and row[1].startswith("seller:")]
    assert sellers == ring.after(("seller:*",), max(cursor, ring.start))


def test_large_events_take_no_more_memory_than_allowed():
    ring = Ring(0, events=1000, size=10_000)
    for seq in range(1, 100):
        ring.keep(rows(seq, size=1000))

    assert (10, 89) == (len(ring), ring.start)
