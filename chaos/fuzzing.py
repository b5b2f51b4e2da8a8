"""S1, S16: a fuzzer sends whatever the contract allows, and more; responses keep the contract, and leak no
internals."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from access.principal import Role
from chaos.database import Server
from chaos.report import Report
from chaos.world import World

FUZZER = 4_000_000_019
"""The id of all principals that requests come from: no generated request revokes their tokens, or erases their data."""

ROLES: tuple[Role, ...] = ("seller", "buyer", "service", "operator")
THEIRS = f"UPDATE orders SET seller_id = {FUZZER}, buyer_id = {FUZZER}"

PHASES, FAST_PHASES = "examples,coverage,fuzzing,stateful", "examples,fuzzing,stateful"
"""What is sent of each operation. Covering every keyword of every schema is four fifths of the requests."""

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,ignored_auth,takes_what_the_schema_allows"
)
ENDLESS = "/api/stream"
LINES = "/api/orders/import"
"""The fuzzer cannot write lines of JSON; tests/integration/test_import.py does."""

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
RUN_SECONDS = 1500
LINE = 200
"""Characters shown of a line of the fuzzer's output."""


def fuzz(server: Server, report: Report) -> None:
    """As seller, buyer, service and operator; three seeds in full, one in the fast form."""
    examples, seeds = report.either((2, 1), (200, 3))
    statuses: Counter[str] = Counter()
    served: Counter[str] = Counter()
    leaks: list[str] = []
    failed = 0
    with World(server, report, mail=False) as world, tempfile.TemporaryDirectory(prefix="onward-fuzz-") as folder:
        world.orders(20)
        world.database.sql(THEIRS)
        for number in range(seeds):
            place = Path(folder, f"{number}.json")
            done = _run(world, report.seed + number, examples, place, report.either(FAST_PHASES, PHASES))
            seen = json.loads(place.read_text())
            statuses.update(seen["statuses"])
            served.update(seen["served"])
            leaks += seen["leaks"]
            if done.returncode:
                failed += 1
                report.remark("\n".join(line[:LINE] for line in done.stdout[-20_000:].splitlines()))
        world.drain()
    report.check("requests", sum(statuses.values()), at_least=report.either(200, 20_000))
    report.check("answers 5xx", sum(n for status, n in statuses.items() if status.startswith("5")), at_most=0)
    report.check("runs that broke the contract", failed, at_most=0)
    report.check("answers that leaked internals", len(leaks), at_most=0)
    for role in ROLES:
        report.check(f"answers 2xx to the {role}", served[role], at_least=report.either(10, 1_000))
    for leak in leaks[:5]:
        report.remark(leak)
    for status, count in sorted(statuses.items()):
        report.tell(f"answers {status}", count)


def _run(world: World, seed: int, examples: int, place: Path, phases: str) -> subprocess.CompletedProcess[str]:
    """One worker: with two threads, Python 3.11.7 raises SystemError out of `ast.parse` (CPython issue 106905).

    The roles take turns (chaos/fuzz_hooks.py): a run for each would take four times as long and send little else.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"http://127.0.0.1:{world.service.port}/openapi.json"),
        *("--phases", phases, "--checks", CHECKS, "--max-examples", str(examples), "--seed", str(seed)),
        *("--exclude-path", ENDLESS, "--exclude-path", LINES, "--continue-on-failure", "--no-color", "--workers", "1"),
        *("--request-timeout", "20", "--warnings", "off"),
    ]
    tokens = {role: world.service.token(role, FUZZER) for role in ROLES}
    told = {"SCHEMATHESIS_HOOKS": "chaos.fuzz_hooks", "CHAOS_FUZZ": str(place), "CHAOS_TOKENS": json.dumps(tokens)}
    env = world.service.env | told
    return subprocess.run(
        command, cwd=place.parent, env=env, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
