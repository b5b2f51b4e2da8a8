"""File locks that the kernel lets go of by itself when their holder dies.

Whoever may open a file may lock it, and keep us waiting: so the files are closed to everybody else.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Run the block while no other process runs a block on the same path."""
    fd = _open(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class Share:
    """One of several uses of the same thing; whoever gives up the last one hears so."""

    def __init__(self, path: Path) -> None:
        self.fd = _open(path)
        fcntl.flock(self.fd, fcntl.LOCK_SH)

    def give_up(self) -> bool:
        """Let go, and tell whether nobody else holds a share."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(self.fd)


def _open(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.fchmod(fd, 0o600)  # one of an earlier version was open to all
    return fd
