"""Every recorded effect has a handler, or the start fails with its name."""

from __future__ import annotations

import dataclasses

import pytest

from app import build_app
from foundation.settings import Settings
from notifications import alerts, digests
from orders.bulk_changes import BULK_KIND
from orders.effects import timer
from outbox.handlers import all_kinds
from side_effects.effects import DurableEffect, EventType

SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "JWT_SECRET": "s" * 32})


def test_a_recorded_effect_that_nobody_handles_stops_the_start_by_name():
    event_type = EventType("parcel", "parcel", "", (DurableEffect("webhook.parcel", 20),))

    with pytest.raises(LookupError, match=r"webhook\.parcel"):
        all_kinds([event_type], None)


def test_every_effect_of_a_change_has_a_kind():
    engine = build_app(dataclasses.replace(SETTINGS, smtp_url="smtp://127.0.0.1")).extensions["onward"].engine

    recorded = {effect.name for event_type in engine.event_types.values() for effect in event_type.effects}
    # Timers are rows of a kind of their own; a digest follows from e-mails, an alert from no change at all, and a
    # bulk change from a request for many orders.
    others = {timer.KIND, digests.KIND, alerts.ALERT_MAIL, BULK_KIND}
    assert recorded | others == engine.worker.kinds.keys()


def test_no_two_effects_share_a_bit():
    engine = build_app(dataclasses.replace(SETTINGS, smtp_url="smtp://127.0.0.1")).extensions["onward"].engine

    bits = [effect.bit for event_type in engine.event_types.values() for effect in event_type.effects]
    assert len(set(bits)) == len(bits)
