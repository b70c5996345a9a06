"""The learning rate over the time of a run, as a share of its top."""

from __future__ import annotations

import math
from typing import Any

from cvstudio.core.recipe import CYCLE_RISE, Schedule, TrainConfig

_FALL = 0.3
"""What a plateau leaves of the rate."""
_HARDLY = 1e-4
"""A figure that is better by less is no better."""


class Rates:
    """The share of the top rate at any moment of a run; a plateau also follows its figures."""

    def __init__(self, config: TrainConfig) -> None:
        self.kind, self.epochs, self.final = config.schedule, config.epochs, config.final_rate
        rise = config.warmup_epochs
        if self.kind is Schedule.ONE_CYCLE:
            rise = max(rise, CYCLE_RISE * config.epochs)
        self.rise = min(rise, config.epochs / 2)
        self.period = config.restart_epochs
        self.waits = config.plateau_epochs
        self._fallen = 1.0
        self._best: float | None = None
        self._since = 0

    def __call__(self, at: float) -> float:
        """The share at a time in epochs from 0."""
        if at < self.rise:
            return max(at / self.rise, 1e-3) * self._fallen
        done, of = at - self.rise, max(self.epochs - self.rise, 1e-9)
        match self.kind:
            case Schedule.PLATEAU:
                return self._fallen
            case Schedule.RESTARTS:
                done, of = _in_period(done, self.period)
        fall = (1 + math.cos(math.pi * min(done / of, 1.0))) / 2
        return self.final + (1 - self.final) * fall

    def judged(self, figure: float | None) -> bool:
        """Take in the figure of an epoch (higher is better); whether the rate falls for it."""
        if self.kind is not Schedule.PLATEAU or figure is None:
            return False
        if self._best is None or figure > self._best + _HARDLY:
            self._best, self._since = figure, 0
            return False
        self._since += 1
        if self._since < self.waits or self._fallen <= self.final:
            return False
        self._since, self._fallen = 0, max(self._fallen * _FALL, self.final)
        return True

    def state(self) -> dict[str, Any]:
        """What a run that goes on must know again."""
        return {"fallen": self._fallen, "best": self._best, "since": self._since}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._fallen, self._best, self._since = state["fallen"], state["best"], state["since"]


def _in_period(at: float, first: float) -> tuple[float, float]:
    """How far into which period a time lies, when each is twice as long as the one before
    (Loshchilov and Hutter, 2017)."""
    length = first
    while at >= length:
        at, length = at - length, length * 2
    return at, length
