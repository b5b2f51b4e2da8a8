"""Numbers over time are right, and what is not known is a gap."""

from __future__ import annotations

import yaml

from notifications.causes import CAUSES
from operations.overview import quantile
from tests.conftest import PROJECT


def test_a_quantile_lies_within_its_bucket():
    buckets = {"email.status 0.1": 50.0, "email.status 0.5": 50.0, "email.status +Inf": 0.0}

    assert 0.1 == quantile(0.5, buckets)
    assert 0.3 == round(quantile(0.75, buckets) or 0, 6)
    assert quantile(0.5, {}) is None
    assert 5.0 == quantile(0.99, {"5.0": 1.0, "+Inf": 99.0}), "no more is known than that it took longer"


def test_kinds_with_the_same_bounds_add_up():
    assert 0.1 == quantile(0.5, {"a 0.1": 1.0, "b 0.1": 1.0, "a 1.0": 2.0})


def test_each_cause_has_its_alert_for_prometheus_and_its_line_in_the_docs():
    """One table of rules: whoever adds one adds it everywhere."""
    (group,) = yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    *rules, down = group["rules"]
    described = (PROJECT / "docs/operating.md").read_text()

    assert all(f'{{rule="{cause.name}"}}' in rule["expr"] for cause, rule in zip(CAUSES, rules, strict=True))
    assert "OnwardDown" == down["alert"]
    for cause in CAUSES:
        assert f"| `{cause.name}` |" in described
