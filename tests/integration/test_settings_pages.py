"""What people choose for themselves, and sellers for their shops, on pages."""

from __future__ import annotations

import base64
import re
from io import BytesIO

import pytest

from access.profile_schemas import PIXEL
from tests.integration.webhook_receiver import receiving
from webhooks.events import TEST

PNG = base64.b64decode(PIXEL.partition(",")[2])


def test_a_browser_keeps_what_was_chosen_for_it(visit):
    bob = visit("bob")

    bob.post("/settings", theme="dark")
    assert 'data-theme="dark"' in bob.get("/settings").text
    assert 'data-shortcuts="off"' in bob.get("/settings").text
    bob.post("/settings", theme="", shortcuts="on", notices="on")
    page = bob.get("/settings").text

    assert "data-theme" not in page
    assert "data-shortcuts" not in page
    assert 'data-notices="on"' in page


@pytest.mark.parametrize("fields", [{"theme": "pink"}, {"notices": "loud"}, {"shortcuts": ""}])
def test_what_cannot_be_chosen_is_refused(visit, fields):
    assert 422 == visit("bob").post("/settings", **fields).status_code


def test_a_theme_leads_back_to_the_page_and_to_no_other_site(visit):
    bob = visit("bob")

    assert "/inbox" == bob.post("/theme", theme="dark", next="/inbox").location
    assert "/" == bob.post("/theme", theme="dark", next="https://evil.example/").location


def test_a_shop_is_named_and_shown_as_its_seller_wants(visit, cast):
    bob = visit("bob")
    version = re.search(r'name="version" value="(\d+)"', bob.get("/settings/shop").text)[1]

    given = {"version": version, "name": "Bob's Mugs", "coloured": "yes", "colour": "#0a7d55", "hours": "9-17"}
    saved = bob.post("/settings/shop", **given, logo=(BytesIO(PNG), "logo.png", "image/png"))

    assert 303 == saved.status_code
    shop = cast.alice.get(f"/api/sellers/{cast.bob.id}").json
    assert ("Bob's Mugs", PIXEL, "#0a7d55", "9-17") == (shop["name"], shop["logo"], shop["colour"], shop["hours"])
    again = bob.post("/settings/shop", **given)
    assert (412, True) == (again.status_code, "changed by somebody else" in again.text)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Enter a name"),
        ({"reply_to": "Bob <bob@example.org>"}, "Enter one e-mail address"),
        ({"coloured": "yes", "colour": "red"}, "Choose a colour"),
        ({"logo": "gif"}, "Choose a PNG"),
    ],
)
def test_what_a_shop_cannot_be_is_said_beside_what_was_entered(visit, wrong, sentence):
    bob = visit("bob")
    version = re.search(r'name="version" value="(\d+)"', bob.get("/settings/shop").text)[1]
    if "logo" in wrong:
        wrong = {"logo": (BytesIO(b"GIF89a"), "logo.gif", "image/gif")}

    answer = bob.post("/settings/shop", **({"version": version, "name": "Mugs", "hours": "never"} | wrong))

    assert (422, True) == (answer.status_code, sentence in answer.text)
    assert 'value="never"' in answer.text


def test_an_endpoint_is_added_tested_and_given_another_secret(visit):
    bob = visit("bob")
    with receiving() as receiver:
        added = bob.post("/seller/webhooks", url=receiver.url, type="order.*").text
        first, id = re.search(r"whsec_[\w+/=]+", added)[0], re.search(r"/seller/webhooks/(\d+)/test", added)[1]
        one = f"/seller/webhooks/{id}"

        assert 303 == bob.post(f"{one}/test").status_code
        assert receiver.got[0].verified_by(first)

    page = bob.get(one).text
    assert (False, True) == (first in page, TEST in page)
    assert first != re.search(r"whsec_[\w+/=]+", bob.post(f"{one}/secret").text)[0]


def test_an_endpoint_is_switched_off_asked_again_and_deleted(visit):
    bob = visit("bob")
    added = bob.post("/seller/webhooks", url="http://127.0.0.1:9/", type="order.*").text
    one = "/seller/webhooks/" + re.search(r"/seller/webhooks/(\d+)/test", added)[1]

    assert 303 == bob.post(f"{one}/switch", disabled="yes").status_code
    assert "Disabled" in bob.get(one).text
    assert 303 == bob.post(f"{one}/redeliver").status_code
    assert 422 == bob.post(f"{one}/redeliver", event="nonsense").status_code
    assert "/seller/webhooks" == bob.post(f"{one}/delete").location
    assert 404 == bob.get(one).status_code


def test_a_url_that_may_not_be_called_is_refused_beside_the_form(visit):
    answer = visit("bob").post("/seller/webhooks", url="http://10.0.0.1/", type="order.*")

    assert 422 == answer.status_code
    assert 'value="http://10.0.0.1/"' in answer.text
