"""The statements of durable side effects: claim, record, rescue; each is one step that a crash cannot split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from foundation import sql
from foundation.connections import Statement
from side_effects import models as models  # its tables, for the metadata
from side_effects.circuit import PROBES
from side_effects.insertion import insert
from side_effects.kinds import Kind
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
    attempt_log="""CASE WHEN f.error = '' THEN '[]' ELSE jsonb_build_array(jsonb_build_object(
        'attempt', CAST(:attempts AS int), 'at', clock_timestamp(), 'seconds', NULL, 'outcome', 'retry',
        'error', f.error)) END""",
)

ATTEMPTS_KEPT = 20
"""Of one side effect, the last ones."""

ALWAYS_DUE = "NULL::text"
"""What is due stays due, if no kind says otherwise."""

VALUES: dict[str, str | int | float] = {
    "attempts_kept": ATTEMPTS_KEPT,
    "held": HELD,
    "insert_taken": _INSERT_TAKEN,
    "lease_seconds": LEASE_SECONDS,
    "lease_less_grace_seconds": LEASE_SECONDS - GRACE_SECONDS,
    "living": LIVING,
    "max_crashes": MAX_CRASHES,
    "probes": PROBES,
    "unknown_days": UNKNOWN_DAYS,
}

SQL = sql.beside(__file__, no_longer_due=ALWAYS_DUE, **VALUES)


@dataclass(frozen=True)
class ClaimStatements:
    """The statements that claim, each of which asks whether what it claims is still due."""

    due: Statement
    of_subject: Statement
    probe: Statement
    withdraw: Statement

    @classmethod
    def of(cls, kinds: Sequence[Kind]) -> Self:
        """Those for these kinds, each of which may say what is no longer due."""
        cases = " ".join(f"WHEN '{one.name}' THEN {one.no_longer_due}" for one in kinds if one.no_longer_due)
        why = f"CASE s.kind {cases} END" if cases else ALWAYS_DUE
        return cls.read(sql.SqlFile(SQL.path, no_longer_due=why, **VALUES))

    @classmethod
    def read(cls, file: sql.SqlFile) -> Self:
        names = ("claim_effects", "claim_of_subject", "probe_effect", "withdraw_effects")
        return cls(*map(file.prepared, names))


CLAIMS = ClaimStatements.read(SQL)
CLAIM, CLAIM_OF_SUBJECT, PROBE, WITHDRAW = CLAIMS.due, CLAIMS.of_subject, CLAIMS.probe, CLAIMS.withdraw
DUE_KINDS = SQL.prepared("due_kinds")
SUPERSEDE = SQL.prepared("supersede_effects")
RECORD = SQL.prepared("record_effects")
HAND_BACK = SQL.prepared("hand_back_effects")
RENEW = SQL.prepared("renew_effects")
RESCUE = SQL.prepared("rescue_effects")
DEFER = SQL.prepared("defer_effect", before=f"SELECT {limits(ONE_MILLISECONDS)}; ")
PACE = SQL.prepared("pace_effects")
ABANDON = SQL.prepared("abandon_effects")
PRUNE = SQL.prepared("prune_effects")
