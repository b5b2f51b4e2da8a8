"""The buffer of recent events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime.recent_events import RecentEvents
from tests.unit.listening import pack, rows

CHANNELS = ("buyer:1", "seller:1", "seller:2")


@given(st.lists(st.sampled_from(CHANNELS), max_size=60), st.integers(1, 20), st.integers(0, 60))
def test_above_its_start_it_holds_everything_and_nothing_else(channels, most, cursor):
    recent, log = RecentEvents(0, most), []
    for seq, channel in enumerate(channels, 1):
        log += rows(seq, channel=channel)
        recent.append(log[-1:])

    assert len(recent) <= most
    assert max(0, len(channels) - most) == recent.start
    for asked in (CHANNELS, CHANNELS[:1], CHANNELS[1:]):
        expected = [row for row in log if row[0] > max(cursor, recent.start) and row[1] in asked]
        assert expected == recent.after(asked, max(cursor, recent.start))
    sellers = [row for row in log if row[0] > max(cursor, recent.start) and row[1].startswith("seller:")]
    assert sellers == recent.after(("seller:*",), max(cursor, recent.start))


def test_large_events_take_no_more_memory_than_allowed():
    recent = RecentEvents(0, most=1000, size=10_000)
    for seq in range(1, 100):
        recent.append(rows(seq, size=1000))

    assert (10, 89) == (len(recent), recent.start)


def test_a_pack_is_found_by_either_of_its_channels_and_once_by_both():
    recent = RecentEvents(0, most=2)
    recent.append([pack(3, 0, 1, 1), pack(5, 1, 0)])

    for asked in (("seller:1",), ("buyer:1",), ("seller:1", "buyer:1"), ("buyer:*",)):
        assert [3, 5] == [row[0] for row in recent.after(asked, 2)], "the third event is not among those that were seen"
        assert [5] == [row[0] for row in recent.after(asked, 3)]
    recent.append(rows(6))
    assert (3, [5]) == (recent.start, [row[0] for row in recent.after(("seller:1",), 3)])
