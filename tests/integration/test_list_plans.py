"""What the lists read of 100,000 orders: pages of memory and disk are counted, not seconds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from access.principal import Principal
from app import build_app
from foundation.db import db
from foundation.settings import Settings
from orders import listing, searching
from orders.listing import Wanted
from process import onward_of
from tests.conftest import SECRET, cloned, run_sql

pytestmark = pytest.mark.xdist_group("many orders")
"""The table is filled once, not by each test worker."""

MANY = 100_000
FEW_PAGES = 300
"""Of 8 KB; the table has some 2,300. A page of 51 orders may stand in as many places."""

# Some 700 orders have the words of one search below; each is looked up by its key, in four pages.

OPEN = MANY // 51
"""Orders in an open status are looked for among the open ones: in no case among all of them."""

START = datetime(2026, 1, 1, tzinfo=UTC)

FILL = f"""
INSERT INTO orders (number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency,
    created_at, closed_as)
SELECT 'N-' || n,
    status, status IN ('PENDING', 'CONFIRMED'),
    CASE WHEN mod(n, 2) = 0 THEN 1 ELSE mod(n, 997) + 2 END, mod(n, 20011) + 1,
    'Buyer' || mod(n, 1009) || ' Family' || mod(n, 2003), 'b@example.org', '[{{"sku": "MUG", "title": "Blue mug"}}]',
    100, 'EUR', '{START}'::timestamptz + n * interval '5 min',
    CASE WHEN status IN ('COMPLETED', 'REFUNDED') THEN status END
FROM generate_series(1, {MANY}) AS n CROSS JOIN LATERAL (SELECT CASE
    WHEN mod(n, 51) = 0 THEN (ARRAY['PENDING', 'CONFIRMED'])[mod(n / 51, 2) + 1]
    WHEN mod(n, 4999) = 0 THEN 'REFUNDED' ELSE 'COMPLETED' END) AS s (status)"""

BIG, SMALL, BUYER = Principal("seller", 1), Principal("seller", 501), Principal("buyer", 77)
OPERATOR = Principal("operator", 1)
MIDDLE = START + timedelta(minutes=5 * MANY // 2)


@pytest.fixture(scope="module")
def many(worker_name, _green):
    """An application whose database holds 100,000 orders, half of them of one seller."""
    name = f"onward_many_{worker_name}"
    with contextmanager(cloned)(name) as url:
        run_sql(FILL, name)
        run_sql("VACUUM ANALYZE orders", name)
        app = build_app(Settings.from_env({"DATABASE_URL": url, "JWT_SECRET": SECRET, "LOG_LEVEL": "WARNING"}))
        yield app
        onward_of(app).stop()


def pages_read(app, principal, **wanted):
    """How many pages of 8 KB a list looks at, and how many orders it finds."""
    wanted = Wanted(**wanted)
    sql, values = listing.query(onward_of(app).orders.workflow, principal, wanted)
    with app.app_context():
        assert wanted == searching.planned(principal, replace(wanted, walks=False))
        (plan,) = db.session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"), values).scalar_one()
    plan = plan["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], plan["Actual Rows"]


@pytest.mark.parametrize(
    ("principal", "wanted", "most"),
    [
        (BIG, {}, FEW_PAGES),
        (BIG, {"cursor": "50000"}, FEW_PAGES),
        (BIG, {"sort": "oldest", "cursor": "50000"}, FEW_PAGES),
        (BIG, {"sort": "number", "cursor": "4~N-4"}, FEW_PAGES),
        (BIG, {"number": "N-4"}, FEW_PAGES),
        (BIG, {"statuses": ("PENDING",)}, FEW_PAGES + OPEN),
        (BIG, {"statuses": ("PENDING", "CONFIRMED"), "cursor": "50000"}, FEW_PAGES + OPEN),
        (BIG, {"statuses": ("COMPLETED",)}, FEW_PAGES),
        (BIG, {"statuses": ("COMPLETED", "PENDING")}, FEW_PAGES),
        (BIG, {"statuses": ("REFUNDED",)}, FEW_PAGES),
        (BIG, {"statuses": ("REFUNDED",), "sort": "oldest", "cursor": "50000"}, FEW_PAGES),
        (BIG, {"statuses": ("REFUNDED",), "sort": "number"}, FEW_PAGES),
        (BIG, {"statuses": ("REFUNDED",), "terms": "buyer", "walks": True}, FEW_PAGES + 4 * 51),
        (BIG, {"statuses": ("REFUNDED", "PENDING")}, FEW_PAGES + OPEN),
        (BIG, {"statuses": ("REFUNDED", "CANCELLED", "COMPLETED"), "sort": "oldest"}, FEW_PAGES),
        (BIG, {"buyer_id": 78}, FEW_PAGES),
        (BIG, {"terms": "family5 buyer9"}, FEW_PAGES + 4 * 700),
        (BIG, {"terms": "buyer", "walks": True}, FEW_PAGES + 4 * 51),
        (BIG, {"terms": "buyer10", "walks": True}, FEW_PAGES + 4 * 51 * 52),  # one in fifty: not a page in 2,000
        (BIG, {"placed_from": MIDDLE, "placed_until": MIDDLE + timedelta(days=1)}, FEW_PAGES),
        (BIG, {"placed_until": MIDDLE}, FEW_PAGES),
        (BIG, {"placed_from": MIDDLE, "sort": "oldest"}, FEW_PAGES),
        (BIG, {"placed_from": MIDDLE, "sort": "oldest", "cursor": "60000"}, FEW_PAGES),
        (BIG, {"placed_from": START, "statuses": ("REFUNDED",), "sort": "oldest"}, FEW_PAGES),
        (BIG, {"placed_until": MIDDLE, "statuses": ("PENDING", "REFUNDED")}, FEW_PAGES + OPEN),
        (BIG, {"placed_until": START + timedelta(days=1), "statuses": ("COMPLETED",)}, FEW_PAGES),
        (BIG, {"sort": "total"}, FEW_PAGES),
        (BIG, {"sort": "total", "statuses": ("COMPLETED",)}, FEW_PAGES),
        (OPERATOR, {"sort": "total", "cursor": "total.50000~100"}, FEW_PAGES),
        (SMALL, {"sort": "total"}, FEW_PAGES),
        (SMALL, {}, FEW_PAGES),
        (SMALL, {"statuses": ("CONFIRMED",)}, FEW_PAGES),
        (SMALL, {"terms": "buyer9", "walks": True}, FEW_PAGES + 4 * 51),
        (SMALL, {"sort": "number"}, FEW_PAGES),
        (BUYER, {}, FEW_PAGES),
        (BUYER, {"sort": "number"}, FEW_PAGES),
        (BUYER, {"terms": "family", "walks": True}, FEW_PAGES + 4 * 51),
        (OPERATOR, {}, FEW_PAGES),
        (OPERATOR, {"cursor": "50000", "sort": "oldest"}, FEW_PAGES),
        (OPERATOR, {"number": "N-4711"}, FEW_PAGES),
        (OPERATOR, {"terms": "n-4711"}, FEW_PAGES),
        (OPERATOR, {"terms": "4711"}, FEW_PAGES),
        (BIG, {"terms": "4712"}, FEW_PAGES),
        (BIG, {"terms": "4712", "sort": "total"}, FEW_PAGES),
        (OPERATOR, {"terms": "buyer family", "walks": True}, FEW_PAGES + 4 * 51),
        (OPERATOR, {"statuses": ("PENDING",)}, FEW_PAGES + OPEN),
        (OPERATOR, {"buyer_id": 78}, FEW_PAGES),
        (OPERATOR, {"statuses": ("REFUNDED",)}, FEW_PAGES),
        (OPERATOR, {"statuses": ("COMPLETED",)}, FEW_PAGES),
        (OPERATOR, {"statuses": ("COMPLETED", "REFUNDED"), "sort": "oldest"}, FEW_PAGES),
        (OPERATOR, {"statuses": ("PENDING", "COMPLETED"), "placed_from": START}, FEW_PAGES + OPEN),
        (OPERATOR, {"statuses": ("REFUNDED", "PENDING"), "sort": "oldest"}, FEW_PAGES + OPEN),
        (OPERATOR, {"placed_until": MIDDLE}, FEW_PAGES),
        (OPERATOR, {"placed_until": MIDDLE, "cursor": "40000"}, FEW_PAGES),
        (OPERATOR, {"seller_id": 1, "sort": "number"}, FEW_PAGES),
        (OPERATOR, {"placed_from": MIDDLE, "placed_until": MIDDLE + timedelta(hours=12)}, FEW_PAGES),
    ],
)
def test_a_page_of_a_list_is_read_without_the_table(many, principal, wanted, most):
    pages, found = pages_read(many, principal, **wanted)

    assert found >= 1
    assert pages <= most
