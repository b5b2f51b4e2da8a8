"""Reads the environment once, reports all mistakes together, and is immutable afterwards."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

from foundation import processors
from foundation.addresses import mailbox
from foundation.hosts import HOST_NAME, address_of, host_name, in_brackets, is_host

JWT_SECRET_BYTES = 32
"""The minimum length of an HS256 key (RFC 7518, section 3.2); PyJWT only warns below it."""

MOST_DIGITS = 18
"""More than any of our numbers has; Python refuses to parse thousands of them."""

KEEPALIVE_SECONDS, PROXY_KEEPALIVE_SECONDS = 5, 75
"""nginx and HAProxy close connections that were idle for 60 s; one that we close first causes a 502 there."""

MOST_WORKERS = 64

WEB_PORTS = {"http": 80, "https": 443}

MODES = ("background", "sequential")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
REQUIRED = object()


class SettingsError(Exception):
    """Some settings cannot be used; `problems` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _text(value: str) -> str:
    return value


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        digits = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
        if not digits or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _whole_number_or_none(low: int, high: int) -> Callable[[str], int | None]:
    return lambda value: _whole_number(low, high)(value) if value else None


def _workers(value: str) -> int:
    """PostgreSQL beside it needs as much of the processors as the workers do (docs/benchmarks.md)."""
    return _whole_number(1, MOST_WORKERS)(value) if value else min(MOST_WORKERS, max(1, processors.usable() // 2))


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return value

    return parse


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return value == "1"


def _maybe(value: str) -> bool | None:
    return _switch(value) if value else None


def _postgresql_url(value: str) -> str:
    """SQLAlchemy 2.1 takes a bare `postgresql://` for psycopg 3, so the driver is always named."""
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError("must begin with postgresql://")
    return "postgresql+psycopg2://" + rest


def _signing_key(value: str) -> str:
    if len(value.encode()) < JWT_SECRET_BYTES:
        raise ValueError(f"must have at least {JWT_SECRET_BYTES} bytes")
    return value


def _previous_key(value: str) -> str:
    return _signing_key(value) if value else value


def _keys_url(value: str) -> str:
    parts = _split(value)
    loopback = parts is not None and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if value and (
        not parts or not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback))
    ):
        raise ValueError("must begin with https://")
    return value


def _web_url(value: str) -> str:
    """The base of links, to which paths are appended."""
    parts = _split(value)
    if value and not (parts and parts.scheme in ("http", "https") and is_host(parts.netloc)):
        raise ValueError("must look like https://orders.example.org: a name in ASCII, or an address, IPv6 in brackets")
    if parts and (parts.query or parts.fragment):
        raise ValueError("must have nothing behind its path")
    return value.rstrip("/")


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None if it cannot be one, as with an unclosed bracket or a port beyond 65535."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _origins(value: str) -> tuple[str, ...]:
    """As browsers write them (RFC 6454, section 6.1): in lower case, without the port that the scheme implies."""
    origins = []
    for one in filter(None, map(str.strip, value.split(","))):
        parts = _split(one)
        if not parts or parts.scheme not in WEB_PORTS or one.lower() != f"{parts.scheme}://{parts.netloc.lower()}":
            raise ValueError("must be origins like https://shop.example, without a path")
        if not is_host(parts.netloc):
            raise ValueError("must be origins like https://shop.example, with a name in ASCII and no user")
        origins.append(one.lower().removesuffix(f":{WEB_PORTS[parts.scheme]}"))
    return tuple(dict.fromkeys(origins))


def _hosts(value: str) -> tuple[str, ...]:
    hosts = [in_brackets(one.strip().lower().removesuffix(".")) for one in value.split(",") if one.strip()]
    if not all(is_host(one) and host_name(one) == one for one in hosts):
        raise ValueError("must be host names like shop.example, without a scheme or a port")
    return tuple(hosts)


def _modules(value: str) -> tuple[str, ...]:
    modules = tuple(dict.fromkeys(one.strip() for one in value.split(",") if one.strip()))
    if not all(part.isidentifier() for one in modules for part in one.split(".")):
        raise ValueError("must be names of Python modules like warehouse,crm")
    return modules


def _reachable(url: str) -> bool:
    """Whether a URL names a host, and a valid port, if any."""
    parts = _split(url)
    return parts is not None and bool(parts.hostname)


def _smtp_url(value: str) -> str:
    parts = _split(value)
    if value and (not parts or parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError("must look like smtp://user:password@host:587")
    if parts and (parts.path.strip("/") or parts.query or parts.fragment):
        raise ValueError("must have nothing behind its port")
    if not unquote(urlsplit(value).netloc.rpartition("@")[0]).isascii():
        raise ValueError("must have an ASCII user and password, since AUTH carries nothing else")
    return value


def _mail_from(value: str) -> str:
    try:
        return str(mailbox(value))
    except ValueError as error:
        raise ValueError("must be an e-mail address, or a name and an address such as Shop <o@shop.example>") from error


def _redis_url(value: str) -> str:
    scheme = value.partition(":")[0].lower()
    if value and not (scheme == "redis+unix" or (scheme in ("redis", "rediss") and _reachable(value))):
        raise ValueError("must look like redis://host:6379")
    return value


def _host(value: str) -> str:
    """A name or an address; an IPv6 address may be in brackets, as in a URL."""
    host = value.lower().removesuffix(".")
    if (address := address_of(host)) is not None:
        return address
    if not HOST_NAME.fullmatch(host):
        raise ValueError("must be an address or a host name like ::1 or localhost; PORT has the port")
    return host


def _file(value: str) -> Path | None:
    return Path(value) if value else None


def _setting(default: Any, meaning: str, parse: Callable[[str], Any] = _text) -> Any:
    return dataclasses.field(metadata={"default": default, "meaning": meaning, "parse": parse})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; the environment variable is the field's name in capitals."""

    host: str = _setting("127.0.0.1", "Address that gunicorn listens on.", _host)
    port: int = _setting("8000", "Port that gunicorn listens on.", _whole_number(1, 65535))
    database_url: str = _setting(REQUIRED, "PostgreSQL 15 or newer, as a URL.", _postgresql_url)
    data_dir: Path = _setting("data", "Folder for the embedded PostgreSQL and the generated secret.", Path)
    web_concurrency: int = _setting("", "Worker processes; empty: half of the cores, at least 1.", _workers)
    jwt_secret: str = _setting(REQUIRED, "Key that signs tokens and sessions, 32 bytes or more.", _signing_key)
    jwt_previous_secret: str = _setting(
        "", "The previous `JWT_SECRET`, while what it signed should stay valid.", _previous_key
    )
    jwt_key_file: str = _setting(
        "", "File with public keys that verify tokens: a JWK Set, or one PEM. RS256 and EdDSA."
    )
    jwks_url: str = _setting("", "URL of an identity provider's JWK Set.", _keys_url)
    jwt_issuer: str = _setting("onward", "Required `iss` of a token.")
    jwt_audience: str = _setting("onward", "Required `aud` of a token.")
    clock_leeway_seconds: int = _setting(
        "30", "Seconds that a token's `iat` and `nbf` may be ahead of the service's clock.", _whole_number(0, 300)
    )
    side_effects_mode: str = _setting(
        "background", "`background`, or `sequential`: every effect before the response.", _one_of(MODES)
    )
    order_workflow: Path | None = _setting(
        "", "File with a custom workflow table, in TOML; empty for the built-in one.", _file
    )
    log_level: str = _setting("INFO", "Lowest level that is logged.", _one_of(LOG_LEVELS))
    demo: bool = _setting("0", "1 shows the demo's sign-in buttons. Never in production.", _switch)
    cookie_secure: bool | None = _setting(
        "", "1 sends cookies over HTTPS only, 0 over HTTP too; empty: 1 if `PUBLIC_URL` starts with `https://`.", _maybe
    )
    hsts_seconds: int = _setting(
        "31536000",
        "`max-age` of Strict-Transport-Security, sent if `PUBLIC_URL` starts with `https://`; 0 sends no header.",
        _whole_number(0, 10**9),
    )
    session_idle_minutes: int = _setting(
        "720", "Idle timeout of a browser session, in minutes.", _whole_number(1, 10**6)
    )
    session_hours: int = _setting("168", "Maximum lifetime of a browser session, in hours.", _whole_number(1, 10**5))
    public_url: str = _setting("", "Public base URL of the service; empty: derived from HOST and PORT.", _web_url)
    trusted_hosts: tuple[str, ...] = _setting(
        "",
        "Hosts that requests may name besides that of `PUBLIC_URL`, comma-separated; empty for any.",
        _hosts,
    )
    trusted_proxies: int = _setting(
        "0", "Number of proxies in front whose `X-Forwarded-For` is trusted.", _whole_number(0, 16)
    )
    body_seconds: int = _setting("8", "Timeout for a request's body, in seconds.", _whole_number(1, 600))
    keepalive_seconds: int | None = _setting(
        "",
        "Idle timeout of a client connection, in seconds; empty: 75 if `TRUSTED_PROXIES` is not 0, otherwise 5.",
        _whole_number_or_none(5, 3600),
    )
    connection_limit: int = _setting(
        "2000", "Maximum client connections per process, not counting detached streams.", _whole_number(10, 10**5)
    )
    connections_per_client: int = _setting(
        "200", "Maximum connections per client address and process; 0 for no limit.", _whole_number(0, 10**5)
    )
    hot_connections: int = _setting("4", "Database connections for PATCH, per process.", _whole_number(1, 64))
    cold_connections: int = _setting(
        "3", "Database connections for all other requests, per process.", _whole_number(1, 64)
    )
    queue_limit: int = _setting(
        "20000", "Maximum side effects queued in a process; the rescuer picks up the rest.", _whole_number(1, 10**6)
    )
    signal_concurrency: int = _setting(
        "32", "Signal receivers that run at the same time, per process.", _whole_number(1, 10**4)
    )
    receivers: tuple[str, ...] = _setting(
        "", "Python modules of your own with signal receivers, separated by commas; imported at start.", _modules
    )
    stream_limit: int = _setting("10000", "Maximum open live streams per process.", _whole_number(1, 10**5))
    streams_per_person: int = _setting(
        "6", "Maximum streams per user and process. Opening one more closes the oldest.", _whole_number(1, 10**4)
    )
    stream_lifetime: int = _setting("600", "Seconds after which a stream is renewed, ± 20 %.", _whole_number(1, 86400))
    detach_streams: bool = _setting("1", "0 lets gunicorn write the streams, at 50 times the memory.", _switch)
    replay_connections: int = _setting(
        "2", "Database connections for replays that go beyond the events in memory, per process.", _whole_number(1, 8)
    )
    smtp_url: str = _setting("", "Mail server for status e-mails: `smtp://` or `smtps://`, empty for none.", _smtp_url)
    smtp_cleartext_auth: bool = _setting(
        "0",
        "1 sends the password of `SMTP_URL` in clear text if the server offers no STARTTLS.",
        _switch,
    )
    mail_from: str = _setting(
        "orders@localhost", "Sender of status e-mails: an address, or `A Shop <orders@shop.example>`.", _mail_from
    )
    require_if_match: bool = _setting("0", "1 refuses status changes without `If-Match` with 428.", _switch)
    rate_limit_reads: int = _setting(
        "0", "Reads per second and principal that a process accepts; 0 for no limit.", _whole_number(0, 10**6)
    )
    rate_limit_writes: int = _setting(
        "0", "Writes per second and principal that a process accepts; 0 for no limit.", _whole_number(0, 10**6)
    )
    redis_url: str = _setting(
        "",
        "Redis in which all processes count requests together: `redis://`; empty: each process counts its own.",
        _redis_url,
    )
    cors_origins: tuple[str, ...] = _setting(
        "", "Origins whose pages may use the API with a token, comma-separated; empty for none.", _origins
    )
    notification_days: int = _setting(
        "90", "Days after which a notification is deleted, read or not.", _whole_number(1, 36500)
    )
    sellers_see_contact: bool = _setting(
        "0", "1 shows sellers the e-mail address and phone number of their buyers unmasked.", _switch
    )
    retention_hours: int = _setting(
        "24", "Hours for which live events can be replayed and finished side effects are kept.", _whole_number(1, 8760)
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read all settings; raises SettingsError with a line for each that is missing or invalid."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            name = field.name.upper()
            given = env.get(name) or field.metadata["default"]
            if given is REQUIRED:
                problems.append(f"{name} is missing: {field.metadata['meaning']}")
                continue
            try:
                values[field.name] = field.metadata["parse"](given)
            except ValueError as error:
                # The value is not repeated: it may be a secret under the wrong name.
                problems.append(f"{name} {error}.")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def link(self, path: str) -> str:
        """The URL of a page, for use outside of the service."""
        return (self.public_url or self.local_url) + path

    @property
    def https(self) -> bool:
        """Whether people reach the service over HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are sent over HTTPS only."""
        return self.https if self.cookie_secure is None else self.cookie_secure

    @property
    def address(self) -> str:
        """The address that gunicorn listens on, in URL form."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def known_hosts(self) -> frozenset[str]:
        """The hosts that requests may name; empty if any is accepted."""
        own = {host_name(urlsplit(self.public_url).netloc.rpartition("@")[2])} if self.public_url else set()
        return frozenset({*self.trusted_hosts, *own}) if self.trusted_hosts else frozenset()

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def keepalive(self) -> int:
        """Seconds that a connection may be idle."""
        return self.keepalive_seconds or (PROXY_KEEPALIVE_SECONDS if self.trusted_proxies else KEEPALIVE_SECONDS)

    @property
    def local_url(self) -> str:
        """The URL for browsers and programs on this machine; a wildcard address cannot be called."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{dataclasses.replace(self, host=host).address}"

    @property
    def signing_keys(self) -> list[str]:
        """The keys that may have signed a link, the current one last."""
        return [key for key in (self.jwt_previous_secret, self.jwt_secret) if key]

    @property
    def dsn(self) -> str:
        """The database's address for libpq."""
        return self.database_url.replace("postgresql+psycopg2://", "postgresql://", 1)
