"""Hooks that the fuzzer calls around each request: roles take turns, responses are counted and checked for leaks."""

from __future__ import annotations

import atexit
import itertools
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies
from schemathesis import Case, CheckContext, HookContext, Response, hook
from schemathesis.auths import AuthContext

from chaos.leaks import LEAK

schemathesis.openapi.format("time-zone", strategies.sampled_from(sorted(available_timezones())))

BEYOND_SCHEMAS = {"time_zone", "quantity", "tags", "metadata", "If-Match"}
"""Members of which a schema cannot tell all: existing time zones, three decimals without rounding, each tag once,
numbers that JavaScript reads exactly. For the pattern of If-Match the fuzzer sends an empty one all the same."""

UNPARSED = ("malformed_request", "invalid_request")

_tokens: dict[str, str] = json.loads(os.environ.get("CHAOS_TOKENS", "{}"))
_roles = {f"Bearer {token}": role for role, token in _tokens.items()}
_turns = itertools.cycle(_tokens.values())
_statuses: Counter[int] = Counter()
_served: Counter[str] = Counter()
_leaks: list[str] = []


@schemathesis.auth(refresh_interval=None)
class TakingTurns:
    """Each request comes from the next role."""

    def get(self, _case: Case[Any], _context: AuthContext) -> str:
        return f"Bearer {next(_turns)}"

    def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = data


@schemathesis.check
def takes_what_the_schema_allows(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that the schema allows is not refused for its form.

    Rules that no schema can tell (which status comes next, which filters go together) are refused without `errors`.
    """
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code in (400, 422):
        problem = response.json()
        fields = {one["field"].rpartition(".")[2] for one in problem.get("errors", [])}
        told = response.status_code == 400 or fields - BEYOND_SCHEMAS
        if problem["code"] in UNPARSED and told:
            raise AssertionError(f"The schema allows what is refused: {problem['detail'][:200]}")


@hook
def after_call(_context: HookContext, case: Case[Any], response: Response) -> None:
    """Called after every request of every phase."""
    _statuses[response.status_code] += 1
    if response.status_code < 300:
        _served[_roles.get(str(response.request.headers.get("Authorization")), "nobody")] += 1
    if response.status_code >= 400:
        told = f"{response.headers}\n{response.content.decode(errors='replace')}"
        sent = str(case.body) + str(case.query) + str(case.path_parameters)
        if (leak := LEAK.search(told)) and leak.group() not in sent:
            _leaks.append(f"{case.method} {case.path}: {leak.group()}: {told[:500]}")


@atexit.register
def tell() -> None:
    """Write down the results for the proof that has started us."""
    if place := os.environ.get("CHAOS_FUZZ"):
        Path(place).write_text(json.dumps({"statuses": _statuses, "served": _served, "leaks": _leaks}))
