"""The list of the effects of a change: its bits are stored by running installations, and docs/effects.md has it too."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from foundation.settings import Settings
from notifications.email import Mailer
from notifications.letters import Letters
from notifications.posting import Post
from notifications.staff_mail import StaffMail
from orders import effects, workflow_file
from orders.effects import EFFECTS, email
from orders.effects.given import Given
from orders.outbox_entry import names_of_change, pending_of_creation
from side_effects.effects import Effect, EventType, WrittenEffect

SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "JWT_SECRET": "s" * 32})
POST = Post(Letters(), Mailer("smtp://127.0.0.1", "orders@shop.test"), lambda *_: [])
PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs/effects.md"


def given(post: Post | None = None) -> Given:
    return Given(SETTINGS, workflow_file.load(), lambda _: None, post, StaffMail(post) if post else None)


def listed(post: Post | None = POST) -> EventType:
    return effects.event_type(given(post))


def every_effect() -> list[Effect]:
    """Also those that are not enabled here."""
    return [effect for module in EFFECTS for effect in module.effects(given())]


def test_no_bit_changes_its_meaning():
    """The outbox stores by bit which effects are pending, and the history which effects each change had."""
    bits = {
        "realtime.seller": 0,
        "realtime.buyer": 1,
        "notification.generic": 2,
        "notification.status": 3,
        "signal.order_status_changed": 4,
        "chat.message": 5,
        "email.status": 7,
        "order.timer": 8,
        "email.new_order": 13,
        "webhook.delivery": 9,
    }
    listed_bits = {effect.name: effect.bit for effect in every_effect()}
    assert bits == {name: listed_bits.get(name) for name in bits}


@pytest.mark.parametrize(
    ("bit", "owner"), [(0, "realtime.seller"), (6, "realtime.message"), (email.BIT, "email.status")]
)
def test_a_bit_that_is_used_twice_stops_the_start_with_both_names(monkeypatch, bit, owner):
    """Also where its owner is not enabled, as mail without a mail server is not."""
    mine = SimpleNamespace(effects=lambda _: (WrittenEffect("parcel.label", bit),))
    monkeypatch.setattr(effects, "EFFECTS", (*EFFECTS, mine))

    with pytest.raises(ValueError, match=rf"^Bit {bit} belongs to {owner}; parcel\.label needs one of its own\.$"):
        listed(post=None)


def test_the_page_names_the_effects_in_their_order():
    rows = re.findall(r"^\| `([a-z_.]+)` \|", PAGE.read_text(), re.MULTILINE)

    assert [effect.name for effect in every_effect()] == rows


def test_a_new_order_has_live_events_a_notification_the_signal_and_an_email_to_the_shop():
    event_type = listed()
    pending = pending_of_creation(event_type, "PENDING")
    of_creation = [effect.name for effect in event_type.effects if pending & 1 << effect.bit]

    assert of_creation == [
        *("realtime.seller", "realtime.buyer", "notification.status", "signal.order_status_changed"),
        "email.new_order",
    ]
    assert "email.new_order" not in names_of_change(event_type, "PENDING", "CONFIRMED")


def test_only_a_change_from_or_to_a_timed_status_has_the_timer():
    event_type = listed()

    assert "order.timer" in names_of_change(event_type, "SHIPPED", "DELIVERED")
    assert "order.timer" in names_of_change(event_type, "DELIVERED", "COMPLETED")
    assert "order.timer" not in names_of_change(event_type, "PENDING", "CONFIRMED")


@pytest.mark.parametrize(
    ("table", "where"),
    [("outbox", {"outbox/insertion.py"}), ("side_effects", {"side_effects/insertion.py"})],
)
def test_one_function_writes_a_table_of_pending_work(table, where):
    """Its columns and the lease would otherwise have to agree in several packages."""
    packages = ("side_effects", "outbox", "realtime", "notifications", "operations", "chat", "orders", "dashboard")
    files = [path for one in packages for path in (PROJECT / one).rglob("*") if path.suffix in (".py", ".sql")]
    insert = re.compile(rf"INSERT\s+INTO\s+{table}\b")

    assert where == {str(path.relative_to(PROJECT)) for path in files if insert.search(path.read_text())}


def test_what_is_stored_is_in_the_installations_language():
    settings = dataclasses.replace(SETTINGS, default_language="de")
    german = effects.event_type(Given(settings, workflow_file.load(language="de"), lambda _: None))

    statement = "".join(effect.ctes for effect in german.effects if isinstance(effect, WrittenEffect))
    assert "'Bestellung #' || c.number" in statement
    assert "'Korrektur: '" in statement
    assert "Order #" not in statement
