"""Receivers of the marketplace's own, under gunicorn and under what `make run` execs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, environment
from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = pytest.mark.journey

WAREHOUSE = """import os

from orders.signals import order_status_changed

book = os.open(os.environ["BOOK"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@order_status_changed.connect
def write_down(event, **_):
    os.write(book, f"{event.order_id} {event.to_status}\\n".encode())
"""
GUNICORN = ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")


def ended(module, *more, **env):
    """What is printed by a process that does not start; nothing listens where its database is said to be."""
    env = environment("postgresql://nobody@127.0.0.1:9/none", **env)
    done = subprocess.run([sys.executable, "-m", module, *more], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode
    return done.stdout + done.stderr


def test_a_receiver_hears_of_the_changes_of_all_workers(served_database, tmp_path):
    (tmp_path / "warehouse.py").write_text(WAREHOUSE)
    book = tmp_path / "book"
    path = os.pathsep.join((str(PROJECT), str(tmp_path)))
    with Server(served_database, RECEIVERS="warehouse", PYTHONPATH=path, BOOK=str(book)) as server:
        order = server.place_order()["id"]
        server.move(order, "CONFIRMED")
        eventually(lambda: f"{order} CONFIRMED" in book.read_text())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "RECEIVERS: there is no module crm on the path"),
        ("raise ValueError('no such depot')", "RECEIVERS: crm cannot be imported: ValueError: no such depot"),
    ],
    ids=["missing", "raises"],
)
def test_gunicorn_says_in_one_line_why_it_does_not_start(tmp_path, text, line):
    if text:
        (tmp_path / "crm.py").write_text(text)
    said = ended(*GUNICORN, RECEIVERS="crm", PYTHONPATH=os.pathsep.join((str(PROJECT), str(tmp_path))))

    assert 1 == said.count(line), said
    assert "Traceback" not in said


def test_the_launcher_says_so_before_it_starts_anything(tmp_path):
    said = ended("launch", RECEIVERS="crm", DATA_DIR=str(tmp_path), DATABASE_URL="")

    assert "onward: RECEIVERS: there is no module crm on the path; add its directory to PYTHONPATH.\n" == said
    assert [] == list(tmp_path.iterdir())


def test_gunicorn_refuses_a_path_on_which_another_package_stands_before_ours(tmp_path):
    (tmp_path / "access.py").write_text("raise RuntimeError('the wrong one')")
    said = ended(*GUNICORN[:3], "--pythonpath", str(tmp_path), GUNICORN[3])

    assert 1 == said.count(f"access is found in {tmp_path}/access.py"), said
    assert "Traceback" not in said
