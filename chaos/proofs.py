"""The proofs by name, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos import (
    backlog,
    churn,
    corrected,
    crashes,
    crowds,
    drippers,
    following,
    forged_tokens,
    fuzzing,
    grown,
    hostile,
    imports,
    keys,
    one_hostile,
    outages,
    poison,
    poisoned_effects,
    poisoned_mail,
    positions,
    shared_batch,
    sick_mail,
    slow_readers,
    storms,
    strangers,
    waiting,
    webhooks,
)
from chaos.database import Server
from chaos.report import Report


@dataclass(frozen=True)
class Proof:
    """One proof: what is done to the service, in a line, and the function that does it."""

    title: str
    run: Callable[[Server, Report], None]


PROOFS = {
    "R1": Proof("kill -9 of a random worker every 2 s, under load", crashes.killed_workers),
    "R2": Proof("kill -9 of the master and all workers, and a restart", crashes.killed_at_once),
    "R3": Proof("PostgreSQL is stopped without warning, again and again", outages.restarted_database),
    "R4": Proof("connections of every class are cut by the server", outages.cut_connections),
    "R5": Proof("the connection that receives wake-ups is half open", following.half_open_feed),
    "R6": Proof("eight writers, beside write transactions that stay open", following.crowded_log),
    "R7": Proof("a snapshot is held while the queues are worked off", backlog.long_transaction),
    "R8": Proof("the mail server fails in every way", sick_mail.sick_mail_server),
    "R9": Proof("one webhook endpoint hangs, beside twenty that do not", webhooks.hanging_endpoint),
    "R11": Proof("a thousand consumers that never read", slow_readers.never_read),
    "R12": Proof("all workers are killed at once under 2,000 streams", storms.reconnect_storm),
    "R13": Proof("workers are replaced while streams are open, by HUP and TERM", storms.rolling_restart),
    "R13b": Proof("workers are replaced while streams are open, by max_requests", storms.recycled_workers),
    "R14": Proof("a worker is frozen in the middle of its effects, and resumes", crashes.frozen_worker),
    "R16": Proof("receivers that kill, block, leave and flood", poison.poisoned_receivers),
    "R17": Proof("PostgreSQL is read-only, out of connections, and has a full disk", outages.unwilling_database),
    "R18": Proof("more requests than connections, beside a thousand idle streams", crowds.crowds),
    "R20": Proof("100,000 streams come and go", churn.come_and_go),
    "R21": Proof("cursors that are expired, forged, foreign or ahead", churn.strange_cursors),
    "R23": Proof("one key, fifty requests at once, and lost responses", keys.one_change_for_each_key),
    "R24": Proof("eight clients request a locked order, beside all others", shared_batch.locked_row),
    "R25": Proof("a used key is sent again and again, beside all others", shared_batch.used_key),
    "R26": Proof("10,000 orders are imported, and changed at once", imports.bulk_import),
    "R27": Proof("one poisoned item in each queue of effects: effect, batch, timer", poisoned_effects.poisoned_effects),
    "R28": Proof("e-mails that cannot be sent, ahead of those that can", poisoned_mail.poisoned_mail),
    "R29": Proof("reads under load, continued from the positions that they say", positions.positions),
    "R30": Proof(
        "changes are corrected or undone at the moment at which their hold ends", corrected.nothing_superseded_is_sent
    ),
    "R31": Proof(
        "orders move on when their e-mail is due, and 100,000 e-mails at once", waiting.nothing_is_sent_that_is_not_due
    ),
    "R32": Proof("webhook endpoints fail at random, and workers are killed", webhooks.failing_endpoints),
    "S1": Proof("a fuzzer sends whatever the contract allows, and more", fuzzing.fuzz),
    "S4": Proof("everybody requests everybody else's data, with their cursors", strangers.strangers),
    "S5": Proof("forged, altered, expired and revoked tokens at every entrance", forged_tokens.forged_tokens),
    "S6": Proof("texts that try to break out of their frame", hostile.broken_frames),
    "S9": Proof("clients that send a head or a body byte by byte, or nothing", drippers.slow_clients),
    "S13": Proof("streams whose owner loses access", hostile.lost_rights),
    "S17": Proof("one hostile client beside 24 honest ones", one_hostile.one_hostile_client),
    "grown": Proof("a start on grown tables, and every operation on them", grown.grown),
}
