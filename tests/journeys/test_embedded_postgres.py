"""The embedded PostgreSQL, tested with its real binaries: first and last users, crashes, stale files."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import psycopg2.extensions
import pytest

from launch import binaries
from launch.account import account_for
from launch.errors import EmbeddedPostgresError
from launch.postgres import EmbeddedPostgres
from launch.postmaster import find_postmaster
from tests.facts import eventually
from tests.journeys.embedded import new_folder, run_sql, server_of

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("embedded_postgres")]

PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
STARTER = """
import sys
from pathlib import Path
from launch.postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.start(), flush=True)
sys.stdin.read()
postgres.stop()
"""
"""Another process that uses the server until its standard input is closed."""


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """A data directory that the tests of this module share, since initdb takes most of their time."""
    with new_folder() as folder:
        yield folder


@pytest.fixture
def data_dir(shared_folder: Path) -> Iterator[Path]:
    yield shared_folder
    assert find_postmaster(shared_folder / "postgres") is None, "a test left its server behind"


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    with new_folder() as folder:
        yield folder


def kill_server(data_dir: Path) -> None:
    os.kill(server_of(data_dir).pid, signal.SIGKILL)
    eventually(lambda: find_postmaster(data_dir / "postgres") is None)


def other_process(data_dir: Path) -> "subprocess.Popen[str]":
    command = (sys.executable, "-c", STARTER, str(data_dir))
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


FAILURES = (
    "INSERT INTO {table} VALUES (1, 'Private Person')",
    "INSERT INTO {table} VALUES (3, 'Private Person of more than so many')",
    "INSERT INTO {table} VALUES (3, 'Private Person') RETURNING pg_sleep(9)",
    "SELECT name FROM {table} WHERE 'Private Person' = (SELECT 1/0)::text",
    "DO $$ BEGIN PERFORM 1/0; END $$ /* Private Person */",
    "SELECT 'Private Person' FRO {table}",
)
"""A key that is taken, a check, a statement that is cut short, one that fails while it runs, a trace, nonsense."""


def test_its_log_holds_no_values_of_statements_that_fail(data_dir: Path) -> None:
    """It had each with all its values, which psycopg2 puts into the text, and the row of the key or the check."""
    with EmbeddedPostgres(data_dir) as postgres:
        url = postgres.start().replace("+psycopg2", "")
        run_sql(url, "CREATE TABLE people (id int PRIMARY KEY, name text CHECK (length(name) < 20))")
        run_sql(url, "INSERT INTO people VALUES (1, 'Private Person'), (2, 'Private Person')")
        for failure in FAILURES:
            with pytest.raises(psycopg2.Error):
                run_sql(url, "SET statement_timeout = '20ms'; " + failure.format(table="people"))
        with closing(psycopg2.connect(url)) as one, closing(psycopg2.connect(url)) as other:
            deadlock(one, other)
            crash(one)
        eventually(lambda: answers(url))
    log = (data_dir / "postgres" / "server.log").read_text()

    assert [] == [line for line in log.splitlines() if "Private" in line]
    for told in ("duplicate key", "deadlock detected", "was terminated by signal 9", "statement timeout"):
        assert told in log


def answers(url: str) -> bool:
    """Whether the server is there again, after its recovery."""
    try:
        return run_sql(url, "SELECT 1") == [(1,)]
    except psycopg2.OperationalError:
        return False


def deadlock(one: psycopg2.extensions.connection, other: psycopg2.extensions.connection) -> None:
    """Two who want each other's row, one after the other; the log told the statements of both."""
    move = "UPDATE people SET name = 'Private Person' WHERE id = %s"
    for connection, id in ((one, 1), (other, 2)):
        connection.cursor().execute("SET deadlock_timeout = '10ms'; SET log_lock_waits = on; " + move, (id,))
    crossing = threading.Thread(target=fails_or_not, args=(one, move % 2))
    crossing.start()
    fails_or_not(other, move % 1)
    crossing.join()


def fails_or_not(connection: psycopg2.extensions.connection, statement: str) -> None:
    """Whichever of two is chosen to end the deadlock."""
    with contextlib.suppress(psycopg2.Error):
        connection.cursor().execute(statement)
    connection.rollback()


def crash(connection: psycopg2.extensions.connection) -> None:
    """A backend that is killed at work; the postmaster tells what it was doing."""
    killer = threading.Timer(0.1, os.kill, (connection.info.backend_pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(psycopg2.OperationalError):
        connection.cursor().execute("SELECT pg_sleep(9), 'Private Person'")


def test_the_server_is_private_durable_and_speaks_utf8_in_utc(data_dir: Path) -> None:
    settings = ["listen_addresses", "server_encoding", "TimeZone", "fsync", "max_connections"]
    with EmbeddedPostgres(data_dir) as postgres:
        url = postgres.start()
        server = server_of(data_dir)

        assert ["", "UTF8", "UTC", "on", "200"] == [run_sql(url, f"SHOW {name}")[0][0] for name in settings]
        assert [("É",)] == run_sql(url, "SELECT upper('é')")
        assert 0o700 == server.socket_dir.stat().st_mode & 0o777
        assert server.pid == os.getsid(server.pid), "Ctrl-C would reach it"
        assert psutil.Process(server.pid).uids().effective != 0


def test_a_second_starter_uses_the_running_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pid = server_of(data_dir).pid
        with EmbeddedPostgres(data_dir):
            assert pid == server_of(data_dir).pid

        assert pid == server_of(data_dir).pid


def test_the_starter_leaves_the_server_to_those_who_still_use_it(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    first.start()
    url = second.start()

    first.stop()
    assert [(1,)] == run_sql(url, "SELECT 1")

    second.stop()
    assert find_postmaster(data_dir / "postgres") is None


def test_four_racing_starters_share_one_server(empty_dir: Path) -> None:
    starters = [other_process(empty_dir) for _ in range(4)]
    urls = {first_line(starter) for starter in starters}
    assert 1 == len(urls)
    assert [(1,)] == run_sql(urls.pop(), "SELECT 1")

    for starter in starters:
        starter.communicate()
    assert [0, 0, 0, 0] == [starter.returncode for starter in starters]
    assert find_postmaster(empty_dir / "postgres") is None


def test_the_server_of_a_killed_starter_is_used_and_stopped_by_the_next(data_dir: Path) -> None:
    with other_process(data_dir) as starter:
        first_line(starter)
        starter.kill()
    pid = server_of(data_dir).pid

    with EmbeddedPostgres(data_dir):
        assert pid == server_of(data_dir).pid


def test_a_child_that_survives_the_killed_starter_keeps_the_server(data_dir: Path) -> None:
    starter = EmbeddedPostgres(data_dir)
    starter.start()
    files = starter.shared_files()
    with subprocess.Popen(["sleep", str(PATIENCE_SECONDS)], pass_fds=files) as child:
        os.close(files[0])  # What the kernel does when it kills the starter.
        with EmbeddedPostgres(data_dir):
            pass
        assert server_of(data_dir).ours
        child.kill()
    with EmbeddedPostgres(data_dir):
        pass


def test_a_killed_server_is_started_again_with_its_data(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    run_sql(first.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    kill_server(data_dir)

    assert [(42,)] == run_sql(second.start(), "SELECT answer FROM kept")
    first.stop()
    second.stop()


def test_a_start_waits_for_the_orphans_of_a_killed_server(data_dir: Path) -> None:
    """An orphan that still holds the shared memory would let PostgreSQL refuse to start."""
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    first.start()
    server = psutil.Process(server_of(data_dir).pid)
    orphan = server.children()[0]
    orphan.suspend()
    kill_server(data_dir)
    log = data_dir / "postgres" / "server.log"
    told_before = log.read_text().count("shared memory block")

    starting = threading.Thread(target=second.start)
    starting.start()
    eventually(lambda: log.read_text().count("shared memory block") > told_before)
    orphan.resume()
    starting.join(PATIENCE_SECONDS)

    assert server.pid != server_of(data_dir).pid
    first.stop()
    second.stop()


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("owner", ["a dead process", "another program", "a zombie"])
def test_a_stale_pid_file_is_no_obstacle(data_dir: Path, owner: str) -> None:
    with EmbeddedPostgres(data_dir):
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        socket_dir = server_of(data_dir).socket_dir
    account = account_for(data_dir / "postgres")
    command = ["true"] if owner == "a zombie" else ["sleep", str(PATIENCE_SECONDS)]
    # As the server's account: PostgreSQL itself takes the pid of somebody else's process for free.
    with subprocess.Popen(command, user=account.uid if account.switch else None) as program:
        if owner == "a zombie":
            eventually(lambda: psutil.Process(program.pid).status() == psutil.STATUS_ZOMBIE)
        pid = dead_pid() if owner == "a dead process" else program.pid
        for path in (data_dir / "postgres" / "postmaster.pid", socket_dir / ".s.PGSQL.5432.lock"):
            path.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
        with EmbeddedPostgres(data_dir):
            assert pid != server_of(data_dir).pid
        program.kill()


def test_a_server_that_somebody_else_started_is_used_but_not_stopped(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        socket_dir = server_of(data_dir).socket_dir
    account = account_for(data_dir / "postgres")
    pg_ctl = (binaries.programs(account, data_dir) / "pg_ctl", "--wait", "--pgdata", data_dir / "postgres")
    options = f"-c listen_addresses= -c unix_socket_directories={socket_dir}"
    assert account.succeeds(*pg_ctl, "start", "--log", data_dir / "postgres" / "other.log", "--options", options)

    with EmbeddedPostgres(data_dir) as postgres:
        assert [(1,)] == run_sql(postgres.start(), "SELECT 1")
    assert not server_of(data_dir).ours
    assert account.succeeds(*pg_ctl, "stop")


def test_a_failed_start_tells_the_end_of_the_log_in_one_line(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    settings = data_dir / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("work_mem = nonsense\n")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start: .*work_mem.*server\.log") as caught:
        EmbeddedPostgres(data_dir).start()
    settings.write_text(before)

    assert "\n" not in str(caught.value)
