"""Ambiguous requests: hosts, aliases of a path, endless fields, rewritten ETags."""

from __future__ import annotations

import pytest


@pytest.fixture
def move(app, bob):
    """The status that bob's change is answered with, at this address and with these fields."""
    client = app.test_client(use_cookies=False)
    token = {"Authorization": f"Bearer {bob.token}"}

    def move(address, **more):
        headers = token | {name.replace("_", "-"): value for name, value in more.items()}
        return client.patch(address, data=b'{"status":"CONFIRMED"}', headers=headers)

    return move


@pytest.mark.parametrize("host", ["a b", '"><script>', "a,b", "a/b", "a@b", "a:b", "[::1", "x" * 300])
def test_a_host_that_can_be_none_is_refused(move, placed, sql, host):
    answer = move(f"/api/orders/{placed['id']}/status", Host=host)

    assert (400, "malformed_request") == (answer.status_code, answer.get_json()["code"])
    assert [(1,)] == sql("SELECT version FROM orders")


@pytest.mark.parametrize("host", ["shop.example", "shop_1:8000", "127.0.0.1:80", "[::1]:8000"])
def test_a_host_is_taken(move, placed, host):
    assert 200 == move(f"/api/orders/{placed['id']}/status", Host=host).status_code


@pytest.mark.parametrize("host", ["evil.example", "shop.example.evil.example", "evil.example:443", "shopxexample"])
def test_only_trusted_hosts_are_served(app_with, host):
    """Whoever led a browser here by a name of their own was served as everybody else."""
    client = app_with(trusted_hosts=("shop.example", "[::1]"), public_url="https://orders.example:444").test_client()

    answer = client.get("/api/me", headers={"Host": host})
    assert (400, "malformed_request") == (answer.status_code, answer.get_json()["code"])
    assert "The Host header is not one of this service." == answer.get_json()["detail"]
    for trusted in ("shop.example", "SHOP.example.:8000", "orders.example", "[::1]:8000"):
        assert 200 == client.get("/livez", headers={"Host": trusted}).status_code


def test_without_trusted_hosts_any_is_served(app_with):
    client = app_with(public_url="https://orders.example").test_client()

    assert 200 == client.get("/livez", headers={"Host": "10.0.0.7:8000"}).status_code


def test_an_order_has_one_address(move, placed, sql):
    """With Arabic digits, zeros before the id or an encoded slash, the same order was moved."""
    id = str(placed["id"])
    arabic = "".join(f"%d9%{0xA0 + int(digit):x}" for digit in id)
    others = [
        *(f"/api/orders/{arabic}/status", f"/api/orders/000{id}/status"),
        *(f"/api/orders//{id}/status", f"/api%2Forders/{id}/status", f"/api/orders/{id}%2fstatus"),
    ]

    assert dict.fromkeys(others, 404) == {address: move(address).status_code for address in others}
    assert [(1,)] == sql("SELECT version FROM orders")


def test_what_is_refused_before_any_package_sees_it_has_a_request_id_of_its_own(app, move):
    """It had that of the request before it on its connection, or none."""
    answer = move("/api//orders", X_Request_ID="mine")

    assert ("mine", "mine") == (answer.headers["X-Request-ID"], answer.get_json()["request_id"])


@pytest.mark.parametrize("address", ["/%2f/livez", "/livez//", "/%2Flivez"])
def test_what_is_watched_has_one_address(app, address):
    assert 404 == app.test_client().get(address).status_code


def test_an_address_has_no_empty_parts(app):
    # The test client takes what follows two slashes for a host.
    assert 404 == app.test_client().get("/", environ_overrides={"PATH_INFO": "//metrics"}).status_code


@pytest.mark.parametrize("field", ["Accept", "Cookie", "If-None-Match", "X-Forwarded-For"])
def test_a_field_in_many_pieces_is_no_longer_than_another(app, field):
    """Half a megabyte of Accept took a second to read, for anybody."""
    answer = app.test_client(use_cookies=False).get("/livez", headers={field: ",".join(["a" * 90] * 100)})

    assert 431 == answer.status_code


def test_a_form_has_only_so_many_parts(app):
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = app.test_client().post(
        "/sign-in", data=part * 60 + b"--b--\r\n", content_type="multipart/form-data; boundary=b"
    )

    assert 413 == answer.status_code


@pytest.mark.parametrize("tag", ['"abc"', '"0"', '"1-zip"', 'W/"٣"', '""'])
def test_a_tag_without_a_version_is_told_so(move, placed, tag):
    """It was 412 "The order is at version 1, not 0." for ever."""
    answer = move(f"/api/orders/{placed['id']}/status", If_Match=tag.encode().decode("latin-1"))

    assert 422 == answer.status_code
    assert "If-Match is not the ETag of an order" in answer.get_json()["detail"]
