"""Which arm a request goes to: what the state says, and what its unit was given before."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .assignment import pick, place
from .experiment import Experiment
from .items import item
from .schema import STATE
from .state import REMEMBERED, State
from .sticky import Assigned, StickyUnits

STICKY_SECONDS = 90 * 86400.0
"""How long a unit keeps its arm, unless told otherwise."""
LONGEST_UNIT = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The arm for a request, and what its exposure says of how it came to be."""

    arm: str | None
    """None: SageMaker chooses, by its weights."""
    shares: Mapping[str, float]
    """Of the traffic, as far as this application knows."""
    told: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allocation:
    """What the state says to an application."""

    epoch: int
    weights: Mapping[str, float]
    tripped: frozenset[str] = frozenset()
    best: str | None = None

    @property
    def open(self) -> dict[str, float]:
        """The weights of the arms that may be used: the control's where all have tripped."""
        left = {arm: weight for arm, weight in self.weights.items() if arm not in self.tripped}
        left = left or dict.fromkeys(list(self.weights)[:1], 1.0)
        return left if any(left.values()) else dict.fromkeys(left, 1.0)


class Chooser:
    """Chooses by the experiment's table, which it reads again after a while.

    An application answers without that table too: then as before, or as deployed.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        dynamodb: Any,
        table: str,
        sticky_seconds: float = STICKY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._experiment = experiment
        self._salt = f"{experiment.name}/{experiment.generation}"
        self._dynamodb = dynamodb
        self._table = table
        self._units = StickyUnits(dynamodb, table, generation=experiment.generation, seconds=sticky_seconds)
        self._clock = clock
        self._deployed = _Allocation(epoch=0, weights={arm.name: arm.share for arm in experiment.arms})
        self._allocation: tuple[float, _Allocation] | None = None

    def choose(self, unit: str | None) -> Choice:
        """The arm for a request of a unit."""
        if unit is not None and not 1 <= len(unit) <= LONGEST_UNIT:
            raise ValueError(f"a unit has 1 to {LONGEST_UNIT} characters, this one has {len(unit)}")
        now = self._clock()
        allocation = self._current(now)
        if self._experiment.routing == "weights":
            return self._choice(None, allocation)
        if unit is None:
            raise ValueError(f"{self._experiment.name} assigns units to arms: say which unit asks")
        if allocation.best is not None:
            return self._choice(allocation.best, allocation)
        assigned = self._assigned(unit, allocation, now)
        if assigned.arm not in allocation.tripped:
            return self._choice(assigned.arm, allocation, propensity=assigned.propensity)
        # Only for as long as its arm is tripped, so nothing is kept. By a place of its own, or all of that
        # arm's units would go to the arm whose range is next to theirs.
        instead = self._fresh(unit, allocation, salt="diverted")
        return self._choice(instead.arm, allocation, diverted=assigned.arm)

    def _choice(self, arm: str | None, allocation: _Allocation, **told: object) -> Choice:
        total = sum(allocation.weights.values())
        shares = {name: weight / total for name, weight in allocation.weights.items()}
        return Choice(arm=arm, shares=shares, told={"epoch": allocation.epoch, **told})

    def _assigned(self, unit: str, allocation: _Allocation, now: float) -> Assigned:
        """The arm that a unit keeps. Without the table it is the one that it would be given now."""
        try:
            assigned = self._units.find(unit, now=now)
            return assigned or self._units.keep(unit, self._fresh(unit, allocation), now=now)
        except (BotoCoreError, ClientError):
            log.warning("%s: the arm of a unit could not be looked up", self._experiment.name, exc_info=True)
            return self._fresh(unit, allocation)

    def _fresh(self, unit: str, allocation: _Allocation, *, salt: str = "") -> Assigned:
        weights = allocation.open
        arm = pick(weights, place(self._salt + salt, unit))
        return Assigned(arm=arm, propensity=weights[arm] / sum(weights.values()))

    def _current(self, now: float) -> _Allocation:
        """The allocation, not older than applications may remember it."""
        if self._allocation is None or now >= self._allocation[0] + REMEMBERED:
            try:
                self._allocation = (now, self._read())
            except (BotoCoreError, ClientError):
                log.warning("%s: the state could not be read", self._experiment.name, exc_info=True)
                self._allocation = (now, self._allocation[1] if self._allocation else self._deployed)
        return self._allocation[1]

    def _read(self) -> _Allocation:
        found = self._dynamodb.get_item(TableName=self._table, Key=item(STATE))
        state = State.of(found["Item"]) if "Item" in found else None
        if state is None or state.generation != self._experiment.generation:
            return self._deployed  # the controller has not looked yet
        return _Allocation(
            epoch=state.epoch,
            weights={name: state.weights[name] for name in self._experiment.names},
            tripped=state.tripped,
            best=state.best if state.stopped and state.best not in state.tripped else None,
        )
