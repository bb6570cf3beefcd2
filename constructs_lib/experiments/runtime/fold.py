"""Events to what is known of each answer, and that to counts. Pure, and no order matters.

Of several exposures of one inference id the first by its own time is the one that counts, and of several
rewards likewise; equal times are told apart by arm and value. What is known therefore only depends on which
events there were: not on their order, on how often each came, or on how they were split into batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from .amounts import Amounts, Cell, Tally, Unit, gathered
from .events import FUTURE, Event, Exposure, Reward
from .experiment import Experiment


class Known(NamedTuple):
    """What is known of one answer."""

    exposure: Exposure | None = None
    reward: Reward | None = None

    def merged(self, other: Known) -> Known:
        """What both know. The order does not matter, nor whether it is done twice."""
        return Known(
            _first(self.exposure, other.exposure),
            _first(self.reward, other.reward),
        )


NOTHING = Known()


def fold(events: Iterable[Event]) -> dict[str, Known]:
    """What a batch says, by inference id."""
    known: dict[str, Known] = {}
    for event in events:
        told = Known(exposure=event) if isinstance(event, Exposure) else Known(reward=event)
        before = known.get(event.id)
        known[event.id] = told if before is None else before.merged(told)
    return known


class Counting:
    """What an answer adds to the counts of an experiment."""

    def __init__(self, experiment: Experiment) -> None:
        self._period = experiment.period
        self.window = experiment.reward.window
        self.unit = Unit(experiment.reward)

    def period_of(self, at: float) -> int:
        """When the period began that `at` lies in."""
        return int(at // self._period * self._period)

    def is_late(self, known: Known) -> bool:
        """Whether the reward has come outside of the window of its exposure."""
        if known.exposure is None or known.reward is None:
            return False
        after = known.reward.at - known.exposure.at
        return not -FUTURE <= after <= self.window

    def worth(self, known: Known) -> tuple[Cell, Amounts] | None:
        """What an answer counts, in the period of its exposure; None while that is not known."""
        if known.exposure is None:
            return None
        cell = (self.period_of(known.exposure.at), known.exposure.arm)
        if known.reward is None or self.is_late(known):
            return cell, Amounts(exposures=1)
        units = known.reward.units
        return cell, Amounts(exposures=1, rewards=1, total=units, squares=units * units)

    def change(self, before: Known, after: Known) -> Tally:
        """What is to be added to the counts when more is known than before."""
        counted = []
        if (gone := self.worth(before)) is not None:
            counted.append((gone[0], gone[1].negative()))
        if (come := self.worth(after)) is not None:
            counted.append(come)
        return gathered(counted)


_Told = TypeVar("_Told", Exposure, Reward)


def _first(one: _Told | None, other: _Told | None) -> _Told | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
