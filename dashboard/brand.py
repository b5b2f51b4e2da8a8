"""The shop's brand on the pages of its buyers: name, logo and colour, as its profile has them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from flask import Blueprint, Response

from access import sellers
from dashboard.assets import FOR_EVER
from foundation.contract import LARGEST_ID
from foundation.errors import NotFound

LOGO = re.compile(r"data:(image/[a-z]+);base64,(.+)")


@dataclass(frozen=True)
class Brand:
    """How a shop shows itself; empty where it has chosen nothing."""

    name: str = ""
    colour: str = ""
    logo: str = ""
    """The address of its logo, which contains the profile's version: a browser asks for each once."""

    @property
    def ink(self) -> str:
        """What is written in on the colour: `light` or `dark`, whichever has more contrast, 4.58 at the least."""
        light = luminance(self.colour)
        # WCAG 2.2, contrast ratio: white over the colour, and the colour over black.
        return "light" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "dark"


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def brand_of(seller_id: int) -> Brand:
    """The brand of this seller; empty if the shop has no profile."""
    shop = sellers.shown(seller_id)
    if shop is None:
        return Brand()
    logo = f"/shops/{seller_id}/logo/{shop.version}" if shop.logo else ""
    return Brand(shop.name or "", shop.colour or "", logo)


def blueprint() -> Blueprint:
    """`/shops/<id>/logo/<version>`: open to everybody, as tracking links are; a page never waits for it twice."""
    pages = Blueprint("brand", __name__)

    @pages.get(f"/shops/<int(min=1, max={LARGEST_ID}):seller_id>/logo/<int:version>")
    def logo(seller_id: int, version: int) -> Response:
        shop = sellers.shown(seller_id)
        match = LOGO.fullmatch(shop.logo or "") if shop and shop.version == version else None
        if match is None:
            raise NotFound
        return Response(base64.b64decode(match[2]), content_type=match[1], headers={"Cache-Control": FOR_EVER})

    return pages
