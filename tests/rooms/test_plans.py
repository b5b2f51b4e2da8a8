"""Plans that are made while a table is empty, and kept: they have to be good for a full one too."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from foundation.connections import PREPARED_OPTIONS
from side_effects import rows


@pytest.mark.usefixtures("_green")
def test_the_claim_looks_up_what_comes_earlier_by_its_whole_key(settings, empty):
    """By the kind alone it read all rows that wait, for each row that it took."""
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(rows.CLAIM.prepare)
        cursor.execute(f"EXPLAIN EXECUTE {rows.CLAIM.name} ('a.kind', 10, 1, '2000-01-01')")
        plan = [line for (line,) in cursor.fetchall()]

    (at,) = [number for number, line in enumerate(plan) if "side_effects_order_idx" in line]
    assert "Index Cond: ((ref = " in plan[at + 1]
