"""Requests and responses about webhooks, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, Self

import pydantic
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from foundation.contract import LARGEST_ID, WHOLE, Answer, Body, Id, Moment, Query, example, example_of
from foundation.errors import InvalidRequest
from webhooks.matching import PATTERNS
from webhooks.sending import RESERVED

MOST_HEADERS = 10
OURS = frozenset({"content-type", "traceparent", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp"})
"""Headers of a delivery that an endpoint cannot replace, beside those that are HTTP's own."""

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
"""Visible ASCII, as every server reads it (RFC 9110, section 5.5)."""

SECRET = "whsec_dGhpcyBpcyBhbiBleGFtcGxlLCBub3QgYSBzZWNyZXQ="  # noqa: S105


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not NAME.fullmatch(name):
            raise ValueError("a name consists of letters, digits and hyphens")
        if name.lower() in OURS | RESERVED:
            raise ValueError(f"{name} cannot be set")
        if not VALUE.fullmatch(value) or len(value) > 1000:
            raise ValueError(f"the value of {name} must be one line of 1 to 1,000 visible ASCII characters")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is given twice")
    return headers


Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(description="Where deliveries are posted to: `https://`, and an address of the internet."),
]
EventTypes = Annotated[
    list[Literal[PATTERNS]],  # type: ignore[valid-type]
    Field(
        min_length=1,
        max_length=len(PATTERNS),
        description="Types, or a family of them: `order.*` includes types that are added later.",
    ),
]
OwnHeaders = Annotated[
    dict[str, str],
    AfterValidator(_checked_headers),
    Field(
        max_length=MOST_HEADERS,
        description="Further headers of each delivery, such as `Authorization`; their values are not shown again.",
    ),
]
Rate = Annotated[float, Field(ge=0.1, le=1000, description="Deliveries per second, at most; none for no limit.")]
Payload = Annotated[
    Literal["full", "thin"],
    Field(description="`thin` has the ids only: the receiver reads the rest with its own rights."),
]


class WebhookStatusList(Body):
    """Which events of the chosen types are delivered."""

    statuses: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=50)]],
        Field(min_length=1, max_length=50, description="Only events that leave the order in one of these statuses."),
    ]


class CreateWebhookRequest(Body):
    """An endpoint to create."""

    model_config = example(url="https://shop.example.org/webhooks", event_types=["order.*"])

    url: Url
    event_types: EventTypes
    filter: WebhookStatusList | None = None
    payload: Payload = "full"
    headers: OwnHeaders = Field(default_factory=dict)
    rate_per_second: Rate | None = None
    disabled: Annotated[bool, Field(description="Deliveries wait until it is enabled.")] = False


class ChangeWebhookRequest(Body):
    """What to change; a member that is missing stays as it is, and `null` removes a filter or a rate."""

    model_config = example(disabled=False)

    url: Url | None = None
    event_types: EventTypes | None = None
    filter: WebhookStatusList | None = None
    payload: Payload | None = None
    headers: OwnHeaders | None = None
    rate_per_second: Rate | None = None
    disabled: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise InvalidRequest("Give at least one member.")
        for name in ("url", "event_types", "payload", "headers", "disabled"):
            if name in self.model_fields_set and getattr(self, name) is None:
                why = f"{name} cannot be null"
                raise InvalidRequest(f"{why}.", {"errors": [{"field": name, "message": why}]})
        return self


class WebhookCounts(Answer):
    """Numbers of attempts, by whole hours."""

    succeeded: int
    failed: int


class Webhook(Answer):
    """An endpoint."""

    model_config = example(
        id=1,
        url="https://shop.example.org/webhooks",
        event_types=["order.*"],
        filter=None,
        payload="full",
        header_names=[],
        rate_per_second=None,
        disabled=False,
        disabled_reason="",
        disabled_at=None,
        failing_since=None,
        previous_secret_until=None,
        waiting=0,
        last_24_hours={"succeeded": 12, "failed": 0},
        created_at="2026-11-24T09:30:00.123456+00:00",
        updated_at="2026-11-24T09:30:00.123456+00:00",
    )

    id: Id
    url: str
    event_types: list[str]
    filter: WebhookStatusList | None
    payload: Literal["full", "thin"]
    header_names: list[str]
    rate_per_second: float | None
    disabled: bool
    disabled_reason: str
    disabled_at: datetime | None
    failing_since: Annotated[
        datetime | None, Field(description="Its first failure, if nothing has succeeded since; it is disabled in time.")
    ]
    previous_secret_until: Annotated[
        datetime | None, Field(description="Until then deliveries are signed with the previous secret too.")
    ]
    waiting: Annotated[int, Field(description="Deliveries that wait, counted up to 1,000.")]
    last_24_hours: WebhookCounts
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    """An endpoint that was created, with its secret."""

    model_config = example(**example_of(Webhook), secret=SECRET)

    secret: Annotated[str, Field(description="What its deliveries are signed with; it is not shown again.")]


class WebhookList(Answer):
    """Your endpoints, the oldest first."""

    model_config = example(webhooks=[example_of(Webhook)])

    webhooks: list[Webhook]


class RotateWebhookSecretRequest(Body):
    """How long the present secret remains valid beside the new one."""

    model_config = example(keep_days=1)

    keep_days: Annotated[
        int,
        Field(ge=0, le=7, description="Days for which deliveries have signatures of both; then the old one is gone."),
        WHOLE,
    ] = 1


class WebhookSecret(Answer):
    """A new secret."""

    model_config = example(secret=SECRET, previous_secret_until="2026-11-25T09:30:00.123456+00:00")  # noqa: S106

    secret: Annotated[str, Field(description="It is not shown again.")]
    previous_secret_until: datetime | None


class WebhookAttempt(Answer):
    """An attempt at a delivery, and what was answered."""

    model_config = example(
        id=1,
        webhook_id="order_17",
        type="order.status_changed",
        attempt=1,
        succeeded=False,
        status=500,
        error="answered 500",
        headers={},
        body="out of order",
        seconds=0.013,
        at="2026-11-24T09:30:00.123456+00:00",
    )

    id: Id
    webhook_id: Annotated[str | None, Field(description="The event's id, which was sent as `webhook-id`.")]
    type: str
    attempt: Annotated[int, Field(description="Its number; it begins again when a delivery is redelivered.")]
    succeeded: bool
    status: Annotated[int | None, Field(description="The status of the answer; null if there was none.")]
    error: str
    headers: dict[str, str]
    body: Annotated[str, Field(description="The first 8 KB of the answer.")]
    seconds: float
    at: datetime


class WebhookAttemptPage(Answer):
    """A page of the log, newest first."""

    model_config = example(attempts=[example_of(WebhookAttempt)], next_cursor=None)

    attempts: list[WebhookAttempt]
    next_cursor: Annotated[
        int | None, Field(description="Send it as `cursor` for the next page; null on the last one.")
    ]


class AttemptsQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[
        int, Field(ge=1, le=LARGEST_ID, description="`next_cursor` of the previous page.", examples=[17])
    ] = LARGEST_ID
    limit: Annotated[int, Field(ge=1, le=100, description="Attempts per page.", examples=[20])] = 20
    failed: Annotated[bool, Field(description="Only those that failed.", examples=[False])] = False


class RedeliverWebhookRequest(Body):
    """What to send again: one event, all that were attempted in a time, or all that were given up since."""

    model_config = example(failed_since="2026-11-24T09:30:00Z")

    webhook_id: Annotated[str, StringConstraints(max_length=40), Field(description="An event's id.")] | None = None
    since: Annotated[Moment, Field(description="Everything that was attempted from then on.")] | None = None
    until: Annotated[Moment, Field(description="With `since`: and before then.")] | None = None
    failed_since: Annotated[Moment, Field(description="What was given up from then on.")] | None = None
    per_second: Annotated[float, Field(ge=0.1, le=1000, description="At which pace.")] = 100.0

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if sum(one is not None for one in (self.webhook_id, self.since, self.failed_since)) != 1:
            raise InvalidRequest("Give one of webhook_id, since and failed_since.")
        if self.until is not None and self.since is None:
            raise InvalidRequest("until: it needs since.")
        return self


class Redelivered(Answer):
    """How many deliveries are made again."""

    model_config = example(count=3, more=False)

    count: int
    more: Annotated[
        bool, Field(description="Whether there are more than one request takes: repeat it with a later `since`.")
    ]


class WebhookPath(pydantic.BaseModel):
    """An endpoint."""

    webhook_id: Annotated[Id, Field(description="The endpoint's id.", examples=[1])]
