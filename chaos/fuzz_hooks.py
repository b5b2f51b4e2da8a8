"""Hooks that the fuzzer calls after each request: count the responses, and check them for leaks."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from schemathesis import Case, HookContext, Response, hook

from chaos.leaks import LEAK

_statuses: Counter[int] = Counter()
_leaks: list[str] = []


@hook
def after_call(_context: HookContext, case: Case[Any], response: Response) -> None:
    """Called after every request of every phase."""
    _statuses[response.status_code] += 1
    if response.status_code >= 400:
        told = f"{response.headers}\n{response.content.decode(errors='replace')}"
        sent = str(case.body) + str(case.query) + str(case.path_parameters)
        if (leak := LEAK.search(told)) and leak.group() not in sent:
            _leaks.append(f"{case.method} {case.path}: {leak.group()}: {told[:500]}")


@atexit.register
def tell() -> None:
    """Write down the results for the proof that has started us."""
    if place := os.environ.get("CHAOS_FUZZ"):
        Path(place).write_text(json.dumps({"statuses": _statuses, "leaks": _leaks}))
