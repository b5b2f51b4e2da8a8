"""Retries and circuits, decided by pure functions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from side_effects.circuit import (
    FIRST_COOLDOWN_SECONDS,
    LEAST_CALLS,
    PROBE_SECONDS,
    PROBES,
    RECENT_SLOTS,
    SLOT_SECONDS,
    WINDOW_SLOTS,
    Circuit,
    given_back,
    note,
    opened,
    refused,
    tick,
)
from side_effects.retry import DURABLE, MAX_CRASHES, SUCCEEDED, Outcome, after_crash, decide, fingerprint, spent

HOUR = 3600
RETRY = Outcome("retry", "the destination answered 503")
jitter = st.floats(0, 1, exclude_max=True)


@given(jitter)
def test_a_success_is_a_success(chance):
    assert "succeeded" == decide(SUCCEEDED, 1, DURABLE, chance).status


@given(jitter, st.integers(1, 100))
def test_a_permanent_error_goes_straight_to_the_dead_letters(chance, attempts):
    assert "dead" == decide(Outcome("dead", "410 Gone"), attempts, DURABLE, chance).status


@given(jitter, st.integers(1, len(DURABLE)))
def test_each_delay_is_the_schedules_give_or_take_a_fifth(chance, attempts):
    after = decide(RETRY, attempts, DURABLE, chance)

    assert "pending" == after.status
    assert 0.8 * DURABLE[attempts - 1] <= after.delay <= 1.2 * DURABLE[attempts - 1]


@given(jitter, st.integers(1, 100))
def test_what_is_not_due_yet_waits_as_long_as_it_says_and_spends_nothing(chance, attempts):
    later = Outcome("later", "waits for the end of quiet hours", 3600)

    after = decide(later, max(1, spent(later, attempts, False)), DURABLE, chance)
    assert ("pending", 3600) == (after.status, after.delay)
    assert (attempts - 1, "nothing") == (spent(later, attempts, False), later.verdict)


@given(jitter, st.integers(1, 100))
def test_what_is_not_wanted_any_more_is_superseded_and_says_nothing_about_its_destination(chance, attempts):
    seen = Outcome("superseded", "seen before it was due")

    assert ("superseded", "nothing") == (decide(seen, attempts, DURABLE, chance).status, seen.verdict)


def test_the_schedule_ends_after_about_three_days():
    assert "dead" == decide(RETRY, len(DURABLE) + 1, DURABLE, 0.5).status
    assert 2.5 * 24 * HOUR < sum(DURABLE) < 3.5 * 24 * HOUR


@given(jitter, st.integers(1, len(DURABLE)), st.floats(0, 10**9))
def test_a_destination_may_ask_for_patience_and_not_for_eternity(chance, attempts, asked):
    after = decide(Outcome("retry", retry_after=asked), attempts, DURABLE, chance)

    assert after.delay >= min(asked, 24 * HOUR)
    assert after.delay <= max(24 * HOUR, 1.2 * DURABLE[attempts - 1])


@given(st.integers(1, 100), st.booleans())
def test_only_what_the_message_may_have_caused_is_spent(attempts, probe):
    """A probe that failed was never spent: while the circuit was open, nothing ever became a dead letter."""
    assert attempts - 1 == spent(Outcome("retry", circuit="refused"), attempts, probe)
    assert attempts - probe == spent(Outcome("retry", circuit="bad"), attempts, probe)
    for outcome in (SUCCEEDED, Outcome("dead"), Outcome("retry", circuit="good"), Outcome("retry", circuit="nothing")):
        assert attempts == spent(outcome, attempts, probe)


def test_five_crashes_make_a_dead_letter():
    assert ["pending"] * 4 + ["dead"] == [after_crash(crashes).status for crashes in range(1, MAX_CRASHES + 1)]


def test_errors_that_differ_in_numbers_only_have_one_fingerprint():
    assert fingerprint("order 17 at 0xdeadbeef01: 503") == fingerprint("order 4711 at 0xcafebabe99: 503")
    assert fingerprint("refused") != fingerprint("timed out")


calls = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 120)), max_size=60)
CAP = 15 * 60


@given(calls)
def test_a_circuit_opens_only_on_enough_calls_of_which_half_failed(history):
    circuit, now, seen = Circuit(), 1_000_000.0, []
    for successes, failures, passed in history:
        now += passed
        seen.append((now, successes, failures))
        circuit = note(circuit, successes, failures, now, CAP)
        if circuit.state == "open":
            starts = [(now // SLOT_SECONDS - slots + 1) * SLOT_SECONDS for slots in (RECENT_SLOTS, WINDOW_SLOTS)]
            assert any(half_failed([one for one in seen if one[0] >= start]) for start in starts)
            break


def half_failed(seen):
    total = sum(successes + failures for _, successes, failures in seen)
    return total >= LEAST_CALLS and 2 * sum(failures for _, _, failures in seen) >= total


def test_a_busy_destination_that_falls_ill_is_spared_within_seconds():
    """Thousands of successes of the last minutes do not hide that nothing works any more."""
    circuit, now = Circuit(), 1_000_000.0
    for _ in range(300):
        now += 1
        circuit = note(circuit, 100, 0, now, CAP)
    failing_since = now
    while circuit.state == "closed":
        now += 1
        circuit = note(circuit, 0, 100, now, CAP)

    assert now - failing_since <= 10


@given(calls)
def test_a_circuit_never_opens_without_a_failure(history):
    circuit, now = Circuit(), 1_000_000.0
    for successes, _, passed in history:
        now += passed
        circuit = note(circuit, successes, 0, now, CAP)

    assert "closed" == circuit.state


@given(st.integers(1, 40), st.sampled_from([15.0, 30.0, 900.0]))
def test_the_cooldown_doubles_up_to_its_cap(times, cap):
    circuit, now = Circuit(), 0.0
    for number in range(times):
        circuit = opened(circuit, now, cap)
        assert min(cap, FIRST_COOLDOWN_SECONDS * 2**number) == circuit.cooldown
        now = circuit.until
        circuit = tick(circuit, now)
        assert "half-open" == circuit.state


def test_a_refusal_of_all_calls_opens_a_circuit_at_once():
    half_open = tick(opened(Circuit(), 0.0, CAP), FIRST_COOLDOWN_SECONDS)

    assert ("open", FIRST_COOLDOWN_SECONDS) == ((now := refused(Circuit(), 0.0, CAP)).state, now.cooldown)
    assert now == refused(now, 10.0, CAP)
    assert 2 * FIRST_COOLDOWN_SECONDS == refused(half_open, 40.0, CAP).cooldown


def test_a_probe_that_said_nothing_makes_room_for_another():
    half_open = tick(opened(Circuit(), 0.0, CAP), FIRST_COOLDOWN_SECONDS)
    used = Circuit("half-open", (), half_open.until, half_open.cooldown, probes=0, passed=1)

    assert (1, 1) == ((again := given_back(used)).probes, again.passed)
    assert half_open == given_back(half_open)
    assert Circuit() == given_back(Circuit())


def test_an_open_circuit_waits_for_its_time():
    circuit = opened(Circuit(), 100.0, CAP)

    assert "open" == tick(circuit, 100.0 + FIRST_COOLDOWN_SECONDS - 0.001).state
    assert ("half-open", PROBES) == ((probed := tick(circuit, 100.0 + FIRST_COOLDOWN_SECONDS)).state, probed.probes)


def test_three_probes_close_it_and_one_failure_opens_it_again():
    half_open = tick(opened(Circuit(), 0.0, CAP), FIRST_COOLDOWN_SECONDS)

    assert Circuit() == note(note(half_open, 2, 0, 40.0, CAP), 1, 0, 41.0, CAP)
    again = note(note(half_open, 2, 0, 40.0, CAP), 0, 1, 41.0, CAP)
    assert ("open", 2 * FIRST_COOLDOWN_SECONDS) == (again.state, again.cooldown)


def test_probes_that_are_never_heard_of_are_sent_anew():
    """Their process may have died."""
    half_open = tick(opened(Circuit(), 0.0, CAP), FIRST_COOLDOWN_SECONDS)
    used = Circuit(half_open.state, (), half_open.until, half_open.cooldown, probes=0)

    assert 0 == tick(used, half_open.until - 1).probes
    assert PROBES == tick(used, half_open.until).probes


def test_probes_that_passed_count_though_the_next_ones_take_a_while():
    """A destination that is seldom called."""
    circuit, now = tick(opened(Circuit(), 0.0, CAP), FIRST_COOLDOWN_SECONDS), FIRST_COOLDOWN_SECONDS
    for _ in range(PROBES):
        circuit = note(circuit, 1, 0, now, CAP)
        now += PROBE_SECONDS + 1
        circuit = tick(circuit, now)

    assert "closed" == circuit.state
