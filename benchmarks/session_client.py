"""The load client with `requests.Session`, one to a thread: what a Python program gets that uses it."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.client import ANSWER_SECONDS, Failed, changes_of, main, summary


def drive(plan: dict[str, Any]) -> dict[str, Any]:
    """Send for `warmup` and then `seconds` seconds; requests started in the second part are counted."""
    began, idle = time.monotonic(), time.process_time()
    count_from, deadline = began + plan["warmup"], began + plan["warmup"] + plan["seconds"]
    with ThreadPoolExecutor(plan["connections"]) as threads:
        done = [threads.submit(_send, plan, number, deadline) for number in range(plan["connections"])]
        answers = [one for each in done for one in each.result()]
    ended = max(sent + took for sent, took in answers)
    return summary(answers, began, count_from, ended, (time.process_time() - idle) / (ended - began))


def _send(plan: dict[str, Any], number: int, deadline: float) -> list[tuple[float, float]]:
    answers = []
    with requests.Session() as session:
        session.trust_env = False  # looking for a proxy takes longer than the request
        for order, token, body, wanted in changes_of(plan, number):
            sent = time.monotonic()
            if sent >= deadline:
                break
            response = session.patch(
                f"http://127.0.0.1:{plan['port']}/api/orders/{order}/status",
                body,
                headers={"Authorization": f"Bearer {token.decode()}", "Content-Type": "application/json"},
                timeout=ANSWER_SECONDS,
            )
            if response.status_code != 200 or wanted not in response.content:
                raise Failed(response.text[:2000])
            answers.append((sent, time.monotonic() - sent))
    return answers


if __name__ == "__main__":
    sys.exit(main(drive))
