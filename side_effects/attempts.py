"""One attempt at a durable side effect: call its handler, tell the circuit, write down how it went."""

from __future__ import annotations

import random
from collections.abc import Mapping

import gevent
import psycopg2

from foundation import clock
from foundation.connections import PreparedPool, away
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from side_effects.circuits import Circuits
from side_effects.kinds import Claimed, Kind
from side_effects.metrics import Metrics
from side_effects.recording import Recorded, Recorder
from side_effects.retry import Outcome, decide, failed, fingerprint, spent, storable
from side_effects.tasks import ENDING

log = get_logger(__name__)


class Attempts:
    """Makes the attempts of one process."""

    def __init__(
        self, pool: PreparedPool, kinds: Mapping[str, Kind], circuits: Circuits, metrics: Metrics, failures: FailureLog
    ) -> None:
        self._kinds = kinds
        self._circuits = circuits
        self._metrics = metrics
        self._recorder = Recorder(pool)
        self._failures = failures

    def make(self, claimed: Claimed) -> bool:
        """Try once and record. False where it was not tried, since a circuit is open or our own database away: that
        costs no attempt."""
        kind = self._kinds[claimed.kind]
        begun = clock.monotonic()
        outcome = self._call(kind, claimed) if self._circuits.allows(claimed.destination) else None
        if outcome is None:
            return False
        self._metrics.attempted(kind.name, outcome.kind, clock.monotonic() - begun)
        if not kind.records_itself:
            # The circuit first: the others should know of a sick destination before they claim anew.
            self._tell_circuit(kind, claimed, outcome)
        elif outcome.kind == "succeeded":
            return True
        self._record(kind, claimed, outcome)
        return True

    def _call(self, kind: Kind, claimed: Claimed) -> Outcome | None:
        """How it went; None when our own database is away, which says nothing of the destination."""
        try:
            with gevent.Timeout(kind.timeout):
                return kind.attempt(claimed)
        except gevent.Timeout:
            return Outcome("retry", f"no answer within {kind.timeout:g} s")
        except ENDING:
            raise
        except BaseException as error:
            if away(error):
                self._failures.failed(error)
                return None
            log.exception(
                "side_effect.raised",
                "Side effect failed with an unexpected exception",
                kind=kind.name,
                side_effect=claimed.id,
            )
            return failed(error)

    def _record(self, kind: Kind, claimed: Claimed, outcome: Outcome) -> None:
        counted = spent(outcome, claimed.attempts, claimed.probe)
        after = decide(outcome, max(1, counted), kind.delays, random.random())
        reason = storable(outcome.reason)
        entry = Recorded(claimed.id, claimed.attempts, counted, after.status, after.delay, reason, fingerprint(reason))
        if not self._recorder.record(entry):
            log.warning("side_effect.lease_lost", "Lease lost; outcome of the attempt ignored", side_effect=claimed.id)
        elif after.status == "dead":
            self._metrics.died(kind.name)
            log.error(
                "side_effect.dead",
                "Side effect given up; it is a dead letter now",
                kind=kind.name,
                side_effect=claimed.id,
                reason=outcome.reason,
            )

    def _tell_circuit(self, kind: Kind, claimed: Claimed, outcome: Outcome) -> None:
        """That our own database is away must not keep us from recording."""
        try:
            if outcome.heard == "nothing":
                if claimed.probe:
                    self._circuits.give_back(claimed.destination)
            else:
                self._circuits.note(claimed.destination, outcome.heard, storable(outcome.reason), kind)
        except (psycopg2.Error, ServiceUnavailable) as error:
            self._failures.failed(error)
