"""`flask token`, `flask revoke`, `flask keys` and `flask people`: credentials on the command line."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from access import api_keys, guards, people, revocations
from access.api_keys import NewKey
from access.parts import access_of
from access.people import SIGNING_IN, Person
from access.principal import ROLES, Role
from access.tokens import LIFETIME_SECONDS
from foundation import clock
from foundation.addresses import is_addr_spec
from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from foundation.one_line import one_line

keys = AppGroup("keys", help="API keys.")
who = AppGroup("people", help="Accounts with a password.")


@click.command("token")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Role of the principal.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="Id of the seller, buyer ….")
@click.option("--hours", type=click.FloatRange(min=0.001), default=LIFETIME_SECONDS / 3600, help="Validity in hours.")
@with_appcontext
def token(role: Role, subject: int, hours: float) -> None:
    """Print a signed token."""
    click.echo(access_of().credentials.tokens.issue(role, subject, hours * 3600))


@click.command("revoke")
@click.option("--role", type=click.Choice(ROLES), help="Role of the principal whose tokens are revoked.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), help="Id of the seller, buyer ….")
@click.option("--token-id", help="The `jti` of a single token to revoke.")
@click.option("--reason", default="", help="Recorded in the audit trail.")
@with_appcontext
def revoke(role: Role | None, subject: int | None, token_id: str | None, reason: str) -> None:
    """Revoke one token, or all tokens issued to a principal until now."""
    if bool(token_id) == (role is not None and subject is not None):
        raise click.UsageError("Give --token-id, or --role and --id.")
    revocations.revoke(f"jti:{token_id}" if token_id else f"{role}:{subject}", _actor(), reason)
    what = f"The token {token_id}" if token_id else f"Every credential of {role} {subject} issued until now"
    click.echo(f"{what} is refused within a second.")


@keys.command("add")
@click.option("--name", required=True, help="A name for the key.")
@click.option("--role", type=click.Choice(ROLES), default="service", show_default=True, help="Role of the key.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="Id of the service ….")
@click.option("--scope", "wanted", multiple=True, required=True, help="A scope such as orders:read; may be repeated.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True, max=36500), help="Validity in days; default: for ever."
)
def add_key(name: str, role: Role, subject: int, wanted: tuple[str, ...], days: float | None) -> None:
    """Create an API key and print it; it cannot be shown again."""
    if unknown := set(wanted) - set(guards.scopes()):
        raise click.UsageError(f"Unknown scope {min(unknown)}; the scopes are {', '.join(guards.scopes())}.")
    expires_at = clock.now() + timedelta(days=days) if days else None
    _, key = api_keys.create(NewKey(name, role, subject, tuple(sorted(set(wanted))), expires_at), _actor())
    click.echo(key)


@keys.command("list")
def list_keys() -> None:
    """List all API keys, without the secrets."""
    for key in api_keys.listed():
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
@click.option("--reason", default="", help="Recorded in the audit trail.")
def revoke_key(id: int, reason: str) -> None:
    """Revoke an API key."""
    with in_one_line():
        count = api_keys.end(id, _actor(), reason)
    click.echo(f"Key {id} is refused within a second" + (f", and {count - 1} created with it." if count > 1 else "."))


@who.command("add")
@click.option("--email", required=True, help="E-mail address to sign in with.")
@click.option("--name", required=True, help="Name shown on the pages.")
@click.option("--role", type=click.Choice(SIGNING_IN), required=True, help="Role of the account.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="Id of the seller, buyer ….")
def add_person(email: str, name: str, role: Role, subject: int) -> None:
    """Add an account, and print the link to choose its password."""
    for option, check, value in (("--email", is_addr_spec, email.strip()), ("--name", one_line, name)):
        try:
            check(value)
        except ValueError as error:
            raise click.UsageError(f"{option} {error}.") from error
    with in_one_line():
        click.echo(_link(people.add(email, name, role, subject)))


@who.command("list")
@click.option("--role", type=click.Choice(SIGNING_IN), help="Only accounts with this role.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), help="Only those of this seller, buyer ….")
def list_people(role: Role | None, subject: int | None) -> None:
    """List the accounts with a password: all, or those of a shop."""
    for person in people.everyone(role, subject):
        state = "disabled" if person["disabled_at"] else f"last signed in {person['signed_in_at'] or 'never'}"
        click.echo(f"{person['email']}  {person['name']}  {person['role']}:{person['principal_id']}  {state}")


@who.command("reset")
@click.argument("email")
def reset(email: str) -> None:
    """Print a link to choose a new password, valid for a day and for one password."""
    with in_one_line():
        click.echo(_link(people.by_email(email) or people.missing(email)))


@who.command("change")
@click.argument("email")
@click.option("--role", type=click.Choice(SIGNING_IN), required=True, help="New role of the account.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="Id of the seller, buyer ….")
def change(email: str, role: Role, subject: int) -> None:
    """Change the role and id of an account, and end its sessions."""
    with in_one_line():
        people.change(email, role, subject, _actor())
    click.echo(f"{people.plain(email)} is {role} {subject} now, and has to sign in again.")


@who.command("disable")
@click.argument("email")
@click.option("--reason", default="", help="Recorded in the audit trail.")
def disable(email: str, reason: str) -> None:
    """Disable an account, and end its sessions."""
    with in_one_line():
        whom = people.disable(email, _actor(), reason)
    click.echo(f"{people.plain(email)} ({whom}) is disabled, and is signed out within a second.")
    if left := api_keys.made_by(whom):
        ids = ", ".join(map(str, left))
        click.echo(f"Keys created by {whom} are still valid: {ids}. Revoke them with `flask keys revoke`.")


@who.command("sign-out")
@click.argument("email")
@click.option("--reason", default="", help="Recorded in the audit trail.")
def sign_out(email: str, reason: str) -> None:
    """End all sessions of an account, and its links to choose a password."""
    with in_one_line():
        people.end_sessions(email, _actor(), reason)
    click.echo(f"{people.plain(email)} is signed out within a second.")


@who.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Enable a disabled account."""
    with in_one_line():
        people.enable(email)
    click.echo(f"{people.plain(email)} is enabled.")


def _link(person: Person) -> str:
    return access_of().password_links.address(person)


def _actor() -> str:
    """The name of the command's user in the audit trail."""
    return f"command line, {getpass.getuser()}"


def init_app(app: Flask) -> None:
    app.cli.add_command(token)
    app.cli.add_command(revoke)
    app.cli.add_command(keys)
    app.cli.add_command(who)
