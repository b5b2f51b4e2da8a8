"""The pages on which operators find side effects, read their attempts, and redeliver or discard dead letters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from dashboard.auth_pages import too_old
from dashboard.ops_pages import OPERATIONS_RULE, Ops, answered, short_field
from dashboard.pages import protect
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import InvalidRequest
from foundation.languages import N_, gettext
from operations import actions, jobs, listing
from operations.jobs import Action
from operations.selection import Selection

SIDE_EFFECT = f"<int(min=1, max={LARGEST_ID}):side_effect_id>"
JOB_ID = f"<int(min=1, max={LARGEST_ID}):job_id>"
PER_PAGE = 50
TICK_PREFIX = "id-"
"""Begins the name of the field of one that is ticked: no field may be repeated."""

JOBS_SHOWN = 10
ACTIONS: dict[str, Action] = {"redeliver": "redeliver", "discard": "discard"}
PACES = (1, 10, 100, 1000)
"""Redeliveries a second that a form offers."""


def effects_blueprint(ops: Ops) -> Blueprint:
    """The pages about single side effects, and the forms that act on them."""
    pages = Blueprint("ops_effects_pages", __name__)
    protect(pages, ops.context, OPERATIONS_RULE)
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/ops/effects")
    def effects() -> ResponseReturnValue:
        chosen, wrong = _typed(ops)
        return ops.draw("ops_effects.html", wrong=wrong, **_listed(ops, chosen, "/ops/effects"))

    @pages.get(f"/ops/effects/{SIDE_EFFECT}")
    def effect(side_effect_id: int) -> ResponseReturnValue:
        return _effect(ops, side_effect_id)

    @pages.post(f"/ops/effects/{SIDE_EFFECT}")
    def act_on_one(side_effect_id: int) -> ResponseReturnValue:
        listing.one(ops.engine.event_types, side_effect_id)  # or it is not found
        chosen = Selection((side_effect_id,))
        path = f"/ops/effects/{side_effect_id}"
        return answered(lambda: _start(chosen), lambda: _effect(ops, side_effect_id), path)

    @pages.get("/ops/dead")
    def dead() -> ResponseReturnValue:
        return _dead(ops)

    @pages.post("/ops/dead")
    def act() -> ResponseReturnValue:
        return answered(lambda: _start(_selected(ops)), lambda: _dead(ops), _with_filter("/ops/dead"))

    @pages.get(f"/ops/jobs/{JOB_ID}/stop", endpoint="after_stop")
    def after(job_id: int) -> ResponseReturnValue:  # noqa: ARG001  the URL of the form, after a reload
        return redirect("/ops/dead", 303)

    @pages.post(f"/ops/jobs/{JOB_ID}/stop")
    def stop(job_id: int) -> ResponseReturnValue:
        return answered(lambda: _stop(job_id), lambda: _dead(ops), "/ops/dead")

    return pages


def _typed(ops: Ops) -> tuple[Selection, str]:
    """What the box selects, and why it selects nothing; a fingerprint of the groups may have any character, so it has
    a parameter of its own."""
    try:
        chosen = ops.qualifiers.read(request.args.get("q", ""))
    except InvalidRequest as error:
        return Selection(ids=(0,)), error.detail
    if (group := request.args.get("group")) is not None:
        chosen = replace(chosen, fingerprint=group)
    if kind := request.args.get("kind"):
        chosen = replace(chosen, kind=kind)
    return chosen, ""


def _typed_dead(ops: Ops) -> tuple[Selection, str]:
    """The same among dead letters."""
    chosen, wrong = _typed(ops)
    if chosen.status not in (None, "dead"):
        return Selection(ids=(0,)), gettext("These are dead letters; leave out state:.")
    return replace(chosen, status="dead"), wrong


def _listed(ops: Ops, chosen: Selection, path: str) -> dict[str, Any]:
    before = request.args.get("cursor", LARGEST_ID, type=int)
    found, cursor = listing.page(ops.engine.event_types, chosen, before, PER_PAGE)
    return {
        "q": request.args.get("q", ""),
        "effects": orjson.loads(found),
        "older": cursor and _with_filter(path, cursor=str(cursor)),
        "counts": listing.counts,
        "counted": listing.COUNTED,
        "filtered": {name: request.args[name] for name in ("q", "kind", "group") if request.args.get(name)},
    }


def _with_filter(path: str, **more: str) -> str:
    kept = {name: request.args[name] for name in ("q", "kind", "group") if name in request.args} | more
    return f"{path}?{urlencode(kept)}" if kept else path


def _effect(ops: Ops, id: int) -> str:
    found = orjson.loads(listing.one(ops.engine.event_types, id))
    circuit = next((one for one in actions.circuits() if one["destination"] == found["destination"]), None)
    return ops.draw("ops_effect.html", effect=found, circuit=circuit, paces=PACES)


def _dead(ops: Ops) -> str:
    chosen, wrong = _typed_dead(ops)
    return ops.draw(
        "ops_dead.html",
        wrong=wrong,
        groups=lambda: sorted(actions.groups(), key=lambda one: (one["kind"], one["fingerprint"])),
        jobs=partial(jobs.jobs, JOBS_SHOWN),
        matching=cache(lambda: jobs.matching(chosen)),
        most=jobs.MATCHING,
        paces=PACES,
        here=_with_filter("/ops/dead"),
        **_listed(ops, chosen, "/ops/dead"),
    )


def _selected(ops: Ops) -> Selection:
    """Those that are ticked, or all that the filter in the URL matches; raises InvalidRequest if there are none."""
    ticked = [name.removeprefix(TICK_PREFIX) for name in request.form if name.startswith(TICK_PREFIX)]
    ids = tuple(int(one) for one in ticked if one.isascii() and one.isdigit() and len(one) < ID_DIGITS + 1)
    if short_field("of") == "selected":
        if not ids:
            raise InvalidRequest(N_("Nothing is selected."))
        return Selection(ids)
    chosen, wrong = _typed_dead(ops)
    if wrong:
        raise InvalidRequest(wrong)
    return chosen


def _start(chosen: Selection) -> str:
    action, reason = ACTIONS.get(short_field("action")), short_field("reason")
    if action is None:
        raise InvalidRequest(N_("There is no such action."))
    if action == "discard" and not reason:
        raise InvalidRequest(N_("Say why they are discarded."))
    id = jobs.start_job(guards.actor(), action, chosen, reason, _pace())
    count = jobs.job(id)["matching"]
    shown = f"{jobs.MATCHING}+" if count > jobs.MATCHING else str(count)
    if action == "redeliver":
        return gettext("Job %(id)s redelivers %(count)s dead letters.", id=id, count=shown)
    return gettext("Job %(id)s discards %(count)s dead letters.", id=id, count=shown)


def _pace() -> float:
    given = short_field("per_second") or "10"
    if given not in map(str, PACES):
        raise InvalidRequest(N_("There is no such pace."))
    return float(given)


def _stop(id: int) -> str:
    jobs.stop_job(guards.actor(), id)
    return gettext("Job %(id)s is stopped; what it has done stays done.", id=id)
