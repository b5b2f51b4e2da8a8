"""What the documentation names exists: files, links, anchors, states, connections."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from side_effects.models import STATUSES
from tests.unit.test_architecture import LAYERS

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text()

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:conf|css|html|in|js|json|md|py|sh|sql|svg|toml|txt|yml)|(?:[\w.-]+/)+")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

OF_THE_READER = {
    "warehouse.py",
    "orders/effects/slack.py",
    "tests/integration/test_slack.py",
    "address.json",
    "postgresql.conf",
}
"""Files outside of the checkout: those that a page tells the reader to write, and those that are made at run time."""


def ids(pages):
    return [str(page.relative_to(PROJECT)) for page in pages]


@functools.cache
def checkout():
    """All files and folders, relative to the project; without what is hidden or generated."""
    found = set()
    for top in PROJECT.iterdir():
        if not top.name.startswith((".venv", ".git", "data", ".mypy", ".ruff", ".hypothesis", ".pytest")):
            inside = top.rglob("*") if top.is_dir() else ()
            found.update(str(path.relative_to(PROJECT)) for path in (top, *inside))
    return found | {".ci/run", ".github"}


def exists(name, page):
    """A path from the project or from the page, or the end of one: `feed.py`, after `realtime/log.py` was named."""
    name = name.rstrip("/")
    near = page.parent / name
    return name in checkout() or near.exists() or any(path.endswith(f"/{name}") for path in checkout())


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCE.sub("", page.read_text()))]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_file_that_a_page_names_exists(page):
    named = {code for code in CODE.findall(FENCE.sub("", page.read_text())) if FILE.fullmatch(code)}

    assert [] == sorted(name for name in named - OF_THE_READER if not exists(name, page))


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_link_of_a_page_leads_somewhere(page):
    broken = []
    for target in ("".join(link) for link in LINK.findall(FENCE.sub("", page.read_text()))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert [] == broken


def test_the_index_lists_every_page():
    index = (PROJECT / "docs" / "README.md").read_text()
    listed = {(PROJECT / "docs" / link[0]).resolve() for link in LINK.findall(index) if "://" not in link[0]}
    pages = {path.resolve() for path in (PROJECT / "docs").glob("*.md")} - {PROJECT / "docs" / "README.md"}

    assert set() == pages - listed
    assert "(docs/README.md)" in (PROJECT / "README.md").read_text()


def test_every_decision_is_listed():
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (PROJECT / "docs" / "decisions" / "README.md").read_text()))
    records = [path.name for path in (PROJECT / "docs" / "decisions").glob("0*.md")]

    assert listed == set(records)
    assert len(records) == len({name[:4] for name in records}), "each has a number of its own"


def test_the_architecture_lists_every_package_in_its_layer():
    table = ARCHITECTURE.partition("## The packages")[2].partition("\n\n| to learn")[0]
    layers = [
        re.findall(r"`([\w.]+?)(?:/|\.py)`", rows) for rows in re.split(r"^\| \d+ ", table, flags=re.MULTILINE)[1:]
    ]

    assert [sorted(layer) for layer in LAYERS] == [sorted(layer) for layer in layers]


def test_the_diagram_shows_the_statuses_of_a_side_effect():
    (diagram,) = re.findall(r"## The states of a side effect\n+```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    states = {state for line in re.findall(r"^\s*(.+?) --> ([^:\n]+)", diagram, re.MULTILINE) for state in line}

    assert set(STATUSES) == states - {"[*]"}


def test_no_label_of_a_diagram_ends_too_early():
    """Mermaid takes a semicolon for the end of a line, and what follows it for states."""
    diagrams = re.findall(r"```mermaid\n(.*?)```", "".join(page.read_text() for page in PAGES), re.DOTALL)

    assert 3 <= len(diagrams)
    assert [] == [diagram for diagram in diagrams if ";" in diagram]


def test_every_connection_is_listed():
    """The settings counted one too few: that of the changes that no batch can take."""
    openers = re.compile(r"(?:PreparedPool|PreparedConnection|connect)\([^()]*?\"([a-z]+)\"")
    packages = {init.parent for init in PROJECT.glob("*/__init__.py")} - {PROJECT / "tests", PROJECT / "chaos"}
    modules = [*PROJECT.glob("*.py"), *(path for package in packages for path in package.rglob("*.py"))]
    opened = {name for path in modules for name in openers.findall(path.read_text())}
    table = ARCHITECTURE.partition("| name | connections |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))

    assert {"hot", "internal", "liveness"} <= opened
    assert opened - {"check"} == listed - {"log", "replay"}, "these two are opened by a loop over both"
