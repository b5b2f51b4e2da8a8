"""Where the embedded PostgreSQL stores its files: odd paths, unreachable ones, and the account it runs as."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launch import binaries
from launch.account import account_for
from launch.cluster import LONGEST_SOCKET_PATH, Cluster
from launch.errors import EmbeddedPostgresError
from launch.postgres import EmbeddedPostgres, running_url
from tests.journeys.embedded import new_folder, run_sql, server_of

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("embedded_postgres")]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root changes to another account.")


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    with new_folder() as folder:
        yield folder


def test_a_socket_path_that_is_too_long_moves_to_a_short_one(empty_dir: Path) -> None:
    far = empty_dir / ("far" * 40)
    with EmbeddedPostgres(far) as postgres:
        url = postgres.start()
        socket_dir = server_of(far).socket_dir
        assert len(str(socket_dir)) < LONGEST_SOCKET_PATH
        assert 0o700 == socket_dir.stat().st_mode & 0o777
        assert [(1,)] == run_sql(url, "SELECT 1")

    assert not socket_dir.exists()


def test_a_link_in_the_place_of_the_socket_folder_is_refused(empty_dir: Path) -> None:
    """Below /tmp anybody may put one, and what it points to would be handed to PostgreSQL's account."""
    (empty_dir / "postgres-socket").symlink_to("/var")
    with pytest.raises(EmbeddedPostgresError, match="is in the way"):
        EmbeddedPostgres(empty_dir).start()


@needs_root
def test_an_unreachable_data_dir_is_told_in_one_line(empty_dir: Path) -> None:
    empty_dir.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"{empty_dir} is closed to it") as caught:
        EmbeddedPostgres(empty_dir / "data").start()

    assert "\n" not in str(caught.value)


@needs_root
def test_roots_files_go_elsewhere_when_the_data_dir_is_out_of_reach(empty_dir: Path) -> None:
    """As below /root, which is closed to all others; whoever comes later finds them by a link."""
    closed, elsewhere = empty_dir / "closed", empty_dir / "elsewhere" / "1042"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "data", elsewhere) as postgres:
        run_sql(postgres.start(), "CREATE TABLE kept ()")
        assert elsewhere == postgres.home
        assert running_url(closed / "data") == postgres.start()

    with EmbeddedPostgres(closed / "data") as again:
        assert [(0,)] == run_sql(again.start(), "SELECT count(*) FROM kept")


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
