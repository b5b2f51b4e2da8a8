"""The feed: what is handed in directly, what has to be read, and what arrives twice."""

from __future__ import annotations

import pytest

from realtime.feed import Feed
from realtime.hub import Hub
from realtime.log import LogState
from tests.unit.listening import Reader, pack, rows


class FakeLog:
    """A log in memory that counts how often it is asked."""

    def __init__(self, *seqs):
        self.rows, self.reads, self.epoch = rows(*seqs), 0, 1

    def state(self):
        return LogState(self.epoch, 0, self.rows[-1][0] if self.rows else 0)

    def after(self, seq):
        self.reads += 1
        return [row for row in self.rows if row[0] > seq]


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
    log.reads = 0
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

    assert ([11, 12], 12, 0) == (alice.seqs, feed.position, log.reads)


def test_packs_follow_each_other_by_the_numbers_of_all_their_events(feed, alice, log):
    feed.appended([pack(13, 0, 1, 1), pack(15, 1, 0)])
    feed.look()

    assert ([12, 13, 14], 15, 0) == (alice.seqs, feed.position, log.reads)


@pytest.mark.parametrize("packs", [[pack(14, 0, 1, 1)], [pack(12, 1, 1), pack(15, 1, 1)]], ids=["before", "between"])
def test_with_somebody_elses_events_before_or_between_packs_the_log_is_asked(feed, alice, log, packs):
    log.rows += packs
    feed.appended(packs)
    feed.look()

    assert 1 == log.reads
    assert packs[-1][0] == alice.seqs[-1] == feed.position


@pytest.mark.parametrize("seqs", [(12, 13), (11, 13)], ids=str)
def test_with_somebody_elses_events_between_the_log_is_asked(feed, alice, log, seqs):
    log.rows += rows(11, 12, 13)
    feed.appended(rows(*seqs))
    feed.look()

    assert ([11, 12, 13], 13, 1) == (alice.seqs, feed.position, log.reads)


def test_an_event_that_comes_twice_is_published_once(feed, alice):
    feed.appended(rows(11, 12))
    feed.appended(rows(9, 10))
    feed.appended(rows(12, 13))
    feed.look()

    assert [11, 12, 13] == alice.seqs


def test_news_of_what_is_here_already_costs_no_read(feed, log):
    feed.announce(10)
    feed.look()

    assert 0 == log.reads


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
    read = feed._log.after

    def after(seq):
        rows = read(seq)
        feed.announce(seq + len(rows) + 1)
        return rows

    feed._log.after = after
    feed.look(polling=True)

    assert feed._announced > feed.position
