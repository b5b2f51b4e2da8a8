"""The field's terms: private words stay out of code, API, logs, pages and docs, and no name is used twice.

docs/glossary.md has the terms to use instead.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

EVERYWHERE = {
    "[Pp]romis(e[sd]?(?![(.])|ing)|PROMISE[SD]?": "outbox entry; guarantee",
    "[Oo]w(e|ed|es|ing)|OWED": "pending",
    "kept/s": "done/s",
    "[Ss]ettl(e[sd]?|ing|ements?)|SETTLED?": "complete, record, decide",
    "[Ll]anes?|LANES?": "queue, bulkhead, batch writer",
    "[Ss]pill(s|ed|ing)?": "defer",
    "[Tt]opics?|TOPICS?": "event type",
    "subject_ids?": "event_id, principal_id",
    "[Ss]weep(s|er|ers|ing)?|swept": "rescuer",
    "[Ss]tanding|STANDING": "open or existing orders",
    "[Tt]roubles?|[Tt]roubled": "failure log, form error",
    "[Dd]oors?": "fast path, sign-in page",
    "[Ff]aces?|FACES": "role view, page",
    "[Pp]ulse": "heartbeats",
    "[Jj]ournal": "access log",
    "Audiences?": "channel index",
    "[Pp]artings?": "bye",
    "[Ll]uck": "jitter, rng",
    "([Tt]ak(e|es|en|ing)|took) (it |them |tokens |keys )?back": "revoke, release",
}
"""Private words, as patterns that stand between no letters, and what to say instead."""

IN_THE_PRODUCT = {
    "[Rr]ooms?": "package; capacity",
    "[Hh]ouse|[Uu]pstairs|[Rr]oof": "application, layer",
    "[Pp]roofs?|PROOFS?": "credential",
    "[Hh]ear(s|d|ing)?": "receive",
    "[Tt]old|[Tt]ell(s|ing)?": "notify, report, contain",
    "[Ww]ire": "JSON, serialisation",
    "catch[_-]up": "polling, replay",
}
"""Beyond these, words that only tests and proofs may use: a proof is a proof there, and a test is a story."""

OUTSIDE_PACKAGES = ("benchmarks", "chaos", "tests")
OUTSIDE_THE_PRODUCT = ("tests/", "chaos/", "benchmarks/", "docs/reliability.md")

PASSED_OVER = {
    "CHANGELOG.md": "history",
    "LICENSE": "not ours",
    "docs/decisions/": "history",
    "docs/glossary.md": "explains the terms",
    "migrations/": "history: names of tables and columns as they were",
    "requirements": "names of packages",
    "static/vendor/": "not ours",
    "tests/vendor/": "not ours",
    "tests/integration/before_baseline.sql": "a database from before the renames",
    "tests/integration/test_before_baseline.py": "a database from before the renames",
    "tests/unit/test_words.py": "the list itself",
}
EXCEPTIONS = {
    ("CODE_OF_CONDUCT.md", "hear everybody"): "people, not events",
    ("CONTRIBUTING.md", "test_a_stranger_hears_nothing"): "the name of a test",
    ("Makefile", "proofs;"): "the proofs of chaos/",
    ("SECURITY.md", "ell us"): "people, not events",
    ("docs/realtime.md", "new Promise("): "JavaScript's",
    ("static/leader.js", "new Promise("): "JavaScript's",
    ("static/parts.js", "new Promise("): "JavaScript's",
    ("tests/journeys/test_pages_many.py", "new Promise("): "JavaScript's",
    ("clients/generator/javascript.py", "Promise<"): "TypeScript's",
    ("clients/javascript/src/stream.js", "Promise."): "JavaScript's",
    ("clients/javascript/src/transport.js", "Promise"): "JavaScript's",
    ("tests/journeys/test_javascript_client.py", "new Promise("): "JavaScript's",
    ("tests/unit/test_client_webhooks.py", "Promise."): "JavaScript's",
}
"""Path and text of a line that may hold such a word, with the reason."""

TEXTS = (
    ".py",
    ".sql",
    ".md",
    ".html",
    ".js",
    ".css",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".cfg",
    ".conf",
    "file",
)


def texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0"):
        path = PROJECT / name
        if name.endswith(TEXTS) and not name.startswith(tuple(PASSED_OVER)) and path.is_file():
            yield name, path.read_text("utf-8")


def hits(words: dict[str, str], product_only: bool) -> Iterator[str]:
    pattern = re.compile("|".join(f"(?<![A-Za-z])(?:{word})(?![A-Za-z])" for word in words))
    for name, text in texts():
        if (product_only and name.startswith(OUTSIDE_THE_PRODUCT)) or not pattern.search(text):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            allowed = any(path == name and part in line for path, part in EXCEPTIONS)
            if not allowed and (found := pattern.search(line)):
                instead = next(better for word, better in words.items() if re.fullmatch(word, found[0]))
                yield f"{name}:{number}: {found[0]} (say: {instead}): {line.strip()[:120]}"


def test_private_words_are_nowhere():
    assert [] == list(hits(EVERYWHERE, product_only=False))


def test_words_of_stories_are_not_in_the_product():
    assert [] == list(hits(IN_THE_PRODUCT, product_only=True))


def test_each_exception_is_needed():
    by_name = dict(texts())
    for (path, part), reason in EXCEPTIONS.items():
        assert reason
        assert part in by_name[path], f"{path} no longer has {part}"


SAME_EVERYWHERE = {
    "BIT": "the bit of the effect that a file of orders/effects/ is about",
    "SQL": "the statements of the file beside the module",
    "blueprint": "the routes of a module",
    "effects": "the effects of a file of orders/effects/",
    "init_app": "adds a module to the application",
    "install": "has gunicorn use a module",
    "log": "the logger of a module",
}
"""Names that many modules have, each its own: they are said with the module's name."""

ADAPTERS = ("routes.py", "commands.py")
"""A route and a command bear the name of what they call."""

PRODUCT = [path for path in PROJECT.iterdir() if (path / "__init__.py").is_file() and path.name not in OUTSIDE_PACKAGES]


def top_level_names(path: Path) -> Iterator[str]:
    """The public names that a module defines."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                name.id
                for one in targets
                for name in ast.walk(one)
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            )


def defined(package: Path) -> dict[str, list[str]]:
    """Where each public name of a package is defined; a private one is its module's own."""
    where = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        for name in top_level_names(path):
            if not name.startswith("_"):
                where[name].append(str(path.relative_to(PROJECT)))
    return where


@pytest.mark.parametrize("package", PRODUCT, ids=lambda path: path.name)
def test_no_top_level_name_is_used_twice_in_a_package(package):
    own = {
        name: [path for path in paths if not path.endswith(ADAPTERS)]
        for name, paths in defined(package).items()
        if name not in SAME_EVERYWHERE
    }

    assert {} == {name: paths for name, paths in own.items() if len(paths) > 1}


def test_no_two_classes_have_one_name():
    classes = Counter(
        node.name
        for package in PRODUCT
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [] == [name for name, count in classes.items() if count > 1]


def test_the_glossary_has_its_terms_in_order_and_is_linked():
    terms = re.findall(
        r"^\| ([a-z][a-z ]+) \| .+ \|$", (PROJECT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE
    )[1:]

    assert 30 <= len(terms)
    assert sorted(terms) == terms
    assert all("glossary.md" in (PROJECT / page).read_text("utf-8") for page in ("README.md", "docs/architecture.md"))
