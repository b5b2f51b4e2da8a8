"""The service with receivers that misbehave if a change's reason asks for it, beside the recording one."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
from collections.abc import Callable  # noqa: E402

from chaos.receiving_wsgi import app  # noqa: E402
from orders.signals import OrderEvent, order_status_changed  # noqa: E402

__all__ = ["app"]

BLOCK_SECONDS = 60.0
TEN_MEGABYTES = 10_000_000

_file = os.open(os.environ["CHAOS_SIGNALS"] + ".poison", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _swallow(event: OrderEvent, poison: str) -> bool:
    """Whether this event carries the poison; then the call is recorded before it does its work."""
    if event.reason != poison:
        return False
    os.write(_file, f"{event.id}\n".encode())
    return True


@order_status_changed.connect
def kill(event: OrderEvent, **_: object) -> None:
    """End the process as the kernel's OOM killer would."""
    if _swallow(event, "kill"):
        os.kill(os.getpid(), 9)


@order_status_changed.connect
def block(event: OrderEvent, **_: object) -> None:
    """Block the thread, and so the whole process."""
    if _swallow(event, "block"):
        sleep: Callable[[float], None] = monkey.get_original("time", "sleep")
        sleep(BLOCK_SECONDS)


@order_status_changed.connect
def leave(event: OrderEvent, **_: object) -> None:
    """Raise something that is not an Exception."""
    if _swallow(event, "leave"):
        raise SystemExit(7)


@order_status_changed.connect
def flood(event: OrderEvent, **_: object) -> bytes:
    """Return far more than anybody needs."""
    return bytes(TEN_MEGABYTES) if _swallow(event, "flood") else b""
