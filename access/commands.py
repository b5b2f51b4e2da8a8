"""`flask token`, `flask revoke`, `flask keys` and `flask people`: proofs of identity on the command line."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from access import api_keys, guards, people, revocations
from access.api_keys import NewKey
from access.credentials import Proofs
from access.people import SIGNING_IN, Person
from access.principal import ROLES, Role
from access.tokens import LIFETIME_SECONDS
from foundation import clock
from foundation.addresses import is_addr_spec
from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from foundation.one_line import one_line

keys = AppGroup("keys", help="Keys for other systems.")
who = AppGroup("people", help="People who sign in with a password.")


@click.command("token")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Whose rights the token carries.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="The seller's, buyer's … id.")
@click.option(
    "--hours", type=click.FloatRange(min=0.001), default=LIFETIME_SECONDS / 3600, help="How long it is valid."
)
@with_appcontext
def token(role: Role, subject: int, hours: float) -> None:
    """Print a token and nothing else."""
    proofs: Proofs = current_app.extensions["onward.proofs"]
    click.echo(proofs.tokens.issue(role, subject, hours * 3600))


@click.command("revoke")
@click.option("--role", type=click.Choice(ROLES), help="Whose tokens are taken back.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), help="The seller's, buyer's … id.")
@click.option("--token-id", help="The `jti` of the one token to be taken back instead.")
@click.option("--reason", default="", help="For the audit trail.")
@with_appcontext
def revoke(role: Role | None, subject: int | None, token_id: str | None, reason: str) -> None:
    """Take back one token, or all that a principal was issued until now."""
    if bool(token_id) == (role is not None and subject is not None):
        raise click.UsageError("Name --token-id, or --role and --id.")
    revocations.revoke(f"jti:{token_id}" if token_id else f"{role}:{subject}", _actor(), reason)
    what = f"The token {token_id}" if token_id else f"Every proof that {role} {subject} was given until now"
    click.echo(f"{what} is refused within a second.")


@keys.command("add")
@click.option("--name", required=True, help="What people call it.")
@click.option("--role", type=click.Choice(ROLES), default="service", show_default=True, help="Whose rights it carries.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="The service's … id.")
@click.option("--scope", "wanted", multiple=True, required=True, help="What of them, as orders:read; may be repeated.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True, max=36500), help="How long it is good; for ever.")
def add_key(name: str, role: Role, subject: int, wanted: tuple[str, ...], days: float | None) -> None:
    """Make a key and print it; nobody can be told it again."""
    if unknown := set(wanted) - set(guards.scopes()):
        raise click.UsageError(f"There is no scope {min(unknown)}; there are {', '.join(guards.scopes())}.")
    expires_at = clock.now() + timedelta(days=days) if days else None
    _, key = api_keys.add(NewKey(name, role, subject, tuple(sorted(set(wanted))), expires_at), _actor())
    click.echo(key)


@keys.command("list")
def list_keys() -> None:
    """Print all keys, without what would let anybody use them."""
    for key in api_keys.list_all():
        whose = f"{key['role']}:{key['principal_id']}"
        click.echo(f"{key['id']}  {key['prefix']}…  {key['name']}  {whose}  {' '.join(key['scopes'])}  {_state(key)}")


def _state(key: Mapping[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    if key["expires_at"] and key["expires_at"] <= clock.now():
        return "expired"
    return f"last used {key['last_used_at'] or 'never'}"


@keys.command("revoke")
@click.argument("id", type=int)
@click.option("--reason", default="", help="For the audit trail.")
def revoke_key(id: int, reason: str) -> None:
    """End a key now."""
    with in_one_line():
        count = api_keys.revoke(id, _actor(), reason)
    click.echo(f"Key {id} is refused within a second" + (f", and {count - 1} that it made." if count > 1 else "."))


@who.command("add")
@click.option("--email", required=True, help="By which they sign in.")
@click.option("--name", required=True, help="How the pages call them.")
@click.option("--role", type=click.Choice(SIGNING_IN), required=True, help="Whose rights they have.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="The seller's, buyer's … id.")
def add_person(email: str, name: str, role: Role, subject: int) -> None:
    """Let somebody sign in, and print the link by which they choose a password."""
    for option, check, value in (("--email", is_addr_spec, email.strip()), ("--name", one_line, name)):
        try:
            check(value)
        except ValueError as error:
            raise click.UsageError(f"{option} {error}.") from error
    with in_one_line():
        click.echo(_link(people.add(email, name, role, subject)))


@who.command("list")
def list_people() -> None:
    """Print everybody who signs in with a password."""
    for person in people.list_all():
        state = "disabled" if person["disabled_at"] else f"last signed in {person['signed_in_at'] or 'never'}"
        click.echo(f"{person['email']}  {person['name']}  {person['role']}:{person['principal_id']}  {state}")


@who.command("reset")
@click.argument("email")
def reset(email: str) -> None:
    """Print a link by which somebody chooses a new password. It is good for a day and for one password."""
    with in_one_line():
        click.echo(_link(people.by_email(email) or people.missing(email)))


@who.command("change")
@click.argument("email")
@click.option("--role", type=click.Choice(SIGNING_IN), required=True, help="Whose rights they have from now on.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="The seller's, buyer's … id.")
def change(email: str, role: Role, subject: int) -> None:
    """Give somebody other rights, and end their sessions."""
    with in_one_line():
        people.change(email, role, subject, _actor())
    click.echo(f"{people.plain(email)} is {role} {subject} now, and has to sign in again.")


@who.command("disable")
@click.argument("email")
@click.option("--reason", default="", help="For the audit trail.")
def disable(email: str, reason: str) -> None:
    """Let somebody not sign in any more, and end their sessions."""
    with in_one_line():
        whom = people.disable(email, _actor(), reason)
    click.echo(f"{people.plain(email)} ({whom}) may not sign in any more, and is signed out within a second.")
    if left := api_keys.made_by(whom):
        told = ", ".join(map(str, left))
        click.echo(f"Keys that {whom} has made are still good: {told}. `flask keys revoke` ends one.")


@who.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Let somebody sign in again."""
    with in_one_line():
        people.enable(email)
    click.echo(f"{people.plain(email)} may sign in again.")


def _link(person: Person) -> str:
    links: people.Links = current_app.extensions["onward.links"]
    return links.address(person)


def _actor() -> str:
    """How the audit trail calls whoever runs a command."""
    return f"command line, {getpass.getuser()}"


def init_app(app: Flask) -> None:
    app.cli.add_command(token)
    app.cli.add_command(revoke)
    app.cli.add_command(keys)
    app.cli.add_command(who)
