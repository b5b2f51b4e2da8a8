"""What an e-mail looks like: text and HTML of the same words, in a shop's colours, and nothing loaded from outside."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from html import unescape

import pytest

from access.profile_schemas import PIXEL
from foundation.addresses import mailbox
from notifications.email import Mail, compose
from notifications.letters import TEMPLATES, Letter, Letters, Shop, greeting
from notifications.posting import Post
from side_effects.retry import Outcome

LETTERS = Letters()
SENDER = mailbox("Shop <orders@shop.test>")
PARCEL = {"carrier": "DHL <b>", "number": "JD01", "expected": None, "url": "https://dhl.example/?a=1&b=2"}
VALUES = {
    "greeting": "Hello Zoë,",
    "sentence": "Your order #A-7 is on its way.",
    "reason": "",
    "parcels": [PARCEL],
    "link": "https://shop.test/t/abc",
}
SHOP = Shop("Bob's <Mugs>", PIXEL, "#0a7d55", "bob@example.org")


def letter(shop=SHOP, unsubscribe="", **values):
    return Letter(
        "alice@example.org", "en", "status", VALUES | values, "email.status.order.7", "order.3", shop, unsubscribe
    )


def sent(mail):
    """The message as its reader parses it."""
    return message_from_bytes(compose(SENDER, mail).content, policy=policy.default)


def html_of(mail):
    return sent(mail).get_body(("html",)).get_content()


def test_a_letter_is_text_and_html_of_the_same_words():
    message = sent(LETTERS.mail(letter(reason="Sent early")))
    text, html = (message.get_body((form,)).get_content() for form in ("plain", "html"))

    assert "multipart/alternative" == message.get_content_type()
    for words in ("Hello Zoë,", "Your order #A-7 is on its way.", "Reason given: Sent early", "JD01"):
        assert words in text
        assert words in html
    assert "Your order #A-7 is on its way." == message["Subject"]


def test_the_letter_wears_the_shops_colour_name_and_logo():
    mail = LETTERS.mail(letter())
    html = html_of(mail)
    (logo,) = [part for part in sent(mail).walk() if part.get_content_maintype() == "image"]

    assert "background-color: #0a7d55" in html
    assert 'alt="Bob\'s <Mugs>"' in unescape(html)
    assert f'src="cid:{logo["Content-ID"].strip("<>")}"' in html
    assert logo.get_content().startswith(b"\x89PNG")
    assert ("Bob's <Mugs>", "bob@example.org") == mail.reply_to


@pytest.mark.parametrize(
    ("colour", "written"), [("#ffffff", "#111820"), ("#f5d90a", "#111820"), ("#0a7d55", "#ffffff"), ("red", "#ffffff")]
)
def test_what_stands_on_a_colour_can_be_read(colour, written):
    """A colour that is none is the plain one."""
    html = html_of(LETTERS.mail(letter(Shop("Bob", "", colour))))

    (head,) = re.findall(r'class="head"[^>]*style="([^"]*)"', html)
    assert f"color: {written}" in re.sub(r"background-color: [^;]*", "", head)


def test_no_text_of_others_becomes_markup_in_a_letter():
    """Names, reasons and carriers are chosen by people; the letter carries our sender address."""
    html = html_of(
        LETTERS.mail(letter(reason='<img src="https://evil.example/x.png">', greeting="Hello <a href=//evil>,"))
    )

    assert "&lt;img src=" in html
    assert "&lt;a href=//evil&gt;" in html
    assert "DHL &lt;b&gt;" in html


def test_nothing_is_loaded_from_anywhere():
    """Whoever serves an image learns who reads the mail, and when."""
    html = html_of(LETTERS.mail(letter()))

    assert ["cid:logo@onward"] == re.findall(r'src="([^"]*)"', html)
    assert not re.search(r"<link|<script|@import|url\(|<style", html)


def test_a_letter_without_html_of_its_own_shows_its_paragraphs():
    alert = Letter(
        "olive@example.org", "en", "alert_circuit", {"destination": "crm", "reason": "<x>", "since": "now"}, "a"
    )
    mail = LETTERS.mail(alert)

    assert "Calls to crm are stopped" == mail.subject
    assert "<p" in mail.html
    assert "Reason: &lt;x&gt;" in mail.html


def test_the_mails_of_an_order_are_one_thread():
    first, second = (sent(LETTERS.mail(letter())) for _ in range(2))

    assert "<email.status.order.7@shop.test>" == first["Message-ID"] == second["Message-ID"]
    assert "<order.3@shop.test>" == first["References"] == first["In-Reply-To"]
    assert (None, None) == (sent(Mail("a@b.example", "x", "y", "z"))["References"],) * 2


LONG = "https://shop.test/unsubscribe/" + "x" * 300


def test_one_click_ends_the_mails_of_a_kind():
    """RFC 8058; a header that was folded or encoded would be read by nobody."""
    mail = LETTERS.mail(letter(unsubscribe=LONG))
    lines = compose(SENDER, mail).content.split(b"\r\n")

    assert f"List-Unsubscribe: <{LONG}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert LONG in mail.text
    assert LONG in mail.html


def test_an_address_that_is_not_https_is_no_one_click():
    message = sent(LETTERS.mail(letter(unsubscribe="http://127.0.0.1:8000/unsubscribe/x")))

    assert "<http://127.0.0.1:8000/unsubscribe/x>" == message["List-Unsubscribe"]
    assert "List-Unsubscribe-Post" not in message


def test_no_line_of_a_message_is_longer_than_a_server_takes():
    """RFC 5321, section 4.5.3.1.6: 1,000 octets with the line end."""
    content = compose(SENDER, LETTERS.mail(letter(unsubscribe=LONG, reason="ü" * 5000))).content

    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert content.isascii()


def test_a_template_that_cannot_be_filled_is_no_fault_of_the_mail_server(tmp_path):
    """Twelve such letters would have stopped all mail."""
    (tmp_path / "status.txt").write_text("Subject: {{ nothing_like_it }}\n")
    post = Post(Letters((tmp_path, TEMPLATES)), NoMailing(), lambda *_: [])
    outcome = post.send(letter())

    assert ("retry", "nothing") == (outcome.kind, outcome.verdict)
    assert "nothing_like_it" in outcome.reason


class NoMailing:
    """Must not be asked."""

    def send(self, mail: Mail) -> Outcome:
        raise AssertionError(mail)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Zoë Müller", "Hello Zoë Müller,"),
        ("Alice\n\nYour account\r\nis locked.", "Hello Alice Your account is locked.,"),
        ("see WWW.evil", "Hello,"),
        ("evil.example", "Hello,"),
        ("mailto:z@evil", "Hello,"),
        (" ", "Hello,"),
    ],
    ids=ascii,
)
def test_a_name_is_greeted_unless_a_client_would_make_a_link_of_it(name, expected):
    assert expected == greeting(name)
