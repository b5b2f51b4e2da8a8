"""The top-level names of this project, and whether Python finds them here: other code may have the same names.

The names are flat (docs/decisions/0016-flat-top-level.md). This module imports nothing of ours, so that it finds out.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent

NAMES = (
    *("access", "app", "chat", "cli", "dashboard", "demo", "foundation", "launch", "notifications", "operations"),
    *("orders", "outbox", "process", "realtime", "server", "side_effects", "webhooks", "wsgi"),
)
"""What the service imports; a test compares them with the directory."""


def shadowed() -> list[str]:
    """A line for each of our names that Python imports, or has imported, from somewhere else."""
    found = {name: origin for name in NAMES if not _is_ours(name, origin := _origin(name))}
    return [
        f"{name} is found in {origin or 'nothing that can be imported'}, which hides {PROJECT / name}: "
        f"put {PROJECT} first on the path (PYTHONPATH, --pythonpath), or rename the other."
        for name, origin in found.items()
    ]


def refuse_others() -> None:
    """Exit with these lines, if there are any."""
    if lines := shadowed():
        sys.exit("\n".join(lines))


def _origin(name: str) -> str:
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module that was put into sys.modules by hand
        return str(getattr(sys.modules[name], "__file__", ""))
    # A directory without an __init__.py is a package too, and has no origin.
    return (spec.origin or next(iter(spec.submodule_search_locations or ()), "")) if spec else ""


def _is_ours(name: str, origin: str) -> bool:
    return Path(origin).resolve() in (PROJECT / f"{name}.py", PROJECT / name / "__init__.py")
