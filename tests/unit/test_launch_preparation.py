"""The preparation of the database: awaited the first time, beside gunicorn when nothing has changed since."""

from pathlib import Path

import pytest

from launch import preparation
from launch.children import StopRequest
from launch.errors import LaunchError
from launch.plan import Plan
from launch.preparation import Preparation


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan for a cluster that looks like one, and a flask command that needs no database."""
    monkeypatch.setattr(preparation, "PREPARE_DEMO", ("--version",))
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    return Plan.from_env({"DATA_DIR": str(tmp_path)})


def prepare(plan: Plan) -> bool:
    """Prepare, and tell whether it was a repetition."""
    with Preparation(plan, plan.environment) as prepared:
        repetition = prepared.is_repetition()
        assert prepared.finish(StopRequest()).startswith("Python")
        return repetition


def test_the_second_time_is_a_repetition(plan: Plan) -> None:
    assert [False, True] == [prepare(plan), prepare(plan)]


def test_a_cluster_that_was_made_anew_is_prepared_first(plan: Plan, tmp_path: Path) -> None:
    prepare(plan)
    (tmp_path / "postgres" / "PG_VERSION").rename(tmp_path / "before")
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")

    assert not prepare(plan)


def test_new_migrations_are_run_first(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(plan)
    with Preparation(plan, plan.environment) as prepared:
        (tmp_path / "migrations").mkdir()
        (tmp_path / "migrations" / "0019_tags.sql").write_text("CREATE TABLE tags ()")
        monkeypatch.setattr(preparation, "PROJECT", tmp_path)
        assert not prepared.is_repetition()


def test_a_database_of_somebody_else_is_always_prepared_first(tmp_path: Path) -> None:
    """Its content may be another one under the same URL."""
    plan = Plan.from_env({"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://db.example/orders"})
    with Preparation(plan, plan.environment) as prepared:
        assert not prepared.is_repetition()


def test_a_failed_preparation_is_told_in_one_line(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "PREPARE_DEMO", ("--no-such-option",))
    with (
        Preparation(plan, plan.environment) as prepared,
        pytest.raises(LaunchError, match=r"`flask --no-such-option` ended with 2"),
    ):
        prepared.finish(StopRequest())
