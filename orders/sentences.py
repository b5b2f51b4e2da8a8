"""What notifications, system messages and e-mails say of a change: in the current language."""

from __future__ import annotations

import re

from foundation.languages import N_, gettext

ORDER_TITLE = N_("Order #{number}")
CORRECTION = N_("Correction: {notice}")
"""The notice of a status to which an order was corrected."""

STATUS_CHANGED, CORRECTED_TO = N_("Status changed to {status}"), N_("Corrected to {status}")
"""What the seller reads in the conversation; the buyer reads the label alone."""

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


def before(text: str) -> str:
    """What one of these texts says before its placeholder, as an SQL literal."""
    return "'" + FIELD.split(gettext(text))[0].replace("'", "''") + "'"
