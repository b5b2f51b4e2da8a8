"""The events that streams have beside those of the log: where a reader begins, how it goes on, and why it ends."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from foundation.contract import example
from foundation.event_schemas import Event
from foundation.version import VERSION

EVENT_ID = "1764.17"
"""An id of the examples: `<epoch>.<number>`."""


class HelloEvent(Event):
    """The first event of a stream."""

    stored: ClassVar[bool] = False
    model_config = example(
        at="2026-11-24T09:30:00.123456+00:00",
        type="hello",
        epoch=1764,
        head=EVENT_ID,
        heartbeat_seconds=15,
        version=VERSION,
    )

    type: Literal["hello"]
    epoch: int
    head: str = Field(description="The id up to which the data that you already have is complete.")
    heartbeat_seconds: int
    version: str = Field(description="The version of the service.")


class HeartbeatEvent(Event):
    """A sign of life: after 40 s without any, the connection is dead."""

    stored: ClassVar[bool] = False
    type: Literal["heartbeat"]


class ResyncEvent(Event):
    """Instead of a replay: reload what you display, and continue from the id of this event."""

    stored: ClassVar[bool] = False
    type: Literal["resync"]
    reason: str = Field(
        description="Why there is no replay.",
        examples=["unknown", "expired", "ahead of head", "epoch", "too far behind"],
    )


class AuthExpiringEvent(Event):
    """The token expires soon: open a stream with a new one, then close this one."""

    stored: ClassVar[bool] = False
    type: Literal["auth-expiring"]
    seconds: int


class ByeEvent(Event):
    """The last event of a stream that is closed in order."""

    stored: ClassVar[bool] = False
    type: Literal["bye"]
    reason: str = Field(
        description="Why it is closed.",
        examples=["restart", "renew", "overloaded", "too many streams", "expired", "rights-lost", "new log"],
    )
    retry_ms: int = Field(description="Reconnect after this time.")
