"""Settings are read once, and all mistakes are reported together."""

from __future__ import annotations

import base64
import dataclasses
import re
from pathlib import Path

import pytest

from foundation import processors
from foundation.misspelt import misspelt
from foundation.settings import REQUIRED, Settings, SettingsError

GOOD = {"DATABASE_URL": "postgres://bob@db/onward?sslmode=require", "JWT_SECRET": "s" * 32}


def problems(**env):
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(GOOD | env)
    return refused.value.problems


def test_two_settings_are_enough():
    settings = Settings.from_env(GOOD)

    assert ("127.0.0.1", 8000, False) == (settings.host, settings.port, settings.demo)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (3, 1), (8, 4), (512, 64)])
def test_half_of_the_cores_get_a_worker(monkeypatch, cores, workers):
    """The other half is PostgreSQL's; a second worker on two cores made changes a fifth to a half slower."""
    monkeypatch.setattr(processors, "usable", lambda: cores)

    assert workers == Settings.from_env(GOOD).web_concurrency
    assert 2 == Settings.from_env(GOOD | {"WEB_CONCURRENCY": "2"}).web_concurrency


def test_a_containers_quota_counts_as_cores(tmp_path):
    """Of a group or of one above it; without one, what the process may run on."""
    own, groups = tmp_path / "own", tmp_path / "groups"
    group = groups / "shop" / "onward"
    group.mkdir(parents=True)
    own.write_text("0::/shop/onward\n")
    everything = processors.usable(tmp_path / "missing", groups)
    assert everything >= 1
    assert everything == processors.usable(own, groups)

    (group / "cpu.max").write_text("max 100000\n")
    (group.parent / "cpu.max").write_text("150000 100000\n")
    assert 1 == processors.usable(own, groups)


def test_behind_a_proxy_an_idle_connection_outlives_the_proxys_patience():
    """nginx keeps one for 60 s; one that had been closed here meanwhile made one request in 70 a 502."""
    assert Settings.from_env(GOOD | {"TRUSTED_PROXIES": "1"}).keepalive > 60
    assert Settings.from_env(GOOD).keepalive == 5
    assert Settings.from_env(GOOD | {"TRUSTED_PROXIES": "1", "KEEPALIVE_SECONDS": "9"}).keepalive == 9
    assert ["KEEPALIVE_SECONDS must be a whole number from 5 to 3600."] == problems(KEEPALIVE_SECONDS="4")


def test_any_spelling_of_the_url_names_the_driver():
    settings = Settings.from_env(GOOD)

    assert "postgresql+psycopg2://bob@db/onward?sslmode=require" == settings.database_url
    assert "postgresql://bob@db/onward?sslmode=require" == settings.dsn


def test_all_mistakes_are_told_together():
    wrong = problems(PORT="http", DATABASE_URL="sqlite://", JWT_SECRET="short", SIDE_EFFECTS_MODE="sometimes")

    assert ["PORT", "DATABASE_URL", "JWT_SECRET", "SIDE_EFFECTS_MODE"] == [line.split()[0] for line in wrong]
    assert not any("\n" in line for line in wrong)


def test_what_is_required_is_named():
    with pytest.raises(SettingsError, match="DATABASE_URL is missing"):
        Settings.from_env({})


def test_a_secret_is_never_repeated():
    assert not any("hunter2" in line for line in problems(JWT_SECRET="hunter2"))


@pytest.mark.parametrize("value", ["0", "65536", "-1", "8000.0", "٨", "1e3"])
def test_a_port_is_a_port(value):
    assert 1 == len(problems(PORT=value))


def test_an_empty_variable_is_one_that_is_not_set():
    assert 8000 == Settings.from_env(GOOD | {"PORT": ""}).port


def test_every_setting_is_documented_with_its_default_and_its_meaning():
    text = (Path(__file__).resolve().parents[2] / "docs/settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| (.*) \|$", text, re.MULTILINE)
    expected = [
        (
            field.name.upper(),
            "required" if field.metadata["default"] is REQUIRED else f"`{field.metadata['default']}`",
            field.metadata["meaning"],
        )
        for field in dataclasses.fields(Settings)
    ]

    assert expected == [(name, default.strip(), meaning) for name, default, meaning in rows]


@pytest.mark.parametrize(
    "setting",
    [
        ("SMTP_URL", "smtp://mail:2525x"),
        ("SMTP_URL", "smtp://mail:99999"),
        ("REDIS_URL", "redis://cache:abc"),
        ("REDIS_URL", "redis://"),
    ],
    ids=" ".join,
)
def test_an_address_with_a_port_that_cannot_be_is_refused(setting):
    with pytest.raises(SettingsError):
        Settings.from_env(GOOD | dict([setting]))


def test_an_address_of_ipv6_stands_in_brackets():
    settings = Settings.from_env(GOOD | {"HOST": "::1"})

    assert ("[::1]:8000", "http://[::1]:8000/x") == (settings.address, settings.link("/x"))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("LOCALHOST.", "localhost"),
        ("10.0.0.7", "10.0.0.7"),
        ("::", "::"),
        ("shop-1.internal", "shop-1.internal"),
    ],
)
def test_a_host_is_an_address_or_a_name(given, read):
    assert read == Settings.from_env(GOOD | {"HOST": given}).host


@pytest.mark.parametrize(
    "host", ["[::1]:8000", "localhost:80", "127.1", "1.2.3.256", "[127.0.0.1]", "[::1", "a b", "*"]
)
def test_a_host_that_is_none_is_refused_with_the_reason(host):
    """gunicorn said "Name or service not known", or took the port for a part of the address."""
    assert ["HOST must be an address or a host name like ::1 or localhost; PORT has the port."] == problems(HOST=host)


def test_an_address_with_a_scope_is_refused():
    assert ["HOST must be an address without a scope such as %eth0."] == problems(HOST="fe80::1%eth0")


def test_loopback_is_loopback_however_it_is_written():
    """Otherwise the demo's buttons would be off, or on."""
    for host in ("[::1]", "LOCALHOST", "localhost.", "127.0.0.9"):
        assert Settings.from_env(GOOD | {"HOST": host}).on_loopback


@pytest.mark.parametrize(
    "url",
    ["https://::1", "https://[::1", "https://a.example:99999", "https://u:p@a.example", "ftp://a.example", "a.example"],
)
def test_a_public_url_that_cannot_be_called_is_refused_in_one_line(url):
    (line,) = problems(PUBLIC_URL=url)
    assert line.startswith("PUBLIC_URL must look like https://orders.example.org")


def test_a_public_url_may_be_an_address_and_has_nothing_behind_its_path():
    """The paths of links are appended to it."""
    settings = Settings.from_env(GOOD | {"PUBLIC_URL": "https://[2001:db8::7]:8443", "TRUSTED_HOSTS": "::1"})

    assert "https://[2001:db8::7]:8443/t/x" == settings.link("/t/x")
    assert {"[::1]", "[2001:db8::7]"} == settings.known_hosts
    assert ["PUBLIC_URL must have nothing behind its path."] == problems(PUBLIC_URL="https://a.example/?x=1")
    assert ["SMTP_URL must have nothing behind its port."] == problems(SMTP_URL="smtp://mail.example/?tls=1")


def test_an_origin_is_what_a_browser_sends():
    """`https://shop.example:443` was never equal to it."""
    given = "https://Shop.example:443, http://shop.example:8080,https://shop.example"

    assert ("https://shop.example", "http://shop.example:8080") == Settings.from_env(
        GOOD | {"CORS_ORIGINS": given}
    ).cors_origins
    for wrong in ("*", "null", "https://shop.example/", "https://u@shop.example", "https://[::1"):
        (line,) = problems(CORS_ORIGINS=wrong)
        assert line.startswith("CORS_ORIGINS must be origins like https://shop.example")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SIDE_EFECTS_MODE", "SIDE_EFFECTS_MODE"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("demo", "DEMO"),
        ("ONWARD_PUBLIC_URL", "PUBLIC_URL"),
        ("REQUIRE_IFMATCH", "REQUIRE_IF_MATCH"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
    ],
)
def test_a_variable_that_is_spelled_unlike_the_setting_is_noticed(name, meant):
    assert {name: meant} == misspelt([name, meant])


def test_variables_of_others_are_left_alone():
    others = [
        *("PATH", "HOME", "HOSTNAME", "PGPORT", "PGHOST", "LANG", "PWD", "USER", "SHELL", "TERM", "LOGNAME", "POST"),
        *("FLASK_APP", "PYTHONPATH", "GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR", "KUBERNETES_PORT", "TZ"),
        *("ONWARD_METRICS_DIR", "VIRTUAL_ENV", "INVOCATION_ID", "JOURNAL_STREAM", "DEBUG", "SECRET_KEY", "HTTP_PROXY"),
    ]

    assert {} == misspelt(others)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("orders@shop.example", "orders@shop.example"),
        ("My Shop, Inc <o@s.example>", '"My Shop, Inc" <o@s.example>'),
        ("o@müller.example", "o@xn--mller-kva.example"),
    ],
)
def test_the_sender_of_mail_is_one_address_with_or_without_a_name(given, read):
    assert read == Settings.from_env(GOOD | {"MAIL_FROM": given}).mail_from


@pytest.mark.parametrize("value", ["My Shop", "a@b.example, c@d.example", "My Shop <o@s.example", "ö@s.example", "<>"])
def test_a_sender_that_is_none_is_refused_in_one_line(value):
    """The envelope said `MAIL FROM:<My>`."""
    assert ["MAIL_FROM must be an e-mail address, or a name and an address such as Shop <o@shop.example>."] == problems(
        MAIL_FROM=value
    )


def test_a_password_that_no_mail_server_can_be_told_is_refused():
    (line,) = problems(SMTP_URL="smtp://shop:gehe%C3%AFm@mail.example")

    assert "ASCII" in line
    assert "gehe" not in line


def test_a_link_begins_with_an_address_that_can_be_called():
    assert "http://127.0.0.1:8104/t/x" == Settings.from_env(GOOD | {"HOST": "0.0.0.0", "PORT": "8104"}).link("/t/x")


def test_thousands_of_digits_are_no_number():
    assert ["PORT must be a whole number from 1 to 65535."] == problems(PORT="9" * 5000)


def test_trusted_hosts_are_names_without_a_port():
    settings = Settings.from_env(GOOD | {"TRUSTED_HOSTS": "Shop.example, [::1]", "PUBLIC_URL": "https://a.example:444"})

    assert {"shop.example", "[::1]", "a.example"} == settings.known_hosts
    assert set() == Settings.from_env(GOOD | {"PUBLIC_URL": "https://a.example"}).known_hosts
    for wrong in ("shop.example:80", "https://shop.example", "*", "a b", "shop.example/", "[::1]:80"):
        assert ["TRUSTED_HOSTS must be host names like shop.example, without a scheme or a port."] == problems(
            TRUSTED_HOSTS=wrong
        )


KEY = base64.b64encode(b"\xfe" * 32).decode()


@pytest.mark.parametrize("key", [KEY, KEY.rstrip("="), base64.urlsafe_b64encode(b"\xfe" * 32).decode()])
def test_keys_for_secrets_of_webhooks_have_names_and_the_newest_is_first(key):
    settings = Settings.from_env(GOOD | {"WEBHOOK_SECRET_KEYS": f"2026:{key}, old-1:{KEY}"})

    assert (("2026", b"\xfe" * 32), ("old-1", b"\xfe" * 32)) == settings.webhook_secret_keys
    assert () == Settings.from_env(GOOD).webhook_secret_keys


@pytest.mark.parametrize(
    "keys", [KEY, f":{KEY}", f"a b:{KEY}", f"1:{KEY[:-8]}", f"1:{KEY}x", "1:", f"1:{KEY},2", "1:ü"]
)
def test_keys_for_secrets_of_webhooks_that_are_none_are_refused_in_one_line(keys):
    (line,) = problems(WEBHOOK_SECRET_KEYS=keys)

    assert line.startswith("WEBHOOK_SECRET_KEYS must be like 2026:<32 bytes in base64>")
    assert KEY not in line
    assert ["WEBHOOK_SECRET_KEYS must not name a key twice."] == problems(WEBHOOK_SECRET_KEYS=f"1:{KEY},1:{KEY}")


def test_networks_that_webhooks_may_reach():
    settings = Settings.from_env(GOOD | {"WEBHOOK_ALLOW_NETS": "10.1.0.0/16, fd00:1::/32,192.168.0.7"})

    assert ["10.1.0.0/16", "fd00:1::/32", "192.168.0.7/32"] == [str(one) for one in settings.webhook_allow_nets]


@pytest.mark.parametrize(
    "nets", ["10.1.2.3/16", "intranet", "10.1", "10.0.0.0/33", "fd00::1%eth0", "10.0.0.0/8;10.1.0.0/16"]
)
def test_networks_that_are_none_are_refused_in_one_line(nets):
    (line,) = problems(WEBHOOK_ALLOW_NETS=nets)

    assert line.startswith("WEBHOOK_ALLOW_NETS must be networks like 10.1.0.0/16")


def test_e_mails_are_kept_in_a_folder_by_the_demo_alone():
    """In production, nobody would get them, and nobody would notice."""
    (problem,) = problems(MAIL_FOLDER="mail")

    assert "MAIL_FOLDER is for the demo" in problem
    assert Settings.from_env(GOOD | {"MAIL_FOLDER": "mail", "DEMO": "1"}).mail_folder
