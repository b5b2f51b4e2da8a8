"""/dev/mail: the demo's e-mails, which nobody gets. In production there is no such page and no such folder."""

from __future__ import annotations

import re

import pytest

from access.profile_schemas import PIXEL
from notifications import mail_files
from notifications.email import Mail
from notifications.kept_mail import MailFolder
from process import onward_of
from tests.integration.conftest import Outbox, send_through


@pytest.fixture
def demo(app_with, tmp_path):
    return app_with(demo=True, mail_folder=tmp_path / "mail")


def test_the_demo_shows_what_it_would_have_sent(demo, settings, sql, empty, tmp_path):
    cast, outbox = send_through(demo, settings), Outbox(onward_of(demo), sql)
    cast.bob.request("PUT", "/api/sellers/1", {"name": "Bob's Mugs", "colour": "#0a7d55", "logo": PIXEL})
    cast.bob.move(cast.place(number="A-7", buyer_name="<i>Alice")["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    visitor = demo.test_client()

    page = visitor.get("/dev/mail").text
    assert "Your order #A-7 was confirmed." in page
    (link,) = re.findall(r'href="(/dev/mail/\w+)"', page)
    one = visitor.get(link)
    assert "Hello &lt;i&gt;Alice," in one.text
    html = visitor.get(f"{link}/html")
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert f'src="{PIXEL}"' in html.text
    assert 0o700 == (tmp_path / "mail").stat().st_mode & 0o777


def test_without_the_demo_there_is_no_such_page(app_with, tmp_path):
    app = app_with(mail_folder=tmp_path / "mail", demo=False)

    assert 404 == app.test_client().get("/dev/mail").status_code
    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/dev")]
    assert not (tmp_path / "mail").exists()


@pytest.mark.parametrize("name", ["..%2f..%2fjwt_secret", "x" * 20, "0" * 20, "0"])
def test_nothing_but_a_mail_is_shown(demo, tmp_path, name):
    (tmp_path / "jwt_secret").write_text("secret")

    for path in (f"/dev/mail/{name}", f"/dev/mail/{name}/html"):
        assert 404 == demo.test_client().get(path).status_code


def test_the_newest_are_kept_and_one_that_is_sent_again_replaces_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(mail_files, "MOST_KEPT", 3)
    folder = MailFolder(tmp_path / "mail", "orders@localhost")
    for number in (1, 2, 3, 4, 4):
        assert "succeeded" == folder.send(Mail("a@b.example", f"Mail {number}", "x", f"id.{number}")).kind

    assert {"Mail 2", "Mail 3", "Mail 4"} == {one.message["Subject"] for one in folder.mails()}
    assert "dead" == folder.send(Mail("no address", "x", "y", "z")).kind
