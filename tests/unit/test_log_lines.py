"""Everything that a process says is one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import gevent
import pytest
from gevent.hub import Hub

from foundation import failed_greenlets
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
    assert ("A greenlet failed", "error") == (entry["event"], entry["level"])
    assert "fail" in entry["greenlet"]
    assert entry["exception"].endswith("ValueError: a word\nand another")


def test_a_warning_is_one_line() -> None:
    script = "from foundation import logs; logs.configure('WARNING'); import warnings; warnings.warn('an old word')"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    (line,) = done.stderr.splitlines()
    assert "an old word" in json.loads(line)["event"]
