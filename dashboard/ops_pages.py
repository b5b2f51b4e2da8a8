"""The pages that show operators how the service is: the line, numbers over time, destinations, and what is live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import api_keys, guards
from dashboard import charts, parts
from dashboard.auth_pages import too_old
from dashboard.charts import Chart, Series
from dashboard.context import PageContext
from dashboard.pages import page, protect
from foundation.errors import AppError, InvalidRequest
from foundation.languages import N_, gettext
from foundation.settings import MODES
from operations import actions, listing, overview
from operations.overview import STEPS, Rolled, Values
from operations.overview_routes import service_health
from operations.qualifiers import Qualifiers
from orders.channels import EVERY_SELLER
from outbox.engine import Engine
from outbox.modes import ALL, DEFAULT
from realtime.wiring import Realtime

OPERATIONS_RULE = guards.Rule(("operator", "auditor"), "pages")
"""Whoever reads everything; an auditor's form is refused as any other change of an auditor's."""

RANGES = {15: N_("15 minutes"), 60: N_("1 hour"), 360: N_("6 hours"), 1440: N_("24 hours")}
TAIL = 50
"""Events that the live page shows."""

STATES = {
    "closed": N_("Sending"),
    "open": N_("Stopped"),
    "half-open": N_("Testing"),
    "paused": N_("Paused"),
}
"""A circuit's states in words: `closed` reads as shut."""

STATUSES = {
    "pending": N_("Waiting"),
    "running": N_("Running"),
    "succeeded": N_("Done"),
    "dead": N_("Dead letter"),
    "discarded": N_("Discarded"),
    "superseded": N_("Superseded"),
}

OUTCOMES = {
    "succeeded": N_("Done"),
    "retry": N_("To be retried"),
    "dead": N_("Given up"),
    "crashed": N_("Process ended"),
}


@dataclass(frozen=True)
class Ops:
    """What the pages of operators need."""

    context: PageContext
    engine: Engine
    qualifiers: Qualifiers
    realtime: Realtime
    find: Callable[[], list[Any]]
    """What is not well now."""

    def draw(self, template: str, **content: Any) -> str:
        """A page in its frame, or its parts; `acts` is whether the reader may do anything."""
        return page(
            self.context,
            template,
            path=request.full_path.rstrip("?"),
            acts=guards.current().role == "operator",
            states=STATES,
            statuses=STATUSES,
            outcomes=OUTCOMES,
            seconds=charts.seconds,
            number_of=charts.number,
            **content,
        )


def blueprint(ops: Ops) -> Blueprint:
    """The pages about the whole service."""
    pages = Blueprint("ops_pages", __name__)
    protect(pages, ops.context, OPERATIONS_RULE)
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/ops")
    def overview_of_all() -> ResponseReturnValue:
        return _overview(ops)

    @pages.get("/ops/destinations")
    def destinations() -> ResponseReturnValue:
        return _destinations(ops)

    @pages.post("/ops/destinations")
    def switch() -> ResponseReturnValue:
        return answered(_switch, lambda: _destinations(ops), "/ops/destinations")

    @pages.get("/ops/live")
    def live() -> ResponseReturnValue:
        return _live(ops)

    @pages.post("/ops/live")
    def set_mode() -> ResponseReturnValue:
        return answered(lambda: _set_mode(ops), lambda: _live(ops), "/ops/live")

    return pages


def answered(act: Callable[[], str], draw: Callable[[], str], after: str) -> ResponseReturnValue:
    """Do what a form asks for, and show what came of it: the parts that a script asks for, a reload without scripts,
    or the page with the reason why it was refused."""
    try:
        flash(act())
    except AppError as error:
        flash(gettext(error.detail), "error")
        return draw(), error.status
    return draw() if parts.wanted() else redirect(after, 303)


def short_field(name: str, most: int = 500) -> str:
    """A text of the form, without surrounding space; raises InvalidRequest if it is too long or cannot be stored."""
    value = request.form.get(name, "").strip()
    if len(value) > most or "\0" in value:
        raise InvalidRequest(N_("This text is too long."))
    return value


def _overview(ops: Ops) -> str:
    """What a part shows is read when it is drawn: two of them are drawn every two seconds."""
    asked = request.args.get("minutes", 60, type=int)
    minutes = asked if asked in STEPS else 60
    rolled = cache(lambda: Rolled(minutes))
    return ops.draw(
        "ops.html",
        health=partial(service_health, ops.find),
        minutes=minutes,
        ranges=RANGES,
        kinds=lambda: overview.kinds(rolled()),
        charts=lambda: _charts(rolled()),
        counts=listing.counts,
        counted=listing.COUNTED,
        streams=lambda: overview.streams(Rolled(15)),
        changes=lambda: _newest(Rolled(15).per_minute("changes", [""])),
    )


def _newest(values: Values) -> float | None:
    return next((one for one in reversed(values) if one is not None), None)


def _charts(rolled: Rolled) -> list[Chart]:
    """In the order in which somebody asks: is anything done, how fast, does anything wait, for how long, who looks."""
    times, lines = rolled.times(), overview.lines(rolled)

    def of(name: str, words: dict[str, str] | None = None) -> list[Series]:
        return [Series((words or {}).get(one.label, one.label), one.values) for one in lines if one.name == name]

    outcomes = {"succeeded": gettext("done"), "retry": gettext("to be retried"), "dead": gettext("given up")}
    roles = {"": gettext("none")}
    return [
        charts.draw("changes", gettext("Changes"), gettext("per minute"), times, of("changes")),
        charts.draw("effects", gettext("Attempts"), gettext("per minute"), times, of("effects", outcomes)),
        charts.draw("requests", gettext("Requests"), gettext("duration"), times, of("request_seconds"), charts.seconds),
        charts.draw("durations", gettext("Effects"), gettext("duration"), times, of("effect_seconds"), charts.seconds),
        charts.draw("waiting", gettext("Waiting"), gettext("effects and entries"), times, of("waiting")),
        charts.draw("oldest", gettext("Oldest waiting"), gettext("age"), times, of("oldest"), charts.seconds),
        charts.draw("dead", gettext("Dead letters"), gettext("number"), times, of("dead")),
        charts.draw("streams", gettext("Open streams"), gettext("number"), times, of("streams", roles)),
    ]


def _destinations(ops: Ops) -> str:
    """By name: a destination keeps its place while its state changes."""
    circuits = sorted(actions.circuits(), key=lambda one: str(one["destination"]))
    return ops.draw("ops_destinations.html", circuits=circuits, counted=actions.AT_ONCE)


def _switch() -> str:
    destination, action = short_field("destination"), short_field("action")
    if action not in ("pause", "resume") or not destination:
        raise InvalidRequest(N_("There is no such action."))
    if action == "pause":
        actions.pause(guards.actor(), destination, short_field("reason"))
        return gettext("%(destination)s is paused: what is for it waits.", destination=destination)
    actions.resume(guards.actor(), destination, short_field("reason"))
    return gettext("%(destination)s is called again.", destination=destination)


def _live(ops: Ops) -> str:
    return ops.draw(
        "ops_live.html",
        streams=lambda: overview.streams(Rolled(60)),
        events=partial(_events, ops.realtime),
        wanted={name: request.args.get(name, "").strip()[:100] for name in ("type", "order", "shop")},
        paused="tail" in request.args,
        keys=api_keys.listed,
        modes=lambda: {ALL: ops.engine.modes.of(ALL)} | actions.modes_set(),
        kinds=sorted(ops.engine.kinds),
        choices=(*MODES, DEFAULT),
        audit=actions.actions,
    )


def _events(realtime: Realtime) -> list[dict[str, Any]]:
    """The newest live events, or those of them with the type, order or shop that the reader asks for."""
    wanted = {name: request.args.get(name, "").strip() for name in ("type", "order", "shop")}
    found = realtime.newest((EVERY_SELLER,), TAIL * (4 if any(wanted.values()) else 1))
    return [one for one in found if _asked_for(one, wanted)][:TAIL]


def _asked_for(event: dict[str, Any], wanted: dict[str, str]) -> bool:
    order = event["data"].get("order") or {}
    names = {str(order.get("id", "")), str(order.get("number", "")).lstrip("#")}
    return (
        event["type"].startswith(wanted["type"])
        and (not wanted["order"] or wanted["order"].lstrip("#") in names)
        and (not wanted["shop"] or event["channel"] == f"seller:{wanted['shop']}")
    )


def _set_mode(ops: Ops) -> str:
    kind, mode = short_field("kind"), short_field("mode")
    if mode not in (*MODES, DEFAULT):
        raise InvalidRequest(N_("There is no such mode."))
    actions.set_mode(guards.actor(), mode, kind, ops.engine.kinds)
    return gettext("The mode of %(kind)s is %(mode)s, in every process within seconds.", kind=kind, mode=mode)
