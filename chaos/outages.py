"""R3, R4, R17: PostgreSQL is restarted, disconnected, made read-only, filled up and out of connections."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import gevent
import psycopg2

from chaos import invariants
from chaos.database import Server
from chaos.load import Load
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

PURPOSES = ("hot", "cold", "internal", "durable", "mail", "log", "feed", "liveness")
"""The purposes of the service's connections, by application_name."""

SMALL_DISK = "64m"


def restarted_database(server: Server, report: Report) -> None:
    """R3: an immediate stop of PostgreSQL every 3 s; the first time it stays down for a while."""
    changes, rate, times = report.either((500, 100, 1), (5000, 250, 4))
    with World(server, report) as world:
        world.listen(report.either(10, 40))
        load = world.load(changes, rate)
        load.start(clients=24)
        firsts, halts = [], 0
        while halts < times or (load.busy and not report.fast):
            gevent.sleep(report.either(1.0, 3.0))
            if not load.busy:
                break
            server.halt()
            if halts == 0:
                gevent.sleep(report.either(1.0, 3.0))
            ready = server.resume()
            firsts.append(_first_after(load, ready))
            halts += 1
        load.wait()
        report.check("restarts", halts, at_least=times)
        report.check("first 200 after it was ready, at most", max(firsts), "s", at_most=1)
        report.check("answers 503 while it was unavailable", load.statuses[503], at_least=1)
        report.check("slowest 503", max(one[2] for one in load.refused), "s", at_most=2.5)
        report.check("requests without an answer", load.broken, at_most=0)
        report.check("drained after the last change", world.drain(), "s", at_most=15)
        invariants.check(world, load, twice_share=0.0)


def cut_connections(server: Server, report: Report) -> None:
    """R4: pg_terminate_backend for each class of connection, 50 times, at 300 changes a second."""
    rounds, rate, pause = report.either((3, 80, 0.1), (50, 300, 0.1))
    with World(server, report) as world:
        world.listen(report.either(10, 40))
        load = world.load(100_000, rate)
        load.start(clients=24)
        cut = dict.fromkeys(PURPOSES, 0)
        for _ in range(rounds):
            for purpose in PURPOSES:
                gevent.sleep(report.rng.uniform(0.5, 1.5) * pause)
                world.service.get("/readyz")  # keeps the pool of the cold paths in use
                if backends := world.database.backends(purpose):
                    world.database.terminate(report.rng.choice(backends))
                    cut[purpose] += 1
        load.stop()
        report.check("connections cut of each class, at least", min(cut.values()), at_least=report.either(1, 40))
        report.tell("connections cut in all", sum(cut.values()))
        report.check("drained after the last change", world.drain(), "s", at_most=30)
        world.catch_up()
        lags = [lag for reader in world.readers for lag in reader.lags]
        report.tell("live event lag p99", percentile(lags, 0.99), "s")
        report.check("live event lag at most", max(lags), "s", at_most=2)
        invariants.check(world, load, twice_share=0.002)


def unwilling_database(server: Server, report: Report) -> None:
    """R17: PostgreSQL is read-only, has no connection slots left, and has a full disk."""
    with ExitStack() as stack:
        disk = stack.enter_context(_small_disk(server, report))
        world = stack.enter_context(World(server, report, mail=False, tablespace="small" if disk else ""))
        load = world.load(100_000, report.either(40, 100))
        load.start(clients=12)
        load.wait_for(20)
        _outage(world, load, "read-only", lambda: _read_only(world, True), lambda: _read_only(world, False))
        crowd = Crowd(world)
        _outage(world, load, "no connection left", crowd.gather, crowd.leave)
        if disk:
            full = disk / "filler"
            _outage(world, load, "disk full", lambda: _fill(full), full.unlink)
        load.stop()
        report.check("drained after the last change", world.drain(), "s", at_most=30)
        invariants.check(world, load, twice_share=None)


def _outage(world: World, load: Load, name: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
    report, refused = world.report, len(load.refused)
    begin()
    ends = clock.monotonic() + report.either(1.2, 5.0)
    red = 0
    while clock.monotonic() < ends or (not len(load.refused) > refused and clock.monotonic() < ends + 10):
        red += world.service.get("/readyz") == 503
        gevent.sleep(0.1)
    answers = [status for _, status, _ in load.refused[refused:]]
    end()
    first = _first_after(load, clock.monotonic())
    report.check(f"{name}: answers 503", answers.count(503), at_least=1)
    report.check(f"{name}: other refusals", len(answers) - answers.count(503), at_most=0)
    report.check(f"{name}: times that /readyz was red", red, at_least=1)
    report.check(f"{name}: first 200 after its end", first, "s", at_most=5)
    begun = clock.monotonic()
    while world.service.get("/readyz") != 200 and clock.monotonic() - begun < 15:
        gevent.sleep(0.05)
    report.check(f"{name}: /readyz green again after", clock.monotonic() - begun, "s", at_most=5)


def _first_after(load: Load, moment: float) -> float:
    """Seconds from a time to the first acknowledgement of a request sent after it."""
    load.until(lambda: (load.acknowledged and load.acknowledged[-1].at > moment) or clock.monotonic() > moment + 30)
    return next((one.at - moment for one in load.acknowledged if one.at > moment), float("inf"))


def _read_only(world: World, yes: bool) -> None:
    database = world.database
    if yes:
        database.server.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
        database.terminate_all()
    else:
        # Existing sessions stay read-only: as after a failover, the service has to notice by itself.
        database.server.sql(f"ALTER DATABASE {database.name} RESET default_transaction_read_only")


def _fill(file: Path) -> None:
    with suppress(OSError), file.open("wb") as target:
        while True:
            target.write(bytes(65536))


class Crowd:
    """Foreign clients that take every connection slot of PostgreSQL."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._taken = [world.database.server.connect("postgres")]
        self._full = False
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def gather(self) -> None:
        """Replace every connection of the service, too."""
        self._greenlet = gevent.spawn(self._take)
        cursor = self._taken[0].cursor()
        found = 1
        while found or not self._full:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (self._world.database.name,),
            )
            found = cursor.rowcount
            gevent.sleep(0.02)

    def leave(self) -> None:
        """Close all of them."""
        if self._greenlet is not None:
            self._greenlet.kill()
        while self._taken:
            self._taken.pop().close()

    def _take(self) -> None:
        while True:
            with suppress(psycopg2.OperationalError):
                while True:
                    self._taken.append(self._world.database.server.connect("postgres"))
                    self._full = False
            self._full = True
            gevent.sleep(0.002)


@contextmanager
def _small_disk(server: Server, report: Report) -> Iterator[Path | None]:
    """A tablespace on a small file system of its own; None, with a remark, if none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="onward-chaos-disk-", dir="/tmp"))
    account = server.cluster.account
    options = f"size={SMALL_DISK},uid={account.uid},gid={account.gid},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)] if shutil.which("mount") else ["false"]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode == 0:
        server.sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
    else:
        report.remark(f"a full disk could not be played, since none can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            server.sql("DROP TABLESPACE small")
            subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)
