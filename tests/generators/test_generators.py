"""Linters and generators that others use, run over the contract; the code that they make talks to a real service."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT

HERE = Path(__file__).parent
DOCUMENT = PROJECT / "docs" / "openapi.json"
NODE_MODULES = PROJECT / ".contract" / "node_modules"
PYTHON = PROJECT / ".venv-contract" / "bin"
PYTHON_LINES = 18_000
"""It was 74,382 when each problem of each operation was a class. The generator writes some 160 lines for an operation
without parameters, 80 for a schema of five members, and there are 36 operations and 95 schemas and enums."""

pytestmark = pytest.mark.timeout(400)

README = re.search(r"curl -X PATCH \S+/status .*?--json '([^']+)'", (PROJECT / "README.md").read_text(), re.DOTALL)


PATH = {"PATH": os.environ["PATH"]}

IN_PYTHON = """
import json
import os
import sys

from onward_client import AuthenticatedClient
from onward_client.api.orders import change_order_status, get_order_history, list_orders
from onward_client.models import ChangeOrderStatusRequest, LiveEvent, Order, Problem

LATER = {"at": "2026-11-24T09:30:00+00:00", "type": "added.later"}


def change(client: AuthenticatedClient, order_id: int, body: dict[str, str]) -> tuple[int, Order | Problem | None]:
    answer = change_order_status.sync_detailed(
        order_id, client=client, body=ChangeOrderStatusRequest.from_dict(body)
    )
    return int(answer.status_code), answer.parsed


def main() -> None:
    order_id = int(os.environ["ORDER"])
    client = AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["TOKEN"])
    page = list_orders.sync(client=client, status="PENDING", limit=1)
    _, changed = change(client, order_id, json.loads(os.environ["README"]))
    history = get_order_history.sync(order_id, client=client)
    status, refused = change(client, order_id, {"status": "DELIVERED"})
    problem = Problem.from_dict(refused.to_dict() | {"code": "added_later", "more": 1})
    event = LiveEvent.from_dict({"id": "1.1", "channel": "seller:1", "type": LATER["type"], "data": LATER})
    json.dump(
        {
            "listed": [one.id for one in page.orders],
            "changed": [changed.status, changed.version],
            "history": [one.to_status for one in history.events],
            "refused": [status, refused.code, refused.current.version],
            "allowed": refused.allowed_transitions,
            "later": [problem.code, event.data.type_],
        },
        sys.stdout,
    )


main()
"""
"""What a program does with the client of openapi-python-client; it runs in that one's environment."""


def run(command, folder, **more):
    """The output of a command that succeeds."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False, **more
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


def program(name):
    return NODE_MODULES / ".bin" / name


@pytest.fixture
def order(server):
    """A new order, and what a program has to know about it: it is the seller's."""
    cast = server.cast()
    order = cast.place()
    cursor = cast.bob.get("/api/events").json["next_cursor"]
    told = {
        "URL": server.url,
        "TOKEN": cast.bob.token,
        "ORDER": str(order["id"]),
        "CURSOR": cursor,
        "README": README[1],
    }
    return order["id"], told


@pytest.fixture
def typescript(tmp_path):
    """A folder for TypeScript programs, with the README's body; `run` compiles one and returns what it prints."""
    (tmp_path / "package.json").write_text('{"type": "commonjs"}')
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "readme.ts").write_text(f"export const README = {README[1]};\n")
    return tmp_path


def compiled(folder, name):
    """A program that the strict compiler accepts, as JavaScript."""
    (folder / name).write_text((HERE / name).read_text())
    flags = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "node16", "--types", "node"]
    run([program("tsc"), *flags, "--skipLibCheck", "--outDir", "js", name], folder)
    (folder / "js" / "package.json").write_text('{"type": "commonjs"}')
    return folder / "js" / name.replace(".ts", ".js")


def check(answers, order_id):
    """The list, the change, the history and the refusal were understood."""
    assert [order_id] == answers["listed"]
    assert ["CONFIRMED", 2] == answers["changed"]
    assert ["PENDING", "CONFIRMED"] == answers["history"]
    assert [409, "illegal_transition", 2] == answers["refused"]
    assert ["PREPARING", "CANCELLED"] == answers["allowed"]


def test_redocly_finds_no_error(tmp_path):
    run([program("redocly"), "lint", DOCUMENT, "--config", HERE / "redocly.yaml"], tmp_path)


def test_spectral_finds_no_error(tmp_path):
    run(
        [program("spectral"), "lint", DOCUMENT, "--ruleset", HERE / "spectral.yaml", "--fail-severity", "error"],
        tmp_path,
    )


def test_a_python_client_is_small_and_understands_what_it_gets(tmp_path, order):
    path = {"PATH": f"{PYTHON}:{PATH['PATH']}"}  # it formats what it has made with the ruff that it finds
    command = [PYTHON / "openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", "made"]
    run([*command, "--fail-on-warning"], tmp_path, env=path)
    order_id, told = order
    lines = sum(path.read_text().count("\n") for path in (tmp_path / "made").rglob("*.py"))
    env = {"PYTHONPATH": str(tmp_path / "made"), **told}
    answers = json.loads(run([PYTHON / "python", "-c", IN_PYTHON], tmp_path, env=env))

    assert lines <= PYTHON_LINES
    check(answers, order_id)
    assert ["added_later", "added.later"] == answers["later"]


def test_types_for_openapi_fetch_compile_with_defaults_and_fit(typescript, order):
    run([program("openapi-typescript"), DOCUMENT, "--output", "schema.d.ts"], typescript)
    order_id, told = order
    answers = json.loads(run(["node", compiled(typescript, "openapi_fetch.ts")], typescript, env=told | PATH))

    check(answers, order_id)


def test_a_client_of_hey_api_puts_its_token_into_no_url(typescript, order):
    run(
        [program("openapi-ts"), "--input", DOCUMENT, "--output", "client", "--client", "@hey-api/client-fetch"],
        typescript,
    )
    order_id, told = order
    answers = json.loads(run(["node", compiled(typescript, "hey_api.ts")], typescript, env=told | PATH))

    check(answers, order_id)
    assert ["CONFIRMED", 2] == answers["streamed"]
    assert len(answers["sent"]) >= 10
    assert [] == [one for one in answers["sent"] if told["TOKEN"] in one]


def test_the_types_of_our_own_client_are_right(typescript, order):
    """All of them, and a program that uses them; `make test` compares names only."""
    (typescript / "client").symlink_to(PROJECT / "clients" / "javascript" / "src")
    (typescript / "our_client.mts").write_text((HERE / "our_client.mts").read_text())
    flags = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "node16", "--types", "node"]
    run([program("tsc"), *flags, "our_client.mts"], typescript)
    order_id, told = order
    answers = json.loads(run(["node", "our_client.mjs"], typescript, env=told | PATH))

    assert [order_id] == answers["listed"]
    assert ["CONFIRMED", 2] == answers["changed"]
    assert ["PENDING", "CONFIRMED"] == answers["history"]
    assert [409, "illegal_transition", 2] == answers["refused"]
    assert "illegal_transition" == answers["allowed"]
