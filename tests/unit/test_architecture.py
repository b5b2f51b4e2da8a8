"""The architecture: imports go only downward and never in a circle, files stay small, and each says what it is."""

from __future__ import annotations

import ast
import graphlib
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

LAYERS = (
    ("benchmarks", "chaos"),
    ("cli", "gunicorn.conf", "wsgi"),
    ("demo",),
    ("app",),
    ("process",),
    ("dashboard", "launch"),
    ("orders",),
    ("operations", "chat"),
    ("outbox", "realtime", "notifications", "webhooks"),
    ("side_effects", "server", "access"),
    ("foundation",),
    ("own_packages",),
)
"""From the top down: a package or top-level module imports only from lower layers, and nothing from its own."""

TOP_LEVEL = [name for layer in LAYERS for name in layer]
PACKAGES = [name for name in TOP_LEVEL if (PROJECT / name).is_dir()]
LINES, MOST_LINES, FUNCTION_LINES = 250, 400, 40
APP_LINES = 120
LONGER: dict[str, str] = {
    "foundation/connections.py": "a connection, a pool of them, and how each breaks",
    "foundation/openapi.py": "one document, in the order of its parts",
    "operations/schemas.py": "every request and answer of the operators, in the order of the routes",
    "orders/answers.py": "every answer about orders, in the order of the routes",
    "orders/change_sql.py": "one statement, whose parts refer to each other",
    "orders/schemas.py": "every request about orders, in the order of the routes",
    "orders/status_change.py": "one change, from what is asked to what is answered, is read in one go",
    "outbox/engine.py": "what one process does, in the order in which it is done",
    "realtime/hub.py": "an event's way from the log to each socket is read in one go",
    "server/worker.py": "what becomes of a connection, until its process stops, is read in one go",
    "outbox/batches.py": "the way of a batch, with all that may befall it, is read in one go",
    "foundation/settings.py": "a table of all settings",
    "side_effects/worker.py": "one look, with all that it starts, is read in one go",
    "webhooks/deliveries.py": "an attempt, from what is read to what is written down, is read in one go",
    "webhooks/schemas.py": "every request and answer about webhooks, in the order of the routes",
}
"""Files over 250 lines, each with the reason why it reads better whole; the test warns of all others."""

FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc", "services"}


def layer_of(name: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if name in layer), None)


def files_of(name: str) -> Iterator[Path]:
    """The files of a package, or the one file of a top-level module."""
    yield from (PROJECT / name).rglob("*.py")
    yield from PROJECT.glob(f"{name}.py")


def product_files() -> Iterator[Path]:
    """What people write: not what `make clients` makes of the contract."""
    for name in [*TOP_LEVEL, "clients"]:
        yield from (path for path in files_of(name) if path.parent.name != "generated")


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    relative = {path: path.relative_to(PROJECT).with_suffix("") for name in TOP_LEVEL for path in files_of(name)}
    return {".".join(path.parts).removesuffix(".__init__"): file for file, path in relative.items()}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The modules of ours that a file imports, wherever it does: at the top, in a function, for its types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{name.name}" for name in node.names}
            found.update(parts & modules().keys() or {node.module})
    return frozenset(found)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_a_package_imports_only_from_lower_layers(name):
    here = layer_of(name)
    for path in files_of(name):
        for other in {one.partition(".")[0] for one in imports_of(path)} - {name}:
            layer = layer_of(other)
            assert layer is None or layer > here, f"{path.relative_to(PROJECT)} imports {other}"


def test_no_modules_import_each_other_in_a_circle():
    imported = {name: imports_of(path) & modules().keys() for name, path in modules().items()}

    graphlib.TopologicalSorter(imported).prepare()  # raises CycleError, which names the circle


def test_every_package_and_module_has_its_layer():
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"}
    single = {path.stem for path in PROJECT.glob("*.py")}

    assert packages | single == set(TOP_LEVEL)
    assert len(TOP_LEVEL) == len(set(TOP_LEVEL))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_in_one_sentence_what_it_is(package):
    sentence = ast.get_docstring(ast.parse((PROJECT / package / "__init__.py").read_text()))

    assert sentence
    assert sentence.endswith(".")


def test_every_module_opens_with_a_sentence():
    without = [str(path) for path in product_files() if not ast.get_docstring(ast.parse(path.read_text()))]

    assert [] == without


def test_functions_stay_small():
    too_long = []
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= FUNCTION_LINES:
                too_long.append(f"{path.relative_to(PROJECT)}:{node.name}")

    assert [] == too_long


@pytest.mark.filterwarnings("default:longer than")
def test_files_stay_small():
    """Over 250 lines a file needs a reason, and gets a warning without one; over 400 no reason is good enough."""
    lines = {str(path.relative_to(PROJECT)): path.read_text().count("\n") for path in product_files()}
    for name, count in lines.items():
        if count > LINES and name not in LONGER:
            warnings.warn(f"longer than {LINES} lines, without a reason in LONGER: {name} ({count})", stacklevel=1)

    assert [] == [name for name, count in lines.items() if count > MOST_LINES]
    assert [] == [name for name in LONGER if lines.get(name, 0) <= LINES]


def test_app_py_is_the_factory_and_nothing_else():
    """With each new effect and package something was joined on here, until nobody could read it."""
    text = (PROJECT / "app.py").read_text()
    public = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]

    assert ["build_app"] == [name for name in public if not name.startswith("_")]
    assert text.count("\n") <= APP_LINES


def test_no_file_has_a_name_that_says_nothing():
    assert [] == [str(path) for path in product_files() if path.stem in FORBIDDEN_NAMES]
