"""The report of a proof: its figures, each beside its bound, and the verdict."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

IN_SECONDS = {"s": 1.0, "ms": 0.001}
HAPPENS_WITHIN = 25.0
"""Seconds within which the fast form must see something happen: less than any proof waits. How soon it has to be
depends on the machine and its load, so only the full form checks it."""


@dataclass(frozen=True)
class Figure:
    """One figure, and its bound; without a bound it is only reported."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its bounds."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def bound(self) -> str:
        """The bound as text."""
        if self.at_most == 0:
            return "0"
        bounds = [("≤", self.at_most), ("≥", self.at_least)]
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def __str__(self) -> str:
        said = f"  {self.name:<52} {self.shown:>12}   {self.bound:<10}"
        return said + ("" if self.kept else "  FAIL")

    @property
    def shown(self) -> str:
        """The value with its unit."""
        whole = math.isfinite(self.value) and self.value == int(self.value)
        value = f"{self.value:.0f}" if whole else f"{self.value:.3g}"
        return f"{value} {self.unit}".strip()


@dataclass
class Report:
    """Collects the figures of one run of one proof."""

    name: str
    title: str
    seed: int
    fast: bool
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        """All randomness of the proof comes from here."""

    def tell(self, name: str, value: float, unit: str = "") -> None:
        """A figure without a bound."""
        self.figures.append(Figure(name, value, unit))

    def check(
        self, name: str, value: float, unit: str = "", *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """A figure with a bound; in the fast form a time only shows that it happened, not how soon."""
        if self.fast and at_most is not None and unit in IN_SECONDS:
            at_most = max(at_most, HAPPENS_WITHIN / IN_SECONDS[unit])
        self.figures.append(Figure(name, value, unit, at_most, at_least))

    def remark(self, sentence: str) -> None:
        """A note that is needed to read the figures."""
        self.remarks.append(sentence)

    def either(self, fast: T, full: T) -> T:
        """The size for the form that is run."""
        return fast if self.fast else full

    @property
    def passed(self) -> bool:
        """Whether every bound holds; a proof without one proves nothing."""
        return any(one.bound for one in self.figures) and all(one.kept for one in self.figures)

    @property
    def form(self) -> str:
        """Which form was run."""
        return "fast" if self.fast else "full"

    def __str__(self) -> str:
        head = f"{self.name}  {self.title}\n  seed {self.seed}, {self.form} form"
        verdict = f"{self.name} {'PASS' if self.passed else 'FAIL'}  seed {self.seed}"
        return "\n".join([head, *map(str, self.figures), *(f"  ({one})" for one in self.remarks), verdict])


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
