"""The decision who is notified of what, by which way and when: a pure function of the table, the person and the time.

The table (orders/workflow.toml) says for each kind and side which ways there are; the person has chosen, and may have
quiet hours. A kind is a status, `order.created`, `order.corrected` or `message.created`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from notifications.quiet_hours import UTC_ZONE, QuietHours, digest_window, quiet_until

WayName = Literal["inbox", "email"]
Digest = Literal["hourly", "daily"]
Choice = Literal["on", "off", "hourly", "daily"]
Side = Literal["seller", "buyer"]

WAYS: tuple[WayName, ...] = get_args(WayName)
SIDES: tuple[Side, ...] = get_args(Side)
CHOICES: Mapping[WayName, tuple[Choice, ...]] = {"inbox": ("on", "off"), "email": get_args(Choice)}
"""What a person can choose for each way."""

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))

EVERY_KIND = "*"
"""Among a person's choices: for all kinds that have none of their own."""


@dataclass(frozen=True)
class Way:
    """One way as the table names it: `email after 10 minutes unless seen` has 600 seconds."""

    name: WayName
    wait_seconds: int = 0
    """How long it waits, and is not sent if it was seen meanwhile or the order has moved on; 0 if it is sent now."""

    digest: Digest | None = None

    @property
    def text(self) -> str:
        """As the table has it."""
        if self.digest:
            return f"digest {self.digest}"
        if not self.wait_seconds:
            return self.name
        unit, seconds = next(one for one in UNITS if self.wait_seconds % one[1] == 0)
        count = self.wait_seconds // seconds
        return f"email after {count} {unit}{'' if count == 1 else 's'} unless seen"


@dataclass(frozen=True)
class NotificationRule:
    """What the table says of one kind to one side."""

    ways: tuple[Way, ...] = ()
    critical: bool = False
    """Whether it notifies in quiet hours too, and never collected."""

    def way(self, name: str) -> Way | None:
        """The way of this name, if the table has it."""
        return next((one for one in self.ways if one.name == name), None)


Choices = Mapping[str, Mapping[WayName, Choice]]
"""What somebody has chosen, by kind and way."""

NotificationRules = Mapping[tuple[str, str], NotificationRule]
"""By kind and side; nobody is notified of what is not there."""


@dataclass(frozen=True)
class Preferences:
    """What one person has chosen; nothing, to begin with."""

    choices: Choices = field(default_factory=dict)

    quiet: QuietHours | None = None
    zone: ZoneInfo = UTC_ZONE

    def choice(self, kind: str, way: WayName) -> Choice | None:
        """The choice for this kind, otherwise the one for every kind, otherwise None: the table decides."""
        return self.choices.get(kind, {}).get(way) or self.choices.get(EVERY_KIND, {}).get(way)


Why = Literal["table", "preference", "quiet_hours", "unless_seen", "critical"]


@dataclass(frozen=True)
class Timing:
    """What is done about one kind, way and person, at one moment."""

    what: Literal["now", "wait", "digest", "not"]
    rule: Why
    """Which rule said so."""

    at: datetime | None = None
    """Until when it waits, or when the digest is sent."""

    every: Digest | None = None
    """How often the digest is sent that it is in."""


def decide(
    rule: NotificationRule, kind: str, way: WayName, person: Preferences, happened_at: datetime, now: datetime
) -> Timing:
    """The decision at `now` about what happened at `happened_at`."""
    offered, choice = rule.way(way), person.choice(kind, way)
    if offered is None:
        return Timing("not", "table")
    if choice == "off":
        return Timing("not", "preference")
    if way == "inbox":
        return Timing("now", "preference" if choice else "table")
    every = offered.digest if choice is None else choice if choice != "on" else None
    if every and not rule.critical:
        return Timing("digest", "preference" if choice else "table", digest_at(person, every, now), every)
    return _by_itself(rule, offered, person, happened_at, now, bool(choice), bool(every))


def digest_at(person: Preferences, every: Digest, now: datetime) -> datetime:
    """When this person's next digest is sent: at the end of its window, and of quiet hours."""
    window = digest_window(every, person.zone, now)
    return quiet_until(person.quiet, person.zone, window) or window


def _by_itself(
    rule: NotificationRule,
    way: Way,
    person: Preferences,
    happened_at: datetime,
    now: datetime,
    chosen: bool,
    kept_out: bool,
) -> Timing:
    """The decision about an e-mail of its own; `kept_out` of a digest that it would be in, were it not critical."""
    due = max(now, happened_at + timedelta(seconds=way.wait_seconds))
    quiet_end = quiet_until(person.quiet, person.zone, due)
    if quiet_end and not rule.critical:
        return Timing("wait", "quiet_hours", quiet_end)
    if due > now:
        return Timing("wait", "unless_seen", due)
    if rule.critical and (quiet_end or kept_out):
        return Timing("now", "critical")
    return Timing("now", "preference" if chosen else "table")
