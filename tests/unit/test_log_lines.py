"""Everything that a process logs is one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import gevent
import pytest
from gevent.hub import Hub
from structlog.testing import capture_logs

from foundation import failed_greenlets, logs
from tests.conftest import PROJECT


def test_what_a_greenlet_raised_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Hub, "print_exception", Hub.print_exception)  # given back afterwards
    failed_greenlets.install()

    def fail() -> None:
        raise ValueError("a word\nand another")

    gevent.spawn(fail).join()

    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert ("greenlet.failed", "error") == (entry["event"], entry["level"])
    assert "fail" in entry["greenlet"]
    assert entry["exception"].endswith("ValueError: a word\nand another")


def test_a_warning_is_one_line() -> None:
    script = "from foundation import logs; logs.configure('WARNING'); import warnings; warnings.warn('an old word')"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert ("py.warnings", "warning") == (entry["event"], entry["level"])
    assert "an old word" in entry["message"]


def test_a_record_has_a_name_and_a_sentence() -> None:
    script = (
        "from foundation import logs; logs.configure('INFO'); "
        "logs.get_logger('x').info('stream.opened', 'Stream opened', who='buyer:1')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert entry.pop("timestamp")
    assert {"event": "stream.opened", "message": "Stream opened", "level": "info", "who": "buyer:1"} == entry


ODD = {
    "what is plain": "who='buyer:1', channels=('a', 'b'), cursor=None, seconds=1.5",
    "another alphabet": "who='Zoë'",
    "half a surrogate pair": r"who='\ud800'",
    "a large number": "who=2**70",
    "an object": "who={1}",
    "a line break": r"who='a\nb\u2028c'",
    "an address": "who='to bob@example.org'",
}


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD)
def test_a_record_looks_alike_whoever_writes_it(fields: str) -> None:
    """Our own short way, and the standard library's where another handler wants the record too."""
    script = f"""import logging; from foundation import logs; logs.configure('INFO'); log = logs.get_logger('x')
log.info('a.record', 'Said', {fields})
logging.getLogger('x').addHandler(logging.NullHandler())
log.info('a.record', 'Said', {fields})"""
    env = {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=env, capture_output=True, check=True)

    short, usual = (json.loads(line.decode("ascii")) for line in done.stderr.splitlines())
    assert short.pop("timestamp")[:11] == usual.pop("timestamp")[:11]
    assert usual == short


def test_a_record_for_others_reaches_them_and_an_error_always_does() -> None:
    """A tracker of errors listens at the standard library's loggers, by a handler or in place of their methods."""
    script = """import logging; from foundation import logs; logs.configure('INFO'); log = logs.get_logger('x')
seen = []
logging.Logger.callHandlers = lambda self, record: seen.append(record.msg['event'])
log.info('a.first', 'Said'); log.warning('a.second', 'Said'); log.error('a.third', 'Said')
logging.root.addHandler(logging.NullHandler()); log.info('a.fourth', 'Said')
print(*seen)"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert ["a.second", "a.third", "a.fourth"] == done.stdout.split()


def test_a_log_that_cannot_be_written_to_fails_nobody() -> None:
    script = """import os; from foundation import logs; logs.configure('INFO'); log = logs.get_logger('x')
os.close(2)
log.info('a.record', 'Said')
print('alive', flush=True)
os._exit(0)"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert "alive" == done.stdout.strip()


def test_what_fails_again_and_again_is_told_once_and_once_when_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "log", logs.get_logger("fresh"))  # another test may have set up the module's own
    failures = logs.FailureLog(("pruning.failed", "Failed"), ("pruning.recovered", "Works"), table="notifications")
    with capture_logs() as records:
        failures.recovered()
        for _ in range(3):
            failures.failed(ValueError("why"))
        for _ in range(2):
            failures.recovered()

    told = [(one["event"], one["message"], one.get("reason"), one["table"]) for one in records]
    assert [
        ("pruning.failed", "Failed", "why", "notifications"),
        ("pruning.recovered", "Works", None, "notifications"),
    ] == told
