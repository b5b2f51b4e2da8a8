"""A client for Onward: every operation of its contract, idempotent changes, pages, and live events without gaps."""

from onward_client.client import Onward
from onward_client.errors import (
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    Missing,
    NotModified,
    OnwardError,
    Stale,
    Unauthorized,
    Unavailable,
)
from onward_client.events import Change, Event, Result
from onward_client.generated import bodies, calls, models, problems
from onward_client.generated.models import Actor, HistoryEntry, Message, Order
from onward_client.generated.problems import IllegalTransition
from onward_client.stream import Listening
from onward_client.values import Http, Value
from onward_client.webhooks import Webhook, WebhookRefused

Illegal = IllegalTransition
HistoryEvent = HistoryEntry

__version__ = "0.2.0"
__all__ = [
    "Actor",
    "Change",
    "Conflict",
    "Event",
    "Expired",
    "Forbidden",
    "HistoryEntry",
    "HistoryEvent",
    "Http",
    "Illegal",
    "IllegalTransition",
    "Invalid",
    "Listening",
    "Message",
    "Missing",
    "NotModified",
    "Onward",
    "OnwardError",
    "Order",
    "Result",
    "Stale",
    "Unauthorized",
    "Unavailable",
    "Value",
    "Webhook",
    "WebhookRefused",
    "bodies",
    "calls",
    "models",
    "problems",
]
