"""How gunicorn is told to serve: which of its limits has to be shorter than which of ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from side_effects.sweeper import LEASE_SECONDS
from tests.conftest import PROJECT, environment

PRINT_THEM = """
import json, runpy
read = runpy.run_path('gunicorn.conf.py')
from realtime.worker import STOP_SECONDS
print(json.dumps({name: read[name] for name in ('timeout', 'graceful_timeout', 'keepalive')} | {'stop': STOP_SECONDS}))
"""


@pytest.fixture(scope="module")
def settings():
    """As a process of its own reads them, since they come with gevent's patching."""
    env = environment("postgresql://nobody@127.0.0.1/nothing", PROMETHEUS_MULTIPROC_DIR="/nowhere")
    done = subprocess.run([sys.executable, "-c", PRINT_THEM], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_worker_that_stands_still_is_ended_before_others_do_its_work(settings):
    """After 60 s, as it was, a receiver that kept the only thread had stopped half of the service for a minute."""
    assert settings["timeout"] < LEASE_SECONDS


def test_a_stop_in_good_order_is_not_cut_short(settings):
    assert settings["stop"] < settings["graceful_timeout"]


def test_an_idle_connection_does_not_hold_up_a_stop(settings):
    assert settings["keepalive"] < settings["graceful_timeout"]
