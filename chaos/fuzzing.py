"""S1, S16: a fuzzer sends whatever the contract allows, and more; responses keep the contract, and leak no
internals."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from chaos.database import Server
from chaos.report import Report
from chaos.world import World

FUZZER = 4_000_000_019
"""The operator that all requests come from: no generated request revokes the tokens of this one."""

PHASES = "examples,coverage,fuzzing,stateful"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,ignored_auth"
)
ENDLESS = "/api/stream"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
RUN_SECONDS = 1500
LINE = 200
"""Characters shown of a line of the fuzzer's output."""


def fuzz(server: Server, report: Report) -> None:
    """Three seeds in full, one in the fast form."""
    examples, seeds = report.either((2, 1), (200, 3))
    statuses: Counter[str] = Counter()
    leaks: list[str] = []
    failed = 0
    with World(server, report, mail=False) as world, tempfile.TemporaryDirectory(prefix="onward-fuzz-") as folder:
        world.orders(20)
        for number in range(seeds):
            place = Path(folder, f"{number}.json")
            done = _run(world, report.seed + number, examples, place)
            seen = json.loads(place.read_text())
            statuses.update(seen["statuses"])
            leaks += seen["leaks"]
            if done.returncode:
                failed += 1
                report.remark("\n".join(line[:LINE] for line in done.stdout[-20_000:].splitlines()))
        world.drain()
    report.check("requests", sum(statuses.values()), at_least=report.either(500, 20_000))
    report.check("answers 5xx", sum(n for status, n in statuses.items() if status.startswith("5")), at_most=0)
    report.check("runs that broke the contract", failed, at_most=0)
    report.check("answers that leaked internals", len(leaks), at_most=0)
    for leak in leaks[:5]:
        report.remark(leak)
    for status, count in sorted(statuses.items()):
        report.tell(f"answers {status}", count)


def _run(world: World, seed: int, examples: int, place: Path) -> subprocess.CompletedProcess[str]:
    """One worker: with two threads, Python 3.11.7 raises SystemError out of `ast.parse` (CPython issue 106905)."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"http://127.0.0.1:{world.service.port}/openapi.json"),
        *("--header", f"Authorization: Bearer {world.service.token('operator', FUZZER)}"),
        *("--phases", PHASES, "--checks", CHECKS, "--max-examples", str(examples), "--seed", str(seed)),
        *("--exclude-path", ENDLESS, "--continue-on-failure", "--no-color", "--workers", "1"),
        *("--request-timeout", "20", "--warnings", "off"),
    ]
    env = world.service.env | {"SCHEMATHESIS_HOOKS": "chaos.fuzz_hooks", "CHAOS_FUZZ": str(place)}
    return subprocess.run(
        command, cwd=place.parent, env=env, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
