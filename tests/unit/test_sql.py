"""SQL is in files that can be read, and a mistake in one is reported before anything is served."""

from __future__ import annotations

import ast
import importlib
from collections import Counter

import pytest

from app import build_app
from cli import init_commands
from foundation.connections import Statement
from foundation.settings import Settings
from foundation.sql import SqlFile, SqlFileError
from tests.conftest import SECRET, WEBHOOK_KEYS
from tests.unit.test_architecture import PACKAGES, PROJECT

FOLDERS = [PROJECT / package for package in PACKAGES]
FILES = sorted(path.relative_to(PROJECT) for folder in FOLDERS for path in folder.rglob("*.sql"))

PLACE = """-- Orders of a kitchen.

-- fragment: soon
-- Which everybody means by it.
clock_timestamp() + interval '{minutes} min'

-- name: cook(dish text, guests bigint[])
-- Somebody is hungry,
-- and has friends.
INSERT INTO dishes (name, size, due, note) VALUES (:dish, cardinality(:guests), {soon}::timestamptz, '{}')
-- who like what they know
ON CONFLICT (name) DO UPDATE SET note = :dish || ' {again, at 12:30}';

-- name: count(dish)
-- To be told.
SELECT count(*) FROM dishes WHERE name = :dish
"""


@pytest.fixture
def file(tmp_path):
    def write(content=PLACE, **values):
        path = tmp_path / "kitchen.sql"
        path.write_text(content)
        return SqlFile(path, **values)

    return write


def test_a_statement_is_prepared_with_numbers_for_its_parameters(file):
    cook = file(minutes=20).prepared("cook", before="SELECT 1; ")

    assert ("cook", ("text", "bigint[]"), "SELECT 1; ") == (cook.name, cook.types, cook.before)
    assert cook.sql == (
        "INSERT INTO dishes (name, size, due, note) "
        "VALUES ($1, cardinality($2), clock_timestamp() + interval '20 min'::timestamptz, '{}')\n"
        "ON CONFLICT (name) DO UPDATE SET note = $1 || ' {again, at 12:30}'"
    )


def test_a_statement_without_types_is_for_a_session(file):
    assert "SELECT count(*) FROM dishes WHERE name = :dish" == str(file(minutes=20).text("count"))


def test_a_statement_knows_its_reason(file):
    assert "Somebody is hungry, and has friends." == file(minutes=1).sections["cook"].reason


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "guests bigint[]",
            "guests bigint[], when text",
            "kitchen.sql:7: cook and its list of parameters differ in when",
        ),
        (", cardinality(:guests)", "", "kitchen.sql:7: cook and its list of parameters differ in guests"),
        ("-- To be told.\n", "", "kitchen.sql:14: count needs a reason"),
        ("SELECT count(*) FROM dishes WHERE name = :dish", "", "kitchen.sql:14: count needs a statement"),
        ("{soon}", "{later}", "kitchen.sql:7: unknown placeholder {later}"),
        ("name: count", "name: cook", "kitchen.sql:14: cook is defined twice"),
        ("name: count", "name: Count", "kitchen.sql:14: name cannot be parsed"),
    ],
)
def test_a_mistake_in_a_file_is_reported_with_its_line(file, old, new, told):
    with pytest.raises(SqlFileError) as error:
        file(PLACE.replace(old, new), minutes=1)

    assert str(error.value).endswith(told)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda file: file.text("eat"), "kitchen.sql: no name eat"),
        (lambda file: file.text("soon"), "kitchen.sql: no name soon"),
        (lambda file: file.fragment("cook"), "kitchen.sql: no fragment cook"),
        (lambda file: file.prepared("count"), "a parameter of count has no type, so it cannot be prepared"),
        (lambda file: file.text("cook"), "a parameter of cook has a type, so it is to be prepared"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(file, ask, told):
    with pytest.raises(SqlFileError) as error:
        ask(file(minutes=1))

    assert str(error.value).endswith(told)


def test_what_nobody_uses_is_listed(file):
    kitchen = file(minutes=1, hours=2)
    kitchen.prepared("cook")

    assert ["count", "hours"] == kitchen.unused()


def module_of(path):
    return importlib.import_module(".".join(path.with_suffix("").parts))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_module_beside_a_file_uses_all_of_it(path):
    module = module_of(path)

    assert isinstance(module.SQL, SqlFile)
    assert PROJECT / path == module.SQL.path
    assert [] == module.SQL.unused()


def test_no_two_prepared_statements_share_a_name():
    """A connection would run one for the other."""
    values = {one for path in FILES for one in vars(module_of(path)).values() if isinstance(one, Statement)}
    names = Counter(one.name for one in values)

    assert names
    assert [] == [name for name, count in names.items() if count > 1]


@pytest.fixture(scope="module")
def app():
    """With everything that an installation can have, as `make sql` sets it."""
    env = {"DATABASE_URL": "postgresql://nobody@nowhere/none", "JWT_SECRET": SECRET}
    everything = {"SMTP_URL": "smtp://mail", "MAIL_FROM": "a@b.example", "WEBHOOK_SECRET_KEYS": WEBHOOK_KEYS}
    app = build_app(Settings.from_env(env | everything))
    init_commands(app)
    return app


def printed(app, *words):
    result = app.test_cli_runner().invoke(args=["sql", *words])
    return result.output, result.exit_code


def test_the_committed_statements_are_those_that_are_composed(app, tmp_path):
    """`make sql` writes them anew; what has changed for PostgreSQL then stands in the diff."""
    printed(app, "--write", str(tmp_path / "sql"))
    committed = {path.name: path.read_text() for path in (PROJECT / "docs" / "sql").glob("*.sql")}

    assert committed == {path.name: path.read_text() for path in (tmp_path / "sql").iterdir()}
    assert {"complete.sql", "change_status.sql"} <= committed.keys()


def test_the_file_of_a_statement_that_is_gone_is_deleted(app, tmp_path):
    (tmp_path / "former.sql").write_text("SELECT 1")
    printed(app, "--write", str(tmp_path))

    assert not (tmp_path / "former.sql").exists()


def test_every_statement_is_printed_by_its_name(app):
    names, _ = printed(app)
    for name in names.split():
        text, status = printed(app, name)
        assert (name, 0) == (text.split()[1].partition("(")[0], status)


def test_a_statement_is_found_by_the_end_of_its_name(app):
    text, _ = printed(app, "renew_effects")

    assert text.startswith("-- side_effects.rows.renew_effects(ids bigint[], owner bigint)\n-- Extends the leases")
    assert "interval '15 s'" in text


def test_what_runs_before_a_statement_is_printed_too(app):
    text, _ = printed(app, "defer_effect")

    assert "SELECT set_config('lock_timeout', '250ms', true)" in text


def test_an_unknown_name_is_reported(app):
    assert ("No statement nonsense; `flask sql` lists all.\n", 1) == printed(app, "nonsense")


BEGINS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ")


def texts_in(call):
    """What a call of text() or Statement() is given as SQL, where that is one text without parts."""
    for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.startswith(BEGINS):
            yield value.value


def test_fixed_statements_are_in_sql_files():
    """Inside Python it has neither a name nor a reason."""
    found = []
    for folder in FOLDERS:
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("text", "Statement"):
                    found += [f"{path.relative_to(PROJECT)}:{node.lineno}: {one[:40]}" for one in texts_in(node)]

    assert [] == found
