"""The mode of each kind, background or sequential; switched for all processes without a restart."""

from __future__ import annotations

from foundation import sql
from foundation.logs import get_logger
from side_effects.effects import Run

log = get_logger(__name__)

ALL = "*"
BACKGROUND, SEQUENTIAL = "background", "sequential"
DEFAULT = "default"
"""Removes an operator's override: the setting applies again."""

SQL = sql.beside(__file__)
READ = SQL.prepared("read_modes")


class Modes:
    """The modes as this process knows them; refreshed every second, so a switch reaches all processes within two."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._named: dict[str, str] = {}
        self._switched: dict[str, str] = {}
        self.any_sequential = default == SEQUENTIAL

    def of(self, kind: str) -> str:
        """`background` or `sequential`."""
        return self._named.get(kind) or self._named.get(ALL) or self._default

    def refresh(self, run: Run) -> None:
        """Read what was switched."""
        named: dict[str, str] = dict(run(READ, ()))
        if named != self._switched:
            # An operator's override outlives restarts, including one that was meant to change the setting.
            log.warning("modes.changed", "Side-effect modes were changed", named=named, setting=self._default)
        self._switched = named
        self.learn(named)

    def learn(self, named: dict[str, str]) -> None:
        """Use these modes for the kinds they name; `*` stands for all others."""
        self._named = named
        everything = {self._named.get(ALL) or self._default, *self._named.values()}
        self.any_sequential = SEQUENTIAL in everything
