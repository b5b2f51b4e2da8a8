"""R1, R2, R14: processes are killed and frozen while they work."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.report import Report
from chaos.world import World
from foundation import clock

DOWN_SECONDS = 3.0
FROZEN_SECONDS = 20.0
AGED_SECONDS = 12.0
"""How much the fast form ages the leases of the frozen worker, instead of waiting."""

AGE = f"""WITH effects AS (
    UPDATE side_effects SET claimed_until = claimed_until - interval '{AGED_SECONDS} s' WHERE owner = %s)
UPDATE outbox SET lease_until = lease_until - interval '{AGED_SECONDS} s' WHERE owner = %s"""

OWNED = """SELECT (SELECT count(*) FROM outbox WHERE owner = {0})
    + (SELECT count(*) FROM side_effects WHERE status = 'running' AND owner = {0})"""


def killed_workers(server: Server, report: Report) -> None:
    """R1: kill -9 of a random worker every 2 s."""
    changes, rate, kills, pause = report.either((400, 120, 2, 1.2), (10_000, 200, 12, 2.0))
    with World(server, report) as world:
        world.listen(report.either(10, 40))
        load = world.load(changes, rate)
        load.start(clients=24)
        watchers = []
        while load.busy:
            gevent.sleep(pause)
            alive = world.service.workers()
            if alive and load.busy:
                living = world.living()
                with suppress(ProcessLookupError):
                    os.kill(report.rng.choice(alive), signal.SIGKILL)
                watchers.append(gevent.spawn(world.orphans_taken_over, living))
        load.wait()
        gevent.joinall(watchers)
        slowest = max(one.get() for one in watchers)
        report.check("workers killed", len(watchers), at_least=kills)
        report.check("orphaned work taken over after, at most", slowest, "s", at_most=3)
        report.check("drained after the last change", world.drain(), "s", at_most=15)
        invariants.check(world, load, twice_share=report.either(0.1, 0.002))


def killed_at_once(server: Server, report: Report) -> None:
    """R2: kill -9 of the master and all workers under load, a restart after 3 s."""
    changes, rate = report.either((300, 120), (10_000, 330))
    with World(server, report) as world:
        world.listen(report.either(10, 40))
        load = world.load(changes, rate)
        load.start(clients=24)
        load.wait_for(changes // 2)
        living = world.living()
        world.service.kill()
        pending = world.database.number("SELECT count(*) FROM outbox")
        gevent.sleep(report.either(0.5, DOWN_SECONDS))
        before, begun = len(load.acknowledged), clock.monotonic()
        world.service.start(wait=False)
        backlog = gevent.spawn(world.orphans_taken_over, living)
        load.wait_for(before + 1)
        report.check("first 200 after the start", clock.monotonic() - begun, "s", at_most=3)
        load.wait()
        report.tell("entries left in the outbox by dead processes", pending)
        report.check("these taken over after", backlog.get(), "s", at_most=15)
        report.check("drained after the last change", world.drain(), "s", at_most=15)
        world.service.wait_until_ready()
        invariants.check(world, load, twice_share=report.either(0.2, 0.01))


def frozen_worker(server: Server, report: Report) -> None:
    """R14: SIGSTOP of a worker in the middle of its effects for 20 s, then SIGCONT."""
    changes, rate = report.either((120, 60), (3000, 100))
    # Without gunicorn's own watchdog, which would kill a frozen worker before it resumes.
    with World(server, report, workers=1, GUNICORN_CMD_ARGS="--timeout 120") as world:
        (frozen,) = world.service.workers()
        (owner,) = world.living()
        world.service.add_worker()
        world.mails.behave("slow")
        load = world.load(changes, rate)
        load.start(clients=12)
        load.until(lambda: _mails_taken(world, owner) > 5)
        os.kill(frozen, signal.SIGSTOP)
        try:
            taken_over, written = _while_frozen(world, owner)
        finally:
            os.kill(frozen, signal.SIGCONT)
        load.wait()
        world.mails.behave("well")
        report.check("its work taken over after", taken_over, "s", at_most=17)
        report.check("drained in the end after", world.drain(), "s", at_most=60)
        lost = world.service.log.count("side_effect.lease_lost")
        report.check("late records of the frozen worker that were refused", lost, at_least=1)
        report.check("effects completed by more than one attempt", _changed(world, written), at_most=0)
        invariants.check(world, load, twice_share=None)


def _mails_taken(world: World, owner: int) -> int:
    """How many e-mails of this process the mail server has accepted without having replied."""
    running = world.database.sql("SELECT event_id FROM side_effects WHERE status = 'running' AND owner = %s", owner)
    return len({id for (id,) in running} & set(world.mails.events()))


def _while_frozen(world: World, owner: int) -> tuple[float, dict[int, int]]:
    """Seconds until nothing belongs to the frozen worker any more; and what the other had completed when it resumed."""
    report, begun = world.report, clock.monotonic()
    report.tell("effects that it was in the middle of", world.database.number(OWNED.format(owner)))
    if report.fast:
        world.database.sql(AGE, owner, owner)
        report.remark(f"the frozen worker's leases were aged by {AGED_SECONDS:g} s, which are in the figure")
    seconds = world.database.seconds_until(f"SELECT ({OWNED.format(owner)}) = 0", 30)
    gevent.sleep(max(0.0, report.either(5.0, FROZEN_SECONDS) - (clock.monotonic() - begun)))
    return seconds + (AGED_SECONDS if report.fast else 0), _completed(world)


def _completed(world: World) -> dict[int, int]:
    """Each completed effect, with the version of its row."""
    found = world.database.sql("SELECT id, xmin::text::bigint FROM side_effects WHERE status = 'succeeded'")
    return dict(found)


def _changed(world: World, before: dict[int, int]) -> int:
    now = _completed(world)
    return sum(now.get(id) != version for id, version in before.items())
