"""Who is told what and when: every cell against an oracle written apart, and both nights of a clock change."""

from __future__ import annotations

import itertools
import zoneinfo
from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from notifications.quiet_hours import QuietHours, digest_window, quiet_until
from notifications.rules import NotificationRule, Preferences, decide, digest_at
from orders.workflow_notices import way_of

NOON = datetime(2026, 7, 14, 12, 0, tzinfo=UTC)
WAYS = (
    ("inbox",),
    ("email",),
    ("inbox", "email"),
    ("inbox", "email after 10 minutes unless seen"),
    ("inbox", "digest hourly"),
    ("digest daily",),
)
CHOICES = (None, "on", "off", "hourly", "daily")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Pacific/Kiritimati")
QUIET = (None, (22, 7), (9, 17), (0, 23))
AGES = (0, 599, 600)
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
CELLS = list(itertools.product(WAYS, ("inbox", "email"), CHOICES, QUIET, ZONES, (False, True), AGES))


def oracle(ways, way, choice, quiet, zone, critical, age):
    """What the issue asks for, by the hands of a clock: no code of the product, and no clock change in July."""
    offered = [one for one in ways if (one == "inbox") == (way == "inbox")]
    if not offered or choice == "off":
        return "not", None
    if way == "inbox":
        return "now", None
    offset = ZoneInfo(zone).utcoffset(NOON.replace(tzinfo=None))

    def after_quiet(moment):
        local = (moment + offset).replace(tzinfo=None)
        while quiet and (
            quiet[0] <= local.hour < quiet[1] if quiet[0] < quiet[1] else not quiet[1] <= local.hour < quiet[0]
        ):
            local = local.replace(minute=0, second=0) + timedelta(hours=1)
        return local.replace(tzinfo=UTC) - offset

    collected = {"on": "", None: offered[0]}.get(choice, choice)
    if not critical and ("hourly" in collected or "daily" in collected):
        local = (NOON + offset).replace(tzinfo=None)
        full = local.replace(minute=0) + timedelta(hours=1)
        while "daily" in collected and full.hour != 8:
            full += timedelta(hours=1)
        return "digest", after_quiet(full.replace(tzinfo=UTC) - offset)
    ready = NOON + timedelta(seconds=600 - age if "after" in offered[0] else 0)
    told = ready if critical else after_quiet(ready)
    return ("now", None) if told == NOON else ("wait", told)


def test_every_cell_is_decided_as_the_oracle_says():
    assert len(CELLS) >= 2000
    wrong = []
    for ways, way, choice, quiet, zone, critical, age in CELLS:
        chosen = {"SHIPPED": {way: choice}} if choice else {}
        hours = QuietHours(time(quiet[0]), time(quiet[1])) if quiet else None
        person = Preferences(chosen, hours, ZoneInfo(zone))
        rule = NotificationRule(tuple(map(way_of, ways)), critical)
        decided = decide(rule, "SHIPPED", way, person, NOON - timedelta(seconds=age), NOON)
        if (decided.what, decided.at) != oracle(ways, way, choice, quiet, zone, critical, age):
            wrong.append((ways, way, choice, quiet, zone, critical, age, decided))

    assert wrong == []


def test_a_choice_for_one_kind_is_stronger_than_the_one_for_all():
    person = Preferences({"*": {"email": "off"}, "SHIPPED": {"email": "on"}})

    assert [person.choice("SHIPPED", "email"), person.choice("READY", "email")] == ["on", "off"]


def clock_changes(zone):
    """The nights of 2026 in which this clock changes, as the UTC midnight before."""
    weeks = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=7 * number) for number in range(53)]
    changed = [one for one in weeks if one.astimezone(zone).utcoffset() != (one + 7 * DAY).astimezone(zone).utcoffset()]
    days = [week + number * DAY for week in changed for number in range(7)]
    return [one for one in days if one.astimezone(zone).utcoffset() != (one + DAY).astimezone(zone).utcoffset()]


@cache
def nights():
    """400 zones: those whose clock changes come first, each with its nights; the others with one of any."""
    zones = [ZoneInfo(name) for name in sorted(zoneinfo.available_timezones()) if "/" in name]
    changes = sorted(((zone, clock_changes(zone)) for zone in zones), key=lambda one: -len(one[1]))
    return [(zone, found or [datetime(2026, 3, 28, tzinfo=UTC)]) for zone, found in changes[:400]]


@pytest.mark.parametrize("quiet", [QuietHours(time(22), time(2, 30)), QuietHours(time(2, 15), time(7))])
def test_in_400_zones_quiet_hours_lose_nothing_and_double_nothing_when_the_clock_changes(quiet):
    """What happens in each quarter of an hour is told in the first one that is not quiet: looked up from behind."""
    zones = nights()
    assert len(zones) == 400
    for zone, begins in zones:
        for begin in begins:
            quarters = [begin - timedelta(hours=3) + number * QUARTER for number in range(4 * 34)]
            local = [(hand.hour, hand.minute) for hand in (one.astimezone(zone) for one in quarters)]
            first, last = ((one.hour, one.minute) for one in (quiet.begin, quiet.end))
            calm = [first <= one < last if first < last else not last <= one < first for one in local]
            told = None
            for number in reversed(range(len(quarters))):
                told = told if calm[number] else quarters[number]
                if told and number % 5 == 0:
                    found = quiet_until(quiet, zone, quarters[number]) or quarters[number]
                    assert found == told, (zone.key, quarters[number])


@pytest.mark.parametrize("every", ["hourly", "daily"])
def test_in_400_zones_everything_is_in_exactly_one_digest_when_the_clock_changes(every):
    for zone, begins in nights():
        for begin in begins:
            quarters = [begin - timedelta(hours=12) + number * QUARTER for number in range(4 * 60)]
            hands = [one.astimezone(zone) for one in quarters]
            whole = [one.minute == 0 and (every == "hourly" or one.hour == 8) for one in hands]
            ends = [one for one, full in zip(quarters, whole, strict=True) if full]
            if every == "daily":
                assert len({one.astimezone(zone).date() for one in ends}) == len(ends)  # one mail a day
            for number in range(0, 4 * 34, 7):
                window = digest_window(every, zone, quarters[number])
                assert window == ends[bisect_right(ends, quarters[number])], (zone.key, quarters[number])


def test_digests_of_a_quiet_night_are_one():
    berlin = Preferences({}, QuietHours(time(22), time(7)), ZoneInfo("Europe/Berlin"))
    night = [datetime(2026, 7, 14, 20, 30, tzinfo=UTC) + timedelta(hours=number) for number in range(8)]

    assert {digest_at(berlin, "hourly", one) for one in night} == {datetime(2026, 7, 15, 5, tzinfo=UTC)}
