"""What `make run` stores in the data directory, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launch import address_file
from launch.plan import PLACEHOLDER_URL
from launch.postgres import running_url


def kept_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The secrets, the database and the address of a service that was started here by `make run`, if there is one."""
    data_dir = Path(env.get("DATA_DIR") or "data").absolute()
    found = address_file.found_in(data_dir)
    secret = data_dir / "jwt_secret"
    if secret.is_file():
        # A command such as `flask token` needs no database, so a stopped server is not an error yet.
        url = running_url(data_dir) or PLACEHOLDER_URL
        found |= {"JWT_SECRET": secret.read_text().strip(), "DATABASE_URL": url}
    webhook_keys = data_dir / "webhook_secret_keys"
    if webhook_keys.is_file():
        found["WEBHOOK_SECRET_KEYS"] = webhook_keys.read_text().strip()
    return found
