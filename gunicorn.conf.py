"""The gunicorn configuration of Onward: gevent workers, settings from the environment, and a clean stop."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from contextlib import suppress  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import psycopg2  # noqa: E402

import own_packages  # noqa: E402

own_packages.refuse_others()

from foundation import hosts, logs, misspelt, poolers  # noqa: E402
from foundation.settings import Settings, SettingsError  # noqa: E402
from orders import receivers, workflow_file  # noqa: E402
from server import requests, succession, tls  # noqa: E402

try:
    settings = Settings.from_env(os.environ)
    workflow_file.load(settings.order_workflow)
    receivers.check(settings.receivers)
except SettingsError as error:
    sys.exit("\n".join(error.problems))

bind = settings.address
workers = settings.web_concurrency
worker_class = "server.worker.StreamWorker"
# A few more than the limit: one too many gets an error instead of waiting in a queue.
worker_connections = settings.connection_limit + 50
keepalive = settings.keepalive
# Not a limit for requests: a worker that gives no sign of life for this long, because some code blocks its only thread,
# is killed. Shorter than the lease of 15 s, after which others would do its work at the same time.
timeout = 10
graceful_timeout = 15
limit_request_line = 4096
limit_request_fields = 64
limit_request_field_size = 8190
# No peer may set the prefix that we are served under, or another path than the requested one: SCRIPT_NAME is a setting.
forwarder_headers = ""
# A socket of gunicorn's own in the home directory would outlive it and belong to whoever started it first.
control_socket_disable = True
loglevel = settings.log_level.lower()
logger_class = "foundation.server_log.ServerLog"
ssl_context = tls.context_for

# Counters of all workers add up over files in this folder; it has to be set before the first is imported, and empty. A
# given one is never deleted. This file is read again at each reload.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ["ONWARD_METRICS_DIR"] = tempfile.mkdtemp(
        prefix="onward-metrics-"
    )
metrics = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
metrics.mkdir(parents=True, exist_ok=True)
from foundation import metric_files  # noqa: E402

metric_files.install()


def on_starting(server: Any) -> None:
    """Start counting at 0, since what the last run left would be added; and do not start with receivers that cannot be
    imported, or behind an unsuitable pooler."""
    own_packages.refuse_others()  # again: --pythonpath has taken effect since
    if wrong := receivers.trial(settings.receivers):
        sys.exit(wrong)
    for file in metrics.glob("*.db"):
        file.unlink(missing_ok=True)
    # An unavailable database is no reason to exit: /readyz reports it, and checks its sessions when it is available.
    with suppress(psycopg2.Error):
        if wrong := poolers.unusable(settings.dsn):
            sys.exit(wrong)
    succession.install(server)
    # Here rather than in each worker, which then starts in a fifth of the time: a single one that was killed is missed.
    import app  # noqa: F401

    gc.freeze()  # the workers share this memory as long as no collection touches it


def when_ready(server: Any) -> None:
    """Warn of settings that are not read, and of sign-in buttons that strangers can reach; the address may come from
    the command line."""
    log = logs.get_logger(__name__)
    for name, setting in misspelt.misspelt(os.environ).items():
        log.warning(
            "settings.not_read", "A variable is not read: the setting has another name", name=name, setting=setting
        )
    listening = [str(listener) for listener in server.LISTENERS]
    inside = all(one.startswith(("http://127.", "http://[::1]", "unix:")) for one in listening)
    if settings.demo and (settings.public_url or not inside):
        log.warning(
            "demo.exposed",
            "DEMO=1 on a public address: anyone can sign in without a password, also as an operator",
            listening=listening,
            public_url=settings.public_url or None,
        )


def pre_fork(_server: Any, worker: Any) -> None:
    """Prepare to notice when the worker serves."""
    succession.note_birth(worker)


def child_exit(_server: Any, worker: Any) -> None:
    """Keep a dead worker's gauges from being counted as a live one's."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(_server: Any, _worker: Any) -> None:
    """Write what the last requests counted."""
    metric_files.flush()


def on_exit(_server: Any) -> None:
    """Clean up."""
    if own := os.environ.get("ONWARD_METRICS_DIR"):
        shutil.rmtree(own, ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Set what the worker does before it exits, and what answers plain requests."""
    from process import onward_of
    from server import headers, responses
    from server.admission import Admission

    onward = onward_of(worker.wsgi)
    worker.on_stop = onward.stop
    if settings.known_hosts:
        worker.read_plain = partial(requests.read, knows_host=hosts.one_of(settings.known_hosts))
    worker.open_stream = onward.realtime.fast_path.take if settings.detach_streams else None
    # Behind a proxy, every connection is the proxy's.
    counted = not settings.trusted_proxies and "*" not in worker.cfg.forwarded_allow_ips
    per_client = settings.connections_per_client if counted else 0
    worker.admission = Admission(settings.connection_limit, per_client, worker.cfg.forwarded_allow_networks())
    worker.encode = responses.Encoder(headers.of_api(settings)).encode
    worker.accept = onward.orders.fast_path.accept
    worker.body_seconds = settings.body_seconds
    # What lives as long as the process is never searched for garbage again: 140,000 objects, 70 ms at a time.
    gc.collect()
    gc.freeze()
