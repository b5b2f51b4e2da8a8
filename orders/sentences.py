"""What notifications, system messages and e-mails say of a change: in the current language, and as SQL in it."""

from __future__ import annotations

import re

from foundation.languages import N_, gettext
from orders.json_sql import literal

ORDER = N_("Order #{number}")
CORRECTION = N_("Correction: {notice}")
"""The notice of a status to which an order was corrected."""

CHANGED, CORRECTED_TO = N_("Status changed to {status}"), N_("Corrected to {status}")
"""What the seller reads in the conversation; the buyer reads the label alone."""

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def order(number: str) -> str:
    """The title of a generic notification."""
    return gettext(ORDER).format(number=number)


def notice(text: str, number: str, type: str) -> str:
    """The notice of a status about this order."""
    said = text.replace("{number}", number)
    return gettext(CORRECTION).format(notice=said) if type == "order.corrected" else said


def message(type: str, label: str, side: str) -> str:
    """The system message about a change, for one side of the conversation."""
    if side == "buyer":
        return label
    text = CORRECTED_TO if type == "order.corrected" else CHANGED
    return gettext(text).format(status=label)


def as_sql(text: str, **values: str) -> str:
    """SQL for one of these texts, with SQL in place of its placeholders."""
    pieces = PLACEHOLDER.split(gettext(text))
    parts = [values[piece] if place % 2 else literal(piece) for place, piece in enumerate(pieces) if piece]
    return " || ".join(parts)
