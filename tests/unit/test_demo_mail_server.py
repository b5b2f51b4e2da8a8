"""The demo's mail server takes e-mails the real way, keeps them to be shown, and refuses while it is switched off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.mail_server import MailServer
from notifications import mail_files
from notifications.email import Mail, Mailer
from notifications.kept_mail import MailFolder

DOTS = "First.\n.hidden\n..\nLast.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.fixture
def mailer(folder: Path) -> Iterator[Mailer]:
    listener = socket.create_server(("127.0.0.1", 0))
    with MailServer(listener, folder) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        mailer = Mailer(f"smtp://127.0.0.1:{listener.getsockname()[1]}", "orders@shop.test", mails_per_connection=10)
        yield mailer
        mailer.close()
        server.shutdown()
        serving.join()


def mail(number: int) -> Mail:
    return Mail("alice@example.org", f"Mail {number}", DOTS, f"mail.{number}")


def test_what_it_is_given_is_shown_once_however_often_it_is_sent(mailer: Mailer, folder: Path) -> None:
    assert ["succeeded"] * 3 == [mailer.send(mail(number)).kind for number in (1, 2, 2)]

    shown = {str(one.message["Subject"]): one.message for one in MailFolder(folder, "x@y.test").mails()}
    assert {"Mail 1", "Mail 2"} == set(shown)
    assert DOTS == shown["Mail 1"].get_content().replace("\r\n", "\n")


def test_while_it_is_switched_off_it_refuses_open_and_new_connections_and_loses_nothing(
    mailer: Mailer, folder: Path
) -> None:
    assert "succeeded" == mailer.send(mail(1)).kind
    mail_files.refusal(folder).touch()

    refused = mailer.send(mail(2))
    assert ("retry", "bad") == (refused.kind, refused.verdict)
    assert "421" in refused.reason

    mail_files.refusal(folder).unlink()
    assert "succeeded" == mailer.send(mail(2)).kind
