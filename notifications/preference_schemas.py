"""Requests and responses about how a person is notified, as pydantic models."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field, StringConstraints

from access.profile_schemas import TimeZone
from foundation.contract import Answer, Body, example
from notifications.quiet_hours import QuietHours
from notifications.rules import Choice, NotificationRules, Preferences, WayName

TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
TimeOfDay = Annotated[str, StringConstraints(pattern=TIME)]
EXAMPLE_QUIET: dict[str, Any] = {"from": "22:00", "until": "07:00"}
EXAMPLE_CHOICES = {"SHIPPED": {"email": "daily"}, "message.created": {"email": "off"}}
EXAMPLE_ZONE = "Europe/Berlin"

ChosenWays = Annotated[
    dict[str, dict[WayName, Choice]],
    Field(
        max_length=200,
        description="By kind, and for each by way; the kind `*` stands for all that are not named. The inbox is `on` "
        "or `off`; e-mail also `hourly` or `daily`, in one e-mail. What is not chosen is as the workflow table says.",
    ),
]


class QuietTimes(Body):
    """Hours of the person's clock in which e-mails wait, unless they are critical; none is dropped."""

    model_config = pydantic.ConfigDict(json_schema_extra={"examples": [EXAMPLE_QUIET]})

    begin: Annotated[TimeOfDay, Field(alias="from")]
    until: TimeOfDay

    @pydantic.model_validator(mode="after")
    def _differ(self) -> Self:
        if self.begin == self.until:
            raise ValueError("from and until must differ")
        return self

    @property
    def hours(self) -> QuietHours:
        return QuietHours(time.fromisoformat(self.begin), time.fromisoformat(self.until))


class SetPreferencesRequest(Body):
    """All of them: what is missing is as the workflow table says afterwards."""

    model_config = example(choices=EXAMPLE_CHOICES, quiet_hours=EXAMPLE_QUIET, time_zone=EXAMPLE_ZONE)

    choices: ChosenWays = Field(default_factory=dict)
    quiet_hours: QuietTimes | None = None
    time_zone: Annotated[TimeZone | None, Field(description="That of the profile if it is missing, otherwise UTC.")] = (
        None
    )


class KindWays(Answer):
    """The ways of a kind as the workflow table has them; only these can be chosen."""

    inbox: Literal["inbox"] | None = None
    email: str | None = None


class NotificationKind(Answer):
    """A kind of news that you may get."""

    kind: str
    critical: Annotated[bool, Field(description="Sent in quiet hours too, and in no digest.")]
    ways: KindWays


class NotificationPreferences(Answer):
    """How you are notified, and what you have chosen."""

    model_config = example(
        kinds=[{"kind": "SHIPPED", "critical": False, "ways": {"inbox": "inbox", "email": "email"}}],
        choices=EXAMPLE_CHOICES,
        quiet_hours=EXAMPLE_QUIET,
        time_zone=EXAMPLE_ZONE,
    )

    kinds: list[NotificationKind]
    choices: dict[str, dict[WayName, Choice]]
    quiet_hours: QuietTimes | None
    time_zone: str


def answer(rules: NotificationRules, side: str, chosen: Preferences) -> dict[str, object]:
    """The response: the table's kinds for this side, and the choices about them."""
    kinds = {kind: rule for (kind, whose), rule in rules.items() if whose == side}
    quiet = chosen.quiet
    return {
        "kinds": [
            {"kind": kind, "critical": rule.critical, "ways": {one.name: one.text for one in rule.ways}}
            for kind, rule in kinds.items()
        ],
        "choices": {kind: ways for kind, ways in chosen.choices.items() if kind in kinds or kind == "*"},
        "quiet_hours": quiet and {"from": f"{quiet.begin:%H:%M}", "until": f"{quiet.end:%H:%M}"},
        "time_zone": chosen.zone.key,
    }
