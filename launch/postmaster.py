"""The server of a cluster, according to its pid file and to the process table."""

from dataclasses import dataclass
from pathlib import Path

import psutil

PORT = 5432
"""Only names the socket: the server does not listen on the network."""
PID_FILE = "postmaster.pid"
SOCKET_FILES = (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock")
OUR_MARK = "cluster_name=onward"
"""On the command line of every server that we start; one without it was started by somebody else."""


@dataclass(frozen=True)
class Postmaster:
    """A live server process of one cluster."""

    pid: int
    socket_dir: Path
    status: str
    ours: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """Return the live server of the cluster; a stale pid file is ignored."""
    try:
        lines = (cluster / PID_FILE).read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    process = _server_process(pid, cluster)
    if process is None:
        return None
    # The file grows while the server starts: pid, folder, start time, port, socket folder, host, memory, status.
    lines += [""] * (8 - len(lines))
    return Postmaster(pid, Path(lines[4]), lines[7].strip(), OUR_MARK in process)


def remove_stale_files(cluster: Path, socket_dir: Path) -> None:
    """Remove what a dead server left behind.

    PostgreSQL does so by itself while the pid is free; if the pid has been reused by another program, or its zombie
    still exists, it would refuse to start.
    """
    (cluster / PID_FILE).unlink(missing_ok=True)
    for name in SOCKET_FILES:
        (socket_dir / name).unlink(missing_ok=True)


def _server_process(pid: int, cluster: Path) -> list[str] | None:
    """Return the command line of the process if it is a live postgres that works in the cluster's folder."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
            return None
        # A server changes into its data directory before it writes its pid file.
        return process.cmdline() if Path(process.cwd()) == cluster.resolve() else None
    except (psutil.Error, OSError):
        return None
