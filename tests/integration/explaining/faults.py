"""The faults that are explained: each brings one about by the means of the service, and says its one cause.

They were written before what explains them. A fault takes all chance from its seed: which change it was, who else was
concerned and is well, what a server answered.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from notifications.email import MAIL_SERVER
from notifications.unsubscribing import Unsubscribing
from orders.signals import Undeliverable, order_status_changed
from realtime.subscriber import Subscriber
from tests.integration.explaining.scene import DEAD_PROCESS, Named, Scene, World, later
from webhooks.matching import KIND as DELIVERY

STRIDE = 31
"""From one fault to the next, so that a few of them are of all sorts."""

Fault = Callable[[Scene], Named]
FAULTS: dict[str, Fault] = {}

SIGNAL = "signal.order_status_changed"
WAYS = {"CONFIRMED": '["inbox", "email after 10 minutes unless seen"]', "PREPARING": '["inbox", "digest daily"]'}
"""What the workflow table of these tests says of two statuses, beside the built-in one."""


def fault(name: str) -> Callable[[Fault], Fault]:
    def add(bring_about: Fault) -> Fault:
        FAULTS[name] = bring_about
        return bring_about

    return add


def seeded(world: World, count: int) -> Any:
    """So many faults, kind by kind: name, the answer that is right, and the scene."""
    names = [*FAULTS]
    for seed in range(count):
        name = names[seed * STRIDE % len(names)]
        scene = world.scene(Random(f"{name} {seed}"))
        try:
            named = FAULTS[name](scene)
        except AssertionError as error:
            raise AssertionError(f"{name} {seed}: {error}") from error
        yield name, scene, named
        order_status_changed.disconnect(fails)
        world.clear()


# E-mail to the buyer


@fault("nothing is wrong")
def fine(s: Scene) -> Named:
    s.shipped()
    s.run()
    return s.email("accepted")


@fault("the circuit of the mail server is open")
def circuit_open(s: Scene) -> Named:
    s.breaks_mail()
    s.shipped()
    s.run()
    return s.email("circuit_open")


@fault("the mail server refuses the session")
def session_refused(s: Scene) -> Named:
    s.mail.refuses = s.rng.choice(("550 5.7.1 not allowed", "530 authenticate first", "554 no"))
    s.shipped()
    s.run()
    return s.email("session_refused")


@fault("the mail server refuses the recipient for good")
def recipient_refused(s: Scene) -> Named:
    s.mail.recipients["alice@example.org"] = s.rng.choice(("550 no such user", "553 what?", "551 moved"))
    s.shipped()
    s.run()
    return s.email("refused")


@fault("the mail server puts the recipient off")
def put_off(s: Scene) -> Named:
    s.mail.recipients["alice@example.org"] = s.rng.choice(("451 greylisted", "452 mailbox full", "450 busy"))
    s.shipped()
    s.run()
    return s.email("retry")


@fault("the mail server fails at the end")
def fails_at_the_end(s: Scene) -> Named:
    s.mail.answer = s.rng.choice(("451 later", "452 disk full"))
    s.shipped()
    s.run()
    return s.email("retry")


@fault("the mail server did not answer in time")
def timed_out(s: Scene) -> Named:
    s.shipped()
    s.write()
    error = s.rng.choice(("no answer within 15 s", "connect: TimeoutError: timed out", "EHLO: TimeoutError: timed out"))
    s.row(attempts=s.rng.randint(1, 9), last_error=error, scheduled_at=later(60))
    return s.email("timed_out")


@fault("every attempt at the e-mail failed")
def given_up(s: Scene) -> Named:
    s.shipped()
    s.write()
    error = s.rng.choice(("end of data: the mail server answered 451 later", "no answer within 15 s"))
    s.row(status="dead", attempts=11, last_error=error, finished_at=later(-60))
    return s.email("given_up")


@fault("the e-mail killed five processes")
def crashed(s: Scene) -> Named:
    s.shipped()
    s.write()
    s.row(
        status="dead", attempts=5, crashes=5, last_error="The process ended during the attempt.", finished_at=later(-9)
    )
    return s.email("crashed")


@fault("the address can never be sent to")
def invalid_address(s: Scene) -> Named:
    s.shipped()
    s.sql(
        "UPDATE orders SET buyer_email = %s WHERE id = %s", s.rng.choice(("alice", "a b@c", "@example.org")), s.order_id
    )
    s.run()
    return s.email("address_invalid")


@fault("the buyer had turned the e-mail off")
def turned_off(s: Scene) -> Named:
    s.chooses(s.cast.alice, choices={"*": {"email": "off"}})
    s.shipped()
    s.run()
    return s.email("preference")


@fault("the buyer turned the e-mail off while it waited")
def turned_off_meanwhile(s: Scene) -> Named:
    s.place()
    s.move("CONFIRMED")
    s.run()
    s.chooses(s.cast.alice, choices={s.rng.choice(("CONFIRMED", "*")): {"email": "off"}})
    s.time_passes()
    return s.email("preference")


@fault("the buyer has unsubscribed by the link of an e-mail")
def unsubscribed(s: Scene) -> Named:
    s.place("PREPARING")
    path = Unsubscribing(s.world.settings).link(f"buyer:{s.id}", "SHIPPED").partition("/unsubscribe/")[2]
    s.app.test_client().post(f"/unsubscribe/{path}", data={"List-Unsubscribe": "One-Click"})
    s.move("SHIPPED")
    s.run()
    return s.email("preference")


@fault("the buyer has quiet hours")
def quiet_hours(s: Scene) -> Named:
    hour = later(0).hour
    quiet = {"from": f"{(hour - 1) % 24:02}:00", "until": f"{(hour + 2) % 24:02}:00"}
    s.chooses(s.cast.alice, quiet_hours=quiet, choices={})
    s.shipped()
    s.run()
    return s.email("quiet_hours")


@fault("the e-mail waits unless it is seen")
def unless_seen(s: Scene) -> Named:
    s.place()
    s.move("CONFIRMED", s.rng.choice((s.cast.bob, s.cast.olive)))
    s.run()
    return s.email("unless_seen")


@fault("the e-mail waits, and the mail server is down as well")
def unless_seen_and_down(s: Scene) -> Named:
    s.place()
    s.breaks_mail()
    s.move("CONFIRMED")
    s.run()
    return s.email("unless_seen")


@fault("it was seen before the e-mail was due")
def seen(s: Scene) -> Named:
    s.place()
    s.move("CONFIRMED")
    s.run()
    newest = s.cast.alice.get("/api/notifications").json["notifications"][0]["id"]
    s.cast.alice.post("/api/notifications/read", {"up_to": newest})
    s.time_passes()
    return s.email("seen")


@fault("the order moved on before the e-mail was due")
def moved_on(s: Scene) -> Named:
    s.place()
    s.move("CONFIRMED")
    s.run()
    event = s.sql("SELECT max(id) FROM order_events WHERE order_id = %s", s.order_id)[0][0]
    s.move("PREPARING")
    s.time_passes()
    return Named(s.order_id, "email", f"buyer:{s.id}", "moved_on", event)


@fault("the e-mail is in a digest that is not due yet")
def in_a_digest(s: Scene) -> Named:
    if s.rng.random() < 0.5:
        s.place("CONFIRMED")
        s.move("PREPARING")
    else:
        s.chooses(s.cast.alice, choices={"*": {"email": s.rng.choice(("hourly", "daily"))}})
        s.shipped()
    s.run()
    return s.email("digest")


@fault("the digest was sent")
def digest_sent(s: Scene) -> Named:
    s.place("CONFIRMED")
    s.move("PREPARING")
    s.run()
    s.time_passes()
    return s.email("collected")


@fault("the digest is attempted again")
def digest_fails(s: Scene) -> Named:
    s.place("CONFIRMED")
    s.move("PREPARING")
    s.run()
    s.mail.answer = "451 later"
    s.time_passes()
    return s.email("retry")


@fault("nothing was left for the digest")
def digest_empty(s: Scene) -> Named:
    s.place("CONFIRMED")
    s.move("PREPARING")
    s.run()
    s.chooses(s.cast.alice, choices={"*": {"email": "off"}})
    s.time_passes()
    return s.email("nothing_left")


@fault("the buyer's data were erased")
def erased(s: Scene) -> Named:
    s.place("PREPARING")
    s.breaks_mail()
    s.move("SHIPPED")
    s.run()
    body = {"buyer_id": s.id, "reason": "asked for it"}
    assert s.cast.olive.post("/api/ops/personal-data/erase", body).status == 200
    s.sql("DELETE FROM circuits")
    s.time_passes()
    return s.email("erased")


@fault("the change asked not to notify")
def silent(s: Scene) -> Named:
    source, target = s.rng.choice((("PREPARING", "READY"), ("PREPARING", "SHIPPED"), ("SHIPPED", "DELIVERED")))
    s.place(source)
    s.move(target, s.cast.olive, notify=False)
    s.run()
    return s.rng.choice((s.email("silent"), s.inbox("buyer", "silent")))


@fault("an edit notifies nobody")
def edit(s: Scene) -> Named:
    s.place("PREPARING")
    s.cast.bob.request("PATCH", f"/api/orders/{s.order_id}", {"note": s.rng.choice(("rings twice", "fragile"))})
    s.run()
    return s.rng.choice((s.email("edit"), s.inbox("buyer", "edit"), s.inbox("seller", "edit")))


@fault("the table has no such way")
def not_in_table(s: Scene) -> Named:
    s.place()
    return s.rng.choice((s.email("table"), s.inbox("buyer", "table")))


@fault("there was no mail server")
def no_mail_server(s: Scene) -> Named:
    s.elsewhere(s.world.without_mail)
    s.shipped()
    s.run()
    return s.email("no_mail_server")


@fault("the change is held")
def held(s: Scene) -> Named:
    source, target = s.rng.choice((("PREPARING", "SHIPPED"), ("READY", "SHIPPED"), ("PREPARING", "READY")))
    s.place(source)
    s.move(target, hold_seconds=s.rng.randint(20, 60))
    s.run()
    return s.email("held")


@fault("a correction reverted what was held")
def reverted(s: Scene) -> Named:
    s.place("READY")
    s.move("SHIPPED", hold_seconds=60)
    s.run()
    event = s.sql("SELECT max(id) FROM order_events WHERE order_id = %s", s.order_id)[0][0]
    s.move("READY", s.cast.olive, reason="misclick")
    s.run()
    return Named(s.order_id, "email", f"buyer:{s.id}", "reverted", event)


@fault("a process is working on the change")
def being_done(s: Scene) -> Named:
    s.shipped()
    return s.rng.choice((s.email("in_progress"), s.inbox("buyer", "in_progress")))


@fault("no process has claimed the change yet")
def not_claimed(s: Scene) -> Named:
    s.shipped()
    s.sql("UPDATE outbox SET owner = 0, lease_until = clock_timestamp() WHERE order_id = %s", s.order_id)
    return s.rng.choice((s.email("not_claimed"), s.inbox("buyer", "not_claimed")))


@fault("the process died with the change")
def died_with_change(s: Scene) -> Named:
    s.shipped()
    s.sql("UPDATE outbox SET owner = %s WHERE order_id = %s", DEAD_PROCESS, s.order_id)
    return s.rng.choice((s.email("process_died"), s.inbox("buyer", "process_died")))


@fault("the process froze with the change, and its lease is over")
def froze_with_change(s: Scene) -> Named:
    s.shipped()
    s.sql("UPDATE outbox SET lease_until = clock_timestamp() - interval '1 s' WHERE order_id = %s", s.order_id)
    return s.email("process_died")


@fault("the process died with the e-mail")
def died_with_mail(s: Scene) -> Named:
    s.shipped()
    s.write()
    s.row(status="running", attempts=1, owner=DEAD_PROCESS, claimed_until=later(s.rng.choice((9, -9))))
    return s.email("process_died")


@fault("the e-mail is being sent")
def being_sent(s: Scene) -> Named:
    s.shipped()
    s.write()
    s.row(status="running", attempts=1, owner=s.onward.engine.owner, claimed_until=later(15))
    return s.email("in_progress")


@fault("an earlier e-mail of the order has to go first")
def blocked(s: Scene) -> Named:
    s.place("PREPARING")
    s.mail.answer = "451 later"
    s.move("READY")
    s.run()
    s.mail.answer = ""
    s.move("SHIPPED")
    s.run()
    return s.email("blocked")


@fault("an earlier change of the order is held")
def blocked_by_held(s: Scene) -> Named:
    s.place("PREPARING")
    s.move("READY", hold_seconds=60)
    s.run()
    s.move("SHIPPED")
    s.run()
    return s.email("blocked")


@fault("an operator discarded the e-mail")
def discarded(s: Scene) -> Named:
    recipient_refused(s)
    ids = [id for (id,) in s.sql("SELECT id FROM side_effects WHERE order_id = %s AND status = 'dead'", s.order_id)]
    body = {"ids": ids, "reason": "the address is wrong"}
    assert s.cast.olive.post("/api/ops/side-effects/discard", body).status == 200
    return s.email("discarded")


@fault("an operator redelivers the e-mail")
def redelivered(s: Scene) -> Named:
    recipient_refused(s)
    ids = [id for (id,) in s.sql("SELECT id FROM side_effects WHERE order_id = %s AND status = 'dead'", s.order_id)]
    body = {"ids": ids, "per_second": s.rng.choice((0.01, 0.1, 100))}
    assert s.cast.olive.post("/api/ops/side-effects/redeliver", body).status == 200
    return s.email("redelivered")


@fault("an operator has paused the mail server")
def mail_paused(s: Scene) -> Named:
    body = {"destination": MAIL_SERVER, "action": "pause", "reason": "maintenance"}
    assert s.cast.olive.post("/api/ops/side-effects/circuits", body).status == 200
    s.shipped()
    s.run()
    return s.email("paused")


@fault("the mail server is back, and the backlog is sent at a pace")
def paced(s: Scene) -> Named:
    s.shipped()
    s.write()
    s.row(scheduled_at=later(s.rng.randint(5, 100)))
    return s.email("paced")


# The inbox


@fault("nobody is notified of their own deed")
def own(s: Scene) -> Named:
    if s.rng.random() < 0.5:
        s.shipped()
        s.run()
        return s.inbox("seller", "own")
    s.place("DELIVERED")
    s.move("COMPLETED", s.cast.alice)
    s.run()
    return s.inbox("buyer", "own")


@fault("the buyer had turned the inbox off")
def inbox_off(s: Scene) -> Named:
    s.chooses(s.cast.alice, choices={"*": {"inbox": "off"}})
    s.shipped()
    s.run()
    return s.inbox("buyer", "preference")


@fault("the shop had turned its inbox off")
def shops_inbox_off(s: Scene) -> Named:
    s.chooses(s.cast.bob, choices={"*": {"inbox": "off"}})
    s.place("DELIVERED")
    s.move("COMPLETED", s.cast.alice)
    s.run()
    return s.inbox("seller", "preference")


@fault("the notification failed, and is attempted again")
def inbox_fails(s: Scene) -> Named:
    s.shipped()
    s.run()
    s.sql("DELETE FROM notifications WHERE order_id = %s", s.order_id)
    s.sql(
        """INSERT INTO side_effects
            (kind, destination, event_type, event_id, order_id, attempts, last_error, scheduled_at)
        SELECT 'notification.status', 'inside', 'order', max(id), order_id, 2, 'DataError: bad', %s FROM order_events
        WHERE order_id = %s GROUP BY order_id""",
        later(60),
        s.order_id,
    )
    return s.inbox("buyer", "retry")


# E-mail to the shop


@fault("the shop has no account")
def no_people(s: Scene) -> Named:
    s.place()
    return s.email("no_people", f"seller:{s.id}")


@fault("the person's account is disabled")
def person_disabled(s: Scene) -> Named:
    first, second = s.hires("bea"), s.hires("bert")
    gone = s.rng.choice((first, second))
    s.sql("UPDATE people SET disabled_at = clock_timestamp() WHERE id = %s", gone)
    s.place()
    return s.email("person_disabled", f"person:{gone}")


@fault("the person joined the shop later")
def joined_later(s: Scene) -> Named:
    if s.rng.random() < 0.5:
        s.hires("bea")
    s.place()
    return s.email("joined_later", f"person:{s.hires('bert')}")


@fault("the person turned e-mails about new orders off")
def person_turned_off(s: Scene) -> Named:
    first, second = s.hires("bea"), s.hires("bert")
    one = s.rng.choice((first, second))
    s.sql(
        "INSERT INTO preferences (owner, choices) VALUES (%s, %s)",
        f"person:{one}",
        '{"order.created": {"email": "off"}}',
    )
    s.place()
    return s.email("preference", f"person:{one}")


@fault("the person gets a digest of new orders")
def person_digest(s: Scene) -> Named:
    first, second = s.hires("bea"), s.hires("bert")
    one = s.rng.choice((first, second))
    s.sql("INSERT INTO preferences (owner, choices) VALUES (%s, %s)", f"person:{one}", '{"*": {"email": "daily"}}')
    s.place()
    return s.email("digest", f"person:{one}")


@fault("the shop has more people than are written to")
def too_many_people(s: Scene) -> Named:
    s.sql(
        """INSERT INTO people (email, name, role, principal_id, session_key)
        SELECT n || '.' || %s || '@example.org', 'Bea', 'seller', %s, n || ' ' || %s
        FROM generate_series(1, 51) AS n""",
        s.id,
        s.id,
        s.id,
    )
    last = s.sql("SELECT max(id) FROM people WHERE principal_id = %s", s.id)[0][0]
    s.breaks_mail()
    s.place()
    return s.email("staff_limit", f"person:{last}")


@fault("a person's new-order e-mail is attempted again")
def person_retry(s: Scene) -> Named:
    one = s.hires("bea")
    s.mail.recipients[f"bea.{s.id}@example.org"] = "451 later"
    s.place()
    return s.email("retry", s.rng.choice((f"person:{one}", f"seller:{s.id}")))


# Webhooks


@fault("the endpoint is disabled")
def endpoint_disabled(s: Scene) -> Named:
    id = s.hook(disabled=True)
    s.shipped()
    s.run()
    return s.webhook(id, "endpoint_disabled")


@fault("the endpoint did not ask for this type")
def event_filter(s: Scene) -> Named:
    s.hook(s.cast.olive)
    id = s.hook(event_types=s.rng.choice((["order.created"], ["message.*"], ["order.updated", "order.corrected"])))
    s.shipped()
    s.run()
    return s.webhook(id, "event_filter")


@fault("the endpoint did not ask for this status")
def status_filter(s: Scene) -> Named:
    s.hook()
    id = s.hook(filter={"statuses": s.rng.choice((["PENDING"], ["CANCELLED", "REFUNDED"]))})
    s.shipped()
    s.run()
    return s.webhook(id, "status_filter")


@fault("an operator has paused the endpoint")
def endpoint_paused(s: Scene) -> Named:
    id = s.hook()
    body = {"destination": f"webhook:{id}", "action": "pause", "reason": "floods us"}
    assert s.cast.olive.post("/api/ops/side-effects/circuits", body).status == 200
    s.shipped()
    s.run()
    return s.webhook(id, "paused")


@fault("the endpoint is newer than the change")
def endpoint_newer(s: Scene) -> Named:
    s.shipped()
    s.run()
    return s.webhook(s.hook(), "endpoint_newer")


@fault("nobody has an endpoint")
def no_endpoints(s: Scene) -> Named:
    s.shipped()
    s.run()
    return s.webhook(0, "no_endpoints")


@fault("the endpoint was deleted while its delivery waited")
def endpoint_deleted(s: Scene) -> Named:
    id = s.hook(disabled=True)
    s.shipped()
    s.run()
    assert s.cast.bob.request("DELETE", f"/api/webhooks/{id}").status == 204
    return s.webhook(id, "endpoint_deleted")


@fault("the endpoint answers with an error")
def endpoint_fails(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.receiver.will(s.rng.choice((500, 404, 502)))
    s.shipped()
    s.run()
    return s.webhook(id, "retry")


@fault("the endpoint has asked for a pause")
def endpoint_pause(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.receiver.will(s.rng.choice((429, 503)), Retry_After="600")
    s.shipped()
    s.run()
    return s.webhook(id, "endpoint_pause")


@fault("the endpoint is gone, and so disabled")
def endpoint_gone(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.receiver.will(410)
    s.shipped()
    s.run()
    return s.webhook(id, "endpoint_disabled")


@fault("the rate of the endpoint is used up")
def rate_limit(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"], rate_per_second=0.1)
    s.shipped()
    s.run()
    s.place("PREPARING")
    s.move("READY")
    s.run()
    return s.webhook(id, "rate_limit")


@fault("an earlier delivery of the order has to go first")
def delivery_blocked(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.receiver.will(500)
    s.place("PREPARING")
    s.move("READY")
    s.run()
    s.move("SHIPPED")
    s.run()
    return s.webhook(id, "blocked")


@fault("the circuit of the endpoint is open")
def endpoint_circuit(s: Scene) -> Named:
    id = s.hook()
    s.circuit(f"webhook:{id}", "11 of 12 calls just failed", s.rng.choice(("open", "half-open")))
    s.shipped()
    s.run()
    return s.webhook(id, "circuit_open")


@fault("the delivery is made again on request")
def delivery_again(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.shipped()
    s.run()
    event = s.sql("SELECT max(id) FROM order_events WHERE order_id = %s", s.order_id)[0][0]
    body = {"webhook_id": f"order_{event}", "per_second": 0.1}
    assert s.cast.bob.post(f"/api/webhooks/{id}/redeliver", body).status == 200
    return s.webhook(id, "redelivered")


@fault("every attempt at the delivery failed")
def delivery_given_up(s: Scene) -> Named:
    id = s.hook(event_types=["order.status_changed"])
    s.shipped()
    s.write()
    s.row(DELIVERY, status="dead", attempts=11, last_error="answered 500", finished_at=later(-60))
    return s.webhook(id, "given_up")


@fault("the installation sent no webhooks")
def webhooks_off(s: Scene) -> Named:
    id = s.hook()
    s.elsewhere(s.world.without_mail)
    s.shipped()
    s.run()
    return s.webhook(id, "webhooks_off")


# Receivers


def refuses(_event: object) -> None:
    raise Undeliverable("no such customer")


def fails(_event: object) -> None:
    raise ConnectionError("refused")


@fault("a receiver refuses the change for good")
def receiver_refuses(s: Scene) -> Named:
    s.place("PREPARING")
    with order_status_changed.connected_to(refuses):
        s.move("READY")
        s.run()
        s.time_passes()
    return Named(s.order_id, "receiver", f"{__name__}.refuses", "refused")


@fault("a receiver failed, and is called again")
def receiver_fails(s: Scene) -> Named:
    s.place("PREPARING")
    order_status_changed.connect(fails)
    s.move("READY")
    s.run()
    return Named(s.order_id, "receiver", f"{__name__}.fails", "retry")


@fault("no process has the receiver at the moment")
def receiver_unknown(s: Scene) -> Named:
    s.place("PREPARING")
    with order_status_changed.connected_to(fails):
        s.move("READY")
        s.run()
    s.sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE kind = %s", SIGNAL)
    return Named(s.order_id, "receiver", f"{__name__}.fails", "receiver_unknown")


@fault("the receiver has been gone for days")
def receiver_gone(s: Scene) -> Named:
    s.place("PREPARING")
    with order_status_changed.connected_to(fails):
        s.move("READY")
        s.run()
    s.sql("UPDATE side_effects SET scheduled_at = clock_timestamp() - interval '8 days' WHERE kind = %s", SIGNAL)
    s.onward.engine.worker._abandon()
    return Named(s.order_id, "receiver", f"{__name__}.fails", "receiver_gone")


# Live streams


@fault("no stream was open")
def no_streams(s: Scene) -> Named:
    s.listens(s.cast.alice)
    s.shipped()
    s.run()
    return Named(s.order_id, "reader", f"seller:{s.id}", "no_streams")


@fault("the stream was open")
def stream_open(s: Scene) -> Named:
    s.listens(s.cast.alice)
    s.shipped()
    s.run()
    return Named(s.order_id, "reader", f"buyer:{s.id}", "live")


@fault("the stream had ended before")
def stream_ended(s: Scene) -> Named:
    s.place("PREPARING")
    s.leaves(s.listens(s.cast.alice))
    s.move("READY")
    s.run()
    s.sql("UPDATE stream_readers SET ended_at = ended_at - interval '60 s' WHERE who = %s", f"buyer:{s.id}")
    return Named(s.order_id, "reader", f"buyer:{s.id}", "no_streams")


@fault("the stream was too slow, and was reset")
def stream_slow(s: Scene) -> Named:
    s.place("PREPARING")
    stream = s.listens(s.cast.alice)
    s.move("READY")
    s.run()
    s.leaves(stream, "slow consumer")
    return Named(s.order_id, "reader", f"buyer:{s.id}", "stream_lost")


@fault("the missed event was sent when the stream came again")
def stream_replays(s: Scene) -> Named:
    s.place("PREPARING")
    before = s.head()
    s.move("READY")
    s.run()
    readers = s.onward.realtime.readers
    readers.opened(Subscriber(f"buyer:{s.id}", (f"buyer:{s.id}",)), None, before)
    readers.flush()
    return Named(s.order_id, "reader", f"buyer:{s.id}", "replayed")


# Timers


@fault("the timed transition waits for its time")
def timer_waits(s: Scene) -> Named:
    s.place("SHIPPED")
    s.move("DELIVERED")
    s.run()
    return Named(s.order_id, "timer", "", "timer")


@fault("the timed transition is not needed any more")
def timer_dropped(s: Scene) -> Named:
    s.place("SHIPPED")
    s.move("DELIVERED")
    s.run()
    event = s.sql("SELECT max(id) FROM order_events WHERE order_id = %s", s.order_id)[0][0]
    s.move("COMPLETED", s.cast.alice)
    s.run()
    return Named(s.order_id, "timer", "", "moved_on", event)
