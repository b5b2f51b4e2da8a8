"""Bare calls with urllib3: `python -m benchmarks.bare_calls PORT COUNT CONCURRENCY` prints how many a second.

What a delivery costs beside its call, the claim, the signature, the rows and the log, is missing here.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402
import urllib3  # noqa: E402

BODY = b"x" * 1500
"""About as much as a delivery."""


def main(port: int, count: int, concurrency: int) -> float:
    """Make the calls, and return their rate."""
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=concurrency, block=True)

    def work(calls: int) -> None:
        for number in range(calls):
            answer = pool.urlopen("POST", f"/{number % 20}", BODY, {"Content-Type": "application/json"}, retries=False)
            assert answer.status == 200

    begun = time.perf_counter()
    gevent.joinall([gevent.spawn(work, count // concurrency) for _ in range(concurrency)], raise_error=True)
    return count // concurrency * concurrency / (time.perf_counter() - begun)


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:4])))
