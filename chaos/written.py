"""Writes the figures of a run into docs/reliability.md, in the block of the proof."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime

from chaos.database import PROJECT
from chaos.report import Report

PAGE = PROJECT / "docs" / "reliability.md"


def write(report: Report) -> None:
    """Replace the text between the proof's two marks."""
    marks = re.compile(rf"(<!-- figures of {report.name} -->\n).*?(<!-- end -->)", re.DOTALL)
    PAGE.write_text(marks.sub(lambda found: found[1] + _table(report) + found[2], PAGE.read_text()))


def _table(report: Report) -> str:
    day = datetime.now(UTC).date().isoformat()
    head = f"**{'PASS' if report.passed else 'FAIL'}**, {report.form} form, seed {report.seed}, {day}, {machine()}.\n"
    rows = [f"| {one.name} | {one.shown} | {one.bound} |" for one in report.figures]
    remarks = "".join(f"\n{one[0].upper()}{one[1:]}.\n" for one in report.remarks)
    return "\n".join(["", head, "| figure | seen | bound |", "|---|---|---|", *rows, ""]) + remarks + "\n"


def machine() -> str:
    """The machine of the measurement."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
