"""What `<onward-status>` shows of an order in another page, drawn here: `GET /t/<link>/status`."""

from __future__ import annotations

import re

import pytest

SHOP = "https://shop.example"
PARCEL = {"carrier": "DHL", "number": "0034", "url": "https://dhl.example/0034", "expected_on": "2026-12-01"}


@pytest.fixture
def shown(app_with, cast, placed, outbox):
    """Read the order of a link as an element does: status, text and headers."""
    client = app_with(cors_origins=(SHOP,)).test_client(use_cookies=False)
    made = cast.bob.post(f"/api/orders/{placed['id']}/tracking-links", {})
    link = "/t/" + made.json["url"].partition("/t/")[2]

    def shown(origin=SHOP, link=link, **query):
        headers = {"Origin": origin, "Accept-Language": query.pop("language", "en")}
        answer = client.get(f"{link}/status", query_string=query, headers=headers)
        return answer.status_code, answer.get_data(as_text=True), answer.headers

    return shown


def words(text):
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_an_element_shows_status_way_and_parcel(shown, cast, placed, outbox):
    for to in ("CONFIRMED", "PREPARING", "READY"):
        assert 200 == cast.bob.move(placed["id"], to).status
    assert 200 == cast.bob.move(placed["id"], "SHIPPED", tracking=PARCEL).status
    outbox.run_until_idle()

    status, text, _ = shown()

    assert 200 == status
    said = words(text)
    assert all(word in said for word in (placed["number"], "On its way", "1 Dec", "DHL 0034", "Delivered not yet"))
    assert f'data-version="{cast.bob.order(placed["id"])["version"]}"' in text
    assert PARCEL["url"] in text
    assert 1 == text.count('aria-current="step"')


def test_it_says_nothing_that_the_link_does_not_show(shown, cast, placed):
    cast.alice.post(f"/api/orders/{placed['id']}/messages", {"body": "a word between us"})

    _, text, _ = shown()

    assert not [word for word in ("a word between us", "alice@", "<script", "<style", " style=") if word in text]


def test_it_is_written_in_the_language_and_the_zone_of_the_reader(shown):
    _, utc, _ = shown()
    _, text, headers = shown(language="de-AT", zone="Asia/Kolkata")

    assert " UTC<" in utc
    assert " UTC<" not in text
    assert "Bestellung" in words(text)
    assert 'lang="de"' in text
    assert "de" == headers["Content-Language"]


def test_a_zone_that_is_not_known_here_is_utc_and_says_so(shown):
    status, text, _ = shown(zone="Mars/Olympus")

    assert (200, True) == (status, " UTC<" in text)


@pytest.mark.parametrize("forged", ["/t/x", "/t/WzEsMSwwLDk5OTk5OTk5OTld.AAAA"])
def test_a_link_that_is_not_valid_has_a_sentence_to_show(shown, forged):
    status, text, headers = shown(link=forged)

    assert (404, "This link is no longer valid. Ask the shop for a new one.") == (status, words(text))
    assert SHOP == headers["Access-Control-Allow-Origin"], "the element has to read it"


def test_only_named_origins_may_read_it(shown):
    assert SHOP == shown()[2]["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Origin" not in shown(origin="https://other.example")[2]
    assert "Origin" in shown()[2]["Vary"]
