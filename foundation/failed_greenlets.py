"""Uncaught exceptions of greenlets, as one line of JSON like everything else that is logged."""

from __future__ import annotations

import json
import sys
import traceback
from types import TracebackType
from typing import Any

from gevent.hub import Hub

from foundation import clock


def install() -> None:
    """Log them in every hub of this process; gevent prints a traceback of many lines by default."""
    Hub.print_exception = _log  # type: ignore[method-assign, assignment]


def _log(
    _hub: Hub, context: Any, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Written directly: this runs in the event loop itself, which must not wait for the lock of a log handler."""
    entry = {
        "event": "greenlet.failed",
        "message": "Unhandled exception in a greenlet",
        "greenlet": context if isinstance(context, str) else repr(context),
        "exception": "".join(traceback.format_exception(kind, error, trace)).strip(),
        "level": "error",
        "timestamp": clock.now().isoformat().replace("+00:00", "Z"),
    }
    sys.stderr.write(json.dumps(entry) + "\n")
