"""The texts of the pages by name, each in the reader's language."""

from __future__ import annotations

from typing import Any

from foundation import languages
from foundation.languages import N_, gettext
from orders import sentences

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


def text(name: str, **values: object) -> str:
    """One of the texts in the reader's language, with its placeholders filled in."""
    return gettext(TEXTS[name]).format(**values)


def for_scripts() -> dict[str, Any]:
    """Those for scripts, and the locales to format by."""
    return {"texts": {name: gettext(TEXTS[name]) for name in FOR_SCRIPTS}, "locales": languages.for_scripts()}
