"""Reads the environment once, reports all mistakes together, and is immutable afterwards."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from foundation import setting_forms as form
from foundation.hosts import host_name
from foundation.languages import LANGUAGES

KEEPALIVE_SECONDS, PROXY_KEEPALIVE_SECONDS = 5, 75
"""nginx and HAProxy close connections that were idle for 60 s; one that we close first causes a 502 there."""

MODES = ("background", "sequential")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
REQUIRED = object()


class SettingsError(Exception):
    """Some settings cannot be used; `problems` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(default: Any, meaning: str, parse: Callable[[str], Any] = form.text) -> Any:
    return dataclasses.field(metadata={"default": default, "meaning": meaning, "parse": parse})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; the environment variable is the field's name in capitals."""

    host: str = _setting("127.0.0.1", "Address that gunicorn listens on.", form.host)
    port: int = _setting("8000", "Port that gunicorn listens on.", form.whole_number(1, 65535))
    database_url: str = _setting(REQUIRED, "PostgreSQL 15 or newer, as a URL.", form.postgresql_url)
    data_dir: Path = _setting("data", "Folder for the embedded PostgreSQL and the generated secret.", Path)
    web_concurrency: int = _setting("", "Worker processes; empty: half of the cores, at least 1.", form.workers)
    jwt_secret: str = _setting(REQUIRED, "Key that signs tokens and sessions, 32 bytes or more.", form.signing_key)
    jwt_previous_secret: str = _setting(
        "", "The previous `JWT_SECRET`, while what it signed should stay valid.", form.previous_key
    )
    jwt_key_file: str = _setting(
        "", "File with public keys that verify tokens: a JWK Set, or one PEM. RS256 and EdDSA."
    )
    jwks_url: str = _setting("", "URL of an identity provider's JWK Set.", form.keys_url)
    jwt_issuer: str = _setting("onward", "Required `iss` of a token.")
    jwt_audience: str = _setting("onward", "Required `aud` of a token.")
    clock_leeway_seconds: int = _setting(
        "30", "Seconds that a token's `iat` and `nbf` may be ahead of the service's clock.", form.whole_number(0, 300)
    )
    side_effects_mode: str = _setting(
        "background", "`background`, or `sequential`: every effect before the response.", form.choice(MODES)
    )
    order_workflow: Path | None = _setting(
        "", "File with a custom workflow table, in TOML; empty for the built-in one.", form.file
    )
    default_language: str = _setting(
        "en", "Language of people who chose none and whose browser asks for none that there is.", form.choice(LANGUAGES)
    )
    templates_folder: Path | None = _setting(
        "", "Folder with templates of your own, which replace ours; empty for none.", form.file
    )
    log_level: str = _setting("INFO", "Lowest level that is logged.", form.choice(LOG_LEVELS))
    demo: bool = _setting("0", "1 shows the demo's sign-in buttons. Never in production.", form.switch)
    cookie_secure: bool | None = _setting(
        "",
        "1 sends cookies over HTTPS only, 0 over HTTP too; empty: 1 if `PUBLIC_URL` starts with `https://`.",
        form.maybe,
    )
    hsts_seconds: int = _setting(
        "31536000",
        "`max-age` of Strict-Transport-Security, sent if `PUBLIC_URL` starts with `https://`; 0 sends no header.",
        form.whole_number(0, 10**9),
    )
    session_idle_minutes: int = _setting(
        "720", "Idle timeout of a browser session, in minutes.", form.whole_number(1, 10**6)
    )
    session_hours: int = _setting(
        "168", "Maximum lifetime of a browser session, in hours.", form.whole_number(1, 10**5)
    )
    public_url: str = _setting("", "Public base URL of the service; empty: derived from HOST and PORT.", form.web_url)
    trusted_hosts: tuple[str, ...] = _setting(
        "",
        "Hosts that requests may name besides that of `PUBLIC_URL`, comma-separated; empty for any.",
        form.hosts,
    )
    trusted_proxies: int = _setting(
        "0", "Number of proxies in front whose `X-Forwarded-For` is trusted.", form.whole_number(0, 16)
    )
    body_seconds: int = _setting("8", "Timeout for a request's body, in seconds.", form.whole_number(1, 600))
    keepalive_seconds: int | None = _setting(
        "",
        "Idle timeout of a client connection, in seconds; empty: 75 if `TRUSTED_PROXIES` is not 0, otherwise 5.",
        form.whole_number_or_none(5, 3600),
    )
    connection_limit: int = _setting(
        "2000", "Maximum client connections per process, not counting detached streams.", form.whole_number(10, 10**5)
    )
    connections_per_client: int = _setting(
        "200", "Maximum connections per client address and process; 0 for no limit.", form.whole_number(0, 10**5)
    )
    hot_connections: int = _setting("4", "Database connections for PATCH, per process.", form.whole_number(1, 64))
    cold_connections: int = _setting(
        "3", "Database connections for all other requests, per process.", form.whole_number(1, 64)
    )
    queue_limit: int = _setting(
        "20000", "Maximum side effects queued in a process; the rescuer picks up the rest.", form.whole_number(1, 10**6)
    )
    signal_concurrency: int = _setting(
        "32", "Signal receivers that run at the same time, per process.", form.whole_number(1, 10**4)
    )
    receivers: tuple[str, ...] = _setting(
        "", "Python modules of your own with signal receivers, separated by commas; imported at start.", form.modules
    )
    stream_limit: int = _setting("10000", "Maximum open live streams per process.", form.whole_number(1, 10**5))
    streams_per_person: int = _setting(
        "6", "Maximum streams per user and process. Opening one more closes the oldest.", form.whole_number(1, 10**4)
    )
    streams_per_address: int = _setting(
        "100",
        "Maximum streams by tracking links per client address and process; further ones are refused.",
        form.whole_number(1, 10**5),
    )
    stream_lifetime: int = _setting(
        "600", "Seconds after which a stream is renewed, ± 20 %.", form.whole_number(1, 86400)
    )
    detach_streams: bool = _setting("1", "0 lets gunicorn write the streams, at 50 times the memory.", form.switch)
    replay_connections: int = _setting(
        "2",
        "Database connections for replays that go beyond the events in memory, per process.",
        form.whole_number(1, 8),
    )
    smtp_url: str = _setting("", "Mail server for e-mails: `smtp://` or `smtps://`, empty for none.", form.smtp_url)
    smtp_cleartext_auth: bool = _setting(
        "0",
        "1 sends the password of `SMTP_URL` in clear text if the server offers no STARTTLS.",
        form.switch,
    )
    mail_from: str = _setting(
        "orders@localhost", "Sender of e-mails: an address, or `A Shop <orders@shop.example>`.", form.mail_from
    )
    mail_folder: Path | None = _setting(
        "", "Folder with the demo's e-mails: those of its own mail server, which `make run` starts.", form.file
    )
    alert_dead_letters: int = _setting(
        "100",
        "Dead letters beyond which operators are alerted by e-mail, once a day; 0 for never.",
        form.whole_number(0, 10**4),
    )
    require_if_match: bool = _setting("0", "1 refuses status changes without `If-Match` with 428.", form.switch)
    rate_limit_reads: int = _setting(
        "0", "Reads per second and principal that a process accepts; 0 for no limit.", form.whole_number(0, 10**6)
    )
    rate_limit_writes: int = _setting(
        "0", "Writes per second and principal that a process accepts; 0 for no limit.", form.whole_number(0, 10**6)
    )
    rate_limit_messages: int = _setting(
        "120", "Messages per minute and person that a process accepts; 0 for no limit.", form.whole_number(0, 10**6)
    )
    redis_url: str = _setting(
        "",
        "Redis in which all processes count requests together: `redis://`; empty: each process counts its own.",
        form.redis_url,
    )
    cors_origins: tuple[str, ...] = _setting(
        "",
        "Origins whose pages may use the API with a token, and show orders by tracking links; comma-separated, empty "
        "for none.",
        form.origins,
    )
    notification_days: int = _setting(
        "90",
        "Days after which a notification is deleted, read or not, and a bulk change that has ended.",
        form.whole_number(1, 36500),
    )
    sellers_see_contact: bool = _setting(
        "0", "1 shows sellers the e-mail address and phone number of their buyers unmasked.", form.switch
    )
    webhook_secret_keys: tuple[tuple[str, bytes], ...] = _setting(
        "",
        "Keys that encrypt the secrets of webhooks, `id:base64` of 32 bytes each, newest first; empty: no webhooks.",
        form.secret_keys,
    )
    webhook_allow_nets: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = _setting(
        "",
        "Networks inside of yours that webhooks may reach, also without TLS, like `10.1.0.0/16`; empty for none.",
        form.networks,
    )
    webhook_log_days: int = _setting(
        "30", "Days for which attempts at deliveries to webhooks are kept.", form.whole_number(1, 36500)
    )
    webhook_disable_hours: int = _setting(
        "72", "Hours of nothing but failures after which a webhook endpoint is disabled.", form.whole_number(1, 8760)
    )
    webhook_retry_divisor: int = _setting(
        "1",
        "Divides the time between attempts at deliveries, and until an endpoint is disabled; for trials.",
        form.whole_number(1, 10**6),
    )
    retention_hours: int = _setting(
        "24",
        "Hours for which live events can be replayed, and finished side effects and records of streams are kept.",
        form.whole_number(1, 8760),
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
        if values.get("mail_folder") and not values.get("demo"):
            problems.append("MAIL_FOLDER is for the demo: e-mails in it reach nobody. Set SMTP_URL instead.")
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
