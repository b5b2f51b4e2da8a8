"""The contract's schemas of the events that only streams have: each is what is really sent."""

from __future__ import annotations

import orjson

from foundation import clock
from foundation.event_schemas import models, type_of
from realtime import events
from realtime.heartbeats import STEPS_PER_HEARTBEAT, bye
from tests.unit.listening import parse


def sent(live):
    """One event of each type that a stream has beside those of the log."""
    yield from live.first("7.1")
    dying = live.open(expires_at=clock.unix_seconds() + 5).subscriber
    for _ in range(STEPS_PER_HEARTBEAT):
        live.heartbeats.walk()
    yield from parse(dying.backlog.take())
    yield from parse(bye("restart"))


def test_what_a_stream_says_of_itself_is_as_the_contract_says(live):
    schemas = {type_of(model): model for model in models() if model.__module__ == events.__name__}
    seen = {event["event"]: event["data"] for event in sent(live)}

    assert schemas.keys() == seen.keys()
    for name, data in seen.items():
        assert schemas[name].model_fields.keys() == orjson.loads(data).keys()
        schemas[name].model_validate_json(data)
