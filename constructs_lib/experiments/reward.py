"""Rewards: what tells how good an answer was, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk

from ..core.checks import LARGEST_NUMBER, duration, known, number
from ..core.rules import Broken, Rules
from .known_now import KNOWN_NOW, fields_known_now

_CHAPELLE = "https://doi.org/10.1145/2623330.2623634"
_MOST_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What an experiment maximises: make one with `Reward.binary(…)` or `Reward.numeric(…)`."""

    kind: str
    window: cdk.Duration
    """How long after an answer its reward may come, 1 second – 30 days. What was exposed later is not judged
    yet, so an experiment is as slow to learn as this is long."""
    low: float = 0.0
    high: float = 1.0
    minimize: bool = False

    def __post_init__(self) -> None:
        """Check."""
        reward_rules.enforce(self, path=f"Reward.{self.kind}")

    @staticmethod
    def binary(*, window: cdk.Duration) -> Reward:
        """A success or none: a click, a purchase. No reward within the window is a failure, not before.

        :param window: 1 second – 30 days.
        :raises ConstraintError: SM-REWARD-001.
        """
        return Reward(kind="binary", window=window)

    @staticmethod
    def numeric(*, window: cdk.Duration, low: float, high: float, minimize: bool = False) -> Reward:
        """A number for each answer: a rating, an error, seconds. An answer without one does not count.

        :param window: 1 second – 30 days.
        :param low: least value; what lies outside the bounds is refused as an error of the sender.
        :param high: greatest value.
        :param minimize: whether less is better.
        :raises ConstraintError: SM-REWARD-001, SM-REWARD-002.
        """
        return Reward(kind="numeric", window=window, low=low, high=high, minimize=minimize)

    def bind(self) -> dict[str, object]:
        """As the experiment manager is told."""
        return {
            "kind": self.kind,
            "window": float(self.window.to_seconds()),
            "low": float(self.low),
            "high": float(self.high),
            "minimize": self.minimize,
        }


reward_rules = Rules[Reward]()
reward_rules.add(KNOWN_NOW, fields_known_now)


@reward_rules.rule("SM-REWARD-001", source=_CHAPELLE)
def window_is_bounded(reward: Reward) -> Iterator[Broken]:
    """A reward is binary or numeric and may come within 1 second – 30 days."""
    if reward.kind not in ("binary", "numeric"):
        yield Broken("kind", reward.kind, "Reward.binary(…) or Reward.numeric(…)")
    yield from duration("window", reward.window, 1, _MOST_SECONDS)


@reward_rules.rule("SM-REWARD-002", source=_CHAPELLE)
def bounds_are_apart(reward: Reward) -> Iterator[Broken]:
    """The least value of a numeric reward is below its greatest."""
    broken = [
        *number("low", reward.low, -LARGEST_NUMBER),
        *number("high", reward.high, -LARGEST_NUMBER),
    ]
    yield from broken
    if not broken and known(reward.low, reward.high) and not reward.low < reward.high:
        yield Broken("low", reward.low, f"less than high ({reward.high:g})")
