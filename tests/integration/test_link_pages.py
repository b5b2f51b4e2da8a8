"""The page of a tracking link: what it shows, what it lets its reader do, and what it never says."""

from __future__ import annotations

import re

import pytest

from process import onward_of

ALL = {"reply": True, "statuses": ["CANCELLED", "RETURN_REQUESTED"]}


@pytest.fixture
def stranger(app, outbox):
    """Somebody whom nobody knows: no session comes of a link, whatever is done with it."""

    class Stranger:
        def __init__(self):
            self.client = app.test_client(use_cookies=False)

        def get(self, path, **headers):
            return self._answer(self.client.get(path, headers=headers))

        def post(self, path, form):
            return self._answer(self.client.post(path, data=form))

        def _answer(self, answer):
            assert "Set-Cookie" not in answer.headers
            return answer.status_code, answer.get_data().decode(errors="replace"), answer.headers

    return Stranger()


@pytest.fixture
def link_to(shop):
    """The path of a link to an order, made by the marketplace's system."""

    def link_to(order, **more):
        reply = shop.post(f"/api/orders/{order['id']}/tracking-links", more)
        assert 201 == reply.status, reply.json
        return "/t/" + reply.json["url"].partition("/t/")[2]

    return link_to


def fields(page, to):
    """What the form that moves the order to this status sends."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'data-to="{to}"' in one)
    assert "csrf_token" not in form
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_a_link_that_was_made_for_it_lets_its_reader_cancel(stranger, link_to, placed, alice, outbox):
    link = link_to(placed, **ALL)
    _, page, _ = stranger.get(link)

    status, _, headers = stranger.post(f"{link}/change", fields(page, "CANCELLED") | {"reason": "ordered twice"})

    assert (303, link) == (status, headers["Location"])
    outbox.run_until_idle()
    _, page, _ = stranger.get(link)
    hero = page[page.index('id="hero"') : page.index("</header>", page.index('id="hero"'))]
    assert "Cancelled" in hero
    assert "ordered twice" in hero, "why it was cancelled stands where it says so"
    last = alice.get(f"/api/orders/{placed['id']}/history").json["events"][-1]
    assert ("CANCELLED", "buyer", alice.id) == (last["to_status"], last["actor"]["role"], last["actor"]["id"])


def test_a_link_that_was_not_made_for_it_does_nothing(stranger, link_to, placed, alice):
    link = link_to(placed)
    form = {"to": "CANCELLED", "version": "1", "key": "a" * 32, "reason": "mischief"}

    assert 403 == stranger.post(f"{link}/change", form)[0]
    assert 403 == stranger.post(f"{link}/messages", {"body": "mischief", "key": "b" * 32})[0]
    assert "PENDING" == alice.order(placed["id"])["status"]
    _, page, _ = stranger.get(link)
    assert not [word for word in ("<form", "<input", "<textarea", "<button") if word in page]


def test_it_allows_what_it_was_made_for_and_nothing_else(stranger, link_to, placed, alice, bob, outbox):
    link = link_to(placed, statuses=["RETURN_REQUESTED"])
    form = {"to": "CANCELLED", "version": "1", "key": "a" * 32, "reason": "mischief"}
    assert 403 == stranger.post(f"{link}/change", form)[0]

    for to in ("CONFIRMED", "PREPARING", "READY", "DELIVERED"):
        assert 200 == bob.move(placed["id"], to).status
    _, page, _ = stranger.get(link)
    assert 'data-to="COMPLETED"' not in page
    assert 303 == stranger.post(f"{link}/change", fields(page, "RETURN_REQUESTED") | {"reason": "too small"})[0]
    assert "RETURN_REQUESTED" == alice.order(placed["id"])["status"]


def test_a_refused_form_shows_why_and_keeps_what_was_written(stranger, link_to, placed, bob):
    link = link_to(placed, **ALL)
    _, page, _ = stranger.get(link)
    form = fields(page, "CANCELLED") | {"reason": "ordered twice"}
    for to in ("CONFIRMED", "PREPARING"):
        bob.move(placed["id"], to)

    status, page, _ = stranger.post(f"{link}/change", form)

    assert 412 == status
    assert "form-error" in page
    assert "Being prepared" in page


def test_whose_link_has_the_conversation_reads_it_and_writes_in_it(stranger, link_to, placed, alice, bob, outbox):
    alice.post(f"/api/orders/{placed['id']}/messages", {"body": "a word between us"})
    link = link_to(placed, **ALL)
    assert "a word between us" in stranger.get(link)[1]

    status, _, headers = stranger.post(f"{link}/messages", {"body": "Ring twice", "key": "c" * 32})

    assert (303, f"{link}#messages") == (status, headers["Location"])
    said = bob.get(f"/api/orders/{placed['id']}/messages").json["messages"]
    assert ["Ring twice"] == [one["body"] for one in said if one["kind"] == "person"][-1:]
    status, page, _ = stranger.post(f"{link}/messages", {"body": "x" * 5000, "key": "d" * 32})
    assert (422, True) == (status, "Enter a message of up to 4,000 characters." in page)


@pytest.mark.parametrize(
    "body", [{"statuses": ["SHIPPED"]}, {"statuses": ["NOWHERE"]}, {"reply": "yes"}, {"statuses": "CANCELLED"}]
)
def test_a_link_is_made_only_for_what_a_buyer_may_do(shop, placed, body):
    assert 422 == shop.post(f"/api/orders/{placed['id']}/tracking-links", body).status


@pytest.mark.parametrize("more", [{"reply": True}, {"statuses": ["CANCELLED"]}])
def test_nobody_makes_a_link_to_act_as_somebody_else(cast, placed, more):
    """A seller would confirm the buyer's receipt, a key for orders read the conversation."""
    path = f"/api/orders/{placed['id']}/tracking-links"

    assert [403, 201, 201] == [one.post(path, more).status for one in (cast.bob, cast.alice, cast.olive)]
    made = cast.olive.post(
        "/api/ops/keys", {"name": "orders", "role": "buyer", "id": cast.alice.id, "scopes": ["orders:write"]}
    )
    headers = {"Authorization": f"Bearer {made.json['key']}"}
    assert (403 if "reply" in more else 201) == cast.alice.request("POST", path, more, **headers).status


def test_a_link_that_is_not_valid_says_nothing_of_why(app, stranger, link_to, placed, bob):
    """Forged, revoked or to an order that does not exist: one page, without a way to an account."""
    link = link_to(placed)
    bob.post(f"/api/orders/{placed['id']}/tracking-links/revoke", {"reason": "a wrong address"})
    onward_of(app).access.refresher.look()

    answers = [stranger.get(path)[:2] for path in (link, "/t/x", "/t/" + "x" * 3000, f"{link}A")]

    assert {404} == {status for status, _ in answers}
    assert 1 == len({page for _, page in answers})
    assert "Ask the shop for a new one." in answers[0][1]
    assert "Back to your orders" not in answers[0][1]
    assert 404 == stranger.post(f"{link}/change", {})[0] == stranger.post(f"{link}/messages", {})[0]


def test_parts_of_it_are_drawn_alone(stranger, link_to, placed):
    link = link_to(placed)

    status, text, _ = stranger.get(f"{link}?part=hero,progress")

    assert 200 == status
    assert ['data-part="hero"', 'data-part="progress"'] == re.findall(r'data-part="\w+"', text)
    assert "<html" not in text
    assert 422 == stranger.get(f"{link}?part=nothing")[0]


def test_the_page_is_the_shops(stranger, link_to, placed, bob, logo):
    profile = {"name": "Bob's Mugs", "colour": "#0a7d55", "logo": logo}
    assert 200 == bob.request("PUT", f"/api/sellers/{bob.id}", profile).status

    _, page, _ = stranger.get(link_to(placed))

    address = re.search(r'src="(/shops/[^"]+)" alt="Bob&#39;s Mugs"', page)[1]
    assert 'fill="#0a7d55"' in page
    assert "ink-light" in page
    assert " style=" not in page
    status, _, headers = stranger.get(address)
    assert (200, "image/png") == (status, headers["Content-Type"])
    assert "immutable" in headers["Cache-Control"]
    assert 404 == stranger.get(address + "1")[0]


@pytest.fixture
def logo():
    from access.profile_schemas import PIXEL

    return PIXEL
