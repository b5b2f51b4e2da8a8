"""The architecture: imports go only downward, files stay small, and each package says in one sentence what it is."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

LAYERS = (
    ("app", "wsgi", "launch", "demo", "chaos"),
    ("dashboard",),
    ("orders",),
    ("operations", "chat"),
    ("outbox", "realtime", "notifications"),
    ("side_effects", "server", "access"),
    ("foundation",),
)
"""From the top down: packages import only from lower layers; packages in one layer never import each other."""

PACKAGES = [package for layer in LAYERS[1:] for package in layer]
LINES, MOST_LINES, FUNCTION_LINES = 250, 400, 40
LONGER: dict[str, str] = {
    "app.py": "joins all packages",
    "foundation/connections.py": "a connection, a pool of them, and how each breaks",
    "foundation/openapi.py": "one document, in the order of its parts",
    "foundation/settings.py": "a table of all settings, and a few lines for each form that they have",
    "orders/status_change.py": "one change, from what is asked to what is answered, is read in one go",
    "outbox/engine.py": "what one process does, in the order in which it is done",
    "outbox/batches.py": "the way of a batch, with all that may befall it, is read in one go",
}
"""Files over 250 lines, each with the reason why it reads better whole; the test warns of all others."""

FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc", "services"}


def layer_of(package: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if package in layer), None)


def product_files() -> Iterator[Path]:
    for package in [*PACKAGES, "launch", "demo", "benchmarks", "chaos", "clients"]:
        yield from (PROJECT / package).rglob("*.py")
    yield from PROJECT.glob("*.py")


def imported_packages(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_from_below(package):
    here = layer_of(package)
    for path in (PROJECT / package).rglob("*.py"):
        for other in set(imported_packages(path)) - {package}:
            layer = layer_of(other)
            assert layer is None or layer > here, f"{path.relative_to(PROJECT)} reaches {other}"


@pytest.mark.parametrize("package", [*PACKAGES, "launch", "demo", "chaos"])
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


def test_no_file_has_a_name_that_says_nothing():
    assert [] == [str(path) for path in product_files() if path.stem in FORBIDDEN_NAMES]
