"""Experiments, counts and situations for the tests of the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.decision import Epoch, Situation
from constructs_lib.experiments.runtime.experiment import Allocation, Arm, Experiment, Reward

HOUR = 3600.0
DAY = 24 * HOUR
BEGAN = 1_000 * DAY

BINARY = Reward(kind="binary", window=0.0)


def experiment(
    kind: str = "thompson",
    *,
    shares: Sequence[float] = (0.5, 0.5),
    reward: Reward = BINARY,
    allocation: Mapping[str, Any] | None = None,
    **more: Any,
) -> Experiment:
    """Arms A, B, C, …; A is the control."""
    arms = tuple(
        Arm(name=chr(ord("A") + i), model=f"model-{i}", share=share) for i, share in enumerate(shares)
    )
    return Experiment(
        name="test",
        endpoint="endpoint",
        arms=arms,
        reward=reward,
        allocation=Allocation(kind=kind, **(allocation or {})),  # type: ignore[arg-type]
        **more,
    )


def binary(exposures: float, ones: float) -> Totals:
    """So many answers, so many of them a success."""
    return Totals(exposures=exposures, rewards=ones, total=ones, squares=ones)


def numeric(values: Sequence[float]) -> Totals:
    """Rewards that all came."""
    return Totals(
        exposures=len(values),
        rewards=len(values),
        total=float(sum(values)),
        squares=float(sum(value * value for value in values)),
    )


def bucket(arm: str, totals: Totals, hour: float = 0) -> Bucket:
    """Of the period that begins so many hours after the beginning."""
    return Bucket(arm=arm, start=BEGAN + hour * HOUR, totals=totals)


def counted(**totals: Totals) -> list[Bucket]:
    """All of it in the first hour."""
    return [bucket(arm, each) for arm, each in totals.items()]


def situation(
    *,
    after: float = DAY,
    weights: Mapping[str, float] | None = None,
    epochs: Sequence[Epoch] = (),
    **more: Any,
) -> Situation:
    """So many seconds after the beginning."""
    return Situation(
        now=BEGAN + after,
        began=BEGAN,
        weights={"A": 0.5, "B": 0.5} if weights is None else weights,
        epochs=tuple(epochs),
        **more,
    )
