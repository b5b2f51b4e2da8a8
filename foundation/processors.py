"""How many processors this process may use, for the number of workers."""

from __future__ import annotations

import os
from pathlib import Path

PROC, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable(own_group: Path = PROC, groups: Path = GROUPS) -> int:
    """Those of its affinity mask, or fewer if its control group, or one above it, has a quota; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(int, _quotas(own_group, groups))]))


def _quotas(own_group: Path, groups: Path) -> list[float]:
    """The quotas of cgroup v2, in processors (Linux, Documentation/admin-guide/cgroup-v2.rst: cpu.max)."""
    try:
        name = next(line[3:] for line in own_group.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return []
    own = groups / name.strip("/")
    found = []
    for folder in (own, *own.parents):
        try:
            quota, period = (folder / "cpu.max").read_text().split()
            found.append(int(quota) / int(period))
        except (OSError, ValueError):
            pass  # no such file, as in the root group, or "max"
        if folder == groups:
            break
    return found
