"""The measured stream servers: this service, nchan, flask-sse and sse-starlette, each on one core."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from access.revocations import Revocations
from access.tokens import Tokens
from access.tracking_links import TrackingLinks
from benchmarks.contender import BenchmarkError, Process, free_port, gunicorn
from benchmarks.database import PROJECT, Database
from benchmarks.redis_server import Redis
from benchmarks.streams_client import SERVER_CORE, pinned
from foundation.settings import Settings

NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NGINX = """
daemon off; worker_processes 1; load_module %(module)s; pid %(folder)s/pid; error_log %(folder)s/errors;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
    access_log off; nchan_max_reserved_memory 256m;
    client_body_temp_path %(folder)s; proxy_temp_path %(folder)s; fastcgi_temp_path %(folder)s;
    uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s;
    server {
        listen 127.0.0.1:%(port)d backlog=4096; keepalive_requests 100000000; keepalive_timeout 600;
        location = /readyz { return 200 "{}"; }
        location = /publish { nchan_publisher; nchan_channel_id $arg_channel; nchan_message_buffer_length 10; }
        location = /stream {
            nchan_subscriber eventsource; nchan_channel_id $arg_channel; nchan_subscriber_first_message newest;
            nchan_eventsource_ping_interval 15; nchan_subscriber_timeout 0;
        }
    }
}
"""

Stream = tuple[int, str, str]
"""Its channel, its target, and the header of its request."""


@dataclass
class StreamServer:
    """A server on one core, with everything it needs; subclasses say which."""

    name: str
    publishes: str = "post /publish?channel=%d"
    """How the client publishes to it."""

    blind: bool = False
    """It sends no head before the first event."""

    core: str = SERVER_CORE
    port: int = 0
    pids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._process: Process | None = None

    def start(self) -> None:
        self.port = free_port()
        command, cwd, env = self.command()
        self._process = Process([*pinned(self.core), *command], cwd, env)
        self.pids = [self._process.pid]
        self._process.wait_until(self._ready)

    def command(self) -> tuple[Sequence[str | Path], Path, dict[str, str]]:
        """The command, its folder, and its environment."""
        raise NotImplementedError

    def streams(self, count: int, channels: int) -> Iterator[Stream]:
        """This many streams over this many channels."""
        for number in range(count):
            yield number % channels, f"/stream?channel={number % channels}", ""

    def memory(self) -> int:
        """Bytes of all its processes: which of them has the streams cannot be seen from here."""
        processes = [one for pid in self.pids for one in (psutil.Process(pid), *psutil.Process(pid).children())]
        return sum(int(one.memory_info().rss) for one in processes)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    @property
    def ordered(self) -> bool:
        """Whether events are published over one connection; over several, events may overtake each other."""
        return not self.publishes.startswith("post")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False


class Ours(StreamServer):
    """This service with one worker; each stream has a token of its own, and its events bypass the database."""

    def __init__(self, database: Database, folder: Path, name: str = "Onward", **env: str) -> None:
        self._database = database
        self._bus = Path(tempfile.mkdtemp(dir=folder), "bus")
        self._env = env
        super().__init__(name, f"bus {self._bus}", core=self.core)

    def command(self) -> tuple[Sequence[str | Path], Path, dict[str, str]]:
        self._bus.unlink(missing_ok=True)
        own = {"PORT": str(self.port), "WEB_CONCURRENCY": "1", "STREAM_LIMIT": "19000", "BENCHMARK_BUS": str(self._bus)}
        self.env = self._database.environment() | own | self._env
        return gunicorn("benchmarks.streaming_wsgi"), PROJECT, self.env

    def streams(self, count: int, channels: int) -> Iterator[Stream]:
        """Sellers' own channels; with many streams of one channel, those of a service that names it."""
        tokens = Tokens.of(Settings.from_env(self.env))
        for number in range(count):
            channel = number % channels
            if count // channels <= 4:
                # Each lives a second longer than the one before, so all are different and have to be verified.
                token = tokens.issue("seller", 1 + channel, lifetime=86400 + number)
                yield channel, "/api/stream", f"Authorization: Bearer {token}"
            else:
                token = tokens.issue("service", 1 + number)
                yield channel, f"/api/stream?channels=seller:{1 + channel}", f"Authorization: Bearer {token}"


class OfLinks(Ours):
    """The same, where each stream follows an order of its own by a tracking link."""

    def streams(self, count: int, channels: int) -> Iterator[Stream]:
        """Links are signed and not stored, so the orders need not exist."""
        links = TrackingLinks(Settings.from_env(self.env), Revocations())
        for number in range(count):
            url, _ = links.make(1 + number, 1 + number)
            yield number % channels, f"{urlsplit(url).path}/stream", "Accept: text/event-stream"


class Nchan(StreamServer):
    """Debian's nginx with the module nchan, as a process of our own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__("nchan")

    def command(self) -> tuple[Sequence[str | Path], Path, dict[str, str]]:
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if nginx is None or not NCHAN.exists():
            raise BenchmarkError("nginx with nchan is needed (Debian: apt-get install nginx libnginx-mod-nchan).")
        home = Path(tempfile.mkdtemp(dir=self._folder))
        home.chmod(0o777)  # started by root, its worker is nobody
        configuration = home / "nginx.conf"
        configuration.write_text(NGINX % {"module": NCHAN, "folder": home, "port": self.port})
        return [nginx, "-p", home, "-c", configuration], home, {"PATH": os.environ["PATH"]}


class FlaskSse(StreamServer):
    """flask-sse under gunicorn with gevent; its Redis shares the core."""

    def __init__(self, python: Path, redis: Redis) -> None:
        self._python = python
        self._redis = redis
        super().__init__("flask-sse (Redis)", f"redis {redis.socket}", blind=True)
        os.sched_setaffinity(redis.pids[0], {int(SERVER_CORE)})

    def command(self) -> tuple[Sequence[str | Path], Path, dict[str, str]]:
        options = ("--worker-class", "gevent", "--worker-connections", "19000", "--log-level", "warning")
        command = (self._python, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{self.port}")
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "REDIS_SOCKET": str(self._redis.socket)}
        # A folder without the service's own gunicorn.conf.py, which gunicorn would take up by itself.
        return [*command, "benchmarks.peers.sse_flask:app"], PROJECT / "benchmarks" / "peers", env


class Starlette(StreamServer):
    """sse-starlette under uvicorn with uvloop and httptools."""

    def __init__(self, python: Path) -> None:
        self._python = python
        super().__init__("sse-starlette (uvicorn)")

    def command(self) -> tuple[Sequence[str | Path], Path, dict[str, str]]:
        app = "benchmarks.peers.sse_starlette_hub:app"
        options = ["--port", str(self.port), "--log-level", "warning", "--no-access-log", "--backlog", "4096"]
        options += ["--timeout-keep-alive", "600"]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)}
        return [self._python, "-m", "uvicorn", app, *options], PROJECT, env
