"""The operators' pages: everything is shown to auditors, and nothing can be done by them."""

from __future__ import annotations

import re

import pytest

from foundation import clock
from tests.integration.test_operator_jobs import DEAD
from tests.integration.visitor import Visitor

SAID = "9 of 9 <b>failed</b>"
PAGES = ("/ops", "/ops?minutes=15", "/ops/effects", "/ops/dead", "/ops/destinations", "/ops/live")


@pytest.fixture
def dead(sql, empty):
    sql("INSERT INTO circuits (destination, state) VALUES ('mail-server', 'open')")
    sql("INSERT INTO circuit_changes (destination, state, reason) VALUES ('mail-server', 'open', %s)", SAID)
    return [id for (id,) in sql(DEAD, 3)]


@pytest.fixture
def operator(visit):
    return visit("olive")


@pytest.fixture
def auditor(app, empty, sql):
    """Somebody with an auditor's account, signed in."""
    sql(
        """INSERT INTO people (email, name, role, principal_id, session_key)
        VALUES ('otto@example.org', 'Otto', 'auditor', 1, 'otto-key')"""
    )
    client, now = app.test_client(), int(clock.unix_seconds())
    with client.session_transaction() as session:
        session.update({"_user_id": "otto-key", "_fresh": True, "since": now, "seen": now, "name": "Otto"})
    return Visitor(client)


def test_every_page_is_drawn_and_escapes_what_others_wrote(operator, dead, placed):
    operator.post("/ops/dead", of="all", action="redeliver", per_second="1")
    for path in (*PAGES, f"/ops/effects/{dead[0]}"):
        page = operator.get(path)
        assert 200 == page.status_code, path
        assert "<b>failed</b>" not in page.text


def test_every_part_is_drawn_alone_as_on_its_page(operator, dead, placed):
    for path in (*PAGES, f"/ops/effects/{dead[0]}"):
        page = operator.get(path)
        for name in re.findall(r'data-part="(\w+)"', page.text):
            part = operator.get(f"{path}{'&' if '?' in path else '?'}part={name}")
            assert (200, 1) == (part.status_code, part.text.count(f'data-part="{name}"')), (path, name)


def test_the_line_is_red_and_names_what_is_not_well(operator, dead, sql):
    page = operator.get("/ops").text
    assert "Calls to mail-server are stopped: 9 of 9 &lt;b&gt;failed&lt;/b&gt;" in page
    assert "All is well." not in page

    sql("UPDATE circuits SET state = 'closed'")
    assert "All is well." in operator.get("/ops").text


def test_an_auditor_sees_everything_and_no_button_and_is_refused(auditor, operator, dead, onward, sql):
    operator.post("/ops/dead", of="all", action="redeliver", per_second="1")
    ((job,),) = sql("SELECT id FROM operator_jobs")
    for path in (*PAGES, f"/ops/effects/{dead[0]}"):
        page = auditor.get(path)
        assert 200 == page.status_code, path
        assert not re.findall(r'<form[^>]+method="post"[^>]+action="/ops', page.text), path
    forms = {
        "/ops/dead": {"of": "all", "action": "discard", "reason": "x"},
        f"/ops/effects/{dead[0]}": {"action": "redeliver"},
        f"/ops/jobs/{job}/stop": {},
        "/ops/destinations": {"destination": "mail-server", "action": "pause"},
        "/ops/live": {"kind": "*", "mode": "sequential"},
    }
    for path, fields in forms.items():
        assert 403 == auditor.post(path, **fields).status_code, path
    assert [(1,)] == sql("SELECT count(*) FROM operator_actions")
    assert [("running",)] == sql("SELECT state FROM operator_jobs")


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_nobody_else_gets_there(visit, dead, name):
    visitor = visit(name)
    for path in (*PAGES, f"/ops/effects/{dead[0]}"):
        assert 403 == visitor.get(path).status_code


def test_dead_letters_are_redelivered_or_discarded_by_form(operator, dead, onward, sql):
    run = onward.operations.runner.run
    ticked = {f"id-{id}": "1" for id in dead[:2]}
    assert 303 == operator.post("/ops/dead", of="selected", action="discard", reason="a test", **ticked).status_code
    run()
    answer = operator.post(
        "/ops/dead?kind=email.status&part=said,jobs", of="all", action="redeliver", per_second="1000"
    )
    assert (200, True) == (answer.status_code, "dead letters" in answer.text)
    run()
    sql("UPDATE side_effects SET status = 'dead' WHERE status = 'pending'")
    assert 303 == operator.post(f"/ops/effects/{dead[2]}", action="redeliver").status_code
    run()

    assert [("discarded", 2), ("pending", 1)] == sql("SELECT status, count(*) FROM side_effects GROUP BY 1 ORDER BY 1")
    assert "2 of 2" in operator.get("/ops/dead").text


@pytest.mark.parametrize(
    "form",
    [
        {"of": "selected", "action": "redeliver"},
        {"of": "all", "action": "discard"},
        {"of": "all", "action": "burn"},
        {"of": "all", "action": "redeliver", "per_second": "0"},
        {"of": "all", "action": "discard", "reason": "x" * 501},
    ],
)
def test_a_form_that_cannot_be_done_says_why_and_does_nothing(operator, dead, sql, form):
    answer = operator.post("/ops/dead", **form)

    assert (422, True) == (answer.status_code, "form-error" in answer.text)
    assert [] == sql("SELECT * FROM operator_jobs")


def test_what_is_typed_wrongly_is_said_and_selects_nothing(operator, dead):
    for path in ("/ops/effects?q=knd:email", "/ops/dead?q=state:done"):
        page = operator.get(path)
        assert 200 == page.status_code
        assert "form-error" in page.text
        assert f"effect-{dead[0]}" not in page.text
    assert 404 == operator.get("/ops/effects/999999999").status_code


def test_a_destination_is_paused_and_resumed_and_a_mode_set(operator, dead, sql):
    operator.post("/ops/destinations", destination="mail-server", action="pause", reason="the provider moves")
    assert "mail-server is paused by an operator" in operator.get("/ops").text
    operator.post("/ops/destinations", destination="mail-server", action="resume")
    assert [("closed", False)] == sql("SELECT state, paused FROM circuits")
    assert 422 == operator.post("/ops/destinations", destination="", action="pause").status_code
    assert 404 == operator.post("/ops/destinations", destination="nowhere", action="resume").status_code

    operator.post("/ops/live", kind="chat.message", mode="sequential")
    assert [("chat.message", "sequential")] == sql("SELECT kind, mode FROM side_effect_modes")
    assert 422 == operator.post("/ops/live", kind="no.such", mode="sequential").status_code


def test_the_tail_shows_the_newest_events_and_can_be_narrowed_and_paused(operator, bob, outbox, placed):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()

    shown = operator.get("/ops/live?part=tail").text
    assert shown.index("order.status_changed") < shown.index("order.created")
    assert "order.created" not in operator.get("/ops/live?part=tail&type=order.status").text
    assert "<li" not in operator.get("/ops/live?part=tail&shop=999").text
    assert "data-on=" not in operator.get("/ops/live?part=tail&tail=paused").text
