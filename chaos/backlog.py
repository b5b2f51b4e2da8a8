"""R7: a long transaction keeps every dead row in place while the queues are worked off."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import gevent
import psycopg2.extensions
import psycopg2.extras

from chaos.database import Database, Server
from chaos.report import Report, percentile
from foundation import clock
from foundation.connections import PreparedConnection, PreparedPool, Row, Statement
from outbox.rescue import CLAIM_LIMIT, Rescuer
from side_effects.circuits import NOT_CLOSED
from side_effects.kinds import Claimed, Kind
from side_effects.liveness import Liveness
from side_effects.metrics import Metrics
from side_effects.retry import SUCCEEDED, Outcome
from side_effects.rows import CLAIM, RECORD, RESCUE
from side_effects.worker import Worker

KIND = "chaos.churn"
AT_ONCE = 20
ROWS = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id)
    SELECT %s, 'nowhere', 'chaos', n, n FROM generate_series(%s, %s) AS n"""
ENTRIES = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, lease_until)
    SELECT 'chaos', n, n, 1, '', clock_timestamp() FROM generate_series(%s, %s) AS n"""
MEASURED = (CLAIM.name, RESCUE.name, RECORD.name, NOT_CLOSED.name)


class TimedPool(PreparedPool):
    """Records how long each statement took, without the wait for the connection."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, 1, "durable")
        self.seconds: dict[str, list[float]] = {}

    def _execute(self, connection: PreparedConnection, statement: Statement, args: Sequence[Any]) -> list[Row]:
        begun = clock.monotonic()
        found = super()._execute(connection, statement, args)
        self.seconds.setdefault(statement.name, []).append(clock.monotonic() - begun)
        return found


def long_transaction(server: Server, report: Report) -> None:
    """R7: 200,000 rows pass through both queues under a held snapshot; the service's own worker and rescuer are
    timed."""
    count, per_second = report.either((1000, 1000.0), (200_000, 800.0))
    database = server.fresh()
    try:
        with closing(_snapshot(server, database)):
            pool = TimedPool(database.url)
            liveness = Liveness(database.url)
            worker, rescuer = _worker(pool), Rescuer(liveness, {"chaos": 1})
            looks: list[float] = []
            begun = clock.monotonic()
            for first in range(0, count, AT_ONCE):
                database.sql(ROWS, KIND, first + 1, first + AT_ONCE)
                database.sql(ENTRIES, first + 1, first + AT_ONCE)
                while worker.look():
                    worker.wait_until_quiet()
                looks.append(_rescue(database, rescuer))
                gevent.sleep(max(0.0, begun + first / per_second - clock.monotonic()))
            liveness.close()
        _tell(report, database, pool, looks, count, clock.monotonic() - begun)
        pool.close()
    finally:
        database.drop()


def _tell(report: Report, database: Database, pool: TimedPool, looks: list[float], count: int, seconds: float) -> None:
    bound = report.either(100, 10)
    report.tell("rows through each queue", count)
    report.tell("the snapshot was held for", seconds, "s")
    late = slice(len(looks) // 2, None)
    report.check("scan of the outbox p99", 1000 * percentile(looks[late], 0.99), "ms", at_most=bound)
    for name in MEASURED:
        took = pool.seconds[name]
        value = 1000 * percentile(took[len(took) // 2 :], 0.99)
        report.check(f"{name} p99", value, "ms", at_most=bound)
    left = database.number("SELECT count(*) FROM side_effects WHERE status <> 'succeeded'")
    report.check("side effects not done", left, at_most=0)
    report.check("entries not taken", database.number("SELECT count(*) FROM outbox"), at_most=0)
    report.remark("the percentiles are those of the second half, when there are many dead rows")


def _snapshot(server: Server, database: Database) -> psycopg2.extensions.connection:
    connection = server.connect(database.name)
    connection.autocommit = False
    connection.set_session(isolation_level="REPEATABLE READ")
    connection.cursor().execute("SELECT count(*) FROM orders")
    return connection


def _worker(pool: PreparedPool) -> Worker:
    kind = Kind(KIND, _succeed, concurrency=AT_ONCE)
    worker = Worker(pool, [kind], {}, Metrics(), lambda: True)
    worker.owner = 10**6
    return worker


def _succeed(_claimed: Claimed) -> Outcome:
    return SUCCEEDED


def _rescue(database: Database, rescuer: Rescuer) -> float:
    """Take over what is due, as the rescuer of a process does, and complete it; returns how long the takeover took."""
    begun = clock.monotonic()
    taken = rescuer.claim(CLAIM_LIMIT)
    seconds = clock.monotonic() - begun
    database.sql("DELETE FROM outbox WHERE id = ANY(%s)", [row[0] for row in taken])
    return seconds
