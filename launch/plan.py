"""What to start, decided from the environment alone and checked before anything is started."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from foundation.setting_forms import ENCRYPTION_KEY_BYTES
from foundation.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
SECRET_BYTES = 48
PLACEHOLDER_URL = "postgresql+psycopg2://onward@/onward"
"""Stands for the URL of the embedded PostgreSQL before it runs."""
ELSEWHERE = Path("/var/lib/onward")
"""Where root's embedded PostgreSQL stores its files if the checkout is closed to its account, as below /root."""
EXPOSING = ("DATABASE_URL", "PUBLIC_URL")
"""Settings of a service for others, which turn the demo's sign-in buttons off unless they are requested."""


@dataclass(frozen=True)
class Plan:
    """The checked settings, and what `make run` provides by itself for variables that are not set."""

    settings: Settings
    environment: Mapping[str, str]
    embedded_postgres: bool
    own_secret: bool
    own_webhook_keys: bool
    exposed: bool
    """Whether other machines are meant to reach the service, or its data are not the demo's."""
    demo_refused: bool
    """Whether DEMO is not set, and the demo is off because the service is exposed."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Plan":
        """Read the environment; all mistakes are reported together, by SettingsError."""
        given = {name: value for name, value in env.items() if value}
        data_dir = Path(given.get("DATA_DIR", "data")).absolute()
        environment = {**given, "DATA_DIR": str(data_dir), "FLASK_APP": "cli:create_app"}
        provided = {"DATABASE_URL": PLACEHOLDER_URL, "JWT_SECRET": new_secret()}
        settings = Settings.from_env({**provided, **environment})
        exposed = not settings.on_loopback or any(name in given for name in EXPOSING)
        if "DEMO" not in given and not exposed:
            environment["DEMO"] = "1"
            settings = replace(settings, demo=True)
        if settings.demo and not settings.smtp_url and "MAIL_FOLDER" not in given:
            environment["MAIL_FOLDER"] = str(data_dir / "mail")
        return cls(
            settings=settings,
            # Set explicitly, or a child would use the address of another launcher on the same data.
            environment={
                **environment,
                **{"HOST": settings.host, "PORT": str(settings.port), "PUBLIC_URL": settings.public_url},
            },
            embedded_postgres="DATABASE_URL" not in given,
            own_secret="JWT_SECRET" not in given,
            own_webhook_keys="WEBHOOK_SECRET_KEYS" not in given,
            exposed=exposed,
            demo_refused=exposed and "DEMO" not in given,
        )

    @property
    def elsewhere(self) -> Path | None:
        """Return where PostgreSQL's files may go instead of the data directory; None if the directory was chosen
        explicitly."""
        data_dir = self.settings.data_dir
        chosen = data_dir != Path("data").absolute()
        return None if chosen else ELSEWHERE / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]

    def address(self) -> str:
        """Return the URL under which a browser on this machine reaches the service."""
        return self.settings.local_url


def new_secret() -> str:
    """Return a key for JWT_SECRET."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_webhook_keys() -> str:
    """Return a value of WEBHOOK_SECRET_KEYS with one key."""
    return f"local:{secrets.token_urlsafe(ENCRYPTION_KEY_BYTES)}"


def kept_secret(path: Path, made: Callable[[], str] = new_secret) -> str:
    """Return the secret in the file, which is created by the first call and kept."""
    if not path.exists():
        fd, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(fd, "w") as file:
                file.write(made())
            # Appears complete or not at all, and the first of two racing launchers wins.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text().strip()
