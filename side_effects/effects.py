"""How a package above declares the effects of its events: event types, and the effects of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foundation.connections import Row, Statement
from side_effects.kinds import Kind

Run = Callable[[Statement, Sequence[Any]], list[Row]]
"""Runs a prepared statement; given to packages that read."""


class PartFailed(Exception):
    """Some of a called effect's destinations failed; `failures` has each with its error."""

    def __init__(self, failures: Mapping[str, BaseException]) -> None:
        super().__init__("; ".join(f"{name}: {error!r}" for name, error in failures.items()))
        self.failures = failures


@dataclass(frozen=True)
class Effect:
    """One effect."""

    name: str
    """The kind, dotted: `realtime.seller`. Its first word is the category in the logs."""

    bit: int
    """Its bit in the outbox row's `pending`: unique over all event types, and never reused."""

    missing: str = field(default="", kw_only=True)
    """SQL over an event `e`, true if nothing shows that the effect has happened; empty if nothing could."""

    on_creation: bool = field(default=False, kw_only=True)
    """Whether creating an order has it too."""

    on_change: bool = field(default=True, kw_only=True)
    """Whether a change of the status has it."""

    on_edit: bool = field(default=False, kw_only=True)
    """Whether an edit, which leaves the status as it is, has it too."""

    on_resending: bool = field(default=False, kw_only=True)
    """Whether sending the last notification again has it: live, so that everybody has the version, and to the buyer."""

    statuses: tuple[str, ...] | None = field(default=None, kw_only=True)
    """Only changes from or to one of these have it; None if every change has it."""

    leaves_to: str = field(default="", kw_only=True)
    """Where it leaves the service to; it waits while a change is held, and is listed under this destination when
    the change was reverted. Empty if it stays inside."""

    to_buyer: bool = field(default=False, kw_only=True)
    """Whether it reaches the buyer and nobody else: a change that is to be silent does not have it."""

    fans_out: str = field(default="", kw_only=True)
    """For an effect that has a row for each of those who asked for it, and none if nobody did: the kind of the row that
    stands for all of them if they could not be written. Empty for any other effect."""

    enabled: bool = field(default=True, kw_only=True)
    """False if a setting that it needs is missing. Its bit stays taken."""


IF_NEW = "ON CONFLICT DO NOTHING RETURNING id"
"""The end of an INSERT by an effect. The batch's own statement leaves it out: there the deleted outbox row shows that
nothing has been inserted yet, and the check costs a tenth of the batch. If a row is there nevertheless, the statement
fails, and the effects are tried one by one, each with this end."""


@dataclass(frozen=True)
class AnnouncedEvent:
    """A live event of an effect, for each row of the event type's source that meets the condition."""

    channel: str
    """SQL for its channel."""

    type: str
    """SQL for its type."""

    pieces: tuple[str, ...]
    """SQL for the text of its data, in pieces, none of them NULL; a piece that several events of a change have is
    stored once."""

    condition: str

    row: str = ""
    """SQL for the id of the row that it is about."""

    inserted: str = ""
    """The CTE that inserts that row, with `IF_NEW`."""


@dataclass(frozen=True)
class WrittenEffect(Effect):
    """An effect that consists of rows: SQL that runs in the transaction that completes the entry."""

    ctes: str = ""
    """Common table expressions that write the rows; they read the event type's source, limited by `pending(...)`."""

    live: tuple[AnnouncedEvent, ...] = ()
    """The live events of the written rows, in their order."""

    drawn: tuple[str, ...] = ()
    """Columns, as `expression AS name`, that the source gets for this effect: the ids of the rows that it writes."""

    handler: Kind | None = field(default=None, kw_only=True)
    """Attempts the rows that it writes in `side_effects`; None if it writes none."""


@dataclass(frozen=True)
class DurableEffect(WrittenEffect):
    """An effect that leaves the process: the batch writes its row in `side_effects`, and a worker does the rest.

    Its name is that of its handler.
    """


@dataclass(frozen=True)
class CalledEffect(Effect):
    """An effect that runs code in this process, at least once; it has a bulkhead of its own."""

    call: Callable[[Any], None] = lambda _payload: None
    """Takes the event type's payload and calls every destination; raises PartFailed for those that failed."""

    call_one: Callable[[Any, str], None] = lambda _payload, _destination: None
    """Calls one destination that exists again."""

    destinations: Callable[[], Sequence[str]] = tuple
    """The current destinations."""


@dataclass(frozen=True, eq=False)
class EventType:
    """A type of event, and the one list of its effects."""

    name: str
    context: str
    """The name of its tasks in the logs: `order-status-update` becomes `order-status-update:17`."""

    source: str
    """CTEs that turn the recorded entries (`completed`: id, event_type, event_id, pending) into what the effects
    read."""

    effects: tuple[Effect, ...]
    rows: str = field(default="", kw_only=True)
    """The CTE of the source that has a row for each event: `id`, `order_id`, `pending`, and what the effects need."""

    pack_id: str = field(default="", kw_only=True)
    """SQL for what the packs of its live events are found by, where it has no `table`; empty if by nothing."""

    load: Callable[[Run, Sequence[int]], Mapping[int, Any]] = lambda _run, _ids: {}
    """The payloads of these events, for called effects."""

    table: str = ""
    """The table of its events, with `id`, `at` and `effect_bits`: what the completeness check reads."""

    moved_on: str = "false"
    """SQL that is true if the subject of side effect `s` has changed since: is it still relevant?"""

    forgotten: str = "false"
    """SQL over an event `e`, true if what it caused was erased: nothing can be missing there."""

    handlers: tuple[Kind, ...] = ()
    """They attempt the rows that its effects write in `side_effects`."""

    @functools.cached_property
    def everything(self) -> int:
        """The `pending` of an entry of which nothing is done."""
        return mask_of(self.effects)

    @functools.cached_property
    def always(self) -> int:
        """How many effects every change has."""
        return sum(effect.on_change and effect.statuses is None and not effect.fans_out for effect in self.effects)

    @functools.cached_property
    def called(self) -> int:
        """The bits of its effects that run code."""
        return mask_of([effect for effect in self.effects if isinstance(effect, CalledEffect)])

    @functools.cached_property
    def written(self) -> int:
        """The bits of its effects that consist of rows."""
        return self.everything & ~self.called


def mask_of(effects: Sequence[Effect]) -> int:
    """The bits of these effects together."""
    mask = 0
    for effect in effects:
        mask |= 1 << effect.bit
    return mask


def is_pending(bit: int) -> str:
    """The SQL condition that the effect with this bit is pending for a row of the source."""
    return f"(pending & {1 << bit}) <> 0"
