"""The fast form of every fault-injection proof; `make chaos` runs them in full and writes their figures down.

Each is a process of its own, since it patches itself for gevent. They are played in three rows, each with one
PostgreSQL: the fast forms assert facts, so what runs beside them may make them slow, but not fail. In one row they took
longer than all other tests together, most of it waiting.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launch.postgres import EmbeddedPostgres
from tests.conftest import PROJECT
from tests.journeys.embedded import new_folder

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, "13b", 14, 16, 17, 18, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32)
PROOFS = [*(f"R{number}" for number in NUMBERS), *(f"S{number}" for number in (1, 4, 5, 6, 9, 13, 17)), "grown"]
ROWS = [pytest.param(one, marks=pytest.mark.xdist_group(f"chaos {place % 3}")) for place, one in enumerate(PROOFS)]
PATIENCE_SECONDS = 150
SEED = "7"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the server that all proofs of a row share keeps its data."""
    with new_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        yield folder
        postgres.stop()


def test_every_proof_is_run_here_too() -> None:
    listed = "from chaos.proofs import PROOFS; print(*PROOFS)"
    names = subprocess.run([sys.executable, "-c", listed], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert names.stdout.split() == PROOFS


@pytest.mark.parametrize("name", ROWS)
def test_nothing_acknowledged_is_lost_in_the_proof(name: str, folder: Path) -> None:
    command = [sys.executable, "-m", "chaos", name, "--fast", "--seed", SEED, "--folder", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as proof:
        try:
            said, _ = proof.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            proof.send_signal(signal.SIGINT)  # so that it ends the service that it has started
            said, _ = proof.communicate(timeout=30)

    assert proof.returncode == 0, said
    assert f"{name} PASS" in said
