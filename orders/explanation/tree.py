"""One causal tree from the request that changed an order to everything that followed from it, and to what did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notifications.rules import SIDES
from orders.effects import chat, signal, timer
from orders.effects.email import STATUS_MAIL
from orders.effects.new_order_email import NEW_ORDER_MAIL
from orders.explanation.causes import CAUSES, Explained, Ruling
from orders.explanation.endpoints import deliveries_of
from orders.explanation.facts import EventFacts, facts_of
from orders.explanation.live import live_of
from orders.explanation.rulings import deferred, ruling_of
from orders.explanation.sides import INBOX_EFFECTS, Notified
from orders.outbox_entry import EVENT_TYPE
from orders.workflow import Workflow
from outbox.engine import Engine
from side_effects.kinds import Kind
from webhooks.matching import KIND

SIGNAL, MESSAGE_EFFECT, TIMER_EFFECT = "signal.order_status_changed", "chat.message", "order.timer"
OF_OUR_OWN = {
    *(f"realtime.{side}" for side in SIDES),
    *INBOX_EFFECTS,
    SIGNAL,
    MESSAGE_EFFECT,
    STATUS_MAIL,
    NEW_ORDER_MAIL,
    KIND,
    TIMER_EFFECT,
}
"""The effects that have nodes of their own kinds; others are those that a marketplace has added."""


@dataclass(frozen=True)
class Explainer:
    """Explains the events of one process's orders."""

    workflow: Workflow
    engine: Engine

    def explain(self, order_id: int, event_id: int | None = None) -> Explanation:
        """This event of the order, or its latest one; raises NotFound if there is none."""
        facts = facts_of(order_id, event_id)
        kinds = self.engine.worker.kinds
        root = Explained("change", "", Ruling("done", "committed", facts.event["at"]), id=facts.event["id"])
        root.children = list(self._followed(facts, kinds))
        return Explanation(facts.event, root)

    def _followed(self, facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
        notified = Notified(facts, self.workflow.notices, kinds)
        yield from live_of(facts, kinds)
        yield from notified.inbox()
        yield from self._signal(facts, kinds)
        yield from self._message(facts, kinds)
        yield from notified.emails()
        yield from deliveries_of(facts, kinds)
        yield from self._timer(facts, kinds)
        yield from self._others(facts, kinds)

    def _signal(self, facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
        """The receivers: a row for each that failed; the others are done when the effect is."""
        waiting, has = facts.waiting(signal.BIT), facts.has(signal.BIT)
        rows = {one["destination"]: one for one in facts.rows if one["kind"] == SIGNAL}
        names = [*dict.fromkeys([*signal.receivers(), *rows])]
        whole = waiting or Ruling("done", "done") if has else Ruling("skipped", "edit")
        node = Explained("signal", "", whole if names else Ruling("skipped", "no_receivers"), SIGNAL)
        for name in names:
            row = rows.get(name)
            if row is None:
                node.children.append(Explained("receiver", name, whole, SIGNAL))
            else:
                ruling = ruling_of(row, kinds.get(SIGNAL), facts.event["now"])
                node.children.append(Explained("receiver", name, ruling, SIGNAL, row["id"], row["attempts"]))
        yield node

    def _message(self, facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
        """The message of the service in the conversation, with those who have seen it."""
        if not facts.has(chat.BIT):
            return
        found = facts.message
        done = Ruling("done", "done", found[0]["created_at"]) if found else Ruling("unknown", "not_recorded")
        ruling = facts.waiting(chat.BIT) or deferred(facts, MESSAGE_EFFECT, kinds) or done
        node = Explained("message", "", ruling, MESSAGE_EFFECT, found[0]["id"] if found else None)
        for one in found:
            if one["reader_role"]:
                seen = Explained("reader", one["reader_role"], Ruling("done", "seen_message", one["seen_at"]))
                seen.seen_at = one["seen_at"]
                node.children.append(seen)
        yield node

    def _timer(self, facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
        """The timed transition that the change has set, if the workflow has one for its status."""
        row = next((one for one in facts.rows if one["event_type"] == timer.TIMER_EVENT_TYPE), None)
        if row is not None:
            ruling = ruling_of(row, kinds.get(timer.KIND), facts.event["now"], "timer")
            yield Explained("timer", "", ruling, TIMER_EFFECT, row["id"], row["attempts"])
        elif facts.event["to_status"] in self.workflow.timers and not facts.event["edited"]:
            yield Explained("timer", "", facts.waiting(timer.BIT) or Ruling("unknown", "pruned"), TIMER_EFFECT)

    def _others(self, facts: EventFacts, kinds: dict[str, Kind]) -> Iterator[Explained]:
        """Effects that a marketplace has added."""
        for effect in self.engine.event_types[EVENT_TYPE].effects:
            if effect.name in OF_OUR_OWN or not facts.has(effect.bit):
                continue
            rows = [one for one in facts.rows if one["kind"] == effect.name]
            for row in rows:
                ruling = ruling_of(row, kinds.get(effect.name), facts.event["now"])
                yield Explained("effect", row["destination"], ruling, effect.name, row["id"], row["attempts"])
            if not rows:
                yield Explained("effect", "", facts.waiting(effect.bit) or Ruling("done", "done"), effect.name)


@dataclass(frozen=True)
class Explanation:
    """Of one event."""

    event: Mapping[str, Any]
    root: Explained

    def lines(self) -> Iterator[str]:
        """The tree as text, a node a line, for the command."""
        event = self.event
        change = f"{event['type']} {event['from_status'] or 'nothing'} -> {event['to_status']}"
        yield f"{change}, version {event['version']}, event {event['id']}, request {event['request_id']}"
        for child in self.root.children:
            yield from _indented(child, 1)


def _indented(node: Explained, depth: int) -> Iterator[str]:
    ruling = node.ruling
    named = " ".join(filter(None, (node.kind, node.to)))
    at = f" ({ruling.at:%Y-%m-%d %H:%M:%S} UTC)" if ruling.at else ""
    error = f" [{ruling.error}]" if ruling.error else ""
    seen = f" Seen {node.seen_at:%Y-%m-%d %H:%M:%S} UTC." if node.seen_at else ""
    yield f"{'  ' * depth}{named}: {ruling.state}, {ruling.cause}{at}. {CAUSES[ruling.cause]}{error}{seen}"
    for child in node.children:
        yield from _indented(child, depth + 1)
