"""What `make run` executes: one launcher that starts everything, prints how to get started, and stops everything."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from launch.plan import kept_secret
from tests.conftest import PROJECT
from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("launcher")]


@pytest.fixture(scope="module")
def data_dir():
    folder = Path(tempfile.mkdtemp(prefix="onward-run-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Launcher:
    """A running launcher and what it says."""

    def __init__(self, data_dir, port, command=(sys.executable, "-m", "launch"), **env):
        self.url = f"http://127.0.0.1:{port}"
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in stop
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "PORT": str(port)} | env,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def said(self):
        self._said.seek(0)
        return self._said.read()

    def ready(self):
        assert self.process.poll() is None, self.said
        return "Onward is ready" in self.said

    def stop(self):
        """Stop it, and return its exit status and the processes that it left behind."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        # Ctrl-C reaches both, make and what it runs; make would end at once of a signal that it alone is sent.
        launcher = next((child for child in children if child.cmdline()[1:3] == ["-m", "launch"]), self.process)
        launcher.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self._said.close()
        return status, psutil.wait_procs(children, timeout=5)[1]


def test_it_serves_greets_and_leaves_nothing_behind(data_dir, port):
    launcher = Launcher(data_dir, port)
    eventually(launcher.ready, within=90)
    assert 200 == requests.get(f"{launcher.url}/readyz", timeout=5).status_code

    curl = next(line for line in launcher.said.splitlines() if line.startswith("curl "))
    answer = subprocess.run(
        [*shlex.split(curl), "-s", "-w", " %{http_code}"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.endswith(" 200"), answer.stdout
    moved = re.search(r'"id":(\d+).*?"version":(\d+)', answer.stdout).groups()
    assert (0, []) == launcher.stop()

    again = Launcher(data_dir, port)
    eventually(again.ready, within=90)
    headers = {"Authorization": curl.rsplit("Authorization: ", 1)[1].rstrip("'")}
    order = requests.get(f"{again.url}/api/orders/{moved[0]}", headers=headers, timeout=5).json()
    assert int(moved[1]) == order["version"], "the data was kept, and so was the secret that signed the token"
    wanted = {"url": "https://shop.com/webhooks", "event_types": ["*"]}
    made = requests.post(f"{again.url}/api/webhooks", json=wanted, headers=headers, timeout=5)
    assert made.json()["secret"].startswith("whsec_"), "there is a key to encrypt it with"
    assert 0o600 == (data_dir / "webhook_secret_keys").stat().st_mode & 0o777
    assert (0, []) == again.stop()


NO_INSTALL = ("-o", ".venv/installed")
"""The tests run in an environment of their own kind, with all that `make run` needs."""


def test_the_readme_can_be_played_to_its_end(data_dir, port):
    """`make run`, the first curl, and `make demo` beside it, which finds the service wherever it listens."""
    launcher = Launcher(data_dir, port, ("make", *NO_INSTALL, "run"))
    eventually(launcher.ready, within=90)
    steps = ("Starting PostgreSQL", "Preparing the database", "Starting ", " on http", "Onward is ready")
    assert all(step in launcher.said for step in steps if step != steps[1] or "prepared" not in os.listdir(data_dir))

    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)}
    block = (PROJECT / "README.md").read_text().partition("## The first curl")[2].partition("```sh\n")[2]
    lines = block.partition("```")[0].replace("http://127.0.0.1:8000", launcher.url)
    first, stream = lines[: lines.index("curl -N")], lines[lines.index("curl -N") :].partition("#")[0]
    answer = subprocess.run(["bash", "-ec", first], cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    assert '"status":"CONFIRMED"' in answer.stdout, answer.stdout

    token = first.splitlines()[0]
    heard = subprocess.Popen(
        ["bash", "-c", f"{token}\nexec {stream}"], cwd=PROJECT, env=env, stdout=subprocess.PIPE, text=True
    )
    demo = subprocess.Popen(
        ["make", *NO_INSTALL, "demo", "ARGS=--per-minute 600 --minutes 2"],
        cwd=PROJECT,
        env=env | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    while sum(" to " in line for line in said) < 10:
        said.append(demo.stdout.readline())
        assert said[-1], said
    assert any("order.status_changed" in line for line in heard.stdout), "the stream tells of the moves"
    for command in (demo, heard):
        command.terminate()
        command.communicate(timeout=10)
    assert (0, []) == launcher.stop()


def test_who_asks_for_the_demo_is_warned_and_given_no_token(data_dir, port):
    launcher = Launcher(data_dir, port, HOST="0.0.0.0", DEMO="1")
    eventually(launcher.ready, within=90)
    assert "WARNING: DEMO=1" in launcher.said
    assert "Bearer" not in launcher.said
    assert (0, []) == launcher.stop()


def test_the_token_command_beside_it_prints_a_token_and_nothing_else(data_dir):
    kept_secret(data_dir / "jwt_secret")
    command = [Path(sys.executable).with_name("flask"), "token", "--role", "seller", "--id", "1"]
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)}
    said = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)

    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", said.stdout)
    assert "" == said.stderr


def refused(data_dir, port, **env):
    launcher = Launcher(data_dir, port, **env)
    status = launcher.process.wait(30)
    lines = launcher.said.strip().splitlines()
    launcher._said.close()
    return status, lines


def test_all_mistakes_in_the_settings_are_told_together(data_dir):
    status, lines = refused(data_dir, "http", SIDE_EFFECTS_MODE="sometimes", JWT_SECRET="short")

    assert 0 != status
    assert ["PORT", "JWT_SECRET", "SIDE_EFFECTS_MODE"] == [line.split()[1] for line in lines]


def test_a_workflow_table_that_cannot_be_used_is_told_with_file_and_line(data_dir, port, tmp_path):
    table = tmp_path / "own.toml"
    table.write_text('initial = "A"\n[statuses.A]\nseller = 5\n')
    status, lines = refused(data_dir, port, ORDER_WORKFLOW=str(table))

    assert 0 != status
    assert f"onward: {table}:3: status A: seller: Input should be a valid string" in lines
    assert all(line.startswith(f"onward: {table}:") for line in lines)


def test_a_taken_port_is_told_in_one_line(data_dir, port):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        status, lines = refused(data_dir, port)

    assert 0 != status
    assert 1 == len(lines)
    assert str(port) in lines[0]


def test_an_unreachable_database_is_told_in_one_line(data_dir, port):
    status, lines = refused(data_dir, port, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")

    assert 0 != status
    assert 1 == len(lines)
