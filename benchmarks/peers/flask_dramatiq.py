"""Flask + Dramatiq over Redis: six messages for each change, worked off by one process with eight threads.

They are sent after the commit and not together with it, and this Redis keeps nothing on disk: what it holds is lost in
a crash.
"""

from __future__ import annotations

import os

import dramatiq  # type: ignore[import-not-found,import-untyped,unused-ignore]
from dramatiq.brokers.redis import RedisBroker  # type: ignore[import-not-found,import-untyped,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.flask_orders import build, write

dramatiq.set_broker(RedisBroker(url=f"unix://{os.environ['REDIS_SOCKET']}"))


def perform(name: str, change: work.Change) -> None:
    write(getattr(work, name)(change))


ACTORS = [(one.__name__, dramatiq.actor(actor_name=one.__name__)(perform)) for one in work.EFFECTS]


def follow(change: work.Change) -> None:
    for name, actor in ACTORS:
        actor.send(name, change)


app = build(follow)
