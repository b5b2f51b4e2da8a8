"""One JSON line per log entry, each with the request id it belongs to."""

from __future__ import annotations

import logging
import random
import re
import sys
from contextvars import ContextVar

import structlog
from structlog.typing import EventDict, WrappedLogger

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served, or of the one whose side effects are being done."""

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")


def new_request_id(offered: str | None) -> str:
    """The caller's own id where it is a plain word of up to 64 characters, else a new one."""
    if offered and REQUEST_ID.fullmatch(offered):
        return offered
    return f"{random.getrandbits(64):016x}"


def configure(level: str) -> None:
    """Send structlog's and the standard library's entries to stderr, one JSON line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = request_id.get()
    if current:
        event.setdefault("request_id", current)
    return event


class Trouble:
    """Something that is tried again and again: told once when it begins, and once when it is over."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self.told = False
        """Whether it has begun and is not over."""

    def tell(self, error: BaseException) -> None:
        if not self.told:
            structlog.get_logger(__name__).warning(self._sentence, reason=str(error).strip())
        self.told = True

    def over(self) -> None:
        if self.told:
            structlog.get_logger(__name__).warning("Over: " + self._sentence)
        self.told = False
