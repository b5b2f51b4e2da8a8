"""Where a sign-in may redirect to."""

from __future__ import annotations

import pytest

from dashboard.auth_pages import local_path


@pytest.mark.parametrize("path", ["/", "/seller/orders", "/buyer/orders/7?from=mail", "/orders/7%2F"])
def test_a_path_on_this_site_is_followed(path: str) -> None:
    assert path == local_path(path)


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "seller/orders",
        "//evil.example",
        "/\\evil.example",
        "/ok\\..\\evil",
        "https://evil.example/",
        "javascript:alert(1)",
        "/a\nLocation: https://evil.example",
        "/\t/evil.example",
    ],
)
def test_nothing_else_is(path: str | None) -> None:
    assert "" == local_path(path)
