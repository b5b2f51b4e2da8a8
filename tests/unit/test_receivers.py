"""RECEIVERS: modules of the marketplace's own, whose receivers are connected at start, or one line says why not."""

from __future__ import annotations

import sys

import pytest
from structlog.testing import capture_logs

from foundation.settings import SettingsError
from orders import receivers, signals
from orders.effects.signal import receivers as connected

WAREHOUSE = """from orders.signals import order_status_changed


@order_status_changed.connect
def notify(event, **_):
    pass
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Write modules of the marketplace's own; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            for receiver in vars(sys.modules.pop(name)).values():
                signals.order_status_changed.disconnect(receiver)


def problems(connect, *modules):
    with pytest.raises(SettingsError) as refused:
        connect(modules)
    assert not any("\n" in line for line in refused.value.problems)
    return refused.value.problems


def test_the_receivers_of_each_module_are_connected(shop):
    shop(warehouse=WAREHOUSE, crm=WAREHOUSE)
    receivers.check(("warehouse", "crm"))
    assert "" == receivers.trial(("warehouse", "crm"))
    assert "warehouse" not in sys.modules, "a trial leaves nothing behind"

    receivers.connect(("warehouse", "crm"))

    assert {"warehouse.notify", "crm.notify"} <= set(connected())


def test_a_module_that_is_missing_is_named(shop):
    shop(warehouse=WAREHOUSE)
    line = "RECEIVERS: there is no module crm on the path; add its directory to PYTHONPATH."

    assert [line] == problems(receivers.check, "warehouse", "crm")
    assert [line] == problems(receivers.connect, "crm")
    assert ["RECEIVERS: there is no module warehouse.hooks on the path; add its directory to PYTHONPATH."] == problems(
        receivers.connect, "warehouse.hooks"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\nraise ValueError('no such\\ndepot')", "ValueError: no such depot ({}, line 2)"),
        ("import nothing_like_that", "ModuleNotFoundError: No module named 'nothing_like_that' ({}, line 1)"),
        ("import sys\nsys.exit('enough')", "SystemExit: enough ({}, line 2)"),
        ("def", "SyntaxError: invalid syntax (crm.py, line 1)"),
    ],
    ids=["raises", "lacks a dependency", "exits", "cannot be read"],
)
def test_a_module_that_raises_at_import_is_named_with_the_reason_and_the_place(shop, tmp_path, text, told):
    shop(crm=text)
    line = f"RECEIVERS: crm cannot be imported: {told.format(tmp_path / 'crm.py')}"

    assert line == receivers.trial(("crm",))
    assert [line] == problems(receivers.connect, "crm")


def test_all_that_is_wrong_is_told_together(shop):
    shop(crm="1 / 0")

    assert ["crm", "there"] == [line.split()[1] for line in problems(receivers.connect, "crm", "warehouse")]


@pytest.mark.parametrize("module", ["orders", "access.hooks"])
def test_a_module_with_a_name_of_ours_is_refused(module):
    """It would be ours that is imported, and no receiver would be connected."""
    (line,) = problems(receivers.check, module)

    assert f"RECEIVERS: {module.partition('.')[0]} is a package of Onward; rename yours" in line


def test_a_module_that_connects_nothing_is_warned_of(shop):
    """blinker forgets a receiver that is defined inside a function."""
    shop(crm=f"def init():\n    {WAREHOUSE.replace(chr(10), chr(10) + '    ')}\n\ninit()\n")
    with capture_logs() as records:
        receivers.connect(("crm",))

    assert [("receiver.none_connected", "crm")] == [(one["event"], one["module"]) for one in records]
