"""Why something happened, waits, failed or did not happen: each cause by its name, with its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from foundation.languages import N_

State = Literal["done", "waiting", "failed", "skipped", "unknown"]

CAUSES: Mapping[str, str] = {
    # done
    "committed": N_("The change was committed, with its history and its outbox entry."),
    "done": N_("It is done."),
    "accepted": N_("The receiver has accepted it."),
    "critical": N_("It was sent at once, since it is critical."),
    "collected": N_("It was sent in a digest."),
    "seen_message": N_("The message was seen."),
    "live": N_("The stream was open, and the event was written to it."),
    "replayed": N_("The stream was opened later, and the event was sent as a missed one."),
    "failed": N_("This attempt failed."),
    # waiting
    "not_claimed": N_("No process has claimed it yet; one does within a second."),
    "in_progress": N_("A process is working on it."),
    "process_died": N_("The process that worked on it died; another takes it over."),
    "held": N_("The change is held, so that it can still be corrected."),
    "due": N_("It is about to be attempted."),
    "retry": N_("The last attempt failed; it is attempted again."),
    "timed_out": N_("The last attempt had no answer in time; it is attempted again."),
    "circuit_open": N_("Too many calls to the destination failed, so its circuit is open."),
    "session_refused": N_("The destination refuses all calls alike, so its circuit is open."),
    "paused": N_("An operator has paused the destination."),
    "blocked": N_("An earlier one of the same order has to go first."),
    "redelivered": N_("It was given new attempts on request, and waits for the first."),
    "quiet_hours": N_("It waits for the end of the recipient's quiet hours."),
    "unless_seen": N_("It waits, and is sent unless it is seen in the inbox before."),
    "digest": N_("It is collected, and sent in the recipient's next digest."),
    "endpoint_disabled": N_("The endpoint is disabled; deliveries wait until it is enabled."),
    "endpoint_pause": N_("The endpoint has asked for a pause."),
    "rate_limit": N_("The endpoint's rate limit does not allow more at the moment."),
    "paced": N_("The destination is back, and what waited for it is sent at a rate that it can bear."),
    "receiver_unknown": N_("No process has a receiver of this name at the moment."),
    "timer": N_("The transition is made when its time has come."),
    # failed
    "refused": N_("It was refused for good, so it is not attempted again."),
    "given_up": N_("All of its attempts failed, so it was given up."),
    "crashed": N_("Its attempts ended with their process, so it was given up."),
    "address_invalid": N_("No mail server could accept its address."),
    "receiver_gone": N_("No receiver has had this name for days, so it was given up."),
    "gone": N_("What it is about does not exist any more."),
    # skipped
    "preference": N_("The recipient has turned it off, in the preferences or by the link of an e-mail."),
    "own": N_("The recipient made the change."),
    "silent": N_("The change asked not to notify the buyer."),
    "edit": N_("Nobody is notified of an edit."),
    "table": N_("The workflow table does not name this way for this kind."),
    "seen": N_("It was seen in the inbox before it was due."),
    "moved_on": N_("The order moved on before it was due."),
    "reverted": N_("A correction reverted the change while it was held."),
    "replaced": N_("A newer event of the order has replaced it."),
    "erased": N_("The buyer's personal data were erased, and with them the address."),
    "discarded": N_("An operator has discarded it."),
    "nothing_left": N_("Nothing was left to say when the digest was due."),
    "no_mail_server": N_("No mail server was configured when the change was made."),
    "webhooks_off": N_("This installation sent no webhooks when the change was made."),
    "no_people": N_("The shop has no account that could be written to."),
    "person_disabled": N_("The person's account is disabled."),
    "joined_later": N_("The person's account was created after the change."),
    "staff_limit": N_("No more than the first 50 people of a shop are written to."),
    "no_endpoints": N_("Neither the shop nor the marketplace has an endpoint."),
    "event_filter": N_("The endpoint did not ask for events of this type."),
    "status_filter": N_("The endpoint did not ask for orders with this status."),
    "endpoint_newer": N_("The endpoint was created after the change."),
    "endpoint_deleted": N_("The endpoint was deleted."),
    "no_receivers": N_("No receiver is connected to the signal."),
    "no_streams": N_("No stream of this account was open, and none has asked for missed events since."),
    "stream_unknown": N_("The process of the stream died; it is not known whether the stream was still open."),
    "stream_lost": N_("The stream was lost before the event could be written to it; no other has asked for it since."),
    # unknown
    "pruned": N_("It is older than the records are kept."),
    "not_recorded": N_("Nothing is recorded about it."),
}
"""The sentence of each cause. New ones may be added."""

CRASH = "The process ended during the attempt."


@dataclass(frozen=True)
class Ruling:
    """What became of something, and why."""

    state: State
    cause: str
    at: datetime | None = None
    """When it was done or ended, or until when it waits."""

    error: str = ""
    """What the last attempt recorded, or what it waits for."""


@dataclass
class Explained:
    """A node of the tree: one thing that followed from the event, or might have."""

    kind: str
    """`change`, `live`, `reader`, `inbox`, `email`, `signal`, `receiver`, `message`, `webhook`, `attempt`, `timer`, or
    `effect` for one that the marketplace has added."""

    to: str
    """For whom: `buyer:1`, `person:12`, `webhook:3`, the name of a receiver; empty if for nobody in particular."""

    ruling: Ruling
    effect: str = ""
    """The effect by its name, as in the history."""

    id: int | None = None
    """Of its row: a side effect, a notification, a message, an attempt."""

    attempts: int = 0
    seen_at: datetime | None = None
    children: list[Explained] = field(default_factory=list)
