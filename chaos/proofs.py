"""The proofs by name, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos import backlog, crashes, crowds, outages, poison, sick_mail
from chaos.database import Server
from chaos.report import Report


@dataclass(frozen=True)
class Proof:
    """One proof: what is done to the service, in a line, and the function that does it."""

    title: str
    run: Callable[[Server, Report], None]


PROOFS = {
    "R1": Proof("kill -9 of a random worker every 2 s, under load", crashes.killed_workers),
    "R2": Proof("kill -9 of the master and all workers, and a new start", crashes.killed_at_once),
    "R3": Proof("PostgreSQL is stopped without warning, again and again", outages.restarted_database),
    "R4": Proof("connections of every class are cut by the server", outages.cut_connections),
    "R7": Proof("a snapshot is held while the queues turn", backlog.long_transaction),
    "R8": Proof("the mail server is sick in every way", sick_mail.sick_mail_server),
    "R14": Proof("a worker is frozen in the middle of its effects, and wakes up", crashes.frozen_worker),
    "R16": Proof("receivers that kill, block, leave and flood", poison.poisoned_receivers),
    "R17": Proof("PostgreSQL is read-only, crowded out, and has a full disk", outages.unwilling_database),
    "R18": Proof("more requests than connections, and a thousand idle streams", crowds.crowds),
}
