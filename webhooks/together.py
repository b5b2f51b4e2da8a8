"""Calls of several greenlets made together: those that arrive while one is in progress are made by the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gevent.lock import BoundedSemaphore

Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(eq=False)
class _Waiting(Generic[Given, Result]):
    given: Given
    result: list[Result] = field(default_factory=list)
    error: Exception | None = None

    @property
    def over(self) -> bool:
        return bool(self.result) or self.error is not None


class Together(Generic[Given, Result]):
    """`run` takes the arguments of several calls and returns a result for each; what it raises, each of them raises."""

    def __init__(self, run: Callable[[Sequence[Given]], Sequence[Result]], most: int = 200) -> None:
        self._run = run
        self._most = most
        self._waiting: list[_Waiting[Given, Result]] = []
        self._turn = BoundedSemaphore()

    def __call__(self, given: Given) -> Result:
        mine: _Waiting[Given, Result] = _Waiting(given)
        self._waiting.append(mine)
        try:
            with self._turn:
                if not mine.over:
                    self._run_next(mine)
        finally:
            if not mine.over and mine in self._waiting:  # this greenlet was stopped before its turn
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.result[0]

    def _run_next(self, mine: _Waiting[Given, Result]) -> None:
        batch = [mine, *[one for one in self._waiting if one is not mine][: self._most - 1]]
        taken = set(batch)
        self._waiting = [one for one in self._waiting if one not in taken]
        try:
            results = self._run([one.given for one in batch])
        except Exception as error:
            for one in batch:
                one.error = error
        except BaseException:
            self._waiting = [*(one for one in batch if one is not mine), *self._waiting]  # the next one makes theirs
            raise
        else:
            for one, result in zip(batch, results, strict=True):
                one.result.append(result)
