"""The statements of durable side effects: claim, record, rescue; each is one step that a crash cannot split."""

from __future__ import annotations

from foundation import sql
from side_effects import models as models  # its tables, for the metadata
from side_effects.circuit import PROBES
from side_effects.insertion import insert
from side_effects.liveness import GRACE_SECONDS, HELD, LEASE_SECONDS, LIVING
from side_effects.retry import MAX_CRASHES

ONE_MILLISECONDS = 400
"""For one effect."""


def limits(milliseconds: int) -> str:
    """SQL for the rest of a transaction that has a time limit, and waits for a lock for at most a quarter of a second.

    For use after taking the log's lock: all processes wait for its holder, so nobody may hold it for long. What takes
    longer is retried in a smaller batch, with a shorter limit.
    """
    return f"set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '{milliseconds}ms', true)"


UNKNOWN_DAYS = 7
"""How long a row that no running process can do is kept for one that can: as long as a release may take to be rolled
out, or to be reverted and fixed."""

_INSERT_TAKEN = insert(
    "taken t, unnest(:destinations, :errors, :fingerprints) AS f (destination, error, fingerprint)",
    kind=":kind",
    destination="f.destination",
    event_type="t.event_type",
    event_id="t.event_id",
    order_id="t.order_id",
    request_id="t.request_id",
    attempts=":attempts",
    crashes=":crashes",
    scheduled_at="clock_timestamp() + make_interval(secs => :delay)",
    last_error="f.error",
    fingerprint="f.fingerprint",
)

SQL = sql.beside(
    __file__,
    held=HELD,
    insert_taken=_INSERT_TAKEN,
    lease_seconds=LEASE_SECONDS,
    lease_less_grace_seconds=LEASE_SECONDS - GRACE_SECONDS,
    living=LIVING,
    max_crashes=MAX_CRASHES,
    probes=PROBES,
    unknown_days=UNKNOWN_DAYS,
)

CLAIM = SQL.prepared("claim_effects")
DUE_KINDS = SQL.prepared("due_kinds")
CLAIM_OF_SUBJECT = SQL.prepared("claim_of_subject")
PROBE = SQL.prepared("probe_effect")
SUPERSEDE = SQL.prepared("supersede_effects")
RECORD = SQL.prepared("record_effects")
HAND_BACK = SQL.prepared("hand_back_effects")
RENEW = SQL.prepared("renew_effects")
RESCUE = SQL.prepared("rescue_effects")
DEFER = SQL.prepared("defer_effect", before=f"SELECT {limits(ONE_MILLISECONDS)}; ")
PACE = SQL.prepared("pace_effects")
ABANDON = SQL.prepared("abandon_effects")
PRUNE = SQL.prepared("prune_effects")
