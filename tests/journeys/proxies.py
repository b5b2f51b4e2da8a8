"""The proxies of deploy/proxies, run unchanged: only addresses, certificate and sizes are replaced."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PROJECT
from tests.facts import eventually

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
PROGRAMS = {"nginx": "nginx.conf", "caddy": "Caddyfile", "haproxy": "haproxy.cfg"}
SERVICE = "127.0.0.1:8000"
NAME = "orders.example.org"
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Reply:
    """What came back through a proxy."""

    status: int
    headers: dict[str, str]
    cookies: str
    """As they are sent back."""

    body: bytes


@dataclass(frozen=True)
class Proxy:
    """A running proxy, spoken to over TLS."""

    port: int
    certificate: Path

    def connect(self, source: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """A connection that can be asked for exactly what is written, from this address."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=trust, source_address=(source, 0)
        )

    def send(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None, source: str = "127.0.0.1"
    ) -> Reply:
        with closing(self.connect(source)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            cookies = [one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie", [])]
            return Reply(answer.status, found, "; ".join(cookies), answer.read())


def installed(name: str) -> bool:
    return shutil.which(name, path=PATH) is not None


@contextmanager
def running(name: str, service: str) -> Iterator[Proxy]:
    """This proxy in front of the service at this address."""
    with tempfile.TemporaryDirectory(prefix=f"onward-{name}-") as folder:
        here = Path(folder)
        here.chmod(0o755)
        _make_certificate(here)
        ports = _free_ports(2)
        text = (PROJECT / "deploy" / "proxies" / PROGRAMS[name]).read_text()
        assert SERVICE in text
        file = here / PROGRAMS[name]
        file.write_text(_FIT[name](text.replace(SERVICE, service), here, ports))
        log = (here / "log").open("wb")
        process = subprocess.Popen(
            [shutil.which(name, path=PATH) or name, *_arguments(name, file)],
            cwd=here,
            env={"PATH": PATH, "HOME": folder},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: _listens(ports[1]) or process.poll() is not None)
            assert process.poll() is None, (here / "log").read_text()
            yield Proxy(ports[1], here / "certificate.pem")
        finally:
            process.terminate()
            process.wait(10)
            log.close()


def _arguments(name: str, file: Path) -> list[str]:
    return {
        "nginx": ["-p", str(file.parent), "-c", str(file), "-e", "stderr"],
        "caddy": ["run", "--config", str(file), "--adapter", "caddyfile"],
        "haproxy": ["-db", "-f", str(file)],
    }[name]


def _for_nginx(text: str, here: Path, ports: list[int]) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"    {kind}_temp_path {here}/{kind};\n" for kind in kinds)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{ports[0]};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{ports[1]} ")
    text = text.replace(f"/etc/ssl/{NAME}.pem", f"{here}/certificate.pem")
    text = text.replace(f"/etc/ssl/{NAME}.key", f"{here}/key.pem")
    return f"daemon off;\npid {here}/pid;\n" + text.replace("http {\n", f"http {{\n{own}    access_log off;\n", 1)


def _for_caddy(text: str, here: Path, ports: list[int]) -> str:
    site = f"https://127.0.0.1:{ports[1]} {{\n\ttls {here}/certificate.pem {here}/key.pem"
    text = text.replace("grace_period 10s", "grace_period 1s\n\tadmin off\n\tauto_https disable_redirects")
    return text.replace(f"\n{NAME} {{", f"\n{site}", 1)


def _for_haproxy(text: str, here: Path, ports: list[int]) -> str:
    text = text.replace("bind :80\n", f"bind 127.0.0.1:{ports[0]}\n").replace(
        "bind :443 ", f"bind 127.0.0.1:{ports[1]} "
    )
    text = text.replace("maxconn 8000 ", "maxconn 200 ")  # whatever number of open files is allowed here
    return text.replace(f"/etc/haproxy/{NAME}.pem", f"{here}/both.pem")


_FIT = {"nginx": _for_nginx, "caddy": _for_caddy, "haproxy": _for_haproxy}


def _make_certificate(here: Path) -> None:
    """One that signs itself, for 127.0.0.1."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ("-keyout", "key.pem", "-out", "certificate.pem", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run([*command.split(), *files], cwd=here, check=True, capture_output=True)
    (here / "both.pem").write_text((here / "certificate.pem").read_text() + (here / "key.pem").read_text())


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
