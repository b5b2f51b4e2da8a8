"""`flask webhooks ...`: examine a receiver, and encrypt secrets with a new key."""

from __future__ import annotations

import ipaddress
import sys
from collections import Counter

import click
from flask import Flask
from flask.cli import AppGroup

from foundation import clock
from foundation.settings import Settings
from webhooks.examination import ACCEPT_SECONDS, examine, posting
from webhooks.refusals import Refused, Unreachable
from webhooks.rotation import encrypt_again
from webhooks.secrets_at_rest import Keyring
from webhooks.sending import Sender
from webhooks.signatures import secret_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
"""Whoever runs a command on this machine reaches them anyway."""

MOST_SHOWN = 20
"""Ids in one line."""

MARKS = {"right": "ok", "wrong": "WRONG", "unseen": "?"}


def init_app(app: Flask, settings: Settings) -> None:
    """Add the command group."""
    group = AppGroup("webhooks", help="Examine receivers, list endpoints, disable and enable them.")
    app.cli.add_command(group)

    @group.command("examine")
    @click.argument("url")
    @click.option(
        "--secret",
        envvar="WEBHOOK_SECRET",
        prompt=True,
        hide_input=True,
        help="The endpoint's secret, whsec_…; better in WEBHOOK_SECRET: others see options in the process list.",
    )
    @click.option("--within", default=ACCEPT_SECONDS, show_default=True, help="Seconds in which it has to answer.")
    def examine_receiver(url: str, secret: str, within: float) -> None:
        """Send a receiver what receivers get wrong, and say what it did wrong; exit status 1 if it did.

        It sends some fifteen deliveries about orders that do not exist. Loopback addresses are allowed without TLS.
        """
        sys.exit(_examine(Sender((*settings.webhook_allow_nets, *LOOPBACK)), url, secret, within))

    @group.command("rotate-keys")
    def rotate_keys() -> None:
        """Encrypt all secrets with the first key of WEBHOOK_SECRET_KEYS; deliveries go on meanwhile.

        Run it when every process has the new key, and remove the old one afterwards. Exit status 1 if a secret still
        has an older key.
        """
        if not (keyring := Keyring(settings.webhook_secret_keys)):
            raise click.ClickException("WEBHOOK_SECRET_KEYS is not set.")
        done, left = encrypt_again(keyring)
        click.echo(f"The secrets of {done} endpoints were encrypted with key {keyring.current_prefix[:-1]}.")
        if left:
            ids = ", ".join(map(str, left[:MOST_SHOWN])) + (", …" if len(left) > MOST_SHOWN else "")
            raise click.ClickException(f"{len(left)} were changed meanwhile, or have a key that is missing: {ids}")


def _examine(sender: Sender, url: str, secret: str, within: float) -> int:
    counts: Counter[str] = Counter()
    try:
        for finding in examine(posting(sender, url), secret_of(secret), int(clock.unix_seconds()), within):
            counts[finding.verdict] += 1
            click.echo(f"{MARKS[finding.verdict]:6}{finding.name}: {finding.text}")
    except (Refused, Unreachable) as error:
        raise click.ClickException(error.reason) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    seen, unseen = f"{counts['right']} right, {counts['wrong']} wrong", counts["unseen"]
    click.echo(f"{seen}, {unseen} that cannot be seen from outside.")
    return 1 if counts["wrong"] else 0
