"""A list of orders as a file: what the filters leave, whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import orjson
import pytest

from orders import export

FORMULAS = ("=1+1", "+49", "-2", "@SUM(A1)", "\uff1d1")


@pytest.fixture
def download(app):
    """A list as this person gets it in this form."""

    def ask(person, query="", accept="text/csv", method="GET"):
        headers = {"Authorization": f"Bearer {person.token}"} | ({"Accept": accept} if accept else {})
        with app.test_client().open(f"/api/orders?{query}", method=method, headers=headers) as reply:
            return reply.status_code, reply.headers, reply.get_data(as_text=True)

    return ask


@pytest.fixture
def rows(download):
    """The same, read as a spreadsheet would."""

    def ask(person, query=""):
        status, _, text = download(person, query)
        assert 200 == status, text
        return list(csv.DictReader(io.StringIO(text, newline="")))

    return ask


@pytest.fixture
def orders(cast):
    return [cast.place(number=f"A-{n}", buyer_name=name) for n, name in enumerate((*FORMULAS, 'Zoë "Z", O’Neill'))]


def test_a_file_has_what_the_filters_leave(bob, mallory, orders, rows):
    bob.move(orders[1]["id"], "CONFIRMED")

    assert [str(order["id"]) for order in orders[::-1]] == [row["id"] for row in rows(bob)]
    assert [str(order["id"]) for order in orders] == [row["id"] for row in rows(bob, "sort=oldest")]
    assert ["A-1"] == [row["number"] for row in rows(bob, "status=CONFIRMED")]
    assert ["A-5"] == [row["number"] for row in rows(bob, "q=zoe")]
    assert [] == rows(mallory)


def test_a_file_is_the_same_however_many_pages_it_has(monkeypatch, bob, orders, rows, download):
    whole = rows(bob), download(bob, accept="application/x-ndjson")[2]
    for sort in ("newest", "updated", "number", "total"):
        monkeypatch.setattr(export, "EXPORT_PAGE", 4)
        assert whole[0] == sorted(rows(bob, f"sort={sort}"), key=lambda row: -int(row["id"]))
    monkeypatch.setattr(export, "TURN", 1)

    assert whole == (rows(bob), download(bob, accept="application/x-ndjson")[2])


def test_no_cell_begins_as_a_formula_does(bob, orders, rows):
    names = {row["buyer_name"] for row in rows(bob)}

    assert {*(f"'{formula}" for formula in FORMULAS), 'Zoë "Z", O’Neill'} == names
    assert ["2800"] * 6 == [row["total_minor"] for row in rows(bob)]
    assert "2 x Blue mug (MUG-1); 1 x Spoon (SPOON)" == rows(bob)[0]["items"]


@pytest.mark.parametrize("cell", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_each_sign_that_begins_a_formula_is_led_by_an_apostrophe(cell):
    assert (f"'{cell}1", f"1{cell}", -1) == (export.safe(f"{cell}1"), export.safe(f"1{cell}"), export.safe(-1))


def test_lines_of_json_are_the_orders_of_the_list(bob, orders, download):
    status, headers, text = download(bob, accept="application/x-ndjson")

    assert bob.get("/api/orders").json["orders"] == [orjson.loads(line) for line in text.splitlines()]
    assert "application/x-ndjson; charset=utf-8" == headers["Content-Type"]
    assert ("attachment", "no-store") == (headers["Content-Disposition"].partition(";")[0], headers["Cache-Control"])
    assert 200 == status


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("", 200, "application/json"),
        ("*/*", 200, "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200, "application/json"),
        ("application/json;q=0.1, text/csv;q=0.9", 200, "text/csv; charset=utf-8"),
        ("text/*", 200, "text/csv; charset=utf-8"),
        ("text/html", 406, "application/problem+json"),
        ("application/xml", 406, "application/problem+json"),
        ("text/csv;q=0", 406, "application/problem+json"),
    ],
)
def test_the_form_is_the_one_that_the_client_accepts(bob, orders, download, accept, status, kind):
    found, headers, _ = download(bob, accept=accept)

    assert (status, kind) == (found, headers["Content-Type"])
    assert status == 406 or headers["Vary"].startswith("Accept")


@pytest.mark.parametrize("query", ["limit=5", "cursor=7", "status=SOLD", "sort=nothing"])
def test_what_makes_no_sense_in_a_file_is_refused_before_it_begins(bob, download, query):
    status, headers, _ = download(bob, query)

    assert (422, "application/problem+json") == (status, headers["Content-Type"])


def test_nobody_has_more_files_under_way_than_two(app, bob, mallory, orders, download):
    streams = [app.test_client(), app.test_client()]
    headers = {"Authorization": f"Bearer {bob.token}", "Accept": "text/csv"}
    begun = [client.get("/api/orders", headers=headers) for client in streams]

    status, refused, _ = download(bob)
    assert (429, "10") == (status, refused["Retry-After"])
    assert 200 == download(mallory)[0]
    for reply in begun:
        reply.close()
    assert 200 == download(bob)[0]
    assert 200 == download(bob, method="HEAD")[0]
    assert 0 == export._running.total()
