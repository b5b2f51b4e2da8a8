"""The signal of a change: calls the receivers, which are code of the marketplace's own, each independently."""

from __future__ import annotations

from typing import Any

from blinker import ANY

from foundation.logs import get_logger
from orders.effects.given import Given
from orders.signals import OrderEvent, order_status_changed
from side_effects.effects import CalledEffect, Effect, PartFailed
from side_effects.tasks import ENDING

BIT = 4

log = get_logger(__name__)


def effects(_: Given) -> tuple[Effect, ...]:
    """The one effect whose first attempt runs code in this process, outside a transaction."""
    called = CalledEffect(
        "signal.order_status_changed",
        BIT,
        emit,
        emit_to,
        receivers,
        leaves_to="receivers",
        on_creation=True,
        on_edit=True,
    )
    return (called,)


def emit(event: OrderEvent) -> None:
    """Call the receivers one by one; raises PartFailed for those that raised. `Signal.send` would stop at the first."""
    failures: dict[str, BaseException] = {}
    for receiver in order_status_changed.receivers_for(event):
        try:
            receiver(event)
        except ENDING:
            raise
        except BaseException as error:
            log.exception(
                "receiver.failed",
                "Receiver of order_status_changed failed",
                category="signal",
                receiver=_name_of(receiver),
                event_id=event.id,
            )
            failures[_name_of(receiver)] = error
    if failures:
        raise PartFailed(failures)


def emit_to(event: OrderEvent, name: str) -> None:
    """Call the one receiver of this name again; raises LookupError when it is not connected (any more, or yet)."""
    for receiver in order_status_changed.receivers_for(event):
        if _name_of(receiver) == name:
            receiver(event)
            return
    raise LookupError(f"no receiver named {name}")


def receivers() -> list[str]:
    """The names of the receivers that are connected now."""
    return [_name_of(receiver) for receiver in order_status_changed.receivers_for(ANY)]


def _name_of(receiver: Any) -> str:
    return f"{receiver.__module__}.{receiver.__qualname__}" if hasattr(receiver, "__qualname__") else repr(receiver)
