"""This checkout and another commit of it in one interleaved run: has it become slower?"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contender import ALL_EFFECTS, BenchmarkError, HttpContender, gunicorn
from benchmarks.database import PROJECT, Rows, Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (1, 8, 32)
ALLOWED = 1.25
"""A p99 of more than this many times the other's is flagged."""

HERE = "this checkout"

ROWS, COUNT = re.compile(r"^ALL_EFFECTS = Rows\((.+)\)$", re.MULTILINE), re.compile(r"(\w+)=(\d+)")


def run(server: Server, report: Report, pace: Pace, orders: int, ref: str) -> None:
    """Measure both, each with its own code, schema and database, and report where the p99 has grown too much."""
    with _checked_out(ref) as folder:
        projects = {HERE: PROJECT, ref: folder}
        contenders = [
            HttpContender(
                name,
                server.create(f"side{number}", orders, project),
                leaves=_rows_of(project),
                command=gunicorn("wsgi"),
                project=project,
            )
            for number, (name, project) in enumerate(projects.items())
        ]
        before = load_average()
        with running(contenders):
            results = interleave(server, contenders, LEVELS, pace)
    report.add(
        f"This checkout's figures as a multiple of {ref}'s:",
        _ratios(results, ref),
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _rows_of(project: Path) -> Rows:
    """The rows that a change leaves there, as the benchmark of that commit says."""
    found = ROWS.search((project / "benchmarks" / "contender.py").read_text("utf-8"))
    return Rows(**{name: int(count) for name, count in COUNT.findall(found[1])}) if found else ALL_EFFECTS


def _ratios(results: Results, ref: str) -> str:
    rows = []
    for level in LEVELS:
        done = results.ratio(HERE, ref, level, lambda one: one.sustained)
        p50 = results.ratio(HERE, ref, level, lambda one: one.load.p50)
        p99 = results.ratio(HERE, ref, level, lambda one: one.load.p99)
        verdict = "SLOWER" if p99 > ALLOWED else "within 25 %"
        rows.append((str(level), figure(done), figure(p50), figure(p99), verdict))
    return markdown(("at once", "done/s", "p50", "p99", "verdict on the p99"), rows)


@contextmanager
def _checked_out(ref: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onward-ref-") as parent:
        folder = Path(parent, "checkout")
        _git("worktree", "add", "--quiet", "--detach", str(folder), ref)
        try:
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchmarkError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
