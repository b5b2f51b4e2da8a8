"""One JSON line per log record, each with the request id it belongs to."""

from __future__ import annotations

import logging
import random
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar

import psycopg2
import structlog
from structlog.typing import EventDict, WrappedLogger

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served, or of the one whose side effects are being done."""

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")


ADDRESS = re.compile(r"[^\s<>()\"',;@]+@[^\s<>()\"',;@]+")
"""An e-mail address, or a URL with a user in it."""


def new_request_id(offered: str | None) -> str:
    """The caller's own id if it is a plain one of up to 64 characters, otherwise a new one."""
    if offered and REQUEST_ID.fullmatch(offered):
        return offered
    return f"{random.getrandbits(64):016x}"


def configure(level: str) -> None:
    """Send the records of structlog and the standard library to stderr, one JSON line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _tell_exception,
        _hide_addresses,
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


def _tell_exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The usual traceback, without the values that PostgreSQL repeats."""
    given = event.get("exc_info")
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    event = structlog.processors.format_exc_info(logger, method, event)
    if "exception" in event:
        for one in _chain(error):
            if isinstance(one, psycopg2.Error):
                event["exception"] = event["exception"].replace(str(one), text_of(one))
    return event


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def text_of(error: BaseException) -> str:
    """An error's text for the log. DETAIL, CONTEXT and the statement's line repeat values, as `Key (buyer_email)=(…)`;
    for a data exception (class 22) the message itself quotes one."""
    if not isinstance(error, psycopg2.Error) or not error.diag.message_primary:
        return str(error).strip()
    message = error.diag.message_primary
    if (error.pgcode or "").startswith("22"):
        message = re.sub(r'".*"', '"…"', message, flags=re.DOTALL)
    return f"{message} (SQLSTATE {error.pgcode})"


def _hide_addresses(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A refusal of an e-mail names the recipient, and many an error names a URL with its password."""
    for name, value in event.items():
        if isinstance(value, str) and "@" in value:
            event[name] = ADDRESS.sub("(address)", value)
    return event


class FailureLog:
    """Logs something that fails repeatedly: once when it starts, and once when it is over."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self.told = False
        """Whether it has started and is not over."""

    def tell(self, error: BaseException) -> None:
        if not self.told:
            structlog.get_logger(__name__).warning(self._sentence, reason=text_of(error))
        self.told = True

    def over(self) -> None:
        if self.told:
            structlog.get_logger(__name__).warning("Over: " + self._sentence)
        self.told = False
