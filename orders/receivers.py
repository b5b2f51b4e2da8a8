"""Imports the modules of RECEIVERS, which connects their receivers of `order_status_changed` (docs/effects.md)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
import traceback
from collections.abc import Sequence

import gevent.os
from gevent import monkey

import own_packages
from foundation.logs import get_logger
from foundation.one_line import folded
from foundation.settings import SettingsError

log = get_logger(__name__)


def connect(modules: Sequence[str]) -> None:
    """Import these modules; raises SettingsError with a line for each that cannot be imported."""
    if problems := _import(modules):
        raise SettingsError(problems)
    # Not above: gunicorn.conf.py imports this module, and must import no metrics before it has set their directory.
    from orders.effects.signal import receivers

    connected = receivers() if modules else []
    for module in modules:
        if not any(name.startswith(f"{module}.") for name in connected):
            log.warning("receiver.none_connected", "No receiver connected by a module of RECEIVERS", module=module)


def check(modules: Sequence[str]) -> None:
    """Raise SettingsError, with a line each, for modules that are missing or have a name of ours; imports none."""
    problems = []
    for module in modules:
        top = module.partition(".")[0]
        if top in own_packages.NAMES:
            problems.append(f"RECEIVERS: {top} is a package of Onward; rename yours, since Python cannot have both.")
        elif importlib.util.find_spec(top) is None:
            problems.append(_missing(module))
    if problems:
        raise SettingsError(problems)


def trial(modules: Sequence[str]) -> str:
    """The lines of `connect`, found in a child process: whatever a module opens at import must not be inherited by the
    workers."""
    if not modules:
        return ""
    # A file, not a pipe: what a module leaves running in the background would hold the pipe open.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as report:
        child = gevent.os.fork()
        if child == 0:
            try:
                report.write("\n".join(_import(modules)))
                report.flush()
            finally:
                os._exit(0)
        # gevent's own waits for a signal, whose handler gunicorn replaces.
        monkey.get_original("os", "waitpid")(child, 0)
        report.seek(0)
        return report.read()


def _import(modules: Sequence[str]) -> list[str]:
    problems = [problem for module in modules if (problem := _problem_of(module))]
    return problems or own_packages.shadowed()  # a module may have put its own directory first on the path


def _problem_of(module: str) -> str:
    try:
        importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            return _missing(module)
        return f"RECEIVERS: {module} cannot be imported: {_described(error)}"
    return ""


def _missing(module: str) -> str:
    return f"RECEIVERS: there is no module {module} on the path; add its directory to PYTHONPATH."


def _described(error: BaseException) -> str:
    """The error and its place, on one line; a SyntaxError names its place itself."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith("<")]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else ""
    return folded(f"{type(error).__name__}: {error}") + ("" if isinstance(error, SyntaxError) else place)
