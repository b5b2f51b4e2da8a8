"""Times of a person's own clock: when quiet hours end, and when a digest is sent; right on nights of a clock change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

UTC_ZONE = ZoneInfo("UTC")
DAILY_AT = time(8)
"""When a daily digest is sent, by the person's clock."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From one time of the day until another, perhaps of the next day; whole minutes by the person's clock."""

    begin: time
    end: time

    def include(self, moment: time) -> bool:
        """Whether this time of the day is quiet."""
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def minutes_left(self, moment: time) -> int:
        """From this time of the day until they end, by a clock that is not changed."""
        return (self.end.hour * 60 + self.end.minute - moment.hour * 60 - moment.minute) % (24 * 60)


def quiet_until(quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The first minute that is not quiet any more; None if it is not quiet now.

    If the clock is changed before, it is followed minute by minute: whether that omits the end of the quiet hours or
    has it twice, the first minute that is not quiet is right.
    """
    local = _local(now, zone)
    if quiet is None or not quiet.include(local.time()):
        return None
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    end = at + timedelta(minutes=quiet.minutes_left(local.time()))
    if _local(end, zone).utcoffset() == local.utcoffset():
        return end
    while quiet.include(_local(at, zone).time()):
        at += MINUTE
    return at


def digest_window(every: Literal["hourly", "daily"], zone: ZoneInfo, now: datetime) -> datetime:
    """The end of the window that `now` lies in: the next full hour, or the next 8 in the morning, by this clock."""
    return _next_hour(zone, now) if every == "hourly" else _next_morning(zone, now)


def _next_hour(zone: ZoneInfo, now: datetime) -> datetime:
    at = now.astimezone(UTC)
    while True:
        local = _local(at, zone)
        at += HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        if _local(at, zone).minute == 0:  # not so where a clock changes by half an hour
            return at


def _next_morning(zone: ZoneInfo, now: datetime) -> datetime:
    day = _local(now, zone).date()
    while True:
        at = datetime.combine(day, DAILY_AT, zone).astimezone(UTC)  # the first of two, if there are two
        if at > now:
            return at
        day += DAY


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone)
