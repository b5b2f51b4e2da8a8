"""The embedded PostgreSQL, played against its real binaries: first and last users, crashes, odd places."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from launch import binaries
from launch.account import account_for
from launch.cluster import LONGEST_SOCKET_PATH, Cluster
from launch.errors import EmbeddedPostgresError
from launch.postgres import EmbeddedPostgres
from launch.postmaster import Postmaster, find_postmaster

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("embedded_postgres")]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root changes to another account.")

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


def new_folder() -> Path:
    """Make a temporary folder that PostgreSQL's account can pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="onward-test-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """A data directory that the tests of this module share, since initdb takes most of their time."""
    folder = new_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(shared_folder: Path) -> Iterator[Path]:
    yield shared_folder
    assert find_postmaster(shared_folder / "postgres") is None, "a test left its server behind"


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    folder = new_folder()
    yield folder
    shutil.rmtree(folder)


def run_sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server_of(data_dir: Path) -> Postmaster:
    found = find_postmaster(data_dir / "postgres")
    assert found is not None
    return found


def wait_for(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def other_process(data_dir: Path) -> "subprocess.Popen[str]":
    command = (sys.executable, "-c", STARTER, str(data_dir))
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_server_is_private_durable_and_speaks_utf8_in_utc(data_dir: Path) -> None:
    settings = ["listen_addresses", "server_encoding", "TimeZone", "fsync", "max_connections"]
    with EmbeddedPostgres(data_dir) as postgres:
        url = postgres.start()
        server = server_of(data_dir)

        assert ["", "UTF8", "UTC", "on", "100"] == [run_sql(url, f"SHOW {name}")[0][0] for name in settings]
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
    kill_and_wait(server_of(data_dir).pid)

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
    kill_and_wait(server.pid)
    log = data_dir / "postgres" / "server.log"
    told_before = log.read_text().count("shared memory block")

    starting = threading.Thread(target=second.start)
    starting.start()
    wait_for(lambda: log.read_text().count("shared memory block") > told_before)
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
            wait_for(lambda: psutil.Process(program.pid).status() == psutil.STATUS_ZOMBIE)
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


def test_a_socket_path_that_is_too_long_moves_to_a_short_one(empty_dir: Path) -> None:
    far = empty_dir / ("far" * 40)
    with EmbeddedPostgres(far) as postgres:
        url = postgres.start()
        socket_dir = server_of(far).socket_dir
        assert len(str(socket_dir)) < LONGEST_SOCKET_PATH
        assert 0o700 == socket_dir.stat().st_mode & 0o777
        assert [(1,)] == run_sql(url, "SELECT 1")

    assert not socket_dir.exists()


def test_a_link_in_the_place_of_the_socket_folder_is_refused(data_dir: Path) -> None:
    """Below /tmp anybody may put one, and what it points to would be handed to PostgreSQL's account."""
    shutil.rmtree(data_dir / "postgres-socket", ignore_errors=True)
    (data_dir / "postgres-socket").symlink_to("/var")
    with pytest.raises(EmbeddedPostgresError, match="is in the way"):
        EmbeddedPostgres(data_dir).start()

    (data_dir / "postgres-socket").unlink()


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


@needs_root
def test_an_unreachable_data_dir_is_told_in_one_line(empty_dir: Path) -> None:
    empty_dir.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"{empty_dir} is closed to it") as caught:
        EmbeddedPostgres(empty_dir / "data").start()

    assert "\n" not in str(caught.value)


@needs_root
def test_programs_out_of_reach_are_copied_to_the_data_dir(empty_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = empty_dir / "private"
    private.mkdir(mode=0o700)
    (private / "site-packages").symlink_to(binaries._site_packages())
    monkeypatch.setattr(binaries, "_site_packages", lambda: private / "site-packages")

    with EmbeddedPostgres(empty_dir / "data") as postgres:
        assert [(1,)] == run_sql(postgres.start(), "SELECT 1")
        program = Path(psutil.Process(server_of(empty_dir / "data").pid).exe())
        assert program.is_relative_to(empty_dir / "data")


@needs_root
def test_a_cluster_keeps_the_account_it_has(empty_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    (empty_dir / "postgres").mkdir()
    os.chown(empty_dir / "postgres", nobody.pw_uid, nobody.pw_gid)

    assert nobody.pw_uid == account_for(empty_dir / "postgres").uid


def test_a_cluster_appears_only_when_it_is_complete(empty_dir: Path) -> None:
    """What an initdb that was killed left behind is made anew."""
    (empty_dir / "postgres.unfinished").mkdir()
    (empty_dir / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    account = account_for(empty_dir / "postgres")
    cluster = Cluster(empty_dir / "postgres", account, binaries.programs(account, empty_dir))

    cluster.create()

    assert (empty_dir / "postgres" / "global" / "pg_control").exists()
    assert not (empty_dir / "postgres.unfinished").exists()
