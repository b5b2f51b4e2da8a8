"""A seller's webhook endpoints: what was delivered to each, a test event, redelivery, and a new secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.pages import page, protect
from foundation import clock
from foundation.contract import LARGEST_ID
from foundation.errors import AppError, InvalidRequest
from foundation.languages import N_, gettext
from webhooks import attempt_log
from webhooks.matching import PATTERNS
from webhooks.schemas import ChangeWebhookRequest, CreateWebhookRequest, RedeliverWebhookRequest
from webhooks.trying import send_test
from webhooks.wiring import Webhooks

HOME = "/seller/webhooks"
ONE = f"{HOME}/<int(min=1, max={LARGEST_ID}):webhook_id>"
ATTEMPTS = 20
KEEP_DAYS = 1
"""For which the former secret signs too: time to put the new one into the receiver."""

GIVEN_UP_DAYS = 30
"""How far back everything that was given up is sent again."""


DISABLED = N_("The endpoint is disabled; what happens meanwhile waits for it.")
ENABLED = N_("The endpoint is enabled, and gets what waited.")


def blueprint(context: PageContext, webhooks: Webhooks) -> Blueprint:
    """`/seller/webhooks`, for sellers."""
    pages = Blueprint("webhook_pages", __name__)
    protect(pages, context, guards.Rule(("seller",), "pages"))
    pages.register_error_handler(CSRFError, too_old)
    shown = _Shown(context, webhooks)
    _add_list(pages, webhooks, shown)
    _add_one(pages, webhooks, shown)
    _add_deliveries(pages, webhooks, shown)
    return pages


class _Shown:
    """Draws the two pages."""

    def __init__(self, context: PageContext, webhooks: Webhooks) -> None:
        self._context, self._webhooks = context, webhooks

    def all(self, wrong: str = "") -> str:
        own = orjson.loads(self._webhooks.endpoints.own(guards.current()))
        given = {"url": request.form.get("url", ""), "chosen_types": request.form.getlist("type") or ["order.*"]}
        return page(
            self._context, "webhooks.html", path=HOME, endpoints=own, types=PATTERNS, wrong=wrong, secret="", **given
        )

    def one(self, id: int, secret: str = "", wrong: str = "") -> str:
        principal = guards.current()
        failed = request.args.get("failed") == "1"
        before = request.args.get("before", LARGEST_ID, type=int)
        endpoint = orjson.loads(self._webhooks.endpoints.one(principal, id))
        found, cursor = attempt_log.page(principal, id, min(max(before, 1), LARGEST_ID), ATTEMPTS, failed)
        return page(
            self._context,
            "webhook.html",
            path=f"{HOME}/{id}",
            endpoint=endpoint,
            attempts=orjson.loads(found),
            older=cursor,
            failed=failed,
            secret=secret,
            wrong=wrong,
        )


def _add_list(pages: Blueprint, webhooks: Webhooks, shown: _Shown) -> None:
    @pages.get(HOME)
    def endpoints() -> ResponseReturnValue:
        return shown.all()

    @pages.post(HOME)
    def add() -> ResponseReturnValue:
        """The secret is in this answer and in no other."""
        try:
            added = orjson.loads(webhooks.endpoints.add(guards.current(), _wanted()))
        except AppError as error:
            return shown.all(gettext(error.detail)), error.status
        return shown.one(added["id"], secret=added["secret"])


def _add_one(pages: Blueprint, webhooks: Webhooks, shown: _Shown) -> None:
    @pages.get(ONE)
    def endpoint(webhook_id: int) -> ResponseReturnValue:
        return shown.one(webhook_id)

    @pages.post(f"{ONE}/switch")
    def switch(webhook_id: int) -> ResponseReturnValue:
        disabled = request.form.get("disabled") == "yes"
        webhooks.endpoints.change(guards.current(), webhook_id, ChangeWebhookRequest(disabled=disabled))
        flash(gettext(DISABLED if disabled else ENABLED))
        return redirect(f"{HOME}/{webhook_id}", 303)

    @pages.post(f"{ONE}/delete")
    def remove(webhook_id: int) -> ResponseReturnValue:
        webhooks.endpoints.remove(guards.current(), webhook_id)
        flash(gettext("The endpoint is deleted."))
        return redirect(HOME, 303)

    @pages.post(f"{ONE}/secret")
    def rotate(webhook_id: int) -> ResponseReturnValue:
        """The secret is in this answer and in no other."""
        secret, _ = webhooks.endpoints.rotate(guards.current(), webhook_id, KEEP_DAYS)
        return shown.one(webhook_id, secret=secret)


def _add_deliveries(pages: Blueprint, webhooks: Webhooks, shown: _Shown) -> None:
    @pages.post(f"{ONE}/test")
    def test(webhook_id: int) -> ResponseReturnValue:
        try:
            attempt = orjson.loads(send_test(webhooks.deliveries, guards.current(), webhook_id))
        except AppError as error:
            return shown.one(webhook_id, wrong=gettext(error.detail)), error.status
        flash(_answered(attempt), "message" if attempt["succeeded"] else "error")
        return redirect(f"{HOME}/{webhook_id}#attempts", 303)

    @pages.post(f"{ONE}/redeliver")
    def redeliver(webhook_id: int) -> ResponseReturnValue:
        try:
            count, more = attempt_log.redeliver(guards.current(), webhook_id, _again())
        except AppError as error:
            return shown.one(webhook_id, wrong=gettext(error.detail)), error.status
        text = gettext("%(count)s deliveries are made again.", count=count)
        flash(f"{text} {gettext('There are more: press it once more.')}" if more else text)
        return redirect(f"{HOME}/{webhook_id}#attempts", 303)


def _wanted() -> CreateWebhookRequest:
    try:
        url, types = request.form.get("url", "").strip(), request.form.getlist("type")
        return CreateWebhookRequest.model_validate({"url": url, "event_types": types})
    except pydantic.ValidationError as error:
        raise InvalidRequest(N_("Enter a URL and choose at least one kind of events.")) from error


def _again() -> RedeliverWebhookRequest:
    """One event, or all that were given up lately."""
    try:
        if event := request.form.get("event"):
            return RedeliverWebhookRequest(webhook_id=event)
        return RedeliverWebhookRequest(failed_since=clock.now() - timedelta(days=GIVEN_UP_DAYS))
    except pydantic.ValidationError as error:
        raise InvalidRequest(N_("There is no such delivery.")) from error


def _answered(attempt: dict[str, Any]) -> str:
    """What the receiver of a test event said."""
    if attempt["succeeded"]:
        return gettext("The endpoint answered %(status)s.", status=attempt["status"])
    return gettext("The endpoint did not take the test event: %(why)s", why=attempt["error"] or attempt["status"])
