"""Jobs of operators: each dead letter that matches once, whatever dies meanwhile, and nothing else."""

from __future__ import annotations

import pytest

from operations import jobs

DEAD = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts, last_error,
    fingerprint, finished_at)
    SELECT 'email.status', 'mail-server', 'order', -n, -n, 'dead', 11, 'RCPT TO: 550 ' || n, 'RCPT TO: #',
        clock_timestamp() FROM generate_series(1, %s) AS n RETURNING id"""


@pytest.fixture
def dead(sql, empty):
    return [id for (id,) in sql(DEAD, 10)]


@pytest.fixture
def run(onward):
    """All pieces that are due, as a process makes them."""
    return onward.operations.runner.run


def start(olive, **wanted):
    answer = olive.post("/api/ops/jobs", {"action": "redeliver", "per_second": 1000} | wanted)
    assert 200 == answer.status, answer
    return answer.json["id"]


def statuses(sql):
    return dict(sql("SELECT status, count(*) FROM side_effects GROUP BY status"))


def test_all_that_match_are_redelivered_and_the_others_are_not(dead, olive, run, sql):
    sql("UPDATE side_effects SET last_error = 'no answer within 5 s' WHERE id = ANY(%s)", dead[:3])
    id = start(olive, q="kind:email error:timeout")
    run()

    job = olive.get(f"/api/ops/jobs/{id}").json
    assert ("finished", 3, 3, {"pending": 3}) == (job["state"], job["matching"], job["done"], job["results"])
    assert {"dead": 7, "pending": 3} == statuses(sql)
    ended, begun = olive.get("/api/ops/side-effects/actions").json["actions"]
    assert ("start redeliver", "redeliver", 3) == (begun["action"], ended["action"], ended["count"])
    assert {ended["actor"], begun["actor"]} == {f"operator {olive.id}"}


def test_a_selection_is_discarded_with_its_reason(dead, olive, run, sql):
    assert 422 == olive.post("/api/ops/jobs", {"action": "discard", "ids": dead[:2]}).status
    id = start(olive, action="discard", ids=[*dead[:2], 10**9], reason="the shop has closed")
    run()

    assert (2, 2) == tuple(olive.get(f"/api/ops/jobs/{id}").json[name] for name in ("matching", "done"))
    assert {"dead": 8, "discarded": 2} == statuses(sql)
    assert "the shop has closed" == olive.get("/api/ops/side-effects/actions").json["actions"][0]["reason"]


def test_a_job_keeps_its_pace_and_can_be_stopped(dead, olive, run, sql):
    id = start(olive, all=True, per_second=2)
    run()
    assert {"dead": 8, "pending": 2} == statuses(sql), "as many as in a second"

    assert "stopped" == olive.request("POST", f"/api/ops/jobs/{id}/stop").json["state"]
    sql("UPDATE operator_jobs SET due_at = clock_timestamp()")
    run()
    assert {"dead": 8, "pending": 2} == statuses(sql)
    assert "stopped" == olive.request("POST", f"/api/ops/jobs/{id}/stop").json["state"], "once more changes nothing"
    assert "stop job" == olive.get("/api/ops/side-effects/actions").json["actions"][0]["action"]


def test_a_process_that_dies_in_a_piece_has_done_nothing_of_it(app, dead, olive, run, sql, monkeypatch):
    start(olive, all=True)
    with app.app_context():
        monkeypatch.setattr(jobs.db.session, "commit", lambda: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            jobs.make_piece()
        assert {"dead": 10} == statuses(sql), "rolled back with its connection"
        monkeypatch.undo()
        jobs.db.session.rollback()
    run()

    assert {"pending": 10} == statuses(sql)
    assert [("finished", 10)] == sql("SELECT state, done FROM operator_jobs")


def test_one_that_dies_again_is_not_redelivered_for_ever(dead, olive, run, sql):
    id = start(olive, all=True, per_second=5)
    run()
    sql("UPDATE side_effects SET status = 'dead' WHERE status = 'pending'")
    sql("UPDATE operator_jobs SET due_at = clock_timestamp()")
    run()
    sql("UPDATE operator_jobs SET due_at = clock_timestamp()")
    run()

    job = olive.get(f"/api/ops/jobs/{id}").json
    assert ("finished", 10, {"dead": 5, "pending": 5}) == (job["state"], job["done"], job["results"])


def test_what_does_not_match_is_passed_over_in_pieces(dead, olive, run, sql, monkeypatch):
    monkeypatch.setattr(jobs, "PIECE_LOOKED_AT", 3)
    monkeypatch.setattr(jobs, "PIECE_ROWS", 1)
    id = start(olive, action="discard", q="error:550 destination:mail-server id:" + str(dead[-1]), reason="one of all")
    run()

    assert ("finished", 1) == tuple(olive.get(f"/api/ops/jobs/{id}").json[name] for name in ("state", "done"))
    assert {"dead": 9, "discarded": 1} == statuses(sql)


def test_a_piece_that_fails_says_why_and_others_go_on(dead, olive, onward, run, sql):
    sick = start(olive, ids=dead[:1])
    start(olive, ids=dead[1:2])
    sql("""UPDATE operator_jobs SET selection = '{"since":"not a date"}' WHERE id = %s""", sick)
    with pytest.raises(Exception, match="not a date"):
        run()
    run()

    assert [("running", True), ("finished", False)] == sql("SELECT state, error <> '' FROM operator_jobs ORDER BY id")
    assert {"dead": 9, "pending": 1} == statuses(sql)


@pytest.mark.parametrize(
    "wanted",
    [{}, {"ids": [1], "all": True}, {"q": " "}, {"q": "state:pending"}, {"q": "knd:x"}, {"all": True, "per_second": 0}],
)
def test_nothing_named_is_nothing_meant(dead, olive, sql, wanted):
    assert 422 == olive.post("/api/ops/jobs", {"action": "redeliver"} | wanted).status
    assert [] == sql("SELECT * FROM operator_jobs")


def test_a_repeated_request_is_one_job(dead, olive, sql):
    wanted = {"action": "redeliver", "all": True}
    ids = {olive.post("/api/ops/jobs", wanted, Idempotency_Key="once").json["id"] for _ in range(2)}

    assert 1 == len(ids)
    assert [(1,)] == sql("SELECT count(*) FROM operator_jobs")


def test_old_jobs_are_deleted_and_the_audit_stays(dead, app, olive, run, onward, sql):
    start(olive, all=True)
    run()
    start(olive, all=True, per_second=0.01)
    sql("UPDATE operator_jobs SET finished_at = finished_at - interval '91 days', created_at = '2020-01-01'")

    onward.pruner.prune()
    assert [("running",)] == sql("SELECT state FROM operator_jobs")
    assert 3 == len(olive.get("/api/ops/side-effects/actions").json["actions"])
