"""The forms that settings have: each reads the text of a variable, or says in one line what it must be."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from foundation import processors
from foundation.addresses import mailbox
from foundation.hosts import HOST_NAME, address_of, host_name, in_brackets, is_host

JWT_SECRET_BYTES = 32
"""The minimum length of an HS256 key (RFC 7518, section 3.2); PyJWT only warns below it."""

MOST_DIGITS = 18
"""More than any of our numbers has; Python refuses to parse thousands of them."""

MOST_WORKERS = 64

ENCRYPTION_KEY_BYTES = 32
"""The length of a key of AES-256."""

KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")

WEB_PORTS = {"http": 80, "https": 443}


def text(value: str) -> str:
    return value


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        digits = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
        if not digits or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def whole_number_or_none(low: int, high: int) -> Callable[[str], int | None]:
    return lambda value: whole_number(low, high)(value) if value else None


def workers(value: str) -> int:
    """PostgreSQL beside it needs as much of the processors as the workers do (docs/benchmarks.md)."""
    return whole_number(1, MOST_WORKERS)(value) if value else min(MOST_WORKERS, max(1, processors.usable() // 2))


def choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return value

    return parse


def switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return value == "1"


def maybe(value: str) -> bool | None:
    return switch(value) if value else None


def postgresql_url(value: str) -> str:
    """SQLAlchemy 2.1 takes a bare `postgresql://` for psycopg 3, so the driver is always named."""
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError("must begin with postgresql://")
    return "postgresql+psycopg2://" + rest


def signing_key(value: str) -> str:
    if len(value.encode()) < JWT_SECRET_BYTES:
        raise ValueError(f"must have at least {JWT_SECRET_BYTES} bytes")
    return value


def previous_key(value: str) -> str:
    return signing_key(value) if value else value


def keys_url(value: str) -> str:
    parts = _split(value)
    loopback = parts is not None and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if value and (
        not parts or not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback))
    ):
        raise ValueError("must begin with https://")
    return value


def web_url(value: str) -> str:
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


def origins(value: str) -> tuple[str, ...]:
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


def hosts(value: str) -> tuple[str, ...]:
    hosts = [in_brackets(one.strip().lower().removesuffix(".")) for one in value.split(",") if one.strip()]
    if not all(is_host(one) and host_name(one) == one for one in hosts):
        raise ValueError("must be host names like shop.example, without a scheme or a port")
    return tuple(hosts)


def modules(value: str) -> tuple[str, ...]:
    modules = tuple(dict.fromkeys(one.strip() for one in value.split(",") if one.strip()))
    if not all(part.isidentifier() for one in modules for part in one.split(".")):
        raise ValueError("must be names of Python modules like warehouse,crm")
    return modules


def _reachable(url: str) -> bool:
    """Whether a URL names a host, and a valid port, if any."""
    parts = _split(url)
    return parts is not None and bool(parts.hostname)


def smtp_url(value: str) -> str:
    parts = _split(value)
    if value and (not parts or parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError("must look like smtp://user:password@host:587")
    if parts and (parts.path.strip("/") or parts.query or parts.fragment):
        raise ValueError("must have nothing behind its port")
    if not unquote(urlsplit(value).netloc.rpartition("@")[0]).isascii():
        raise ValueError("must have an ASCII user and password, since AUTH carries nothing else")
    return value


def mail_from(value: str) -> str:
    try:
        return str(mailbox(value))
    except ValueError as error:
        raise ValueError("must be an e-mail address, or a name and an address such as Shop <o@shop.example>") from error


def redis_url(value: str) -> str:
    scheme = value.partition(":")[0].lower()
    if value and not (scheme == "redis+unix" or (scheme in ("redis", "rediss") and _reachable(value))):
        raise ValueError("must look like redis://host:6379")
    return value


def host(value: str) -> str:
    """A name or an address; an IPv6 address may be in brackets, as in a URL."""
    host = value.lower().removesuffix(".")
    if (address := address_of(host)) is not None:
        return address
    if not HOST_NAME.fullmatch(host):
        raise ValueError("must be an address or a host name like ::1 or localhost; PORT has the port")
    return host


def file(value: str) -> Path | None:
    return Path(value) if value else None


def networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        if "%" in value:
            raise ValueError("a scope such as %eth0")
        return tuple(ipaddress.ip_network(one.strip()) for one in value.split(",") if one.strip())
    except ValueError as error:
        raise ValueError("must be networks like 10.1.0.0/16 or fd00:1::/32, with zeros behind their length") from error


def secret_keys(value: str) -> tuple[tuple[str, bytes], ...]:
    """Pairs of an id and a key, the one that encrypts first."""
    keys = tuple(_secret_key(one.strip()) for one in value.split(",") if one.strip())
    if len({name for name, _ in keys}) < len(keys):
        raise ValueError("must not name a key twice")
    return keys


def _secret_key(text: str) -> tuple[str, bytes]:
    """One key; either alphabet of base64, with or without its padding (RFC 4648, sections 4 and 5)."""
    name, _, encoded = text.partition(":")
    plain = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not KEY_ID.fullmatch(name) or len(key) != ENCRYPTION_KEY_BYTES:
        raise ValueError(f"must be like 2026:<{ENCRYPTION_KEY_BYTES} bytes in base64>, comma-separated, newest first")
    return name, key
