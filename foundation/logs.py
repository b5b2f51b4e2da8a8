"""One JSON line per log record: a stable event name, a sentence for people, and the request id it belongs to."""

from __future__ import annotations

import logging
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, TextIO

import orjson
import psycopg2
import structlog
from structlog.typing import EventDict, WrappedLogger

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served, or of the one whose side effects are being done."""

PLAIN_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")


ADDRESS = re.compile(r"[^\s<>()\"',;@]+@[^\s<>()\"',;@]+")
"""An e-mail address, or a URL with a user in it."""


class Log(structlog.BoundLoggerBase):
    """Writes records. `event` is a literal `package_or_thing.what_happened`, listed in docs/operating.md: alerts and
    searches match it. `message` is for people and may be reworded at any time."""

    def info(self, event: str, message: str, **fields: object) -> None:
        self._proxy_to_logger("info", event, message=message, **fields)

    def warning(self, event: str, message: str, **fields: object) -> None:
        self._proxy_to_logger("warning", event, message=message, **fields)

    def error(self, event: str, message: str, **fields: object) -> None:
        self._proxy_to_logger("error", event, message=message, **fields)

    def exception(self, event: str, message: str, **fields: object) -> None:
        """An error with the traceback of the exception being handled."""
        self._proxy_to_logger("error", event, message=message, exc_info=True, **fields)


def get_logger(name: str) -> Log:
    """The log of the module of that name; it works before `configure`, and is set up by the first record."""
    log: Log = structlog.wrap_logger(None, wrapper_class=Log, logger_factory_args=(name,))
    return log


def info_enabled(name: str) -> Callable[[], bool]:
    """Whether the log of that name writes `info` now, for those who would write thousands of records a second."""
    return partial(logging.getLogger(name).isEnabledFor, logging.INFO)


def new_request_id(offered: str | None) -> str:
    """The caller's own id if it is a plain one of up to 64 characters, otherwise a new one."""
    if offered and PLAIN_REQUEST_ID.fullmatch(offered):
        return offered
    return f"{random.getrandbits(64):016x}"


def configure(level: str) -> None:
    """Send our records and those of libraries to stderr, one JSON line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _format_exception,
        _hide_addresses,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, _write],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _StandardError(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[_name_by_logger, *shared],
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


class _StandardError(logging.StreamHandler[TextIO]):
    """Our own handler, known by its type."""


def _write(logger: logging.Logger, method: str, event: EventDict) -> Any:
    """Write an `info` record where the standard library would write it, for a third of the price.

    Only while nobody else handles records. Warnings and errors always go through the library, where a tracker of errors
    looks for them.
    """
    alone = len(logging.root.handlers) == 1 and not logger.handlers
    handler = logging.root.handlers[0] if alone and method == "info" else None
    if isinstance(handler, _StandardError) and (line := _json(event)):
        # A log that cannot be written to is no reason for a request to fail.
        with handler.lock or nullcontext(), suppress(OSError, ValueError):
            handler.stream.write(f"{line}\n")
            handler.flush()
        raise structlog.DropEvent
    return structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logger, method, event)


def _json(event: EventDict) -> str:
    """The event as a line in ASCII, since standard error may have any encoding; empty if it cannot be one."""
    try:
        line = orjson.dumps(event, default=repr)
    except TypeError:  # half a surrogate pair, or a number above 64 bits
        return ""
    return line.decode() if line.isascii() else ""


def _name_by_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library has no event names: its record is named by its logger, as `gunicorn.error` or `py.warnings`."""
    event["message"], event["event"] = event["event"], event["_record"].name
    return event


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = request_id.get()
    if current:
        event.setdefault("request_id", current)
    return event


def _format_exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
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


log = get_logger(__name__)


class FailureLog:
    """Logs something that is retried for ever: once when it starts to fail, and once when it works again."""

    def __init__(self, failed: tuple[str, str], recovered: tuple[str, str], **fields: object) -> None:
        """Both records: event name and message. The fields are added to either."""
        self._failed, self._recovered, self._fields = failed, recovered, fields
        self.failing = False
        """Whether the last try failed."""

    def failed(self, error: BaseException) -> None:
        if not self.failing:
            event, message = self._failed
            log.warning(event, message, reason=text_of(error), **self._fields)
        self.failing = True

    def recovered(self) -> None:
        """It works; logged only where it failed before."""
        if self.failing:
            event, message = self._recovered
            log.warning(event, message, **self._fields)
        self.failing = False
