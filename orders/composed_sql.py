"""The statements that are composed of parts, by name: for `flask sql`, and for docs/sql, which `make sql` writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from itertools import product, starmap

from access.principal import Principal
from foundation.connections import Statement
from operations.completeness import missing_sql
from operations.listing import page_sql
from operations.selection import Selection
from orders import board, listing
from orders.change_sql import Form
from orders.listing import Wanted
from orders.status_change import StatusChanges
from orders.workflow import Workflow
from outbox.engine import Engine

SELLER, OPERATOR = Principal("seller", 1), Principal("operator", 1)
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_LIMIT = Wanted(
    ("SHIPPED", "REFUNDED"), "N-1", 1, 1, SOME_DAY, SOME_DAY, "blue mug", sort="number", cursor="1~N-1"
)


@dataclass(frozen=True)
class Composed:
    """One of them, as PostgreSQL gets it."""

    name: str
    reason: str
    composed_in: str
    """The module."""

    sql: str
    variant: bool = False
    """Whether it differs from another one in a few parts only, and is not committed."""

    def __str__(self) -> str:
        return f"-- {self.name}\n-- {self.reason}\n-- Composed in {self.composed_in}.\n\n{self.sql}\n"


def composed(engine: Engine, changes: StatusChanges, workflow: Workflow) -> Iterator[Composed]:
    """All of them, for this workflow and these effects."""
    yield from _changes(changes)
    yield from _batches(engine)
    yield from _operators(engine)
    columns = board.pages_sql(SELLER)
    yield Composed(
        "board",
        "Pages of the columns of a seller's board. An operator's has another form.",
        "orders/board.py",
        columns,
    )
    page, _ = listing.query(workflow, OPERATOR, EVERY_LIMIT)
    yield Composed(
        "orders",
        "A page of an operator's list with every filter; each is there only if the request has it.",
        "orders/listing.py",
        page,
    )


def _operators(engine: Engine) -> Iterator[Composed]:
    yield Composed(
        "side_effects",
        "A page of the operators' list, with some filters; each is there only if the request has it.",
        "operations/listing.py",
        page_sql(engine.event_types, Selection(kind="email.status", status="dead", error="timeout").where()[0]),
    )
    checked = [(one, effect) for one in engine.event_types.values() for effect in one.effects if effect.missing]
    for event_type, effect in checked:
        yield Composed(
            f"missing_{event_type.name}_{effect.name.replace('.', '_')}",
            f"The completeness check of {effect.name}, in one piece of the events.",
            "operations/completeness.py",
            missing_sql(event_type, effect),
            (event_type, effect) != checked[0],
        )


def _changes(changes: StatusChanges) -> Iterator[Composed]:
    plain = "A batch of status changes; docs/decisions/0001-one-statement.md says why it is one statement."
    parts = (
        "with reasons",
        "taking only orders that are free",
        "with corrections and what is silent or held",
        "with parcels",
        "with undos",
    )
    for form in starmap(Form, product((False, True), repeat=len(parts))):
        if form.undo and not form.rare:
            continue
        having = [part for part, there in zip(parts, astuple(form), strict=True) if there]
        reason = f"{plain} This one is for a batch {', and '.join(having)}." if having else plain
        variant = form not in (Form(), Form(True, True), Form(True, False, True, True), Form(rare=True, undo=True))
        yield _prepared(changes.form(form), reason, "orders/change_sql.py", variant)


def _batches(engine: Engine) -> Iterator[Composed]:
    where = "outbox/completion.py"
    statements = engine.forms.packs
    names = {effect.bit: effect.name for event_type in engine.event_types.values() for effect in event_type.effects}
    yield _prepared(statements.everything, "A batch of outbox entries, with all effects that are rows.", where)
    yield _prepared(
        statements.few,
        "The same, with a shorter timeout, for a few entries of a batch that took too long.",
        where,
        True,
    )
    for bit, one in statements.alone.items():
        yield _prepared(one, f"The same for {names[bit]} alone.", where, True)
    for bit, one in statements.rows.items():
        reason = f"The second and later attempts of {names[bit]}, from a row of its own."
        yield _prepared(one, reason, where, bit != min(statements.rows))
    in_rows = "The first one, with a row for each live event: what processes of the release before can read."
    yield _prepared(engine.forms.rows.everything, in_rows, where, True)


def _prepared(one: Statement, reason: str, where: str, variant: bool = False) -> Composed:
    before = f"{one.before.strip()}\n" if one.before else ""
    parameters = ", ".join(f"${number} {kind}" for number, kind in enumerate(one.types, 1))
    return Composed(one.name, f"{reason} Takes {parameters}.", where, before + one.sql, variant)
