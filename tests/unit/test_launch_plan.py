"""What `make run` decides from the environment before it starts anything."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from foundation.settings import SettingsError
from launch.data_directory import kept_settings
from launch.plan import Plan, kept_secret, new_webhook_keys


@pytest.mark.parametrize("env", [{}, {"DATABASE_URL": "", "JWT_SECRET": ""}])
def test_without_a_database_and_a_secret_it_provides_its_own(env: dict[str, str]) -> None:
    plan = Plan.from_env(env)

    assert plan.embedded_postgres
    assert plan.own_secret
    assert not {"DATABASE_URL", "JWT_SECRET"} & set(plan.environment)


def test_a_given_database_and_secret_are_used() -> None:
    plan = Plan.from_env({"DATABASE_URL": "postgres://db.example/orders", "JWT_SECRET": "s" * 32})

    assert not plan.embedded_postgres
    assert not plan.own_secret
    assert "postgresql://db.example/orders" == plan.settings.dsn


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        Plan.from_env({"PORT": "http", "DATABASE_URL": "mysql://db", "JWT_SECRET": "short"})

    assert {"PORT", "DATABASE_URL", "JWT_SECRET"} == {problem.split()[0] for problem in caught.value.problems}


def test_the_demo_is_on_unless_it_is_switched_off() -> None:
    assert Plan.from_env({}).settings.demo
    assert "1" == Plan.from_env({}).environment["DEMO"]
    assert not Plan.from_env({"DEMO": "0"}).settings.demo


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "[::1]", "localhost"])
def test_on_loopback_the_demo_is_on(host: str) -> None:
    assert Plan.from_env({"HOST": host}).settings.demo


@pytest.mark.parametrize(
    "others",
    [
        {"HOST": "0.0.0.0"},
        {"HOST": "::"},
        {"HOST": "orders.example"},
        {"DATABASE_URL": "postgresql://db.example/orders"},
        {"PUBLIC_URL": "https://orders.example"},
    ],
)
def test_a_service_that_others_reach_has_no_demo_unless_it_is_asked_for(others: dict[str, str]) -> None:
    """Its buttons make everybody an operator."""
    plan = Plan.from_env(others)
    assert (False, True) == (plan.settings.demo, plan.demo_refused)
    assert "DEMO" not in plan.environment

    asked = Plan.from_env({**others, "DEMO": "1"})
    assert (True, True) == (asked.settings.demo, asked.exposed)


def test_only_roots_own_choice_of_a_data_dir_may_be_left_for_another(tmp_path: Path) -> None:
    first, second = Plan.from_env({}).elsewhere, Plan.from_env({"DATA_DIR": str(Path("data").absolute())}).elsewhere

    assert first is not None
    assert first == second
    assert Plan.from_env({"DATA_DIR": str(tmp_path)}).elsewhere is None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8123"),
        ("::", "http://[::1]:8123"),
        ("::1", "http://[::1]:8123"),
        ("[::1]", "http://[::1]:8123"),
        ("orders.example", "http://orders.example:8123"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, address: str) -> None:
    assert address == Plan.from_env({"HOST": host, "PORT": "8123"}).address()


def test_the_secret_is_kept_and_private(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path / "jwt_secret")

    assert secret == kept_secret(tmp_path / "jwt_secret")
    assert len(secret) >= 32
    assert 0o600 == (tmp_path / "jwt_secret").stat().st_mode & 0o777
    assert [tmp_path / "jwt_secret"] == list(tmp_path.iterdir())


def test_a_key_for_the_secrets_of_webhooks_is_made_and_kept(tmp_path: Path) -> None:
    keys = kept_secret(tmp_path / "webhook_secret_keys", new_webhook_keys)
    settings = Plan.from_env({"WEBHOOK_SECRET_KEYS": keys}).settings

    assert [("local", 32)] == [(name, len(key)) for name, key in settings.webhook_secret_keys]
    assert keys == kept_secret(tmp_path / "webhook_secret_keys", new_webhook_keys)
    assert keys == kept_settings({"DATA_DIR": str(tmp_path)})["WEBHOOK_SECRET_KEYS"], "commands decrypt with it too"
    assert Plan.from_env({}).own_webhook_keys
    assert not Plan.from_env({"WEBHOOK_SECRET_KEYS": keys}).own_webhook_keys


def test_racing_launchers_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(kept_secret, [tmp_path / "jwt_secret"] * 8))

    assert 1 == len(secrets)


def test_only_the_demo_without_a_mail_server_keeps_its_mail(tmp_path: Path) -> None:
    kept = Plan.from_env({"DATA_DIR": str(tmp_path)}).environment
    assert str(tmp_path / "mail") == kept["MAIL_FOLDER"]
    for others in ({"DEMO": "0"}, {"SMTP_URL": "smtp://127.0.0.1:1"}, {"PUBLIC_URL": "https://shop.example"}):
        assert "MAIL_FOLDER" not in Plan.from_env(others).environment
