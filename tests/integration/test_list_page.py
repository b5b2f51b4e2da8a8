"""The page of all orders: searched, counted, page by page, and as a file."""

from __future__ import annotations

import pytest


@pytest.fixture
def bobs_page(cast, visit):
    for number in range(3):
        cast.place(number=f"A-{number}", buyer_name=("José", "Zoë", "Groß")[number])
    cast.place(seller_id=cast.mallory.id, number="M-1")
    return visit("bob")


def test_all_orders_of_the_reader_are_searched_and_counted(cast, bobs_page):
    whole = bobs_page.get("/seller/orders/list").text
    assert ["A-0", "A-1", "A-2"] == [number for number in ("A-0", "A-1", "A-2", "M-1") if f">#{number}<" in whole]
    assert "/seller/orders/list.csv" in whole

    found = bobs_page.get("/seller/orders/list?q=jose&sort=oldest").text
    assert (True, False) == (">#A-0<" in found, ">#A-1<" in found)
    assert "status=PENDING" in found
    assert "q=jose" in found


def test_a_page_leads_to_the_next_one(bobs_page):
    first = bobs_page.get("/seller/orders/list?limit=2").text

    assert 'rel="next"' in first
    assert (True, False) == (">#A-2<" in first, ">#A-0<" in first)


@pytest.mark.parametrize("query", ["status=SOLD", "sort=best", "q=%00", "cursor=x", "colour=blue"])
def test_what_makes_no_sense_is_said_on_the_page(bobs_page, query):
    page = bobs_page.get(f"/seller/orders/list?{query}")

    assert 200 == page.status_code
    assert "form-error" in page.text


def test_a_file_has_the_filters_of_the_page(bobs_page):
    file = bobs_page.api("GET", "/seller/orders/list.csv?q=jose", None)

    assert "text/csv; charset=utf-8" == file.headers["Content-Type"]
    assert (True, False) == ("A-0" in file.text, "A-1" in file.text)
