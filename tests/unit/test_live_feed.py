"""The feed: what is handed in directly, what has to be read, and what arrives twice."""

from __future__ import annotations

from contextlib import suppress

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.feed import Feed
from realtime.hub import Hub
from realtime.log import PAGE, LogState
from tests.unit.listening import Reader, pack, rows


class FakeLog:
    """A log in memory that notes what is read, and may be away."""

    def __init__(self, *seqs):
        self.rows, self.reads, self.epoch, self.away = rows(*seqs), [], 1, False

    def state(self):
        return LogState(self.epoch, 0, self.rows[-1][0] if self.rows else 0)

    def between(self, seq, through):
        if self.away:
            raise psycopg2.OperationalError("away")
        found = [row for row in self.rows if seq < row[0] <= through][:PAGE]
        self.reads.append([row[0] for row in found])
        return found


@pytest.fixture
def log():
    return FakeLog(*range(1, 11))


@pytest.fixture
def renewed():
    return []


@pytest.fixture
def feed(log, renewed):
    feed = Feed(log, Hub(), None, lambda: renewed.append(True))
    feed.look()
    log.reads.clear()
    return feed


@pytest.fixture
def alice(feed):
    return Reader(feed._hub, "iterator", "buyer:1")


def test_it_begins_at_the_present_end_with_the_past_in_its_ring(feed, alice):
    assert (10, 0, 10) == (feed.position, feed.recent.start, len(feed.recent))
    assert [] == alice.seqs


def test_what_this_process_appended_is_not_read_back(feed, alice, log):
    feed.appended(rows(11, 12))
    feed.look()

    assert ([11, 12], 12, []) == (alice.seqs, feed.position, log.reads)


def test_packs_follow_each_other_by_the_numbers_of_all_their_events(feed, alice, log):
    feed.appended([pack(13, 0, 1, 1), pack(15, 1, 0)])
    feed.look()

    assert ([12, 13, 14], 15, []) == (alice.seqs, feed.position, log.reads)


@pytest.mark.parametrize("packs", [[pack(14, 0, 1, 1)], [pack(12, 1, 1), pack(15, 1, 1)]], ids=["before", "between"])
def test_with_somebody_elses_events_before_or_between_packs_the_log_is_asked(feed, alice, log, packs):
    log.rows += packs
    feed.appended(packs)
    feed.look()

    assert 1 <= len(log.reads) <= 2
    assert packs[-1][0] == alice.seqs[-1] == feed.position


def test_of_somebody_elses_events_between_only_they_are_read(feed, alice, log):
    log.rows += rows(11, 12, 13, 14, 15)
    feed.appended(rows(14, 15))
    feed.appended(rows(12))
    feed.look()

    assert [11, 12, 13, 14, 15] == alice.seqs
    assert [[11], [13]] == log.reads


def test_what_is_announced_is_read_and_not_what_comes_after_it(feed, alice, log):
    """It may be our own, on its way to us."""
    log.rows += rows(11, 12, 13)
    feed.announce(12)
    feed.look()
    feed.appended(rows(13))
    feed.look()

    assert ([11, 12, 13], [[11, 12]]) == (alice.seqs, log.reads)


def test_what_was_handed_in_is_not_forgotten_when_the_gap_before_it_cannot_be_read(feed, alice, log):
    log.rows, log.away = [*log.rows, *rows(11, 12, 13)], True
    feed.appended(rows(12, 13))
    with pytest.raises(psycopg2.OperationalError):
        feed.look()

    log.away = False
    feed.look()
    assert [11, 12, 13] == alice.seqs


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ours", "theirs", "rolled back", "handed in", "announced", "look", "poll", "failure"]),
        st.integers(1, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_in_whatever_order_news_arrives_everything_is_published_once_and_in_order(steps):
    """Two processes append rows or packs; what we appended comes later, in any order; theirs is announced or not."""
    log = FakeLog(1)
    feed = Feed(log, Hub(), None, lambda: None)
    feed.look()
    log.reads.clear()
    alice = Reader(feed._hub, "iterator", "buyer:1")
    head, on_the_way, committed = 1, [], []
    for what, count in [*steps, ("failure", 0), ("poll", 0)]:
        if what in ("ours", "theirs", "rolled back"):
            seqs, head = range(head + 1, head + count + 1), head + count
            made = [pack(head, *[1] * count)] if count == 2 else rows(*seqs)
            if what != "rolled back":
                log.rows += made
                committed += seqs
            if what == "ours":
                on_the_way.append(made)
        elif what == "handed in" and on_the_way:
            feed.appended(on_the_way.pop(count % len(on_the_way)))
        elif what == "announced":
            feed.announce(log.rows[-1][0])
        elif what in ("look", "poll", "failure"):
            log.away = what == "failure"
            with suppress(psycopg2.OperationalError):
                feed.look(polling=what == "poll")
            log.away = False

    assert committed == alice.seqs


def test_an_event_that_comes_twice_is_published_once(feed, alice):
    feed.appended(rows(11, 12))
    feed.appended(rows(9, 10))
    feed.appended(rows(12, 13))
    feed.look()

    assert [11, 12, 13] == alice.seqs


def test_news_of_what_is_here_already_costs_no_read(feed, log):
    feed.announce(10)
    feed.look()

    assert [] == log.reads


def test_a_lost_wake_up_is_made_good_by_the_next_look(feed, alice, log):
    log.rows += rows(11)
    feed.look(polling=True)

    assert [11] == alice.seqs


def test_what_was_published_can_be_replayed_from_the_ring(feed):
    feed.appended(rows(11, 12))
    feed.look()

    assert [9, 10, 11, 12] == [row[0] for row in feed.recent.after(["buyer:1"], 8)]


@pytest.mark.parametrize(("epoch", "seqs"), [(2, range(1, 20)), (1, range(1, 4))], ids=["new epoch", "shorter log"])
def test_a_log_that_is_another_one_is_noticed_and_followed(feed, log, renewed, epoch, seqs):
    log.epoch, log.rows = epoch, rows(*seqs)
    feed._judge()

    assert [True] == renewed
    assert (epoch, seqs[-1]) == (feed.epoch, feed.position)


def test_what_is_heard_of_during_a_read_is_read_too(feed):
    """The read's snapshot may be older."""
    read = feed._log.between

    def between(seq, through):
        rows = read(seq, through)
        feed.announce(seq + len(rows) + 1)
        return rows

    feed._log.between = between
    feed.look(polling=True)

    assert feed._announced > feed.position
