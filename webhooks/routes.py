"""Webhooks over HTTP: each owner's endpoints, their secrets, and the log of what was sent to them."""

from __future__ import annotations

import orjson
from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed, keyed_secretly
from foundation.contract import typed
from foundation.documentation import documented
from foundation.paging import link_next
from webhooks import attempt_log
from webhooks.deliveries import Deliveries
from webhooks.endpoints import Endpoints, TooManyWebhooks, WebhooksOff
from webhooks.schemas import (
    AttemptsQuery,
    ChangeWebhookRequest,
    CreateWebhookRequest,
    NewWebhook,
    Redelivered,
    RedeliverWebhookRequest,
    RotateWebhookSecretRequest,
    Webhook,
    WebhookAttempt,
    WebhookAttemptPage,
    WebhookList,
    WebhookPath,
    WebhookSecret,
)
from webhooks.trying import send_test

JSON = "application/json"
TAG = {"name": "Webhooks", "description": "Endpoints that get events, signed as in Standard Webhooks."}
PATH = "/api/webhooks/<int:webhook_id>"


def blueprint(endpoints: Endpoints, deliveries: Deliveries) -> APIBlueprint:
    """The routes of webhooks."""
    routes = APIBlueprint("webhooks", __name__, abp_tags=[TAG])
    guards.protect(routes, "seller", "operator", "auditor")
    _add_reading(routes, endpoints)
    _add_writing(routes, endpoints)
    _add_secrets(routes, endpoints)
    _add_log(routes)
    _add_test(routes, deliveries)
    return routes


def _add_reading(routes: APIBlueprint, endpoints: Endpoints) -> None:
    @routes.get("/api/webhooks", summary="List your webhooks", **documented(WebhookList))
    @typed
    def list_webhooks() -> Response:
        """A seller's own; for operators and auditors those of the marketplace, which get every seller's events."""
        return Response(f'{{"webhooks":{endpoints.own(guards.current())}}}', content_type=JSON)

    @routes.get(PATH, summary="Get a webhook", **documented(Webhook))
    @typed
    def get_webhook(path: WebhookPath) -> Response:
        """With what waits for it, and how many attempts succeeded and failed lately."""
        return Response(endpoints.one(guards.current(), path.webhook_id), content_type=JSON)


def _add_writing(routes: APIBlueprint, endpoints: Endpoints) -> None:
    @routes.post(
        "/api/webhooks", summary="Create a webhook", **documented(NewWebhook, TooManyWebhooks, WebhooksOff, status=201)
    )
    @typed
    @keyed_secretly
    def create_webhook(body: CreateWebhookRequest) -> Response:
        """For a seller: events of its own orders; for an operator: of all orders. The secret is shown once."""
        return Response(endpoints.add(guards.current(), body), 201, content_type=JSON)

    @routes.patch(PATH, summary="Change a webhook", **documented(Webhook, WebhooksOff))
    @typed
    @keyed
    def change_webhook(path: WebhookPath, body: ChangeWebhookRequest) -> Response:
        """Its next delivery follows it. Enabled again, it gets what happened while it was disabled."""
        return Response(endpoints.change(guards.current(), path.webhook_id, body), content_type=JSON)

    @routes.delete(PATH, summary="Delete a webhook", **documented(None, status=204))
    @typed
    def delete_webhook(path: WebhookPath) -> Response:
        """It is gone at once, and what waited for it is not sent. The log is kept as long as any."""
        endpoints.remove(guards.current(), path.webhook_id)
        return Response(status=204)


def _add_secrets(routes: APIBlueprint, endpoints: Endpoints) -> None:
    @routes.post(f"{PATH}/secret", summary="Replace a webhook's secret", **documented(WebhookSecret, WebhooksOff))
    @typed
    @keyed_secretly
    def rotate_webhook_secret(path: WebhookPath, body: RotateWebhookSecretRequest) -> Response:
        """Deliveries are signed with both secrets for `keep_days`; a receiver accepts either."""
        secret, until = endpoints.rotate(guards.current(), path.webhook_id, body.keep_days)
        return Response(orjson.dumps({"secret": secret, "previous_secret_until": until}), content_type=JSON)


def _add_log(routes: APIBlueprint) -> None:
    @routes.get(
        f"{PATH}/attempts", summary="List a webhook's attempts", **documented(WebhookAttemptPage, headers=("Link",))
    )
    @typed
    def list_webhook_attempts(path: WebhookPath, query: AttemptsQuery) -> Response:
        """What was sent, and what was answered; kept for WEBHOOK_LOG_DAYS."""
        found, cursor = attempt_log.page(guards.current(), path.webhook_id, query.cursor, query.limit, query.failed)
        text = f'{{"attempts":{found},"next_cursor":{"null" if cursor is None else cursor}}}'
        return link_next(Response(text, content_type=JSON), cursor)

    @routes.post(f"{PATH}/redeliver", summary="Send events again", **documented(Redelivered))
    @typed
    @keyed
    def redeliver_webhook(path: WebhookPath, body: RedeliverWebhookRequest) -> Response:
        """With the ids that they had, so that a receiver recognises them; in the order of the events, at a pace."""
        count, more = attempt_log.redeliver(guards.current(), path.webhook_id, body)
        return jsonify(count=count, more=more)


def _add_test(routes: APIBlueprint, deliveries: Deliveries) -> None:
    @routes.post(f"{PATH}/test", summary="Send a test event", **documented(WebhookAttempt, WebhooksOff))
    @typed
    def send_test_event(path: WebhookPath) -> Response:
        """At once, also to a disabled endpoint; returns what was answered, which is in the log too."""
        return Response(send_test(deliveries, guards.current(), path.webhook_id), content_type=JSON)
