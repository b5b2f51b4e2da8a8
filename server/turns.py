"""Makes requests that do the same costly work take turns, so that others run in between.

Greenlets that are ready at the same moment run one after the other before anything else does: thirty bodies of a
megabyte that ended together blocked everybody for 50 ms, and 250 requests of one client for 140.
"""

from __future__ import annotations

import gevent

from foundation import clock


class Turns:
    """One turn per this many seconds, for the whole process."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next_at = 0.0

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        now = clock.monotonic()
        mine = max(now, self._next_at)
        self._next_at = mine + self._seconds
        gevent.sleep(mine - now)


bodies = Turns(0.04)
"""For reading what costs up to ten milliseconds: a large body, many small chunks."""

pieces = Turns(0.003)
"""For the next 128 KB of a body, up to a millisecond of work. Eight bodies that arrived together yielded after each
millisecond, but to one another: a change, which needs the loop four times, waited for all of them each time."""

crowds = Turns(0.005)
"""For the requests of a client with many connections, two milliseconds each."""

arrivals = Turns(0.002)
"""For the first bytes of the connections of such a client: 250 that arrived together blocked everybody for 100 ms."""
