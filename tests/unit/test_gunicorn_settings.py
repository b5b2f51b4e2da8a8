"""gunicorn's configuration: which of its limits has to be shorter than which of ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from foundation.settings import Settings
from side_effects.liveness import LEASE_SECONDS
from tests.conftest import PROJECT, environment

NOTHING = "postgresql://nobody@127.0.0.1/nothing"
PRINT_THEM = """
import json, runpy
read = runpy.run_path('gunicorn.conf.py')
from server.worker import STOP_SECONDS
names = ('timeout', 'graceful_timeout', 'worker_connections')
print(json.dumps({name: read[name] for name in names} | {'stop': STOP_SECONDS}))
"""


@pytest.fixture(scope="module")
def settings():
    """As a process of its own reads them, since they come with gevent's patching."""
    env = environment(NOTHING, PROMETHEUS_MULTIPROC_DIR="/nowhere")
    done = subprocess.run([sys.executable, "-c", PRINT_THEM], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_worker_that_stands_still_is_ended_before_others_do_its_work(settings):
    """After 60 s, as it was, a receiver that kept the only thread had stopped half of the service for a minute."""
    assert settings["timeout"] < LEASE_SECONDS


def test_a_stop_in_good_order_is_not_cut_short(settings):
    assert settings["stop"] < settings["graceful_timeout"]


def test_who_is_one_too_many_waits_in_no_queue_for_the_answer(settings):
    assert settings["worker_connections"] > Settings.from_env(environment(NOTHING)).connection_limit
