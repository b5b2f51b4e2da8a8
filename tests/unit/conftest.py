"""Without any other process: live streams without a database, and credentials with keys of the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.credentials import Credentials
from access.tokens import Tokens
from foundation.settings import Settings
from tests.conftest import SECRET
from tests.unit.listening import WAYS
from tests.unit.live_parts import LiveStack
from tests.unit.signing import NothingRevoked, jwks


@pytest.fixture(params=WAYS)
def live(request: pytest.FixtureRequest) -> LiveStack:
    """The live-stream stack, on both ways that a stream can take."""
    return LiveStack(request.param)


@pytest.fixture
def credentials_with(tmp_path: Path) -> Callable[..., tuple[Credentials, Path]]:
    """Credentials that know the keys in a file, which can be written again."""

    def make(*entries: Any, **settings: str) -> tuple[Credentials, Path]:
        path = tmp_path / "keys.json"
        path.write_bytes(entries[0] if entries and isinstance(entries[0], bytes) else jwks(*entries))
        env = {"DATABASE_URL": "postgresql://x/y", "JWT_SECRET": SECRET, "JWT_KEY_FILE": str(path)}
        tokens = Tokens.of(Settings.from_env(env | settings))
        tokens.revocations = NothingRevoked()
        return Credentials(tokens), path

    return make
