"""`explain` names the cause: of faults that are brought about by the means of the service, each from its seed."""

from __future__ import annotations

import os

from tests.integration.explaining.faults import FAULTS, seeded

COUNT = int(os.environ.get("FAULTS", "40"))
"""`FAULTS=200` is the long form."""

LEAST_RIGHT = 0.95


def found(node, named):
    """The node that is asked for, from the top; None if the tree has none."""
    if (node["kind"], node["to"]) == (named.kind, named.to):
        return node
    return next(filter(None, (found(child, named) for child in node["children"])), None)


def cause_of(person, named):
    event = f"?event={named.event_id}" if named.event_id else ""
    reply = person.get(f"/api/orders/{named.order_id}/explain{event}")
    assert reply.status == 200, reply
    node = found(reply.json["tree"], named)
    return node["cause"] if node else "no such node"


def test_the_named_cause_is_the_right_one(world):
    wrong = []
    for name, scene, named in seeded(world, COUNT):
        cause = cause_of(scene.cast.olive, named)
        if cause != named.cause:
            wrong.append(f"{name}: {cause}, not {named.cause} ({named.kind} {named.to})")

    assert len(FAULTS) >= 20
    assert COUNT - len(wrong) >= LEAST_RIGHT * COUNT, "\n".join(wrong)
