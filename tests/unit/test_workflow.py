"""The workflow table: what it allows, and which mistakes are refused at start."""

from __future__ import annotations

import pytest
from flask import Flask

from foundation import languages
from foundation.languages import mirrored
from orders import commands, workflow_file
from orders.workflow import ACTORS
from orders.workflow_file import DEFAULT, WorkflowError
from orders.workflow_notices import way_of

SELLER = {
    "PENDING": {"CONFIRMED", "CANCELLED"},
    "CONFIRMED": {"PREPARING", "CANCELLED"},
    "PREPARING": {"READY", "SHIPPED", "CANCELLED"},
    "READY": {"SHIPPED", "DELIVERED", "CANCELLED"},
    "SHIPPED": {"DELIVERED", "LOST", "RETURNED"},
    "RETURN_REQUESTED": {"REFUNDED", "COMPLETED", "RETURNED"},
    "LOST": {"PREPARING", "DELIVERED", "REFUNDED"},
    "RETURNED": {"PREPARING", "REFUNDED"},
    "CANCELLED": {"REFUNDED"},
}
BUYER = {
    "PENDING": {"CANCELLED"},
    "CONFIRMED": {"CANCELLED"},
    "DELIVERED": {"COMPLETED", "RETURN_REQUESTED"},
}
WITH_REASON = {"CANCELLED", "RETURN_REQUESTED", "REFUNDED", "LOST", "RETURNED", "DISPUTED"}

STATUS = (
    '[statuses.{0}]\nseller = "{0}"\nbuyer = "{0}"\ntone = "blue"\nicon = "disc"\nclosed = {1}\n'
    'notify.seller = "{0}"\nnotify.buyer = "{0}"\n'
)
MOVE = '[[transitions]]\nfrom = "{0}"\nto = "{1}"\nroles = ["seller"]\n'
TELLING = '[events."message.created"]\nways.buyer = {0}\n'
BACK = MOVE.format("B", "A") + "correction = true\n"
SMALL = 'initial = "A"\n' + STATUS.format("A", "false") + STATUS.format("B", "true") + MOVE.format("A", "B")


@pytest.fixture(scope="module")
def workflow():
    return workflow_file.load()


@pytest.mark.parametrize(("role", "moves"), [("seller", SELLER), ("buyer", BUYER)])
def test_each_side_may_make_its_moves_and_no_others(workflow, role, moves):
    assert moves == {
        status: set(targets) for status in workflow.statuses if (targets := workflow.targets(status, role))
    }


@pytest.mark.parametrize("role", ["operator", "service"])
def test_operators_and_services_may_make_every_move(workflow, role):
    assert {(one.source, one.target) for one in workflow.transitions} == {
        (source, target) for source in workflow.statuses for target in workflow.targets(source, role)
    }


def test_reasons_are_asked_for_where_somebody_will_ask(workflow):
    for one in workflow.transitions:
        unusual = one.correction or one.reopens or one.target in WITH_REASON
        wanted = unusual or (one.target == "COMPLETED" and one.source != "DELIVERED")
        assert wanted == workflow.needs_reason(one.source, one.target), one


def test_the_default_table_has_words_for_all_that_people_see(workflow):
    assert [] == [name for name, status in workflow.statuses.items() if not status.lead]
    assert [] == [
        one for one in workflow.transitions if not (one.correction or workflow.action(one.source, one.target))
    ]


def test_a_move_may_have_a_verb_of_its_own(workflow):
    assert "Complete order" == workflow.action("DELIVERED", "COMPLETED")
    assert "Decline return" == workflow.action("RETURN_REQUESTED", "COMPLETED")


def test_the_default_table_is_in_every_language_that_is_offered(workflow):
    english, german = (workflow.in_language(language) for language in ("en", "de"))

    assert workflow is english
    assert ("Shipped", "Versendet") == (english.statuses["SHIPPED"].seller, german.statuses["SHIPPED"].seller)
    assert "Ihre Bestellung #{number} wurde storniert." == german.statuses["CANCELLED"].notify["buyer"]
    assert "Rücksendung ablehnen" == german.action("RETURN_REQUESTED", "COMPLETED")
    same = {text for text in texts_of(english) & texts_of(german) if text}
    assert set() == same


def texts_of(workflow):
    labels = {text for one in workflow.statuses.values() for text in (one.seller, one.buyer, one.action, one.lead)}
    notices = {text for one in workflow.statuses.values() for text in one.notify.values()}
    return labels | notices | {one.action for one in workflow.transitions}


def test_a_table_is_the_same_in_every_language_but_for_its_texts(workflow):
    for one in (workflow.in_language(language) for language in languages.LANGUAGES):
        assert list(workflow.statuses) == list(one.statuses)
        for source in workflow.statuses:
            for role in ACTORS:
                assert workflow.targets(source, role) == one.targets(source, role)


def test_the_right_to_left_language_has_every_text_of_the_table(workflow):
    pseudo = workflow.in_language(languages.PSEUDO)

    assert mirrored("On its way") == pseudo.statuses["SHIPPED"].buyer
    assert mirrored("Order #{number} was shipped.") == pseudo.statuses["SHIPPED"].notify["seller"]


GERMAN = SMALL.replace('seller = "A"', 'seller = {en = "A", de = "Ah"}', 1)


def test_a_text_that_is_not_by_language_is_for_every_language(tmp_path):
    table = load(tmp_path, GERMAN).in_language("de")

    assert ("Ah", "A", "B") == (table.statuses["A"].seller, table.statuses["A"].buyer, table.statuses["B"].seller)


def test_a_table_in_one_language_is_in_that_language_for_everybody(tmp_path):
    (tmp_path / "workflow.toml").write_text(SMALL.replace('seller = "A"', 'seller.de = "Ah"', 1))

    for language in ("en", "de"):
        table = workflow_file.load(tmp_path / "workflow.toml", language)
        assert "Ah" == table.statuses["A"].seller == table.in_language("en").statuses["A"].seller


def test_the_installations_language_is_that_of_the_table(tmp_path):
    (tmp_path / "workflow.toml").write_text(GERMAN)
    table = workflow_file.load(tmp_path / "workflow.toml", "de")

    assert ("Ah", "A") == (table.statuses["A"].seller, table.in_language("en").statuses["A"].seller)


def load(tmp_path, text):
    path = tmp_path / "workflow.toml"
    path.write_text(text)
    return workflow_file.load(path)


def test_an_operators_own_table_takes_its_place(tmp_path):
    assert ["B"] == load(tmp_path, SMALL).targets("A", "seller")


def test_a_table_that_names_no_ways_is_told_as_before(tmp_path):
    notices = load(tmp_path, SMALL).notices

    assert notices.rule("B", "buyer").ways == (way_of("inbox"), way_of("email"))
    assert notices.rule("B", "seller").ways == (way_of("inbox"),)
    assert notices.texts["order.created", "seller"] == "A"
    assert notices.kind("order.corrected", "B", "buyer") == "B"


def test_a_table_names_ways_for_all_for_a_status_and_for_what_is_none(tmp_path):
    usual = '[ways]\nbuyer = ["digest daily"]\n'
    own = SMALL.replace("tone", "ways.buyer = []\ncritical.seller = true\ntone", 1)
    notices = load(tmp_path, own + usual + '[events."order.corrected"]\nways.seller = ["email"]').notices

    assert notices.rule("A", "buyer").ways == ()
    assert notices.rule("A", "seller").critical
    assert notices.rule("B", "buyer").ways == (way_of("digest daily"),)
    assert notices.rule(notices.kind("order.corrected", "B", "seller"), "seller").ways == (way_of("email"),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (SMALL.replace('initial = "A"', 'initial = "Z"'), "Z"),
        (SMALL + MOVE.format("A", "GONE"), "GONE"),
        (SMALL + MOVE.format("GONE", "B"), "GONE"),
        (SMALL + STATUS.format("LONELY", "true"), "LONELY"),
        (SMALL + STATUS.format("STUCK", "false") + MOVE.format("A", "STUCK"), "STUCK"),
        (SMALL + MOVE.format("B", "A"), "B to A: B is closed; only with `reopens = true`"),
        (SMALL.replace("closed = true", "closed = true\nfinal = false"), "B: closed and final"),
        (SMALL + BACK + 'after = "1 day"', "B to A: a correction is made by people"),
        (
            SMALL + MOVE.format("B", "A").replace("seller", "system") + 'reopens = true\nafter = "1 day"',
            "B is closed, and no",
        ),
        (SMALL + 'within = { seller = "5 minutes" }', "A to B: within is for corrections"),
        (SMALL + BACK + 'within = { buyer = "5 minutes" }', "B to A: within: buyer is not among the roles"),
        (SMALL + BACK + 'within = { seller = "a while" }', "B to A: within.seller: "),
        (SMALL + 'since = "first"', "A to B: since says from when a timer counts"),
        (
            SMALL + STATUS.format("C", "false") + MOVE.format("A", "C") + BACK.replace("B", "C"),
            "C is not closed, and no",
        ),
        (SMALL + MOVE.format("A", "B"), "twice"),
        (SMALL.replace('["seller"]', '["admin"]'), "A to B"),
        (SMALL.replace('["seller"]', "[]"), "A to B"),
        (SMALL.replace('tone = "blue"', 'tone = "loud"', 1), "A: tone"),
        (SMALL.replace('icon = "disc"', 'icon = "skull"', 1), "A: icon"),
        (SMALL.replace('seller = "A"', 'seller = ""'), "A: seller"),
        (SMALL.replace('buyer = "A"', 'byer = "A"'), "byer"),
        (SMALL.replace('notify.buyer = "B"', ""), "B: notify.buyer"),
        (SMALL.replace('icon = "disc"', 'icon = "disc"\nlead = " "', 1), "A: lead"),
        (SMALL.replace('icon = "disc"', 'icon = "disc"\naction = 5', 1), "A: action"),
        (SMALL.replace("roles", 'action = ""\nroles'), "A to B: action"),
        (SMALL.replace("roles", 'acton = "Go"\nroles'), "A to B: acton"),
        (SMALL.replace("initial", "start"), "start"),
        (SMALL + 'after = "1 day"', "A to B: after: the role system"),
        (SMALL.replace('["seller"]', '["system"]') + 'after = "1 day"\nreason = true', "A to B: after: a timer gives"),
        (SMALL.replace('["seller"]', '["system"]') + 'after = "soon"', "A to B: after: "),
        (SMALL.replace('["seller"]', '["system"]') + 'after = "0 days"', "A to B: after: "),
        (
            SMALL + TELLING.format('["carrier pigeon"]'),
            "message.created: ways.buyer: carrier pigeon is not a way: `inbox`",
        ),
        (SMALL + TELLING.format('["email after 0 minutes unless seen"]'), "is not a way"),
        (SMALL + TELLING.format('["email", "digest daily"]'), "names e-mail twice"),
        (SMALL + TELLING.format('["email after 1 hour unless seen"]'), "needs `inbox`"),
        (SMALL + TELLING.format('["digest daily"]') + "critical.buyer = true", "message.created: critical.buyer: "),
        (SMALL.replace("tone", 'ways.seller = "inbox"\ntone', 1), "A: ways.seller"),
        (SMALL.replace("tone", 'ways.seler = ["inbox"]\ntone', 1), "A: ways.seler"),
        (SMALL + '[events."order.lost"]', "order.lost"),
        (SMALL + '[ways]\nbuyer = ["fax"]', "ways: fax is not a way"),
        (SMALL + "][", "workflow.toml"),
        (SMALL.replace('buyer = "B"', 'buyer.ed = "B"', 1), "B: buyer.ed"),
        (SMALL.replace('buyer = "B"', 'buyer.de = ""', 1), "B: buyer.de"),
        (SMALL.replace('buyer = "B"', "buyer = {}", 1), "B: buyer"),
        (GERMAN.replace('buyer = "B"', 'buyer.en = "B"', 1), "B: buyer: de is missing, which other texts have"),
        (GERMAN + 'action.de = "Los"', "A to B: action: en is missing"),
        (
            SMALL.replace('notify.buyer = "B"', 'notify.buyer = "{nmber} is B"'),
            r"B: notify.buyer: \{nmber\} is unknown",
        ),
        (SMALL.replace('buyer = "B"', 'buyer = "{number}"', 1), r"B: buyer: \{number\} is unknown: nothing is"),
    ],
)
def test_a_table_that_no_order_could_live_with_is_refused_by_name(tmp_path, text, named):
    with pytest.raises(WorkflowError, match=named):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SMALL.replace('initial = "A"', 'initial = "Z"'), 1),
        (SMALL.replace('icon = "disc"', 'icon = "skull"', 1), 6),
        (SMALL.replace('tone = "blue"\n', ""), 2),
        (SMALL.replace('notify.buyer = "B"', "notify.buyer = 5"), 17),
        (SMALL + MOVE.format("A", "GONE"), 24),
        (SMALL + MOVE.format("A", "B"), 22),
        (SMALL + 'colour = "red"', 22),
        (SMALL + '[statuses.C]\nbuyer = ""\n', 23),
        (SMALL + "][", 22),
        (SMALL + TELLING.format('["pigeon"]'), 23),
        (SMALL + '[ways]\nbuyer = ["fax"]', 23),
        (SMALL.replace("tone", 'ways.seller = ["fax"]\ntone', 1), 5),
        (SMALL.replace('initial = "A"', 'initial = "A"\nnumber = 07'), 2),
        (SMALL.replace('buyer = "B"', 'buyer.de = "B"\nbuyer.ed = "B"', 1), 13),
        (GERMAN.replace('notify.buyer = "B"', 'notify.buyer.en = "B"'), 17),
        (SMALL.replace('notify.buyer = "B"', 'notify.buyer.en = "B"\nnotify.buyer.de = "{n}"'), 18),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, line):
    with pytest.raises(WorkflowError) as refused:
        load(tmp_path, text)

    assert f"{tmp_path / 'workflow.toml'}:{line}" in {one.rsplit(": ")[0] for one in refused.value.problems}, (
        refused.value
    )
    assert not any("\n" in one for one in refused.value.problems)


@pytest.mark.parametrize(
    ("after", "seconds"), [("1 second", 1), ("90 minutes", 5400), ("36 hours", 129_600), ("7 days", 604_800)]
)
def test_a_timed_move_says_how_long_an_order_waits(tmp_path, after, seconds):
    table = load(tmp_path, SMALL.replace('["seller"]', '["seller", "system"]') + f'after = "{after}"')

    assert {"A": seconds} == {source: one.after_seconds for source, one in table.timers.items()}


def test_a_status_has_one_timed_move_at_most(tmp_path):
    timed = SMALL.replace('["seller"]', '["system"]') + 'after = "1 day"\n'
    other = STATUS.format("C", "true") + MOVE.format("A", "C").replace("seller", "system") + 'after = "2 days"\n'

    with pytest.raises(WorkflowError, match="A to C: after: A has a timed move already"):
        load(tmp_path, timed + other)


def test_a_table_that_says_final_means_closed(tmp_path):
    """Tables from before load unchanged."""
    table = load(tmp_path, SMALL.replace("closed =", "final ="))

    assert [("A", False), ("B", True)] == [(name, one.closed) for name, one in table.statuses.items()]
    assert [False, True] == [one["final"] for one in table.published()["statuses"]]


@pytest.mark.parametrize("way", ["reopens = true", "correction = true"])
def test_a_closed_status_is_left_by_reopening_and_by_correction(tmp_path, way):
    assert ["A"] == load(tmp_path, SMALL + MOVE.format("B", "A") + way).targets("B", "seller")


def test_a_correction_needs_a_reason_whatever_the_table_says(tmp_path):
    table = load(tmp_path, SMALL + BACK)

    assert table.needs_reason("B", "A")
    assert {"B": None} == table.corrections["A", "seller"]


def test_a_correction_with_a_time_limit_is_not_offered_for_ever(tmp_path):
    """What may be done changes with the clock, and the list of it has been sent."""
    table = load(tmp_path, SMALL + BACK + 'within = { seller = "15 minutes" }')

    assert [] == table.targets("B", "seller")
    assert ["B"] == table.sources("A", "seller")
    assert [("A", 900)] == table.corrected_to("B", "seller")
    assert {"correction": True, "within_seconds": {"seller": 900}}.items() <= table.published()["transitions"][
        1
    ].items()


def test_every_status_of_the_table_can_be_corrected_by_an_operator(workflow):
    assert [] == [
        name for name in workflow.statuses if not workflow.corrected_to(name, "operator") and name != "PENDING"
    ]


@pytest.mark.parametrize("bad_day", ["LOST", "RETURNED", "DISPUTED", "CANCELLED"])
def test_money_goes_back_after_a_bad_day(workflow, bad_day):
    assert "REFUNDED" in workflow.targets(bad_day, "operator")


def test_all_mistakes_of_a_table_are_told_together(tmp_path):
    with pytest.raises(WorkflowError) as refused:
        load(tmp_path, SMALL.replace('tone = "blue"', 'tone = "loud"').replace('["seller"]', '["admin"]'))

    assert 3 == len(refused.value.problems)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(WorkflowError, match="nowhere"):
        workflow_file.load(tmp_path / "nowhere.toml")


def test_the_default_table_is_the_one_beside_the_code():
    assert DEFAULT.is_file()


def test_a_table_can_be_checked_before_it_is_used(tmp_path, workflow):
    app = Flask("app")
    commands.init_app(app, workflow)
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(SMALL)
    bad.write_text(SMALL.replace("A", "B", 1))

    said = app.test_cli_runner().invoke(args=["workflow", "check", str(good)])
    assert (0, f"{good}: 2 statuses, 1 transitions, no mistakes\n") == (said.exit_code, said.output)
    refused = app.test_cli_runner().invoke(args=["workflow", "check", str(bad)])
    assert 0 != refused.exit_code
    assert f"{bad}:2: status A cannot be reached from B" in str(refused.output)
