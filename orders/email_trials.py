"""Tries the templates of e-mails that an operator has replaced: those about a status for every status of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from foundation.own_templates import Folder, TemplateTrial, problems_of
from foundation.settings import SettingsError
from notifications.letters import SUBJECT, Letters, Shop, template_folders
from orders.workflow import Workflow

PARCEL_SHOWN = {"carrier": "DHL", "number": "00340", "expected": date(2026, 12, 1), "url": "https://dhl.example/00340"}
LINK = "https://orders.example/t/1"
GREETING = {"greeting": "Hello,"}

FRAME = {
    "subject": "A subject",
    "paragraphs": ["A paragraph"],
    "shop": Shop("A shop"),
    "logo": "",
    "colour": "#27445c",
    "ink": "#ffffff",
    "link": LINK,
    "unsubscribe": "https://orders.example/unsubscribe/1",
}
"""What every letter is given."""

OTHERS: Mapping[str, Mapping[str, Any]] = {
    "message": {**GREETING, "sentence": "A new message"},
    "digest": {**GREETING, "entries": [{"sentence": "Your order was confirmed.", "link": LINK}]},
    "new_order": {"sentence": "A new order", "total": "€25.00"},
    "alert_circuit": {"destination": "mail-server", "since": "2026-12-01 10:00", "reason": "refused"},
    "alert_dead_letters": {"threshold": 100},
    "alert_late": {"what": "email.status", "destination": "mail-server", "since": "2026-12-01 10:00"},
    "alert_endpoint": {"url": "https://shop.example", "percent": 50, "disabled_at": "2026-12-01", "reason": "refused"},
}
"""What those are given that are not about a status."""


def check_templates(path: Path, workflow: Workflow) -> None:
    """Raise SettingsError with a line for each mistake in the templates of e-mails in this folder."""
    folder = Folder(path).email()
    if not folder.path.is_dir():
        return
    letters = Letters(template_folders(path))
    if problems := problems_of(folder, letters.environment, list(_trials(workflow))):
        raise SettingsError(problems)


def _trials(workflow: Workflow) -> Iterator[TemplateTrial]:
    for name, status in workflow.statuses.items():
        if sentence := status.notify.get("buyer"):
            about: dict[str, Any] = {**GREETING, "sentence": sentence, "reason": "Sold out", "parcels": [PARCEL_SHOWN]}
            yield from _both("status", about, name)
    for template, shown in OTHERS.items():
        yield from _both(template, shown, "")


def _both(name: str, shown: Mapping[str, Any], about: str) -> Iterator[TemplateTrial]:
    yield TemplateTrial(f"{name}.txt", {**FRAME, **shown}, about, _subject_and_text)
    yield TemplateTrial(f"{name}.html", {**FRAME, **shown}, about)


def _subject_and_text(shown: str) -> tuple[str, str]:
    head, _, text = shown.partition("\n")
    return head.removeprefix(SUBJECT.strip()).strip(), text.strip()
