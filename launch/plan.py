"""What to start, decided from the environment alone and checked before anything is started."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foundation.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
SECRET_BYTES = 48
PLACEHOLDER_URL = "postgresql+psycopg2://onward@/onward"
"""Stands for the URL of the embedded PostgreSQL while it does not run yet."""


@dataclass(frozen=True)
class Plan:
    """The checked settings, and what `make run` provides by itself where a variable is not set."""

    settings: Settings
    environment: Mapping[str, str]
    embedded_postgres: bool
    own_secret: bool

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Plan":
        """Read the environment; all mistakes in it are told together, by SettingsError."""
        given = {name: value for name, value in env.items() if value}
        data_dir = Path(given.get("DATA_DIR", "data")).absolute()
        environment = {"DEMO": "1", **given, "DATA_DIR": str(data_dir), "FLASK_APP": "app:create_app"}
        provided = {"DATABASE_URL": PLACEHOLDER_URL, "JWT_SECRET": secrets.token_urlsafe(SECRET_BYTES)}
        return cls(
            settings=Settings.from_env({**provided, **environment}),
            environment=environment,
            embedded_postgres="DATABASE_URL" not in given,
            own_secret="JWT_SECRET" not in given,
        )

    def address(self) -> str:
        """Return the URL under which a browser on this machine reaches the service."""
        return self.settings.local_url


def kept_secret(path: Path) -> str:
    """Return the secret in the file, which is made at the first call and kept for all later ones."""
    if not path.exists():
        fd, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(SECRET_BYTES))
            # Appears complete or not at all, and the first of two racing launchers wins.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text().strip()
