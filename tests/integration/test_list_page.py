"""The page of all orders: searched, counted, page by page, and as a file."""

from __future__ import annotations

import re

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


def test_the_exact_number_comes_first(cast, visit):
    for number in ("B-10", "B-1", "B-100"):
        cast.place(number=number)

    page = visit("bob").get("/seller/orders/list?q=B-1").text

    assert "#B-1" == re.findall(r">(#[^<]*)</a>", page)[0]
    assert 1 == page.count("autofocus")


def test_a_day_is_a_whole_day_of_the_reader(bobs_page, cast, sql):
    sql("UPDATE orders SET created_at = '2026-03-10T23:30:00Z' WHERE number = 'A-1'")

    page = bobs_page.get("/seller/orders/list?placed_from=2026-03-10&placed_until=2026-03-10").text

    assert (True, False) == (">#A-1<" in page, ">#A-0<" in page)
    assert page.count('value="2026-03-10"') == 2
    # The same orders, wherever the filter is read.
    assert "/seller/bulk?placed_from=2026-03-10T00%3A00%3A00Z&amp;placed_until=2026-03-11T00%3A00%3A00Z" in page


def test_a_part_shows_as_many_rows_as_it_is_asked_for(bobs_page):
    assert 2 == bobs_page.get("/seller/orders/list?part=rows:2").text.count('<tr class="row')
    assert 3 == bobs_page.get("/seller/orders/list?part=rows:50").text.count('<tr class="row')


@pytest.mark.parametrize("part", ["rows", "rows:0", "rows:501", "rows:x", "rows:-1", "found:1", "row:1"])
def test_a_part_that_is_none_is_refused(bobs_page, part):
    assert 422 == bobs_page.get(f"/seller/orders/list?part={part}").status_code


@pytest.mark.parametrize("part", ["column:SOLD", "column", "column:COMPLETED", "column:PENDING.x", "column:PENDING.5-"])
def test_a_part_of_the_board_that_is_none_is_refused(bobs_page, part):
    assert 422 == bobs_page.get(f"/seller/orders?part={part}").status_code


def test_views_are_saved_renamed_and_deleted_on_the_page(bobs_page):
    def shown():
        page = bobs_page.get("/seller/orders/list?status=PENDING").text
        return re.findall(r'aria-current="page" dir="auto">([^<]*)<', page), re.findall(r'action="/views/(\d+)"', page)

    shown()
    assert "/seller/orders/list?status=PENDING" == bobs_page.post("/views", name="Open", list="status=PENDING").location
    names, (view,) = shown()
    assert ["Open"] == names
    bobs_page.post("/views", name="Open", list="status=PENDING")
    assert "You already have a view named Open." in bobs_page.get("/seller/orders/list").text
    bobs_page.post(f"/views/{view}", do="rename", name="To do")
    assert ["To do"] == shown()[0]
    bobs_page.post(f"/views/{view}", do="delete")

    assert ([], []) == shown()


def test_a_view_of_somebody_else_is_not_found(bobs_page, visit):
    bobs_page.get("/seller/orders/list")
    bobs_page.post("/views", name="Open", list="status=PENDING")
    (view,) = re.findall(r'action="/views/(\d+)"', bobs_page.get("/seller/orders/list").text)
    olive = visit("olive")
    olive.get("/operator/orders/list")

    assert 404 == olive.post(f"/views/{view}", do="delete").status_code


def test_a_button_of_a_list_answers_the_rows_of_that_list(bobs_page, cast):
    order = cast.place(number="C-1")
    bobs_page.get("/seller/orders/list")
    value = f"{order['id']}:{order['version']}:CONFIRMED"
    form = {"move": value, "key": "a-key-of-the-list", "list": "q=C-1"}

    answer = bobs_page.post("/orders/move?part=said,found,rows:50", **form)

    assert 200 == answer.status_code
    assert 'data-status-now="CONFIRMED"' in answer.text
    assert 1 == answer.text.count('<tr class="row')
    assert "is now “Confirmed”" in answer.text
