"""Signed deliveries a second, with everything that is written about them, beside bare calls with urllib3."""

from __future__ import annotations

import base64
import statistics
import subprocess
import sys
import time
import urllib.request

from benchmarks.contender import BenchmarkError, Process, free_port, gunicorn
from benchmarks.database import PROJECT, SELLERS, Database, Server
from benchmarks.report import Report, figure, load_average, markdown
from benchmarks.slices import Pace
from foundation import clock
from webhooks.secrets_at_rest import Keyring

KEY = b"b" * 32
LEAST, AIM = 0.5, 1500
"""The minimum of deliveries/s as a share of the bare calls/s, and the deliveries/s that are the aim."""

CONCURRENCY = 100
"""Five for each of twenty endpoints, for the bare calls too."""

PER_SECOND = 1500
"""Deliveries of a slice for each second of it, roughly."""

PATIENCE_SECONDS = 120

ENDPOINT = """INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret, disabled)
    VALUES ({seller}, 'http://127.0.0.{seller}:{port}/', '{{order.*}}', false, '{headers}', '{secret}', false)"""

EVENTS = """INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
    idempotency_key, request_id)
    SELECT id, 1, 'order.created', 'PENDING', 'service', 1, seller_id, buyer_id, 'bench-' || id, 'bench' FROM orders"""

DUE = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'webhook.delivery', 'webhook:' || w.id, 'order', e.id, e.order_id, 'bench'
    FROM order_events e JOIN webhook_endpoints w ON w.seller_id = e.seller_id
    WHERE e.id > {after} ORDER BY e.id LIMIT {count}"""

LEFT = """SELECT count(*) FILTER (WHERE status IN ('pending', 'running')),
    count(*) FILTER (WHERE status = 'succeeded') FROM side_effects WHERE kind = 'webhook.delivery'"""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Take turns: a slice of bare calls, then as many deliveries by one process of the service."""
    database, port, before = server.create("webhooks", orders), free_port(), load_average()
    receiver = Process(
        [sys.executable, "-m", "benchmarks.webhook_receiver", str(port), str(SELLERS)], PROJECT, database.environment()
    )
    count = min(orders, int(PER_SECOND * pace.seconds))
    try:
        _seed(database, port)
        service = _serve(database)
        try:
            slices = [_slice(database, port, number, count, orders) for number in range(pace.slices)]
        finally:
            service.stop()
    finally:
        receiver.stop()
    bare, signed = (statistics.median(column) for column in zip(*slices, strict=True))
    share = statistics.median(signed / bare for bare, signed in slices)
    if share < LEAST:
        report.missed = f"deliveries reach {figure(share)} of the bare calls; the minimum is {LEAST}."
    rows = [("bare calls with urllib3", figure(bare), ""), ("signed deliveries", figure(signed), figure(share))]
    report.add(
        markdown(("", "a second", f"share, at least {LEAST}"), rows),
        f"Medians over {pace.slices} slices of {count:,} each, {CONCURRENCY} at once, by one process each; the aim is "
        f"{AIM:,} deliveries a second. Load average {before:.1f} before and {load_average():.1f} after.",
    )


def _seed(database: Database, port: int) -> None:
    keyring = Keyring([("bench", KEY)])
    for seller in range(1, SELLERS + 1):
        secret, headers = keyring.encrypt(b"s" * 32), keyring.encrypt(b"{}")
        database.run(ENDPOINT.format(seller=seller, port=port, headers=headers, secret=secret))
    database.run(EVENTS)
    database.run("VACUUM ANALYZE")


def _serve(database: Database) -> Process:
    port = free_port()
    env = database.environment(
        PORT=str(port),
        WEB_CONCURRENCY="1",
        WEBHOOK_SECRET_KEYS=f"bench:{base64.b64encode(KEY).decode()}",
        WEBHOOK_ALLOW_NETS="127.0.0.0/8",
    )
    service = Process(gunicorn("wsgi"), PROJECT, env)
    service.wait_until(lambda: "onward_" in _metrics(port))
    return service


def _metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _slice(database: Database, port: int, number: int, count: int, orders: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.bare_calls", str(port), str(count), str(CONCURRENCY)]
    called = subprocess.run(
        command, cwd=PROJECT, env=database.environment(), check=True, capture_output=True, text=True
    )
    database.run("DELETE FROM side_effects")
    database.run("VACUUM side_effects")
    after = number * count % max(1, orders - count)
    begun = clock.monotonic()
    database.run(DUE.format(after=after, count=count))
    while True:
        left, succeeded = database.run(LEFT)[0]
        if not left:
            break
        if clock.monotonic() > begun + PATIENCE_SECONDS:
            raise BenchmarkError(f"{left} deliveries are still due after {PATIENCE_SECONDS} s.")
        time.sleep(0.05)
    if succeeded != count:
        raise BenchmarkError(f"{succeeded} of {count} deliveries succeeded.")
    return float(called.stdout), count / (clock.monotonic() - begun)
