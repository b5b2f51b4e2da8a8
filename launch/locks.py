"""File locks that the kernel releases by itself when their holder dies.

Anybody who can open a file can lock it, and block us: so the files are closed to everybody else.
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
    """One of several shares of the same resource; the last one to be released knows it."""

    def __init__(self, path: Path) -> None:
        self.fd = _open(path)
        fcntl.flock(self.fd, fcntl.LOCK_SH)

    def give_up(self) -> bool:
        """Release it, and return whether nobody else holds a share."""
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
    os.fchmod(fd, 0o600)  # an earlier version's file was open to all
    return fd
