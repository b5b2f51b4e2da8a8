"""Jobs of operators: redeliver or discard all dead letters that match, in the background, with progress and stop.

A job is a row. Whichever process looks first makes its next piece: one transaction that changes some dead letters and
writes down how far it came. So a process that dies has done a whole piece or none, and any other goes on. A job goes
through the dead letters by id, each once: one that dies again is not redelivered for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from access import guards
from foundation import sql
from foundation.db import commit, db, one_piece
from foundation.errors import NotFound
from operations import actions
from operations.selection import Selection
from side_effects.retry import storable

Action = Literal["redeliver", "discard"]

PIECE_ROWS = 500
"""Dead letters that a piece changes at most; some 20 ms."""

PIECE_LOOKED_AT = 20_000
"""Dead letters that a piece goes through, whether they match or not."""

MATCHING = 10_000
"""Matching dead letters are counted up to this limit when a job begins, and so are its results."""

COUNT_SPAN = 100_000
"""Dead letters among which they are counted."""

ERROR_PAUSE_SECONDS = 5.0
JOB_DAYS = 90
"""How long a finished job is kept; the audit trail of what it did stays."""

SQL = sql.beside(__file__, counted=MATCHING, by=actions.BY)
NEWEST_DEAD = SQL.text("newest_dead")
START_JOB, STOP_JOB = SQL.text("start_job"), SQL.text("stop_job")
JOBS, JOB = SQL.text("jobs"), SQL.text("job")
TAKE_JOB = SQL.text("take_job")
NOTE_PIECE, NOTE_ERROR = SQL.text("note_piece"), SQL.text("note_error")
PRUNE_JOBS = SQL.text("prune_jobs")


def matching(chosen: Selection) -> int:
    """How many dead letters match, counted up to `MATCHING` and one more, among the newest `COUNT_SPAN`."""
    where, values = _dead(chosen)
    newest = "SELECT * FROM side_effects WHERE status = 'dead' ORDER BY id DESC LIMIT :span"
    counted = f"SELECT count(*) FROM (SELECT FROM ({newest}) AS s WHERE {where} LIMIT :most) AS found"
    values |= {"span": COUNT_SPAN, "most": MATCHING + 1}
    found: int = db.session.execute(text(counted), values).scalar_one()
    return found


def start_job(actor: str, action: Action, chosen: Selection, reason: str, per_second: float) -> int:
    """Begin a job over all dead letters that match now; returns its id."""
    chosen = replace(chosen, status=None)
    values: dict[str, Any] = {
        "actor": actor,
        "via": guards.via(),
        "action": action,
        "selection": orjson.dumps(chosen.members).decode(),
        "target": str(chosen),
        "reason": reason,
        "per_second": per_second,
        "matching": matching(chosen),
        "last_id": db.session.scalar(NEWEST_DEAD) or 0,
    }
    id: int = db.session.execute(START_JOB, values).scalar_one()
    actions.record(actor, f"start {action}", f"job {id}: {chosen}", reason, values["matching"])
    commit()
    return id


def stop_job(actor: str, id: int) -> None:
    """Let a job make no further piece; one that has ended stays as it is. Raises NotFound."""
    job(id)
    if db.session.execute(STOP_JOB, {"id": id}).rowcount:  # type: ignore[attr-defined]
        actions.record(actor, "stop job", f"job {id}", "", 1)
    commit()


def jobs(limit: int = 20) -> list[dict[str, Any]]:
    """The newest first."""
    return [dict(row._mapping) for row in db.session.execute(JOBS, {"limit": limit})]


def job(id: int) -> dict[str, Any]:
    """One of them; raises NotFound."""
    found = db.session.execute(JOB, {"id": id}).one_or_none()
    if found is None:
        raise NotFound("No such job.")
    return dict(found._mapping)


def make_piece() -> int:
    """Make the next piece of a job that is due, in a transaction; returns how many dead letters it changed, at least 1,
    and 0 if no job is due."""
    taken = db.session.execute(TAKE_JOB).mappings().one_or_none()
    if taken is None:
        db.session.rollback()
        return 0
    try:
        count = _change(Taken(**taken))
        db.session.commit()
    except SQLAlchemyError as error:
        db.session.rollback()
        said = storable(str(getattr(error, "orig", error)))
        db.session.execute(NOTE_ERROR, {"id": taken["id"], "error": said, "pause": ERROR_PAUSE_SECONDS})
        db.session.commit()
        raise
    return max(1, count)


@dataclass(frozen=True)
class Taken:
    """A job whose row this transaction holds."""

    id: int
    actor: str
    actor_via: str | None
    action: Action
    selection: dict[str, Any]
    target: str
    reason: str
    per_second: float
    last_id: int
    done_to: int
    done: int

    @property
    def rows(self) -> int:
        """How many dead letters a piece may change: those of a second."""
        return max(1, min(PIECE_ROWS, int(self.per_second))) if self.action == "redeliver" else PIECE_ROWS


CHANGES: dict[Action, str] = {
    "redeliver": """status = 'pending', attempts = 0, crashes = 0, finished_at = NULL,
        scheduled_at = clock_timestamp() + make_interval(secs => o.place / CAST(:per_second AS float8))""",
    "discard": "status = 'discarded', finished_at = clock_timestamp()",
}


def _change(taken: Taken) -> int:
    where, values = _dead(Selection.read(taken.selection))
    values |= {"done_to": taken.done_to, "last_id": taken.last_id, "looked_at": PIECE_LOOKED_AT}
    values |= {"rows": taken.rows, "id": taken.id, "per_second": taken.per_second}
    chosen, last, seen, looked, count = db.session.execute(text(_piece(taken.action, where)), values).one()
    whole = chosen < taken.rows  # all that matches among what it went through
    ended = whole and seen < PIECE_LOOKED_AT
    noted = {
        "id": taken.id,
        "done_to": (looked if whole else last) or taken.done_to,
        "done": taken.done + count,
        "state": "finished" if ended else "running",
        "pause": count / taken.per_second if taken.action == "redeliver" else 0.0,
    }
    db.session.execute(NOTE_PIECE, noted)
    if ended:
        target = f"job {taken.id}: {taken.target}"
        actions.record(taken.actor, taken.action, target, taken.reason, noted["done"], taken.actor_via)
    return int(count)


def _piece(action: Action, where: str) -> str:
    """SQL that changes the next ones; it returns how many match and the id of the last, how many it went through and
    the id of the last, and how many it has changed."""
    return f"""WITH looked AS MATERIALIZED (
            SELECT * FROM side_effects WHERE status = 'dead' AND id > :done_to AND id <= :last_id
            ORDER BY id LIMIT :looked_at),
        chosen AS MATERIALIZED (SELECT s.id, row_number() OVER (ORDER BY s.id) AS place FROM looked s
            WHERE {where} ORDER BY s.id LIMIT :rows),
        changed AS (UPDATE side_effects SET job_id = :id, {CHANGES[action]} FROM chosen o
            WHERE side_effects.id = o.id AND side_effects.status = 'dead'
            AND side_effects.id = ANY(ARRAY(SELECT id FROM chosen)) RETURNING 1)
        SELECT (SELECT count(*) FROM chosen), (SELECT max(id) FROM chosen),
            (SELECT count(*) FROM looked), (SELECT max(id) FROM looked), (SELECT count(*) FROM changed)"""


def _dead(chosen: Selection) -> tuple[str, dict[str, Any]]:
    return replace(chosen, status=None).where()


def prune_jobs() -> int:
    """Delete a chunk of old jobs that have ended; returns how many."""
    return one_piece(PRUNE_JOBS, days=JOB_DAYS)
