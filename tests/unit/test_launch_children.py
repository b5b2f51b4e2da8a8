"""Child processes: asked to stop, waited for, killed with all their children."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launch.children import STOP_SIGNALS, Child, Stopped, StopRequest
from tests.facts import eventually

STUBBORN = """
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen(["sleep", "60"])
print(grandchild.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield StopRequest().listen()
    for number, handler in before.items():
        signal.signal(number, handler)


def child_of(code: str, folder: Path) -> Child:
    with (folder / "output").open("wb") as output:
        return Child((sys.executable, "-c", code), cwd=folder, env=os.environ, grace_seconds=0.2, output=output)


def test_a_child_that_does_not_stop_is_killed_with_its_own_children(tmp_path: Path, stop: StopRequest) -> None:
    with child_of(STUBBORN, tmp_path) as child:
        assert child.wait_until(lambda: (tmp_path / "output").read_text().endswith("\n"), stop, 30)
        grandchild = psutil.Process(int((tmp_path / "output").read_text()))

    assert 128 + signal.SIGKILL == child.status()
    eventually(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_waiting_ends_when_the_child_ends_before_the_fact(tmp_path: Path, stop: StopRequest) -> None:
    with child_of("raise SystemExit(7)", tmp_path) as child:
        assert not child.wait_until(lambda: False, stop)
        assert 7 == child.wait(stop)


def test_waiting_ends_when_time_is_up(tmp_path: Path, stop: StopRequest) -> None:
    with child_of("import signal; signal.pause()", tmp_path) as child:
        assert not child.wait_until(lambda: False, stop, 0)
        assert child.status() is None


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_stops_the_waiting(tmp_path: Path, stop: StopRequest, number: int) -> None:
    os.kill(os.getpid(), number)
    with child_of("import signal; signal.pause()", tmp_path) as child, pytest.raises(Stopped):
        child.wait(stop)

    assert child.status() is not None


def test_a_hang_up_that_nohup_ignores_stays_ignored(stop: StopRequest) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    request = StopRequest().listen()
    os.kill(os.getpid(), signal.SIGHUP)

    request.heed()
    assert not stop.made
