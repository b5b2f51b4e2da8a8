"""How each kind is done, in the background or before the answer; switched for all processes without a restart."""

from __future__ import annotations

from foundation.connections import Statement
from side_effects.effects import Run

ALL = "*"
BACKGROUND, SEQUENTIAL = "background", "sequential"

READ = Statement("read_modes", (), "SELECT kind, mode FROM side_effect_modes")


class Modes:
    """The modes as this process knows them; refreshed every second, so a switch is seen by all within two."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._named: dict[str, str] = {}
        self.any_sequential = default == SEQUENTIAL

    def of(self, kind: str) -> str:
        """`background` or `sequential`."""
        return self._named.get(kind) or self._named.get(ALL) or self._default

    def refresh(self, run: Run) -> None:
        """Learn what was switched."""
        self.learn(dict(run(READ, ())))

    def learn(self, named: dict[str, str]) -> None:
        """Take these modes for the kinds they name; `*` stands for all others."""
        self._named = named
        everything = {self._named.get(ALL) or self._default, *self._named.values()}
        self.any_sequential = SEQUENTIAL in everything
