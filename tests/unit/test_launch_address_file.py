"""The address of the service, as the command line finds it; and locks that nobody else can hold."""

import json
import os
from pathlib import Path

import pytest

from foundation.settings import Settings
from launch import address_file, locks
from launch.data_directory import kept_settings

HERE = {"HOST": "127.0.0.1", "PORT": "8104"}


def running(data_dir: Path, **more: str) -> Settings:
    env = {"DATABASE_URL": "postgresql://x/y", "JWT_SECRET": "s" * 32, "PORT": "8104", "DATA_DIR": str(data_dir)}
    return Settings.from_env(env | more)


def test_a_command_beside_the_service_knows_its_address(tmp_path: Path) -> None:
    with address_file.left_in(running(tmp_path)):
        assert HERE == kept_settings({"DATA_DIR": str(tmp_path)})

    assert {} == kept_settings({"DATA_DIR": str(tmp_path)})
    assert [] == list(tmp_path.iterdir())


def test_the_address_that_people_use_is_told_too(tmp_path: Path) -> None:
    with address_file.left_in(running(tmp_path, PUBLIC_URL="https://orders.example")):
        assert "https://orders.example" == address_file.found_in(tmp_path)["PUBLIC_URL"]


@pytest.mark.parametrize("left", ["", "{", "[]", "{}", '{"pid": "x"}', '{"pid": 999999999, "since": 1, "HOST": "h"}'])
def test_what_a_killed_launcher_left_counts_for_nothing(tmp_path: Path, left: str) -> None:
    (tmp_path / address_file.FILE).write_text(left)

    assert {} == address_file.found_in(tmp_path)


def test_a_number_that_another_process_has_now_counts_for_nothing(tmp_path: Path) -> None:
    left = {"pid": os.getpid(), "since": 1.5, **HERE, "PUBLIC_URL": ""}
    (tmp_path / address_file.FILE).write_text(json.dumps(left))

    assert {} == address_file.found_in(tmp_path)


def test_nobody_else_can_open_the_locks_and_keep_us_waiting(tmp_path: Path) -> None:
    """A stranger who held one kept a stop waiting for 45 s."""
    (tmp_path / "old.lock").touch(0o644)
    with locks.alone(tmp_path / "old.lock"), locks.alone(tmp_path / "new.lock"):
        share = locks.Share(tmp_path / "share")

    assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert share.give_up()
