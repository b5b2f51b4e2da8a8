"""Lists of a million orders, a tenth of them one seller's, for that seller and for an operator: none takes long,
whatever is asked."""

from __future__ import annotations

import http.client
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, timedelta
from urllib.parse import urlencode

import psutil

from access.principal import Role
from access.tokens import Tokens
from benchmarks.contender import BenchmarkError, HttpContender, ours
from benchmarks.database import ITEMS, Database, Server
from benchmarks.report import Report, figure, load_average, markdown
from benchmarks.slices import Pace, running
from foundation import clock
from foundation.settings import Settings

TIMES = 100
ROLES: Mapping[Role, int] = {"seller": 1, "operator": 1}
CONTROL, COUNTS = "newest", "counts by status"
LIST_MS, SEARCH_MS, BOUND = 20, 50, 12
"""What a list may take, and one with a search; on a slow machine, how many times as long as the newest page, which
reads 51 orders and nothing else."""

SELLERS = 997
"""Of the orders that are not seller 1's, who has fifty of every five hundred."""

RARE, UNCOMMON = 9_973, 101
"""One order in so many is REFUNDED, one in so many CANCELLED, and one in fifty is open."""

FIRST_DAY = "2026-01-01"
SECONDS_APART = 30
DAYS = {"a day": (100, 101), "a day long ago": (1, 2), "half of it": (0, 170), "all but the first day": (1, 999)}

SET_ASIDE = """SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('orders', 'order_search') AND indexname NOT IN (SELECT conname FROM pg_constraint)"""
SEED = f"""
INSERT INTO orders (number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency,
    created_at, closed_as)
SELECT 'B-' || lpad(n::text, 9, '0'), status, status IN ('PENDING', 'PREPARING'),
    CASE WHEN n / 50 % 10 = 0 THEN 1 ELSE 2 + n % {SELLERS} END, 1 + n % 100000,
    'Buyer' || n % 1009 || ' Family' || n % 2003, 'buyer' || n % 1000 || '@example.com',
    replace('{ITEMS}', '$', (n % 97)::text)::json, 7790 + n % 9973, 'EUR',
    '{FIRST_DAY}'::timestamptz + n * interval '{SECONDS_APART} s',
    CASE WHEN status NOT IN ('PENDING', 'PREPARING') THEN status END
FROM generate_series(1, ORDERS) AS n CROSS JOIN LATERAL (SELECT CASE
    WHEN n % 50 = 0 THEN (ARRAY['PENDING', 'PREPARING'])[1 + n / 50 % 2]
    WHEN n % {RARE} = 0 THEN 'REFUNDED' WHEN n % {UNCOMMON} = 0 THEN 'CANCELLED' ELSE 'COMPLETED' END) AS s (status)
ORDER BY n
"""
EVENTS = """
INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
    idempotency_key, request_id, at)
SELECT id, 1, 'order.created', status, 'service', 1, seller_id, buyer_id, 'b-' || id, '', created_at
FROM orders ORDER BY id
"""
TERMS = """
INSERT INTO order_search (order_id, document, folded)
SELECT id, array_to_tsvector(search_words(concat_ws(' ', number, buyer_name, 'jd' || lpad(id::text, 12, '0'),
    string_agg(concat_ws(' ', item->>'sku', item->>'title'), ' ')))
    || ARRAY['@' || buyer_email, '=tag ' || id % 5003]), true
FROM orders CROSS JOIN json_array_elements(items) AS item GROUP BY id
"""
"""What orders/search.py would have written, which takes as long for a million as all the rest."""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Fill a database, and request each list by turns."""
    database = server.create("lists", 1)
    fill(database, orders * TIMES)
    service = ours("lists", database, "wsgi")
    before = load_average()
    with running([service]):
        taken = _measure(service, pace.slices)
        exported = _export(service)
    slow = {
        (role, name): ms
        for (role, name), ms in taken.items()
        if ms > max(SEARCH_MS if "q" in lists()[name] else LIST_MS, BOUND * taken[role, CONTROL])
    }
    report.add(
        markdown(("median ms", *ROLES), [(name, *(figure(taken[role, name]) for role in ROLES)) for name in lists()]),
        f"{orders * TIMES:,} orders, a tenth of them one seller's, one list at a time over HTTP, pages of 50; "
        f"{pace.slices} rounds. Load average {before:.1f} before and {load_average():.1f} after. The bound is "
        f"{LIST_MS} ms, with a search {SEARCH_MS} ms, or {BOUND} times the newest page: "
        f"{'kept' if not slow else 'MISSED'}. "
        f"{exported}",
    )
    if slow:
        raise BenchmarkError(f"{report}\n\nToo slow: {slow}")


def fill(database: Database, orders: int) -> None:
    """Have this many orders, a tenth of them of seller 1; indexes are built at the end, which takes a third."""
    database.run("TRUNCATE orders, order_search, order_events")
    database.run("SET maintenance_work_mem = '512MB'")
    with _without_indexes(database):
        database.run("ALTER TABLE orders DISABLE TRIGGER insert_order_search")
        database.run(SEED.replace("ORDERS", str(orders)))
        database.run("ALTER TABLE orders ENABLE TRIGGER insert_order_search")
        database.run(TERMS)
        database.run(EVENTS)
    database.run("VACUUM ANALYZE orders, order_search, order_events")


@contextmanager
def _without_indexes(database: Database) -> Iterator[None]:
    """Take the indexes off the tables that no constraint needs, and build them at the end."""
    indexes = database.run(SET_ASIDE)
    for name, _ in indexes:
        database.run(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        database.run(definition)


def lists() -> dict[str, Mapping[str, str]]:
    """The queries, by name."""
    rare = {"status": "REFUNDED"}
    asked: dict[str, Mapping[str, str]] = {
        CONTROL: {},
        "oldest": {"sort": "oldest"},
        "by number": {"sort": "number", "seller_id": "1"},
        "rare closed": rare,
        "rare closed, oldest": rare | {"sort": "oldest"},
        "rare closed, by number": rare | {"sort": "number", "seller_id": "1"},
        "rare closed, words": rare | {"q": "buyer"},
        "uncommon closed": {"status": "CANCELLED"},
        "closed, three of them": {"status": "REFUNDED,CANCELLED,COMPLETED"},
        "open": {"status": "PENDING"},
        "open and rare closed": {"status": "PENDING,REFUNDED"},
        "open and rare closed, oldest": {"status": "PENDING,REFUNDED", "sort": "oldest"},
        "dearest": {"sort": "total"},
        "changed last": {"sort": "updated"},
        "changed last, rare closed": {"sort": "updated"} | rare,
        "words": {"q": "family77 buyer9"},
        "a common word": {"q": "mug"},
        "a word of one in a hundred": {"q": "mug-42"},
        "two common words": {"q": "beech mug"},
        "a name, dearest": {"q": "family77", "sort": "total"},
        "a name, changed last": {"q": "family77", "sort": "updated"},
        "an address": {"q": "buyer77@example.com"},
        "a tracking number": {"q": "jd000000000100"},
        "a number": {"q": "#b-000000100"},
        "nothing": {"q": "nobody"},
        COUNTS: {},
        f"{COUNTS}, a name": {"q": "family77"},
    }
    for name, days in DAYS.items():
        dates = dict(zip(("placed_from", "placed_until"), map(_date, days), strict=True))
        asked[name] = dates
        asked[f"{name}, oldest"] = dates | {"sort": "oldest"}
        asked[f"{name}, rare closed"] = dates | rare
        asked[f"{name}, open"] = dates | {"status": "PENDING"}
        asked[f"{name}, open and rare closed, oldest"] = dates | {"status": "PENDING,REFUNDED", "sort": "oldest"}
    return asked


def _date(day: int) -> str:
    return (date.fromisoformat(FIRST_DAY) + timedelta(days=day)).isoformat()


def _measure(service: HttpContender, rounds: int) -> dict[tuple[str, str], float]:
    """The median time of each list for each role, in ms."""
    tokens = Tokens.of(Settings.from_env(service.database.environment()))
    headers = {role: {"Authorization": f"Bearer {tokens.issue(role, id)}"} for role, id in ROLES.items()}
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
        for _ in range(rounds):
            for name, query in lists().items():
                for role in ROLES:
                    began = clock.monotonic()
                    path = "/api/orders/counts" if name.startswith(COUNTS) else "/api/orders"
                    connection.request("GET", f"{path}?{urlencode(query)}", headers=headers[role])
                    answer = connection.getresponse()
                    body = answer.read()
                    times[role, name].append((clock.monotonic() - began) * 1000)
                    if answer.status != 200:
                        raise BenchmarkError(f"{name}: {answer.status} {body[:300]!r}")
    return {key: statistics.median(values) for key, values in times.items()}


def _export(service: HttpContender) -> str:
    """How long the whole list takes as a file, how large it is, and how much memory the process needs for it."""
    token = Tokens.of(Settings.from_env(service.database.environment())).issue("operator", 1)
    told: list[str] = []
    for form in ("text/csv", "application/x-ndjson"):
        size, began, before = 0, clock.monotonic(), _memory(service)
        most = before
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
            connection.request("GET", "/api/orders", headers={"Authorization": f"Bearer {token}", "Accept": form})
            answer = connection.getresponse()
            while piece := answer.read(2**20):
                size += len(piece)
                most = max(most, _memory(service))
        taken, memory = clock.monotonic() - began, (most - before) / 2**20
        told.append(f"As {form} all take {taken:.0f} s ({size / 2**20:.0f} MB) and {memory:.0f} MB of memory.")
    return " ".join(told)


def _memory(service: HttpContender) -> int:
    """Bytes of the server's processes."""
    processes = [child for pid in service.pids for child in psutil.Process(pid).children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)
