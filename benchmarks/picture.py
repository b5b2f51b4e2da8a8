"""A bar chart as hand-written SVG that is readable in light and in dark mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 760, 250, 90
BAR, GAP, TOP = 18, 14, 62

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .quiet { fill: #59636e }
  .axis { stroke: #d1d9e0 }
  .b0 { fill: #0969da } .b1 { fill: #1a7f37 } .b2 { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .axis { stroke: #3d444d }
    .b0 { fill: #4493f8 } .b1 { fill: #3fb950 } .b2 { fill: #ab7df8 }
  }
"""


@dataclass(frozen=True)
class Group:
    """A group of bars."""

    label: str
    values: Sequence[tuple[float, str]]
    """Each bar's length, and its label."""


@dataclass(frozen=True)
class Bars:
    """A chart; the bars of each group stand for the same series in the same order."""

    name: str
    title: str
    series: Sequence[str]
    groups: Sequence[Group]

    def svg(self) -> str:
        """The picture."""
        longest = max((value for group in self.groups for value, _ in group.values), default=1) or 1
        scale = (WIDTH - LEFT - RIGHT) / longest
        parts, y = [*self._legend()], TOP
        for group in self.groups:
            middle = y + BAR * len(group.values) / 2 + 4
            parts.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(group.label)}</text>')
            for number, (value, label) in enumerate(group.values):
                width = max(1.0, value * scale)
                parts.append(f'<rect class="b{number}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 3}"/>')
                parts.append(f'<text class="quiet" x="{LEFT + width + 6:.1f}" y="{y + BAR - 6}">{escape(label)}</text>')
                y += BAR
            y += GAP
        parts.append(f'<line class="axis" x1="{LEFT}" y1="{TOP - 6}" x2="{LEFT}" y2="{y - GAP + 4}"/>')
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
                f'aria-label="{escape(self.title)}">',
                f"<style>{STYLE}</style>",
                *parts,
                "</svg>\n",
            ]
        )

    def _legend(self) -> list[str]:
        parts = [f'<text class="title" x="10" y="22">{escape(self.title)}</text>']
        x = 10
        for number, name in enumerate(self.series if len(self.series) > 1 else ()):
            parts.append(f'<rect class="b{number}" x="{x}" y="34" width="11" height="11"/>')
            parts.append(f'<text class="quiet" x="{x + 17}" y="44">{escape(name)}</text>')
            x += 40 + 8 * len(name)
        return parts
