"""People choose how they are told: over the API, on the page, and with the link of an e-mail."""

from __future__ import annotations

import pytest

from access import people
from notifications import preferences
from notifications.unsubscribing import Unsubscribing

PATH = "/api/me/preferences"
QUIET = {"from": "22:00", "until": "07:00"}


def put(person, **body):
    return person.request("PUT", PATH, body)


def titles(person):
    return [(one["kind"], one["order_id"]) for one in person.get("/api/notifications").json["notifications"]]


def test_everybody_begins_with_what_the_table_says(alice, bob, olive):
    kinds = {one["kind"]: one for one in alice.get(PATH).json["kinds"]}

    assert kinds["SHIPPED"]["ways"] == {"inbox": "inbox", "email": "email"}
    assert kinds["message.created"]["ways"]["email"] == "email after 10 minutes unless seen"
    assert kinds["CANCELLED"]["critical"]
    assert "PENDING" not in kinds, "an order that was placed is news for the seller"
    assert {"inbox": "inbox"} == {one["kind"]: one for one in bob.get(PATH).json["kinds"]}["SHIPPED"]["ways"]
    assert olive.get(PATH).json == {"kinds": [], "choices": {}, "quiet_hours": None, "time_zone": "UTC"}


def test_what_was_chosen_is_read_again_and_replaced_as_a_whole(alice, mallory):
    choices = {"*": {"email": "daily"}, "SHIPPED": {"email": "on", "inbox": "off"}}
    reply = put(alice, choices=choices, quiet_hours=QUIET, time_zone="Asia/Kolkata")

    assert reply.status == 200
    assert {name: reply.json[name] for name in ("choices", "quiet_hours", "time_zone")} == {
        "choices": choices,
        "quiet_hours": QUIET,
        "time_zone": "Asia/Kolkata",
    }
    assert alice.get(PATH).json == reply.json
    assert mallory.get(PATH).json["choices"] == {}
    assert put(alice).json["choices"] == {}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"choices": {"LUNCH": {"email": "off"}}}, "LUNCH is not among your kinds"),
        ({"choices": {"SHIPPED": {"inbox": "daily"}}}, "inbox can be on or off"),
        ({"choices": {"SHIPPED": {"fax": "off"}}}, "fax"),
        ({"choices": {"SHIPPED": {"email": "weekly"}}}, "email"),
        ({"choices": {"SHIP PED": {"email": "off"}}}, "SHIP PED"),
        ({"choices": []}, "choices"),
        ({"quiet_hours": {"from": "24:00", "until": "07:00"}}, "quiet_hours.from"),
        ({"quiet_hours": {"from": "07:00", "until": "07:00"}}, "from and until must differ"),
        ({"quiet_hours": {"from": "07:00"}}, "until"),
        ({"time_zone": "Europe/Atlantis"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
        ({"loud": True}, "loud"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(alice, body, named):
    reply = put(alice, **body)

    assert reply.status == 422
    assert named in str(reply.json)


def test_a_seller_cannot_choose_a_way_that_the_table_does_not_offer(bob):
    reply = put(bob, choices={"SHIPPED": {"email": "on"}})

    assert (reply.status, reply.json["detail"]) == (422, "choices: SHIPPED has no email.")


def test_an_inbox_that_was_turned_off_stays_empty_and_the_other_sides_does_not(mode, cast, alice, bob, olive, outbox):
    put(alice, choices={"CONFIRMED": {"inbox": "off"}})
    id = cast.place()["id"]
    for status in ("CONFIRMED", "PREPARING"):
        olive.move(id, status)
    outbox.run_until_idle()

    assert titles(alice) == [("status", id), ("generic", id)]
    assert [kind for kind, _ in titles(bob)].count("generic") == 2
    assert alice.get(f"/api/orders/{id}").json["status"] == "PREPARING"


def test_a_choice_for_all_turns_off_what_has_none_of_its_own(cast, alice, bob, outbox):
    put(alice, choices={"*": {"inbox": "off"}, "SHIPPED": {"inbox": "on"}})
    id = cast.place()["id"]
    for status in ("CONFIRMED", "PREPARING", "SHIPPED"):
        bob.move(id, status)
    outbox.run_until_idle()

    assert {one["title"] for one in alice.get("/api/notifications").json["notifications"]} == {
        f"Order #{alice.order(id)['number']}",
        f"Your order #{alice.order(id)['number']} is on its way.",
    }


def test_people_of_a_shop_share_its_inbox_and_choose_their_own_mail(app, sql, bob):
    with app.app_context():
        bea = people.add("bea@example.org", "Bea", "seller", bob.id)
        sql("UPDATE people SET time_zone = 'Asia/Tokyo' WHERE id = %s", bea.id)
        one = preferences.Principal("seller", bob.id, via=f"person:{bea.id}")
        choices = {"order.created": {"email": "daily", "inbox": "off"}}
        preferences.set_preferences(one, choices, None, None)

        assert preferences.preferences(one).choices == choices
        assert preferences.preferences(one).zone.key == "Asia/Tokyo"
    assert bob.get(PATH).json["choices"] == {"order.created": {"inbox": "off"}}


def test_an_unsubscribe_link_turns_off_one_kind_for_one_person(app, settings, alice, mallory):
    """RFC 8058: mail clients post `List-Unsubscribe=One-Click`, without a session."""
    put(alice, choices={"SHIPPED": {"inbox": "off"}, "READY": {"email": "daily"}}, quiet_hours=QUIET)
    path = Unsubscribing(settings).link(f"buyer:{alice.id}", "SHIPPED").partition("/unsubscribe/")[2]
    client = app.test_client()

    assert client.get(f"/unsubscribe/{path}").status_code == 200
    assert "email" not in alice.get(PATH).json["choices"]["SHIPPED"], "scanners follow links; only a POST does it"
    for _ in range(2):
        assert client.post(f"/unsubscribe/{path}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert client.post(f"/unsubscribe/x{path}").status_code == 404
    assert alice.get(PATH).json["choices"] == {"SHIPPED": {"inbox": "off", "email": "off"}, "READY": {"email": "daily"}}
    assert alice.get(PATH).json["quiet_hours"] == QUIET
    assert mallory.get(PATH).json["choices"] == {}


def test_the_page_shows_what_was_chosen_and_sets_it(visit, alice):
    visitor = visit("alice")
    page = visitor.get("/preferences")
    assert "Quiet hours" in page.text
    fields = {"SHIPPED email": "off", "quiet_from": "22:00", "quiet_until": "07:00", "time_zone": "Europe/Berlin"}

    assert visitor.post("/preferences", **fields).status_code == 303
    assert visitor.post("/preferences", **(fields | {"SHIPPED email": "maybe"})).status_code == 422
    assert visitor.post("/preferences", **(fields | {"quiet_until": ""})).status_code == 422
    assert visitor.post("/preferences", **(fields | {"time_zone": "Nowhere"})).status_code == 422
    assert 'value="22:00"' in visitor.get("/preferences").text
    reply = alice.get(PATH).json
    assert (reply["choices"], reply["quiet_hours"]) == ({"SHIPPED": {"email": "off"}}, QUIET)
