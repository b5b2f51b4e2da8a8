"""No page is left out of the tests that go through all pages."""

from __future__ import annotations

from tests.journeys import page_list


def test_every_page_is_in_the_list(app):
    rules = [rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    shapes = {page_list.shape(rule) for rule in rules if not rule.startswith("/api/")}
    shapes = {"/any/orders" if shape == "/buyer/orders" else shape for shape in shapes}

    assert set() == shapes - page_list.looked_at() - page_list.NO_PAGES.keys()
