"""Sends a test event to an endpoint, at once, and returns what was answered."""

from __future__ import annotations

import secrets

from access.principal import Principal
from foundation import clock, logs
from foundation.db import db
from foundation.errors import NotFound, TooManyRequests
from webhooks import attempt_log, events, health
from webhooks.deliveries import Deliveries
from webhooks.events import Fact


def send_test(deliveries: Deliveries, principal: Principal, endpoint_id: int) -> str:
    """The attempt as JSON text; also to a disabled endpoint. Raises NotFound for somebody else's, and TooManyRequests
    for a second one within two seconds."""
    attempt_log.check_owner(principal, endpoint_id)
    if attempt_log.tested_lately(endpoint_id):
        raise TooManyRequests("A test event was sent just now.", attempt_log.TEST_SECONDS)
    db.session.rollback()  # no connection waits for somebody else's server
    endpoint = deliveries.read([endpoint_id]).get(endpoint_id)
    if endpoint is None:
        raise NotFound("No such webhook.")
    id = f"test_{secrets.token_hex(8)}"
    fact = Fact(events.TEST, clock.now().isoformat(), 1, *[f'"endpoint":{{"id":{endpoint.id}}}'] * 2)
    answered = deliveries.send(endpoint, id, fact, events.traceparent(logs.request_id.get(), id))
    outcome = health.judge(answered, clock.unix_seconds())
    written = deliveries.write_down(endpoint, events.TEST, outcome, answered)
    return attempt_log.one(written)
