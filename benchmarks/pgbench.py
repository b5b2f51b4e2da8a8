"""The hot path's statement without a service around it: what PostgreSQL itself can do, measured by pgbench."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.client import percentile
from benchmarks.contender import LIFE, BenchmarkError, Contender, Load
from benchmarks.database import SELLERS, Server
from foundation import clock
from foundation.connections import PREPARED_OPTIONS
from foundation.settings import Settings
from orders import effects, workflow_file
from orders.change_sql import Form, change_status
from orders.effects.given import Given
from orders.outbox_entry import ChangeEffects

WANTED = f"""json_build_array(json_build_object('place', 0, 'order_id', :order::bigint,
    'status', (ARRAY['{"','".join(LIFE)}'])[:step], 'sources', ARRAY['PENDING','{"','".join(LIFE)}'],
    'seller_id', 1 + :order::bigint % {SELLERS}, 'open', true,
    'actor_role', 'seller', 'actor_id', 1 + :order::bigint % {SELLERS},
    'key', to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint) || '-' || :client_id,
    'request_id', '0123456789abcdef'))"""
"""The value of $1: any order may go to any status, so that every statement finds its order."""


def script(orders: int) -> str:
    """A pgbench script that runs the statement of orders/status_change.py."""
    workflow = workflow_file.load()
    settings = Settings.from_env({"DATABASE_URL": "postgresql://", "JWT_SECRET": "-" * 32})
    event_type = effects.event_type(Given(settings, workflow, lambda _: None))
    sql = change_status(ChangeEffects.of(event_type), Form()).sql
    sql = sql.replace("$1", WANTED).replace("$2", "0::bigint")
    return f"\\set order random(1, {orders})\n\\set step random(1, {len(LIFE)})\n{sql};\n"


@dataclass
class Pgbench(Contender):
    """pgbench with this many clients, on prepared statements."""

    server: Server | None = None

    def load(self, concurrency: int, warmup: float, seconds: float, number: int) -> Load:
        assert self.server is not None
        with tempfile.TemporaryDirectory(prefix="onward-pgbench-") as folder:
            (Path(folder) / "script.sql").write_text(script(self.database.orders))
            command = [
                *(_program(self.server), "--no-vacuum", "--protocol=prepared", "--file=script.sql", "--log"),
                *(f"--client={concurrency}", "--jobs=1", f"--time={max(1, round(warmup + seconds))}"),
                *(f"--random-seed={number + 1}", self.database.dsn),
            ]
            env = {"PATH": os.environ["PATH"], "PGOPTIONS": PREPARED_OPTIONS}
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
            ended = clock.monotonic()
            if done.returncode != 0 or "failed transactions: 0 " not in done.stdout:
                raise BenchmarkError(f"pgbench failed: {done.stdout}\n{done.stderr}")
            log = "".join(path.read_text() for path in Path(folder).glob("pgbench_log.*"))
        return _load(log, warmup, ended)


def _load(log: str, warmup: float, ended: float) -> Load:
    """Parse pgbench's log: client, transaction, microseconds, script, and the end in seconds and microseconds."""
    lines = [line.split() for line in log.splitlines()]
    finished = sorted((int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1e6) for line in lines)
    first, last = finished[0][0] - finished[0][1], finished[-1][0]
    counted = [(at, took) for at, took in finished if at - took >= first + warmup]
    latencies = sorted(took for _, took in counted)
    return Load(
        began=ended - (last - first),
        ended=ended,
        committed=len(finished),
        rate=len(counted) / (last - first - warmup),
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        busy=0.0,
    )


def _program(server: Server) -> str:
    """The pgbench that came with the server, otherwise any."""
    for pid in server.pids:
        beside = Path(psutil.Process(pid).exe()).with_name("pgbench")
        if beside.exists():
            return str(beside)
    found = shutil.which("pgbench")
    if found is None:
        raise BenchmarkError("There is no pgbench here.")
    return found
