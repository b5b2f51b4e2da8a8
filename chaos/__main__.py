"""`python -m chaos R1 R3 --seed 7`: run proofs one after another, print their figures, and fail if one did."""

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from pathlib import Path  # noqa: E402

from chaos import written  # noqa: E402
from chaos.database import Server  # noqa: E402
from chaos.proofs import PROOFS, Proof  # noqa: E402
from chaos.report import Report  # noqa: E402
from foundation import clock  # noqa: E402
from foundation.connections import install_wait_callback  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run the requested proofs; 0 if every one passed."""
    asked = _parser().parse_args(arguments)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    install_wait_callback()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # otherwise started processes would be left behind
    passed = True
    with Server(asked.folder) as server:
        for name in asked.names or PROOFS:
            report = _run(PROOFS[name], server, Report(name, PROOFS[name].title, seed, asked.fast))
            passed &= report.passed
            if asked.write:
                written.write(report)
    return 0 if passed else 1


def _run(proof: Proof, server: Server, report: Report) -> Report:
    begun = clock.monotonic()
    try:
        proof.run(server, report)
    except Exception:
        # The figures until here are worth as much as the traceback.
        traceback.print_exc()
        report.check("the proof itself failed", 1, at_most=0)
    report.tell("total duration", clock.monotonic() - begun, "s")
    print(report, end="\n\n", flush=True)
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PROOFS, []], metavar="R1", help=", ".join(PROOFS))
    parser.add_argument("--seed", type=int, help="where all chance comes from; printed, and drawn where none is given")
    parser.add_argument("--fast", action="store_true", help="the small form of a few seconds that the tests run")
    parser.add_argument("--folder", type=Path, help="where the PostgreSQL lives, to share it between runs")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    return parser


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # a greenlet that still listens must not block the exit
