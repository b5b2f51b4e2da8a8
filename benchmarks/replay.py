"""The time of one page of a replay from the database, with few and with many events behind the cursor."""

from __future__ import annotations

import statistics
import time
from contextlib import closing

from benchmarks.database import Database, Server
from benchmarks.report import Report, load_average, markdown
from benchmarks.slices import Pace
from foundation.connections import PreparedPool
from realtime.log import PAGE, EventLog

BEHIND = (1_000, 20_000, 100_000)
FILL = """INSERT INTO realtime_packs (seq, channel, other, recipe, pieces)
    SELECT 2 * n, 'seller:' || mod(n, 2), 'buyer:' || mod(n, 1000), 'order.created 0 0.1;order.created 1 0.2',
        repeat('x', 1200) || chr(30) || 'seller' || chr(30) || 'buyer' FROM generate_series(1, {count}) AS n"""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Read the first page of one channel's and of all sellers' events, from the oldest on, in turns."""
    before = load_average()
    logs = {count: server.create(f"behind_{count}", orders) for count in BEHIND}
    rows = []
    for count, database in logs.items():
        database.run(FILL.format(count=2 * count))
        database.run("VACUUM ANALYZE realtime_packs")
        one, every = (_milliseconds(database, [channel], 4 * count, pace) for channel in ("seller:1", "seller:*"))
        rows.append((f"{count:,}", f"{one:.2f}", f"{every:.2f}"))
    report.add(
        f"A page of {PAGE} rows of a replay, from the statement to the rows in Python, in ms:",
        markdown(("rows behind the cursor", "one channel", "all sellers"), rows),
        f"Medians over {pace.slices} slices of {pace.seconds:g} s. Load average {before:.1f} before and "
        f"{load_average():.1f} after.",
    )


def _milliseconds(database: Database, channels: list[str], through: int, pace: Pace) -> float:
    with closing(PreparedPool(database.dsn, 1, "check")) as pool:
        log, taken = EventLog(pool), list[float]()
        log.replay(channels, 0, through)
        for _ in range(pace.slices):
            ends = time.perf_counter() + pace.seconds
            while (begun := time.perf_counter()) < ends:
                assert len(log.replay(channels, 0, through)) == PAGE
                taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000
