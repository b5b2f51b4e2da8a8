"""Variables of the environment that look like one of our settings, and are none: what was meant by them has no effect.

They are no reason to refuse a start, since the environment belongs to other programs too.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable

from foundation.settings import Settings

ALIKE = 0.85
"""The ratio of common characters: LOGLEVEL and DATABASE_URI are above it, PGPORT and HOSTNAME are not."""

PREFIX = "ONWARD_"


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Of these variables the ones that are not read, each with the setting that was probably meant."""
    settings = {field.name.upper() for field in dataclasses.fields(Settings)}
    found = {}
    for name in names:
        plain = name.upper().removeprefix(PREFIX)
        if name not in settings and (near := difflib.get_close_matches(plain, settings, 1, ALIKE)):
            found[name] = near[0]
    return found
