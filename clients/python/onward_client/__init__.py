"""A client for Onward: orders, idempotent changes, pages, and live events without gaps."""

from onward_client.client import Onward
from onward_client.errors import (
    Expired,
    Forbidden,
    Illegal,
    Invalid,
    Missing,
    OnwardError,
    Stale,
    Unauthorized,
    Unavailable,
)
from onward_client.models import Actor, Change, Event, HistoryEvent, Item, Named, Order, Result
from onward_client.stream import Listening

__version__ = "0.1.0"
__all__ = [
    "Actor",
    "Change",
    "Event",
    "Expired",
    "Forbidden",
    "HistoryEvent",
    "Illegal",
    "Invalid",
    "Item",
    "Listening",
    "Missing",
    "Named",
    "Onward",
    "OnwardError",
    "Order",
    "Result",
    "Stale",
    "Unauthorized",
    "Unavailable",
]
