"""The keys that verify tokens: our own secret, and the public keys of other issuers.

Public keys come from a file or from a URL, as a JWK Set (RFC 7517) or, in a file, as one PEM. They are read in the
background: no request waits for another server. A key is valid as long as it is in the set, so two keys in one set
overlap. An unavailable or invalid source changes nothing; a set that stays empty is accepted in the end.
"""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import gevent
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from gevent.event import Event

from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from foundation.settings import Settings, SettingsError

log = get_logger(__name__)

OWN = "HS256"
"""The algorithm of our own secret. A key has one algorithm, whatever a token says (RFC 8725, section 3.1)."""

EMPTY_READINGS = 3
"""How many times in a row a set must be found empty before its keys are withdrawn: a provider that is being deployed
may return an empty one once. The readings are then 10 s apart."""

LEAST_RSA_BITS = 2048
FETCH_SECONDS = 10
LARGEST_SET = 256 * 1024
MOST_KEYS = 20
"""A token without a key id is tried with each: there must be few."""


Found = tuple[str, str, Any]
"""Algorithm, key id (empty if it has none) and the key itself."""


class UnusableKeys(ValueError):
    """The source contains no usable key; the text says why."""


class EmptySet(UnusableKeys):
    """A valid JWK Set without a key for us: all were removed, or the provider is broken."""


@dataclass
class Source:
    """One source of keys, and its last contents."""

    read: Callable[[], bytes]
    found: tuple[Found, ...] = ()
    known: bool = False
    """Whether the source was ever read."""

    empty: int = 0
    """How many readings in a row found no key; a failed one does not count."""

    def refresh(self) -> None:
        """Read it again. Raises the error of an unreadable source, and UnusableKeys for contents that are not accepted
        (yet)."""
        try:
            found = parse(self.read())
        except EmptySet as error:
            self.empty += 1
            if self.empty < EMPTY_READINGS:
                raise UnusableKeys(f"{error}, {self.empty} times of {EMPTY_READINGS}") from error
            found = ()
        else:
            self.empty = 0
        self.found, self.known = found, True


def _failure_log() -> FailureLog:
    return FailureLog(
        failed=("keys.read_failed", "Public keys for tokens could not be read; those read before stay valid"),
        recovered=("keys.read_recovered", "Public keys for tokens are read again"),
    )


@dataclass
class Keys:
    """All keys of one process."""

    secrets: tuple[str, ...]
    """Our own secret, and the previous one while the tokens it signed are to stay valid."""

    file: str = ""
    url: str = ""
    version: int = 0
    """Increases with every change: cached results of a verification are then invalid."""

    asked: Event = field(default_factory=Event)
    """Set when a token names an unknown key: there may be a new one."""

    _failures: FailureLog = field(default_factory=_failure_log)

    def __post_init__(self) -> None:
        # Prepared once: for a bare string PyJWT checks each time whether it might be another kind of key.
        self._own = [jwt.PyJWK({"kty": "oct", "k": _base64url(one), "alg": OWN}) for one in self.secrets]
        self._sources = [Source(Path(self.file).read_bytes)] if self.file else []
        self._sources += [Source(partial(_fetch, self.url))] if self.url else []

    @classmethod
    def of(cls, settings: Settings) -> Keys:
        """The keys that the settings name; raises SettingsError if the file has no usable one."""
        previous = (settings.jwt_previous_secret,) if settings.jwt_previous_secret else ()
        keys = cls((settings.jwt_secret, *previous), settings.jwt_key_file, settings.jwks_url)
        try:
            if settings.jwt_key_file:
                keys._sources[0].refresh()
        except (OSError, UnusableKeys) as error:
            raise SettingsError([f"JWT_KEY_FILE cannot be used: {error}."]) from error
        return keys

    def matching(self, algorithm: str, kid: str) -> Iterator[Any]:
        """The keys that may have signed a token with this header."""
        if algorithm == OWN:
            yield from self._own
        for found, id, key in self._found():
            if found == algorithm and (not kid or not id or id == kid):
                yield key

    def ask(self) -> None:
        """Have the keys read again soon; raises ServiceUnavailable if they were never read, so that nobody can know."""
        self.asked.set()
        if not all(source.known for source in self._sources):
            raise ServiceUnavailable("The keys to verify this token have not been loaded yet.")

    @property
    def doubtful(self) -> bool:
        """Whether a source was found empty while its keys are still valid: it has to be read again soon."""
        return any(0 < source.empty < EMPTY_READINGS for source in self._sources)

    def refresh(self) -> None:
        """Read file and URL again. An unreadable source keeps its keys, and so does an empty one, until it was found
        empty EMPTY_READINGS times in a row."""
        before, failures = self._found(), []
        for source in self._sources:
            try:
                source.refresh()
            except (OSError, HTTPException, UnusableKeys, gevent.Timeout) as error:
                failures.append(str(error) or type(error).__name__)
        if failures:
            self._failures.failed(Exception("; ".join(failures)))
        else:
            self._failures.recovered()
        if before != (after := self._found()):
            self.version += 1
            if after:
                log.info("keys.changed", "Public keys for tokens changed", keys=len(after))
            else:
                log.warning("keys.withdrawn", "All public keys for tokens were withdrawn")

    def _found(self) -> list[Found]:
        """All keys that are valid now; key objects are equal if their numbers are."""
        return [one for source in self._sources for one in source.found]


def _fetch(url: str) -> bytes:
    with gevent.Timeout(FETCH_SECONDS), _opener.open(url, timeout=FETCH_SECONDS) as answer:
        text: bytes = answer.read(LARGEST_SET + 1)
    if len(text) > LARGEST_SET:
        raise UnusableKeys("the JWK Set is too large")
    return text


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def parse(text: bytes) -> tuple[Found, ...]:
    """The RSA and Ed25519 public keys in a JWK Set or a PEM; raises EmptySet or another UnusableKeys if there is
    none."""
    if text.lstrip().startswith(b"-----BEGIN"):
        return (_from_pem(text),)
    try:
        entries = orjson.loads(text)["keys"]
        if not isinstance(entries, list):
            raise TypeError(entries)
        found = tuple(one for entry in entries if isinstance(entry, dict) and (one := _from_jwk(entry)))[:MOST_KEYS]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UnusableKeys("it is neither a JWK Set nor a PEM") from error
    if not found:
        kind = EmptySet if all(isinstance(entry, dict) for entry in entries) else UnusableKeys
        raise kind("it holds no RSA or Ed25519 key for signatures")
    return found


def _from_pem(text: bytes) -> Found:
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeys("the PEM is not a public key") from error
    algorithm = _algorithm(key)
    if not algorithm:
        raise UnusableKeys("the PEM is neither an RSA key of 2048 bits nor an Ed25519 key")
    return algorithm, "", key


def _from_jwk(entry: dict[str, Any]) -> Found | None:
    """A set may contain keys for other purposes, and secrets that do not belong in one: these are skipped."""
    if entry.get("kty") not in ("RSA", "OKP") or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        key = jwt.PyJWK(entry).key
    except jwt.PyJWTError:
        return None
    algorithm = _algorithm(key)
    return (
        (algorithm, str(entry.get("kid", "")), key) if algorithm and entry.get("alg", algorithm) == algorithm else None
    )


def _algorithm(key: object) -> str | None:
    """The one algorithm that a key is used with."""
    if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return "RS256"
    return "EdDSA" if isinstance(key, Ed25519PublicKey) else None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come only from the configured address: a redirect is an error like any other."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)
