"""The mistakes of a workflow table as a whole: statuses that no order reaches, or that none may leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orders.workflow import Status, Transition, Workflow

Place = tuple[str | int, ...]
"""A location in the table, in pydantic's form: ("statuses", "READY", "tone")."""


def problems_of(workflow: Workflow) -> Iterator[tuple[Place, str]]:
    """Each mistake with its place, although each entry by itself is valid."""
    if workflow.initial not in workflow.statuses:
        yield ("initial",), f"initial: {workflow.initial} is not among the statuses"
    moves: dict[str, set[str]] = {}
    yield from _problems_of_moves(workflow, moves)
    left = {one.source for one in workflow.transitions if not one.correction}
    reachable = _reachable(workflow.initial, moves)
    for name, status in workflow.statuses.items():
        if name not in reachable:
            yield ("statuses", name), f"status {name} cannot be reached from {workflow.initial}"
        yield from _problems_of_status(status, name in left, name == workflow.initial)
    yield from _problems_of_notices(workflow)


def _problems_of_moves(workflow: Workflow, moves: dict[str, set[str]]) -> Iterator[tuple[Place, str]]:
    """Fills `moves` with the targets of each status on its way."""
    timed: set[str] = set()
    for number, one in enumerate(workflow.transitions):
        for key, name in (("from", one.source), ("to", one.target)):
            if name not in workflow.statuses:
                yield ("transitions", number, key), f"{_move(one)}: {name} is not among the statuses"
        closed = one.source in workflow.statuses and workflow.statuses[one.source].closed
        if one.after_seconds:
            yield from _problems_of_timer(number, one, one.source in timed, closed)
            timed.add(one.source)
        if closed and not (one.correction or one.reopens):
            way = "only with `reopens = true` or `correction = true` does a transition leave it"
            yield ("transitions", number), f"{_move(one)}: {one.source} is closed; {way}"
        if one.target in moves.setdefault(one.source, set()):
            yield ("transitions", number), f"{_move(one)} stands twice"
        moves[one.source].add(one.target)


def _problems_of_timer(number: int, one: Transition, second: bool, closed: bool) -> Iterator[tuple[Place, str]]:
    place = ("transitions", number, "after")
    if "system" not in one.roles:
        yield place, f"{_move(one)}: after: the role system makes timed moves, and is not among the roles"
    if one.reason:
        yield place, f"{_move(one)}: after: a timer gives no reason, and one is asked for"
    if closed:
        yield place, f"{_move(one)}: after: {one.source} is closed, and no timer leaves it"
    if second:
        yield place, f"{_move(one)}: after: {one.source} has a timed move already"


def _problems_of_status(status: Status, left: bool, first: bool) -> Iterator[tuple[Place, str]]:
    place, name = ("statuses", status.name), f"status {status.name}"
    if not status.closed and not left:
        yield place, f"{name} is not closed, and no transition but a correction leaves it"
    # Every status is notified to somebody, so it needs the text: a missing one is reported now, not at night.
    for side in ("seller",) if first else ("seller", "buyer"):
        if side not in status.notify:
            yield place, f"{name}: notify.{side} is missing: the text of the {side}'s notification"


def _problems_of_notices(workflow: Workflow) -> Iterator[tuple[Place, str]]:
    for (kind, side), rule in workflow.notices.rules.items():
        email = rule.way("email")
        if rule.critical and email and email.digest:
            of_status = kind in workflow.statuses
            place: Place = ("statuses" if of_status else "events", kind, "critical")
            whose = f"status {kind}" if of_status else kind
            yield place, f"{whose}: critical.{side}: what is critical is not collected into a digest"


def _move(one: Transition) -> str:
    return f"transition {one.source} to {one.target}"


def _reachable(start: str, moves: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = {start}
    while ahead:
        seen |= ahead
        ahead = set().union(*(moves.get(name, set()) for name in ahead)) - seen
    return seen
