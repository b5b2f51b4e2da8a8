"""What `make run` keeps in the data directory, for the command line beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launch.plan import PLACEHOLDER_URL
from launch.postgres import running_url


def kept_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The secret and the database of a service that was started here by `make run`; empty where none was."""
    data_dir = Path(env.get("DATA_DIR") or "data").absolute()
    secret = data_dir / "jwt_secret"
    if not secret.is_file():
        return {}
    # A command such as `flask token` needs no database, so a server that does not run is no mistake yet.
    url = running_url(data_dir) or PLACEHOLDER_URL
    return {"JWT_SECRET": secret.read_text().strip(), "DATABASE_URL": url}
