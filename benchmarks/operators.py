"""What operators see of a million side effects: no list, count or chart takes long, whatever is asked."""

from __future__ import annotations

import http.client
import statistics
from collections import defaultdict
from contextlib import closing
from urllib.parse import urlencode

from access.tokens import Tokens
from benchmarks.contender import BenchmarkError, HttpContender, ours
from benchmarks.database import Database, Server
from benchmarks.report import Report, figure, load_average, markdown
from benchmarks.slices import Pace, running
from foundation import clock
from foundation.settings import Settings

TIMES = 100
"""Side effects for each order of `--orders`: 100,000 are ten million."""

MOST_MS = 300

FILL = """
INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts, scheduled_at, last_error,
    fingerprint, created_at, finished_at)
SELECT CASE WHEN n % 3 = 0 THEN 'webhook.delivery' ELSE 'email.status' END,
    CASE WHEN n % 3 = 0 THEN 'webhook:' || n % 997 ELSE 'mail-server' END, 'order', -n, 1 + n % ORDERS,
    s.status, 1, clock_timestamp() + interval '1 h',
    CASE WHEN s.status = 'dead' THEN 'answered ' || 500 + n % 7 ELSE '' END,
    CASE WHEN s.status = 'dead' THEN 'answered #' ELSE '' END, clock_timestamp(),
    CASE WHEN s.status <> 'pending' THEN clock_timestamp() END
FROM generate_series(1, EFFECTS) AS n CROSS JOIN LATERAL (SELECT
    (ARRAY['pending', 'dead', 'discarded', 'succeeded'])[least(n % 20, 3) + 1] AS status) AS s"""
MINUTES = """
INSERT INTO metric_minutes (minute, name, label, value)
SELECT date_trunc('minute', clock_timestamp()) - m * interval '1 min', n.name, n.label || l, 1
FROM generate_series(1, 1440) AS m, generate_series(1, 15) AS l,
    (VALUES ('attempts', 'email.status retry'), ('effect_seconds', 'email.status 0.'), ('waiting', 'k'),
        ('processes', '')) AS n (name, label)"""

ASKED = {
    "all": ("side-effects", {}),
    "dead letters": ("side-effects", {"q": "state:dead"}),
    "waiting": ("side-effects", {"q": "state:waiting"}),
    "a kind and an error": ("side-effects", {"q": "kind:email error:503"}),
    "an error that nothing has": ("side-effects", {"q": "nothing like it"}),
    "dead letters of a shop": ("side-effects", {"q": "state:dead shop:7"}),
    "a shop that has none": ("side-effects", {"q": "shop:999999"}),
    "an order": ("side-effects", {"q": "order:5"}),
    "a destination": ("side-effects", {"q": "destination:webhook:7"}),
    "groups": ("side-effects/groups", {}),
    "counts": ("side-effects/counts", {}),
    "circuits": ("side-effects/circuits", {}),
    "health": ("health", {}),
    "an hour of metrics": ("metrics", {"minutes": "60"}),
    "a day of metrics": ("metrics", {"minutes": "1440"}),
    "jobs": ("jobs", {}),
}
"""The path below /api/ops/, and the query."""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Fill a database, and request each list by turns."""
    database = server.create("operators", orders)
    _fill(database, orders)
    service = ours("operators", database, "wsgi")
    before = load_average()
    with running([service]):
        taken = _measure(service, pace.slices)
    slow = {name: ms for name, ms in taken.items() if ms > MOST_MS}
    report.add(
        markdown(("", "median ms"), [(name, figure(taken[name])) for name in ASKED]),
        f"{orders * TIMES:,} side effects, a twentieth of them dead and another one waiting; one request at a time, "
        f"pages of 50; {pace.slices} rounds. Load average {before:.1f} before and {load_average():.1f} after. "
        f"The bound is {MOST_MS} ms: {'kept' if not slow else 'MISSED'}.",
    )
    if slow:
        raise BenchmarkError(f"{report}\n\nToo slow: {slow}")


def _fill(database: Database, orders: int) -> None:
    database.run(FILL.replace("EFFECTS", str(orders * TIMES)).replace("ORDERS", str(orders)))
    database.run(MINUTES)
    database.run("VACUUM ANALYZE side_effects, metric_minutes")


def _measure(service: HttpContender, rounds: int) -> dict[str, float]:
    """The median time of each, in ms."""
    token = Tokens.of(Settings.from_env(service.database.environment())).issue("operator", 1)
    times: dict[str, list[float]] = defaultdict(list)
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
        for _ in range(rounds):
            for name, (path, query) in ASKED.items():
                began = clock.monotonic()
                target = f"/api/ops/{path}?{urlencode(query)}"
                connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                body = answer.read()
                times[name].append((clock.monotonic() - began) * 1000)
                if answer.status != 200:
                    raise BenchmarkError(f"{name}: {answer.status} {body[:300]!r}")
    return {name: statistics.median(values) for name, values in times.items()}
