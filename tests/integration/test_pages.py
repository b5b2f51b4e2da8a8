"""The pages as a browser without scripts gets them: who sees which, with what content, or which error."""

from __future__ import annotations

import re

import pytest

from dashboard import board_page, columns
from orders.workflow_file import DEFAULT
from tests.integration.visitor import Visitor

NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize(("name", "home"), [("bob", "seller"), ("alice", "buyer"), ("olive", "operator")])
def test_a_button_leads_to_the_page_of_ones_own_role(app, empty, name, home):
    visitor = Visitor(app.test_client())

    assert "/" == visitor.sign_in(name).location
    assert f"/{home}/orders" == visitor.get("/").location
    assert 200 == visitor.get(f"/{home}/orders").status_code


def test_nobody_signs_in_by_a_button_that_is_not_there(app, app_with):
    guest = Visitor(app.test_client())
    guest.get("/sign-in")

    assert 404 == guest.post("/sign-in", person="mallory").status_code
    assert 404 == guest.before(app_with(demo=False)).post("/sign-in", person="bob").status_code
    assert 'value="bob"' not in guest.before(app_with(demo=False)).get("/sign-in").text


def test_a_page_of_another_role_is_refused(visit):
    assert 403 == visit("alice").get("/seller/orders").status_code


def test_who_has_signed_out_has_to_sign_in_again(visit):
    bob = visit("bob")

    assert "/sign-in" == bob.post("/sign-out").location
    assert "/sign-in?next=%2Fseller%2Forders" == bob.get("/seller/orders").location


def test_the_board_shows_each_order_in_its_column(visit, cast):
    waiting, confirmed, cancelled = (cast.place() for _ in range(3))
    cast.bob.move(confirmed["id"], "CONFIRMED")
    cast.bob.move(cancelled["id"], "CANCELLED", "Out of clay")

    board = visit("bob").get("/seller/orders").text

    assert [waiting["id"]] == cards(board, "PENDING")
    assert [confirmed["id"]] == cards(board, "CONFIRMED")
    assert [cancelled["id"]] == cards(board, "COMPLETED REFUNDED CANCELLED")
    assert "2 open" in board


def test_a_full_column_leads_to_the_rest_of_it(visit, cast, monkeypatch):
    monkeypatch.setattr(columns, "PAGE_CARDS", 2)
    placed = [cast.place()["id"] for _ in range(5)]
    bob = visit("bob")

    board, seen = bob.get("/seller/orders").text, []
    assert '<b data-count-of="PENDING">5</b>' in board
    assert "5 open" in board
    while links := re.findall(r'<a href="([^"]*)" data-more=', board):
        seen += cards(board, "PENDING")
        board = bob.get("/seller/orders" + links[0].partition("#")[0]).text

    assert placed == seen + cards(board, "PENDING")


def test_an_order_that_was_closed_under_another_table_breaks_no_board(visit, cast, sql):
    order = cast.place()
    sql("UPDATE orders SET status = 'ARCHIVED', open = false WHERE id = %s", order["id"])

    assert 200 == visit("bob").get("/seller/orders").status_code


def test_a_buyer_reads_where_the_order_is_and_what_that_means(visit, cast, placed):
    cast.bob.move(placed["id"], "CONFIRMED")

    page = visit("alice").get(f"/buyer/orders/{placed['id']}").text

    assert ">Order confirmed</h1>" in page
    assert "The shop has accepted your order." in page
    assert "Cancel order" in page


def test_a_strangers_order_is_a_page_that_says_404(visit, placed):
    dave = visit("dave")

    assert 404 == dave.get(f"/seller/orders/{placed['id']}").status_code
    assert 404 == dave.move(placed, "CONFIRMED").status_code
    assert 404 == dave.post(f"/orders/{placed['id']}/messages", body="Hello").status_code
    assert "Back to your orders" in dave.get("/seller/orders/987654321").text


def test_an_unreachable_database_is_a_page_that_says_503(visit, placed, app_with):
    bob = visit("bob").before(app_with(database_url=NOWHERE))

    answers = [bob.get(path) for path in ("/seller/orders", f"/seller/orders/{placed['id']}", "/inbox")]
    answers += [bob.move(placed, "CONFIRMED")]

    assert [503] * 4 == [answer.status_code for answer in answers]
    assert {"1"} == {answer.headers["Retry-After"] for answer in answers}
    assert all("cannot reach its database" in answer.text for answer in answers)


def test_a_surprise_is_a_page_that_tells_no_secrets(app_with, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    app = app_with()
    monkeypatch.setattr(board_page, "read_board", fail)
    bob = Visitor(app.test_client())
    bob.sign_in("bob")

    answer = bob.get("/seller/orders")

    assert 500 == answer.status_code
    assert "the secret inside" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def cards(page: str, statuses: str) -> list[int]:
    """The orders that a page shows in one list."""
    (shown,) = re.findall(rf'data-list="{statuses}".*?</section>', page, re.DOTALL)
    return [int(order) for order in re.findall(r'<li class="card[^>]*data-order="(\d+)"', shown)]


def test_a_page_is_shown_to_a_client_that_brings_a_header_of_its_own(app):
    """A monitor sends what it always sends; the form's CSRF token needs a session all the same."""
    assert 200 == app.test_client().get("/sign-in", headers={"Authorization": "Basic Zm9vOmJhcg=="}).status_code


def test_pages_show_orders_of_a_table_that_was_replaced(app_with, visit, placed, tmp_path):
    """They stand in a status, and have a history of statuses, that the new table does not know."""
    table = tmp_path / "own.toml"
    table.write_text(DEFAULT.read_text().replace("PENDING", "ORDERED"))
    replaced = app_with(order_workflow=table)

    for name, home in (("alice", "/buyer/orders"), ("bob", "/seller/orders"), ("olive", "/operator/orders")):
        visitor = visit(name).before(replaced)
        assert 200 == visitor.get(home).status_code
        assert "PENDING" in visitor.get(f"{home}/{placed['id']}").text
