"""Texts for people: button labels, the names of actors, and why a change was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from access.principal import DEMO, Principal
from dashboard.people import CAST
from foundation import languages
from foundation.errors import AppError
from foundation.languages import N_, gettext
from orders import sentences
from orders.consequences import TO_BUYER, Consequence
from orders.workflow import Workflow

TEXTS = {
    "changed": N_("Order #{number} is now “{status}”."),
    "undo": N_("Undo, order {number}"),
    "undone": N_("Undone: order #{number} is “{status}” again."),
    "undone_by": N_("{who} · undone"),
    "not_undoable": N_("This change can't be undone any more."),
    "stale": N_("{actor} changed this order to “{status}” before you."),
    "stale_but_possible": N_("{actor} changed this order to “{status}” before you. Check it and try again."),
    "edited_before": N_(
        "{actor} changed this order before you. Nothing that you entered is lost: check it and save again."
    ),
    "saved": N_("Order #{number} was saved."),
    "notified_again": N_("The buyer of order #{number} is notified again."),
    "links_revoked": N_("All links of this order were revoked."),
    "correct_parcel": N_("Correct parcel {number}"),
    "remove_parcel": N_("Remove parcel {number}"),
    "valid_until": N_("Valid until {day}"),
    "order_panel": N_("Order {number}"),
    "more_entries": N_("{count} more"),
    "mail_to_buyer": N_("E-mail to the buyer"),
    "mail_to_shop": N_("E-mail to the shop"),
    "webhook": N_("Webhook"),
    "effect_succeeded": N_("accepted"),
    "effect_pending": N_("waits"),
    "effect_running": N_("is being sent"),
    "effect_dead": N_("failed"),
    "effect_superseded": N_("not sent"),
    "effect_discarded": N_("discarded"),
    "effect_retried": N_("failed {count} times, is tried again"),
    "because_erased": N_("the data was erased"),
    "because_preference": N_("turned off by the recipient"),
    "because_seen": N_("seen before"),
    "because_moved_on": N_("the order moved on before"),
    "because_table": N_("not in the workflow table"),
    "because_digest": N_("part of a digest"),
    "because_quiet_hours": N_("quiet hours"),
    "because_unless_seen": N_("unless it is seen"),
    "about_status": N_("about “{status}”"),
    "about_message": N_("about a message"),
    "read_in_inbox": N_("Read in the inbox"),
    "seen_by_buyer": N_("The buyer has seen the conversation"),
    "impossible": N_("This order is “{status}” now, so this is no longer possible."),
    "someone": N_("Someone"),
    "you": N_("You"),
    "former": N_("{person} (former member)"),
    "erased": N_("Former member"),
    "by_key": N_("{key} (API key)"),
    "go": N_("{action}, order {number}"),
    "more": N_("More for order {number}"),
    "only_choice": N_("{action}…"),
    "choose": N_("Choose…"),
    "correct": N_("Correct a mistake…"),
    "correct_to": N_("Correct to “{status}”"),
    "corrected": N_("{who} · correction"),
    "silent": N_("{who} · buyer not notified"),
    "last_change": N_("{status}, by {who}"),
    "just_changed": N_("This order just changed. Check it and press again."),
    "ahead": N_("not yet"),
    "item": N_("1 item"),
    "items": N_("{count} items"),
    "open": N_("{count} open"),
    "unread": N_("Notifications, {count} unread"),
    "new_messages": N_("{count} new"),
    "seen_by": N_("Seen by {names}"),
    "expected": N_("Expected {day}"),
    "because": N_("{who} wrote:"),
    "due": N_("Due"),
    "late": N_("Late"),
    "edited": N_("Changed: {members}"),
    "resent": N_("Notification sent again"),
    "parcels": N_("parcels"),
    "buyer_name": N_("name"),
    "buyer_email": N_("e-mail address"),
    "delivery": N_("delivery address"),
    "note": N_("note"),
    "due_at": N_("due date"),
    "metadata": N_("metadata"),
    "external_id": N_("external id"),
    "tags": N_("tags"),
    "mark_as": N_("Mark {status}"),
    "status_changed": sentences.STATUS_CHANGED,
    "corrected_to": sentences.CORRECTED_TO,
    "moved": N_("Moved to {status}"),
    "unavailable": N_("The service isn't responding. Your change may not have been saved. Try again."),
    "too_old": N_("This page has expired. Reload it and try again."),
    "signed_out": N_("You've been signed out. Sign in to continue."),
    "unsent": N_("The service isn't responding. Try again; nothing is sent twice."),
    "maybe_unsent": N_("Your message may not have been sent."),
    "just_now": N_("just now"),
    "seconds_ago": N_("{count} s ago"),
    "minutes_ago": N_("{count} min ago"),
    "hours_ago": N_("{count} h ago"),
    "zone": N_("Times in {zone}"),
    "state_live": N_("Live"),
    "state_connecting": N_("Connecting…"),
    "state_reconnecting": N_("Reconnecting…"),
    "state_offline": N_("Offline"),
    "state_signed_out": N_("Signed out"),
    "state_polling": N_("Updating every 10 s"),
    "state_paused": N_("Paused · {count} waiting"),
    "state_outdated": N_("New version · Reload"),
    "connection_live": N_("Changes appear here as they happen."),
    "connection_connecting": N_("The live connection is being opened."),
    "connection_reconnecting": N_("The live connection was lost and is being opened again. Nothing will be missed."),
    "connection_polling": N_(
        "Live updates do not get through on this network. Changes are fetched every 10 s instead."
    ),
    "connection_offline": N_("This device is offline. The page is as of the last update."),
    "connection_paused": N_("Updates are paused in this tab. What changes meanwhile waits until you resume."),
    "connection_outdated": N_("Onward has a new version. Reload the page to use it."),
    "connection_signed_out": N_("You've been signed out. Sign in to continue."),
    "last_update": N_("Last update {time}"),
    "tabs_sharing": N_("Open tabs that share this connection: {count}"),
    "replayed": N_("{count} missed events were replayed."),
    "replayed_one": N_("1 missed event was replayed."),
    "live_lost": N_("Live updates lost. Reconnecting."),
    "live_again": N_("Live updates restored."),
}

FOR_SCRIPTS = (
    *("unread", "unavailable", "too_old", "signed_out", "unsent", "just_changed"),
    *("just_now", "seconds_ago", "minutes_ago", "hours_ago", "zone"),
    *("last_update", "tabs_sharing", "replayed", "replayed_one", "live_lost", "live_again"),
    *(name for name in TEXTS if name.startswith(("state_", "connection_"))),
)
"""What the server cannot say: how long ago something is, and that there is no answer (`text` in static/texts.js)."""

ACTORS = {
    "buyer": {
        "seller": N_("The shop"),
        "buyer": N_("Your account"),
        "operator": N_("Support"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
    "seller": {
        "seller": N_("Your shop"),
        "buyer": N_("The buyer"),
        "operator": N_("Operator"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
    "operator": {
        "seller": N_("Seller"),
        "buyer": N_("Buyer"),
        "operator": N_("Operator"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
}
ACTORS["auditor"] = ACTORS["operator"]
"""By the reader's role, then the actor's: a buyer never sees the names of a shop's staff."""


def edited(members: Sequence[str]) -> str:
    """What happened beside a change of the status, for the history."""
    if not members:
        return text("resent")
    return text("edited", members=", ".join(gettext(TEXTS[name]) if name in TEXTS else name for name in members))


def text(name: str, **values: object) -> str:
    """One of the texts in the reader's language, with its placeholders filled in."""
    return gettext(TEXTS[name]).format(**values)


def for_scripts() -> dict[str, Any]:
    """Those for scripts, and the locales to format by."""
    return {"texts": {name: gettext(TEXTS[name]) for name in FOR_SCRIPTS}, "locales": languages.for_scripts()}


def verb(workflow: Workflow, source: str, target: str, label: str) -> str:
    """The button label of this transition."""
    if workflow.is_correction(source, target):
        return text("correct_to", status=label)
    # Only in English is a label in the middle of a sentence in lower case.
    status = label.lower() if languages.current() == languages.SOURCE else label
    return workflow.action(source, target) or text("mark_as", status=status)


def actors(principal: Principal, buyer_name: str | None = None) -> dict[str, str]:
    """The name of each role for this reader; the buyer of a known order by name, and the demo's users, by account."""
    names = {role: gettext(name) for role, name in ACTORS[principal.role].items()}
    if principal.demo:
        names |= {one.principal.who: one.name for one in CAST}
    if principal.role != "buyer" and buyer_name:
        names["buyer"] = buyer_name
    return names


def who(acting: Mapping[str, Any], principal: Principal, names: Mapping[str, str]) -> str:
    """The name of who acted, for this reader: `You` only if it is the very person."""
    account = f"{acting['role']}:{acting['id']}"
    if account == principal.who and principal.via and principal.via == _via(acting):
        return text("you")
    if person := acting.get("person"):
        name = person["name"] or ""
        return text("former", person=name) if name and person["former"] else name or text("erased")
    if key := acting.get("api_key"):
        return text("by_key", key=key["name"] or key["id"])
    return names.get(account if acting.get("demo") else "", names.get(acting["role"], text("someone")))


def said_of(events: Sequence[Mapping[str, Any]], principal: Principal, names: Mapping[str, str], view: Any) -> str:
    """The last change of an order as a sentence, for screen readers."""
    if not events:
        return ""
    last = events[-1]
    return text("last_change", status=view.labels[last["to_status"]].text, who=who(last["actor"], principal, names))


def effect_state(one: Consequence) -> str:
    """What has become of an e-mail or a webhook, and by which rule."""
    if one.status == "pending" and one.attempts:
        return text("effect_retried", count=one.attempts)
    state = text(f"effect_{one.status}")
    return f"{state}: {text(f'because_{one.reason}')}" if one.reason else state


def effect_name(one: Consequence) -> str:
    """What it is, and to whom."""
    if not one.kind.startswith("email."):
        return text("webhook")
    return text("mail_to_buyer" if one.kind in (TO_BUYER, "email.message_to_buyer") else "mail_to_shop")


def seen_by(message: int, marks: Sequence[Mapping[str, Any]], principal: Principal, names: Mapping[str, str]) -> str:
    """Who else has seen the conversation up to this message."""
    readers = [who(mark["reader"], principal, names) for mark in marks if mark["up_to"] == message]
    others = [name for name in readers if name != text("you")]
    return text("seen_by", names=", ".join(others)) if others else ""


def _via(acting: Mapping[str, Any]) -> str | None:
    return f"person:{acting['person']['id']}" if "person" in acting else DEMO if "demo" in acting else None


def edited_before(error: AppError, principal: Principal) -> str:
    """That somebody else was faster, for a form whose edit does not depend on the order's status."""
    members: dict[str, Any] = orjson.loads(orjson.dumps(error.members))
    names = actors(principal, members["current"].get("buyer_name"))
    return text("edited_before", actor=who(members["changed"]["actor"], principal, names))


def refusal(error: AppError, target: str, principal: Principal, labels: Mapping[str, str]) -> str:
    """The refusal of a change as a sentence, with status labels instead of keys."""
    members: dict[str, Any] = orjson.loads(orjson.dumps(error.members))
    current = members.get("current", {})
    where = current.get("status")
    if error.code == "stale_version" and members.get("changed"):
        names = actors(principal, current.get("buyer_name"))
        actor = who(members["changed"]["actor"], principal, names)
        name = "stale_but_possible" if target in members["allowed_transitions"] else "stale"
        return text(name, actor=actor, status=labels.get(where, where))
    if error.code == "illegal_transition" and where:
        return text("impossible", status=labels.get(where, where))
    if error.code == "invalid_request" and "reason" in error.detail:
        return gettext("Give a reason.")
    if error.code == "idempotency_mismatch":
        return gettext("This form was already submitted. Check the order and try again.")
    return gettext(error.detail)
