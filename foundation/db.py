"""SQLAlchemy: the tables' definitions for the migrations, and the sessions in which the cold paths run their SQL.

No query goes through the ORM. A model describes a table, and nothing reads or writes by it; a session gives connection
and transaction to the statements of `.sql` files. What is hot has connections of its own (foundation/connections.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psycopg2.errors
import psycopg2.extensions
from flask import Flask, g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Engine, ExceptionContext, MetaData, Text, TextClause, event
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session

from foundation import sql
from foundation.connections import POOL_WAIT_SECONDS, SERVER_SETTINGS, connect
from foundation.settings import Settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"

SCHEMA = "0046"
"""The migration that this version requires: the newest one, which a test checks."""

PIECE = 2000
"""Rows per chunk of operations that may affect very many: some 20 to 100 ms."""

SQL = sql.beside(__file__)
STATE = SQL.text("state")

NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """The base of our tables; ids are bigints, text is text, timestamps have a time zone."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar = {int: BigInteger, str: Text, datetime: DateTime(timezone=True)}


db = SQLAlchemy(metadata=Base.metadata)


def init_app(app: Flask, settings: Settings) -> None:
    """Set up the engine for the application."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.cold_connections,
        "max_overflow": 0,
        "hide_parameters": True,  # they contain people's names, and what they bought
        "pool_timeout": POOL_WAIT_SECONDS,
        "creator": partial(_connect, settings.dsn),
    }
    db.init_app(app)


def _connect(dsn: str) -> psycopg2.extensions.connection:
    connection = connect(dsn, "cold", SERVER_SETTINGS)
    connection.autocommit = False
    return connection


def commit(then: Callable[[], object] | None = None) -> None:
    """Commit the session, and call this afterwards; in a unit of work, both wait until it is finished."""
    waiting: list[Callable[[], object]] | None = g.get("unit_of_work")
    if waiting is not None:
        waiting.extend([then] if then else [])
        return
    db.session.commit()
    if then:
        then()


def in_pieces(statement: TextClause, **values: object) -> int:
    """Run a statement that writes at most `:piece` rows, and commit, until nothing is left; returns the number of rows.

    However much there is, no chunk comes near the statement timeout, nobody waits for a lock longer than a chunk takes,
    and finished chunks stay done if the process dies. Not for use inside a unit of work.
    """
    total, count = 0, PIECE
    while count == PIECE:
        count = one_piece(statement, **values)
        total += count
    return total


def one_piece(*statements: TextClause, **values: object) -> int:
    """Run each statement once, which writes at most `:piece` rows, and commit them together; returns the number of
    rows."""
    values["piece"] = PIECE
    count = sum(db.session.execute(one, values).rowcount for one in statements)  # type: ignore[attr-defined]
    db.session.commit()
    return count


def all_rows(statement: TextClause, **values: object) -> Iterator[Any]:
    """The rows of a query that reads `:piece` of them after the id `:after` in their first column, chunk by chunk."""
    after, rows = 0, None
    while rows is None or len(rows) == PIECE:
        rows = db.session.execute(statement, {**values, "after": after, "piece": PIECE}).all()
        yield from rows
        after = rows[-1][0] if rows else after


@contextmanager
def unit_of_work() -> Iterator[Callable[[], None]]:
    """Commit everything inside as one when the yielded function is called; or nothing, if it is left before."""
    waiting: list[Callable[[], object]] = []
    g.unit_of_work = waiting

    def finish() -> None:
        db.session.commit()
        for then in waiting:
            then()

    try:
        yield finish
    finally:
        g.unit_of_work = None
        db.session.rollback()


@event.listens_for(Session, "after_commit")
def _remember(_session: Session) -> None:
    if has_app_context():
        g.committed = True


def has_committed() -> bool:
    """Whether the session has committed something since the request began."""
    return bool(g.get("committed"))


@event.listens_for(Engine, "handle_error")
def _let_go_of_read_only(context: ExceptionContext) -> None:
    """A session stays read-only when its server has been replaced: reset the pool, as after a lost connection."""
    if isinstance(context.original_exception, psycopg2.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True


def schema_problem() -> str | None:
    """What is wrong with the database for this version; raises if it does not respond."""
    try:
        found, oldest, read_only = db.session.execute(STATE).one()
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg2.errors.UndefinedTable):
            return "the database has no tables of ours: run `flask db upgrade`"
        raise
    if read_only:
        db.session.connection().invalidate()  # a session stays so when the server is no longer read-only
        return "the database is read-only"
    expanded = oldest is not None and oldest <= SCHEMA < found
    return None if found == SCHEMA or expanded else f"the schema is at {found}, this version needs {SCHEMA}"


def init_commands(app: Flask) -> None:
    """Add `flask db ...` to the command line. Alembic is imported here: it is a fifth of a worker's start."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # first: it logs while it is imported
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(MIGRATIONS))
