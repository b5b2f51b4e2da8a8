"""The pages in a real browser on a shop with 2,000 open orders: each one is reached, found and acted on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import cloned
from tests.journeys.browsers import PHONE, Visitors, needs_browser, never_reloaded
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

COLUMN, ALL = 500, 2000
PATIENCE_MS = 20_000
"""A page that took long to answer is asked less often."""

MANY = f"""
INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
SELECT 'M-' || n, CASE WHEN n <= {COLUMN} THEN 'CONFIRMED' ELSE 'PENDING' END, 1, 1, 'Buyer ' || n, 'b@example.org',
    '[{{"sku": "MUG", "title": "Blue mug", "quantity": 1, "unit_price_minor": 1250}}]', 1250, 'EUR'
FROM generate_series(1, {ALL}) AS n ORDER BY n"""

TO_THE_END = """async () => {
    const column = document.getElementById("column-CONFIRMED");
    const numbers = () => [...column.querySelectorAll(".number")].map((one) => one.textContent);
    for (let link, turn = 0; turn < 30 && (link = column.querySelector("a[data-more]")); turn++) {
        const shown = numbers().length;
        link.click();
        for (let waited = 0; waited < 100 && numbers().length === shown; waited++)
            await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return numbers();
}"""
"""Without the frames that a click of the driver's waits for, on a page of 500 cards."""


@pytest.fixture(scope="module")
def shop(worker_name: str) -> Iterator[Server]:
    """Bob's, with 2,000 open orders."""
    for database in cloned(f"onward_many_{worker_name}"):
        with Server(database) as running:
            running.sql(MANY)
            yield running


@pytest.fixture
def people(browser: Browser, shop: Server) -> Iterator[Visitors]:
    visitors = Visitors(browser, shop.url)
    yield visitors
    visitors.close()
    assert [] == visitors.complaints


def order_of(shop: Server, number: str) -> int:
    ((id,),) = shop.sql(f"SELECT id FROM orders WHERE number = '{number}'")
    return int(id)


def show_more(place: Any, rows: str) -> None:
    shown = place.locator(rows).count()
    place.locator("a[data-more]").evaluate("(link) => link.click()")
    expect(place.locator(rows).nth(shown)).to_be_attached(timeout=PATIENCE_MS)


def test_a_column_of_500_is_shown_to_its_end(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob")
    same_document = never_reloaded(bob)
    column = bob.locator("#column-CONFIRMED")
    expect(column.locator("[data-count-of]")).to_have_text(str(COLUMN))

    numbers = bob.evaluate(TO_THE_END)

    assert [f"#M-{n}" for n in range(1, COLUMN + 1)] == numbers
    bob.evaluate("document.activeElement.blur()")  # rows do not leave a list while somebody is at it
    shop.move(order_of(shop, "M-480"), "PREPARING")
    expect(column.locator(".card")).to_have_count(COLUMN - 1, timeout=PATIENCE_MS)
    expect(bob.locator("#column-PREPARING")).to_contain_text("#M-480")
    shop.sql("UPDATE orders SET status = 'CONFIRMED' WHERE number = 'M-480'")
    assert same_document()


def test_an_event_asks_for_the_pages_that_it_concerns_and_no_others(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob")
    column = bob.locator("#column-CONFIRMED")
    show_more(column, ".card")
    asked: list[str] = []
    bob.on("request", lambda request: asked.append(request.url) if "part=" in request.url else None)

    shop.move(order_of(shop, "M-60"), "PREPARING")
    expect(bob.locator("#column-PREPARING")).to_contain_text("#M-60", timeout=PATIENCE_MS)

    (url,) = asked
    parts = url.partition("part=")[2].split(",")
    last = order_of(shop, "M-50")
    assert {"title", "count:CONFIRMED", "count:PREPARING", f"column:CONFIRMED.{last}", "column:PREPARING"} == set(parts)


def test_a_burst_loses_no_card_and_asks_seldom(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob")
    asked: list[str] = []
    bob.on("request", lambda request: asked.append(request.url) if "part=" in request.url else None)
    ids = [order_of(shop, f"M-{n}") for n in range(1001, 1061)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda id: shop.move(id, "CONFIRMED"), ids))

    ((pending,),) = shop.sql("SELECT count(*) FROM orders WHERE status = 'PENDING'")
    expect(bob.locator("#column-PENDING [data-count-of]")).to_have_text(str(pending), timeout=PATIENCE_MS)
    expect(bob.locator("#column-PENDING .card")).to_have_count(50)
    assert len(asked) <= 15


def test_any_order_is_found_and_acted_on_by_its_number_and_three_keys(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list")
    bob.keyboard.press("/")
    bob.keyboard.type("M-1777")
    bob.keyboard.press("Enter")
    expect(bob.locator("a.number").first).to_be_focused()
    expect(bob.locator("#pill")).to_have_text("Live")

    bob.keyboard.press("a")

    expect(bob.locator(".row").first).to_contain_text("Confirmed")
    assert [("CONFIRMED",)] == shop.sql("SELECT status FROM orders WHERE number = 'M-1777'")


def test_the_list_comes_first_where_there_is_too_much_for_a_board(people: Visitors) -> None:
    bob = people.signed_in("Bob")
    bob.context.clear_cookies(name="onward_orders")
    bob.goto("/seller/orders")
    expect(bob).to_have_url(re.compile("/seller/orders/list$"))

    bob.get_by_role("link", name="Board").click()
    expect(bob.locator("#board")).to_be_visible()
    bob.goto("/")
    expect(bob.locator("#board")).to_be_visible()


def test_filters_are_in_the_address_and_survive_a_reload(people: Visitors) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list")
    bob.get_by_role("link", name=re.compile("^Confirmed")).click()
    bob.get_by_role("link", name="Placed", exact=True).click()
    expect(bob.locator(".row .number").first).to_have_text("#M-1")
    expect(bob.locator("[aria-sort=ascending]")).to_have_text("Placed")

    bob.reload()

    expect(bob).to_have_url(re.compile(r"status=CONFIRMED&sort=oldest$"))
    expect(bob.locator(".row .number").first).to_have_text("#M-1")
    show_more(bob.locator("#rows"), ".row")
    expect(bob.locator(".row")).to_have_count(100)


def test_a_selection_survives_what_happens_live(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list?sort=oldest&status=CONFIRMED")
    bob.locator(".row .number").nth(3).focus()
    bob.keyboard.press("x")
    bob.locator(".row .number").nth(6).focus()
    bob.keyboard.press("Shift+X")
    bob.locator("h1").hover()
    bob.evaluate("document.activeElement.blur()")
    chosen = bob.locator(".row:has(:checked) .number").all_inner_texts()

    shop.move(order_of(shop, "M-2"), "PREPARING")
    expect(bob.locator(".row .number").nth(1)).to_have_text("#M-3", timeout=PATIENCE_MS)

    assert ["#M-4", "#M-5", "#M-6", "#M-7"] == chosen == bob.locator(".row:has(:checked) .number").all_inner_texts()


def test_changes_wait_while_the_pointer_is_in_the_list_and_are_counted(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list?sort=oldest&status=CONFIRMED")
    bob.locator(".row .number").nth(9).hover()

    for number in ("M-11", "M-12"):
        shop.move(order_of(shop, number), "PREPARING")
    expect(bob.locator(".held")).to_contain_text("Changes: 2", timeout=PATIENCE_MS)
    bob.get_by_role("button", name="Show", exact=True).click()

    expect(bob.locator(".held")).to_be_hidden()
    expect(bob.locator("#rows")).not_to_contain_text("#M-12")


def test_a_view_is_saved_shared_by_its_address_and_deleted(people: Visitors) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list?status=CONFIRMED&sort=oldest")
    bob.get_by_text("Save or change a view").click()
    bob.get_by_label("Name of the view", exact=True).fill("To pack")
    bob.get_by_role("button", name="Save as a view").click()
    expect(bob.get_by_text("View “To pack” is saved.")).to_be_visible()

    bob.goto("/seller/orders/list")
    bob.get_by_role("link", name="To pack").click()
    expect(bob).to_have_url(re.compile(r"status=CONFIRMED&sort=oldest$"))
    expect(bob.get_by_role("link", name="To pack")).to_have_attribute("aria-current", "page")
    bob.get_by_text("Save or change a view").click()
    bob.get_by_role("button", name="Delete view To pack").click()
    expect(bob.get_by_role("link", name="To pack")).to_have_count(0)


def test_on_a_phone_the_rows_are_cards(people: Visitors) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list", viewport=PHONE)

    assert PHONE["width"] == bob.evaluate("document.documentElement.scrollWidth")
    expect(bob.locator(".row button[name=move]").first).to_be_visible()


def test_a_list_works_without_scripts(people: Visitors, shop: Server) -> None:
    bob = people.signed_in("Bob", "/seller/orders/list?q=M-1900", java_script_enabled=False)

    bob.get_by_role("button", name="Confirm, order M-1900").click()

    expect(bob).to_have_url(re.compile(r"/seller/orders/list\?q=M-1900#order-\d+$"))
    expect(bob.get_by_text("Order #M-1900 is now “Confirmed”.")).to_be_visible()
    bob.goto("/seller/orders/list?sort=oldest")
    bob.get_by_role("link", name="Show more").click()
    expect(bob.locator(".row .number").first).to_have_text("#M-51")
