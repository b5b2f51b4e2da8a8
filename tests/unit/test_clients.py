"""What our clients have in common with the contract, and with each other."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from datetime import date

import pytest
from generator.contract import Contract, snake
from generator.files import CONTRACT, JAVASCRIPT, generated
from generator.javascript import modules as javascript_of
from generator.python import modules as python_of
from onward_client import Onward, errors, problems
from onward_client.aio import AsyncOnward
from onward_client.call import texts
from onward_client.values import decoded

from tests.unit.test_version import PROJECT

BY_HAND = {"streamEvents": "listen"}
"""Operations that the clients have under another name, because they do more than one request."""

METHOD = re.compile(r"^  (\w+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def contract():
    return Contract(json.loads(CONTRACT.read_text()))


@pytest.fixture(scope="module")
def files():
    return generated()


def test_the_clients_follow_from_the_contract(files):
    """`make clients` writes them anew."""
    there = {path for path in files if path.exists()} | {
        path for folder in {one.parent for one in files} for path in folder.iterdir() if path.is_file()
    }

    assert files.keys() == there
    assert [] == [str(path) for path, text in files.items() if path.read_text() != text]


def test_every_operation_of_the_contract_is_a_method(contract):
    ids = {one.id for one in contract.operations}
    scripts = {name: (JAVASCRIPT / name).read_text() for name in ("operations.js", "operations.d.ts")}
    document = json.loads(CONTRACT.read_text())
    stated = [one["operationId"] for item in document["paths"].values() for m, one in item.items() if m != "parameters"]

    assert sorted(ids) == sorted(stated)
    for client in (Onward, AsyncOnward):
        missing = [one for one in ids if not callable(getattr(client, BY_HAND.get(one, snake(one)), None))]
        assert [] == missing
    for name, text in scripts.items():
        assert ids - BY_HAND.keys() == set(METHOD.findall(text)) - {"send"}, name
    assert "\n  listen(" in (JAVASCRIPT.parent / "client.js").read_text()


def test_both_python_clients_have_the_same_methods():
    def public(client):
        return {name: inspect.signature(one) for name, one in inspect.getmembers(client, callable) if name[0] != "_"}

    ours, theirs = public(Onward), public(AsyncOnward)
    assert ours.keys() == theirs.keys()
    assert [] == [name for name in ours if ours[name].parameters.keys() != theirs[name].parameters.keys()]


def test_every_code_of_a_problem_has_its_class_in_both_languages(contract):
    script, types = ((JAVASCRIPT / f"problems.{end}").read_text() for end in ("js", "d.ts"))

    assert problems.BY_CODE.keys() == {one.code for one in contract.problems}
    assert len(problems.BY_CODE) == len(set(problems.BY_CODE.values()))
    for one in contract.problems:
        kind = problems.BY_CODE[one.code]
        assert one.class_name == kind.__name__
        assert issubclass(kind, errors.group_of(one.status))
        assert one.group == errors.group_of(one.status).__name__
        assert f"  {one.code}: {one.class_name},\n" in script
        if one.class_name != one.group:
            assert all(f"export class {one.class_name} extends {one.group} " in text for text in (script, types))


def test_parameters_are_sent_as_the_contract_writes_them():
    given = {"a": [1, "b"], "none": None, "no": (), "yes": True, "on": date(2026, 11, 27), "text": "x,y"}

    assert [("a", "1"), ("a", "b"), ("yes", "true"), ("on", "2026-11-27"), ("text", "x,y")] == [*texts(given)]


def test_what_javascript_exports_has_types():
    """Without the compiler; `make contract` has it check them."""
    folder = JAVASCRIPT.parent
    exported = re.compile(r"^export (?:declare )?(?:abstract )?(?:class|const|function) (\w+)", re.MULTILINE)
    inside = {"transport": {"Http", "Transport", "newId", "path", "refused", "sleep", "unanswered"}}
    for script in folder.rglob("*.js"):
        types = script.with_suffix(".d.ts").read_text()
        if script.name == "index.js":
            names = {name for one in re.findall(r"\{([^}]*)\}", script.read_text()) for name in re.findall(r"\w+", one)}
            assert names <= set(re.findall(r"\w+", types))
        else:
            found = set(exported.findall(script.read_text())) - inside.get(script.stem, set())
            assert found == set(exported.findall(types)), script


def test_the_versions_of_the_javascript_client_agree():
    package = json.loads((PROJECT / "clients/javascript/package.json").read_text())

    assert f'"{package["version"]}"' in (PROJECT / "clients/javascript/src/version.js").read_text()
    assert "dependencies" not in package


DAY, MOMENT = ({"type": "string", "format": one} for one in ("date", "date-time"))
KIND = {"status": 418, "summary": "It is odd."}
ODD = {
    "paths": {
        "/api/odd/{from}/{to_key}": {
            "get": {
                "operationId": "getOdd",
                "summary": "Get what is odd",
                "parameters": [
                    {"name": "to_key", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "from", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "class", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "since", "in": "query", "required": True, "schema": MOMENT},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Odd"}}}}
                },
            },
            "put": {
                "operationId": "setOdd",
                "summary": "Set it */ \"\"\" \\n",
                "parameters": [
                    {"name": "from", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "to_key", "in": "path", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SetOdd"}}}},
                "responses": {"204": {"description": "Done"}},
            },
        }
    },
    "components": {
        "schemas": {
            "Odd": {
                "type": "object",
                "properties": {
                    "from": {"type": "string"},
                    "days": {"type": "array", "items": {"anyOf": [DAY, {"type": "null"}]}},
                    "inner": {"anyOf": [{"$ref": "#/components/schemas/Odd"}, {"type": "null"}]},
                    "per": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
                "required": ["from"],
            },
            "SetOdd": {"type": "object", "properties": {"from": {"type": "string"}, "x": {"type": "integer"}}},
            "Problem": {
                "type": "object",
                "properties": {"code": {"type": "string", "x-codes": {"odd": KIND}}},
            },
        }
    },
}  # fmt: skip


def test_a_contract_with_odd_names_makes_code_that_runs(tmp_path, monkeypatch):
    """Words that Python keeps for itself, parameters in another order than in the path, comments that would end."""
    contract = Contract(ODD)
    script, python = javascript_of(contract), python_of(contract)
    (tmp_path / "odd_models.py").write_text(python["models.py"])
    monkeypatch.syspath_prepend(tmp_path)
    kind = importlib.import_module("odd_models").Odd

    odd = decoded(kind, {"from": "a", "inner": {"from": "b", "days": ["2026-11-27", None]}, "later": 1})
    assert ("a", "b", 2026, None, 1) == (
        odd.from_, odd.inner.from_, odd.inner.days[0].year, odd.inner.days[1], odd.raw["later"],
    )  # fmt: skip
    assert (
        "def get_odd(from_: str, to_key: str, *, class_: bool | None = None, since: datetime | str)"
        in python["calls.py"]
    )
    assert 'TypedDict("SetOdd", {"from": NotRequired[str]' in python["bodies.py"]
    assert "class Odd(Invalid)" in python["problems.py"]
    for name, text in python.items():
        compile(text, name, "exec")
    assert "path`/api/odd/${from}/${toKey}`" in script["operations.js"]
    assert 1 == script["operations.d.ts"].count("Set it")
    assert '*/ "' not in script["operations.js"]
