"""This service beside others: without its effects, PostgreSQL alone, FastAPI, Dramatiq, Celery, Procrastinate and Oban
with the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import NO_EFFECTS, BenchmarkError, Contender, HttpContender, gunicorn
from benchmarks.database import PROJECT, Database, Server
from benchmarks.peers_environment import newer_python_of_the_peers, python_of_the_peers
from benchmarks.pgbench import Pgbench
from benchmarks.picture import Bars, Group
from benchmarks.redis_server import Redis
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (1, 8, 32)
PEERS = PROJECT / "benchmarks" / "peers"

PLAIN = "Onward, no effects, no shortcuts"
OURS, EFFECTLESS, PGBENCH = "Onward, all effects", "Onward, effects never done", "pgbench, the statement alone"
ONE_BY_ONE, COMBINED = "FastAPI, six background tasks", "FastAPI, one combined task"
DRAMATIQ_WORKER = ("dramatiq", "--processes", "1", "--threads", "8", "benchmarks.peers.flask_dramatiq")
CELERY_WORKER = (
    *("celery", "--app", "benchmarks.peers.flask_celery:celery", "worker", "--concurrency", "1"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
)
DRAMATIQ, CELERY = "Flask + Dramatiq, six messages", "Flask + Celery, six tasks"
PROCRASTINATE, OBAN = "FastAPI + Procrastinate, one job", "FastAPI + Oban, one job"
JOBS_AT_ONCE = "8"


@dataclass
class Counted(HttpContender):
    """This service with a receiver that counts."""

    def check(self, committed: int) -> None:
        received = self.get("/benchmarks/received")["received"]
        if received != committed:
            raise BenchmarkError(f"{committed} changes were committed, and the receiver was called {received} times.")


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure all contenders at all levels of concurrency."""
    python, newer = python_of_the_peers(), newer_python_of_the_peers()
    template = server.create("template", orders)
    databases = [server.create(f"arena{number}", orders, like=template) for number in range(10)]
    with Redis() as redis:
        contenders = [*_own(server, databases[:4]), *_peers(python, redis, databases[4:8])]
        contenders.append(_procrastinate(python, databases[8]))
        contenders += [_oban(newer, databases[9])] if newer else []
        before = load_average()
        with running(contenders):
            results = interleave(server, contenders, LEVELS, pace)
    if newer is None:
        report.add("Without Oban: it needs Python 3.12, which this machine does not have.")
    report.add(
        "This service's done/s as a multiple of each contender's (p50 in the last column: "
        "its median over ours, one at a time):",
        _ratios(results, contenders),
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )
    report.pictures.append(_picture(results, contenders))


def _own(server: Server, databases: list[Database]) -> list[Contender]:
    all_effects, effectless, plain, alone = databases
    return [
        Counted(OURS, all_effects, command=gunicorn("benchmarks.counting_wsgi")),
        HttpContender(EFFECTLESS, effectless, NO_EFFECTS, command=gunicorn("benchmarks.effectless_wsgi")),
        HttpContender(PLAIN, plain, NO_EFFECTS, command=gunicorn("benchmarks.plain_wsgi")),
        Pgbench(PGBENCH, alone, NO_EFFECTS, server=server),
    ]


def _peers(python: Path, redis: Redis, databases: list[Database]) -> list[Contender]:
    one_by_one, combined, dramatiq, celery = databases
    return [
        HttpContender(ONE_BY_ONE, one_by_one, command=_uvicorn(python, "fastapi_background")),
        HttpContender(COMBINED, combined, command=_uvicorn(python, "fastapi_combined")),
        _queued(DRAMATIQ, dramatiq, python, redis, "flask_dramatiq", DRAMATIQ_WORKER),
        _queued(CELERY, celery, python, redis, "flask_celery", CELERY_WORKER),
    ]


def _uvicorn(python: Path, module: str) -> list[str | Path]:
    app = f"benchmarks.peers.{module}:app"
    return [python, "-m", "uvicorn", app, "--port", "{port}", "--log-level", "warning", "--no-access-log"]


def _queued(
    name: str, database: Database, python: Path, redis: Redis, module: str, worker: Sequence[str]
) -> HttpContender:
    """A Flask that fills a queue, and the process that works it off."""
    options = ("--worker-class", "gevent", "--workers", "1", "--log-level", "warning")
    app = f"benchmarks.peers.{module}:app"
    return HttpContender(
        name,
        database,
        command=[python, "-m", "gunicorn", *options, "--bind", "127.0.0.1:{port}", app],
        helpers=[[python, "-m", *worker]],
        # A folder without the service's own gunicorn.conf.py, which gunicorn would take up by itself.
        cwd=PEERS,
        others=redis.pids,
        env={"REDIS_SOCKET": str(redis.socket)},
    )


def _procrastinate(python: Path, database: Database) -> HttpContender:
    queue = ("procrastinate", "--app", "benchmarks.peers.fastapi_procrastinate.queue")
    worker = ("worker", "--concurrency", JOBS_AT_ONCE, "--delete-jobs", "successful")
    return HttpContender(
        PROCRASTINATE,
        database,
        command=_uvicorn(python, "fastapi_procrastinate"),
        helpers=[[python, "-m", *queue, *worker]],
        preparations=[[python, "-m", *queue, "schema", "--apply"]],
    )


def _oban(python: Path, database: Database) -> HttpContender:
    at = ("--dsn", database.dsn)
    worker = ("start", *at, "--queues", f"default:{JOBS_AT_ONCE}", "--log-level", "WARNING")
    return HttpContender(
        OBAN,
        database,
        command=_uvicorn(python, "fastapi_oban"),
        helpers=[[python, "-m", "oban", *worker]],
        preparations=[[python, "-m", "oban", "install", *at]],
    )


def _ratios(results: Results, contenders: list[Contender]) -> str:
    rows = []
    for other in (one.name for one in contenders if one.name != OURS):
        done = [figure(results.ratio(OURS, other, level, lambda one: one.sustained)) for level in LEVELS]
        rows.append((other, *done, figure(results.ratio(other, OURS, 1, lambda one: one.load.p50))))
    return markdown(("Onward ÷", *(f"{level} at once" for level in LEVELS), "p50"), rows)


def _picture(results: Results, contenders: list[Contender]) -> Bars:
    groups = []
    for one in contenders:
        done = [results.median(one.name, level, lambda slice_: slice_.sustained) for level in LEVELS]
        groups.append(Group(one.name, [(value, figure(value)) for value in done]))
    title = "Changes a second with everything that follows from them, all done"
    return Bars("bench-arena", title, [f"{level} at once" for level in LEVELS], groups)
