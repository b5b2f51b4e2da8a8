"""What notifications, system messages and e-mails say of a change: in the current language."""

from __future__ import annotations

import re
from typing import Protocol

from foundation.languages import N_, gettext

ORDER_TITLE = N_("Order #{number}")
CORRECTION = N_("Correction: {notice}")
"""The notice of a status to which an order was corrected."""

STATUS_CHANGED, CORRECTED_TO = N_("Status changed to {status}"), N_("Corrected to {status}")
"""What the seller reads in the conversation; the buyer reads the label alone."""

BULK_DONE = N_("{changed} of {total} orders changed to {status}")
BULK_STOPPED = N_("Stopped: {changed} of {total} orders changed to {status}")
BULK_SKIPPED = N_("{skipped} skipped")
"""What the notification at the end of a bulk change says."""

FIELD = re.compile(r"\{(\w+)\}")


def order_title(number: str) -> str:
    """The title of a generic notification."""
    return gettext(ORDER_TITLE).format(number=number)


def notice(text: str, number: str, type: str) -> str:
    """The notice of a status about this order."""
    said = text.replace("{number}", number)
    return gettext(CORRECTION).format(notice=said) if type == "order.corrected" else said


def message(type: str, label: str, side: str) -> str:
    """The system message about a change, for one side of the conversation."""
    if side == "buyer":
        return label
    text = CORRECTED_TO if type == "order.corrected" else STATUS_CHANGED
    return gettext(text).format(status=label)


class Ended(Protocol):
    """How a bulk change ended."""

    @property
    def total(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def stopped(self) -> bool: ...


def bulk_result(ended: Ended, label: str) -> tuple[str, str]:
    """Title and body of the notification at the end of a bulk change to the status with this label."""
    text = BULK_STOPPED if ended.stopped else BULK_DONE
    title = gettext(text).format(changed=ended.changed, total=ended.total, status=label)
    return title, gettext(BULK_SKIPPED).format(skipped=ended.skipped) if ended.skipped else ""


def before(text: str) -> str:
    """What one of these texts says before its placeholder, as an SQL literal."""
    return "'" + FIELD.split(gettext(text))[0].replace("'", "''") + "'"
