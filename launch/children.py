"""Child processes: each in a session of its own, and none of them outlives us if we can help it.

Their own session keeps the Ctrl-C of the terminal away from them: it reaches the launcher, which then stops them in the
right order.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

LOOK_AGAIN_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A stop was requested; what is running is stopped on the way out."""


class StopRequest:
    """Records that a signal requested a stop, to be checked where stopping is safe."""

    def __init__(self) -> None:
        self.made = False

    def listen(self) -> Self:
        """Catch the signals from now on; a hang-up stays ignored if `nohup` had it ignored."""
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._make)
        return self

    def heed(self) -> None:
        """Raise Stopped if a stop was requested."""
        if self.made:
            raise Stopped

    def _make(self, _number: int, _frame: FrameType | None) -> None:
        self.made = True


class Child:
    """One child process with its own session; stopped, with all its children, when the block ends."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        grace_seconds: float,
        output: IO[bytes] | None = None,
        shared_files: Sequence[int] = (),
    ) -> None:
        self.grace_seconds = grace_seconds
        self._ended = False
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            pass_fds=shared_files,
            start_new_session=True,
        )

    def wait_until(self, fact: Callable[[], bool], stop: StopRequest, seconds: float | None = None) -> bool:
        """Wait for the condition, and return whether it was met; False if the child exited before, or on timeout."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not fact():
            stop.heed()
            if self.status() is not None or (deadline is not None and time.monotonic() > deadline):
                return fact()
            time.sleep(LOOK_AGAIN_SECONDS)
        return True

    def wait(self, stop: StopRequest) -> int:
        """Wait for the child to exit by itself, and return its exit status as a shell would."""
        self.wait_until(lambda: self.status() is not None, stop)
        return self.status() or 0

    def status(self) -> int | None:
        """Return the exit status, 128 plus the signal's number for one that was killed, or None while it runs."""
        code = self._process.poll()
        if code is not None and not self._ended:
            self._ended = True
            self._kill_group()
        return code if code is None or code >= 0 else 128 - code

    def end(self) -> None:
        """Ask the child to stop, wait, and kill whatever is left of it."""
        if self.status() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.grace_seconds)
        if self.status() is None:
            self._kill_group()
            self._process.wait()

    def _kill_group(self) -> None:
        # Only now or right after the child's exit: later its number may belong to another process group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
