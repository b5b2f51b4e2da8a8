"""What an order's own page shows beside the order: the link for its buyer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import segno
from markupsafe import Markup


@dataclass(frozen=True)
class LinkShown:
    """A link with which anyone follows the order; it is shown once, since nothing about it is stored."""

    url: str
    ends: str
    """ISO 8601."""

    @classmethod
    def of(cls, url: str, ends: float) -> LinkShown:
        return cls(url, datetime.fromtimestamp(int(ends), UTC).isoformat())

    @cached_property
    def qr(self) -> Markup:
        return qr_code(self.url)


def qr_code(text: str) -> Markup:
    """An SVG without inline styles, dark on white in every theme."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True))  # noqa: S704  only modules
