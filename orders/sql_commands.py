"""`flask sql`: every statement of the service, by name, with its reason."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from flask import Flask

from foundation import sql
from orders.composed_sql import Composed, composed
from orders.status_change import StatusChanges
from orders.workflow import Workflow
from outbox.engine import Engine

PROJECT = Path(__file__).parent.parent


def init_app(app: Flask, engine: Engine, changes: StatusChanges, workflow: Workflow) -> None:
    """Add the command."""

    @app.cli.command("sql")
    @click.argument("name", required=False)
    @click.option("--write", type=click.Path(path_type=Path), help="Write the composed statements to this directory.")
    def command(name: str | None, write: Path | None) -> None:
        """Print a statement by its NAME, or the names of all."""
        whole = list(composed(engine, changes, workflow))
        if write:
            write_all(whole, write)
            return
        every = fixed() | {one.name: str(one) for one in whole}
        if name is None:
            click.echo("\n".join(every))
            return
        found = [name] if name in every else [key for key in every if key.endswith(f".{name}")]
        if not found:
            sys.exit(f"No statement {name}; `flask sql` lists all.")
        click.echo("\n".join(every[key] for key in found), nl=False)


def fixed() -> dict[str, str]:
    """The statements of the `.sql` files that are loaded, with their fragments in place."""
    statements = {}
    for path, file in sorted(sql.LOADED.items()):
        module = path.relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")
        for one in file.sections.values():
            if one.kind == "name":
                parameters = ", ".join(" ".join(pair).strip() for pair in one.parameters.items())
                name = f"{module}.{one.name}"
                before = file.before.get(one.name, "").strip()
                whole = f"{before}\n{one.sql}".strip()
                statements[name] = f"-- {name}({parameters})\n-- {one.reason}\n\n{whole}\n"
    return statements


def committed(whole: Iterable[Composed]) -> dict[str, str]:
    """The contents of docs/sql, by file name."""
    return {f"{one.name}.sql": str(one) for one in whole if not one.variant}


def write_all(whole: Iterable[Composed], folder: Path) -> None:
    """Write them, and delete the files of removed statements."""
    files = committed(whole)
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.sql"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
