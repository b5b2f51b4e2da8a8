"""The shop's colour is readable, whichever it is."""

from __future__ import annotations

import itertools

import pytest

from dashboard.brand import Brand, luminance

STEPS = ("00", "33", "66", "77", "99", "cc", "ff")


def contrast(one: float, other: float) -> float:
    """WCAG 2.2."""
    light, dark = max(one, other), min(one, other)
    return (light + 0.05) / (dark + 0.05)


def test_what_is_written_on_a_colour_has_a_contrast_of_four_and_a_half_whatever_it_is() -> None:
    for parts in itertools.product(STEPS, repeat=3):
        colour = "#" + "".join(parts)
        ink = 1.0 if Brand(colour=colour).ink == "light" else 0.0
        assert contrast(luminance(colour), ink) >= 4.5, colour


@pytest.mark.parametrize(("colour", "ink"), [("#000000", "light"), ("#ffffff", "dark"), ("#0a7d55", "light")])
def test_it_is_light_on_dark_colours_and_dark_on_light_ones(colour: str, ink: str) -> None:
    assert ink == Brand(colour=colour).ink
