"""What of the counts is used: matured periods of this generation, and how much each of them still weighs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .counts import Bucket, Totals, summed
from .decision import Situation
from .experiment import Experiment


def of_generation(situation: Situation, buckets: Iterable[Bucket]) -> list[Bucket]:
    """The periods that began at or after it: what was exposed before is about other arms, models or rewards."""
    return [bucket for bucket in buckets if bucket.start >= situation.began]


def matured(experiment: Experiment, situation: Situation, buckets: Iterable[Bucket]) -> list[Bucket]:
    """The periods whose last exposure can be rewarded no more."""
    horizon = _horizon(experiment, situation)
    return [
        bucket for bucket in of_generation(situation, buckets) if bucket.start + experiment.period <= horizon
    ]


def by_arm(experiment: Experiment, buckets: Iterable[Bucket]) -> dict[str, Totals]:
    """The totals of every arm, of those without a bucket too; of arms that are no more, none."""
    found = summed(buckets)
    return {name: found.get(name, Totals()) for name in experiment.names}


def remembered(experiment: Experiment, situation: Situation, buckets: Iterable[Bucket]) -> dict[str, Totals]:
    """What the allocation learns from: the matured periods, the older ones less or not at all."""
    horizon = _horizon(experiment, situation)
    weighted = (
        Bucket(
            arm=bucket.arm,
            start=bucket.start,
            totals=bucket.totals.scaled(_weight(experiment, horizon, bucket.start)),
        )
        for bucket in matured(experiment, situation, buckets)
    )
    return by_arm(experiment, weighted)


def outstanding(experiment: Experiment, situation: Situation, buckets: Sequence[Bucket]) -> float:
    """How many answers are given before the next ones are known: those that are out, or those of one period."""
    everything = of_generation(situation, buckets)
    known = matured(experiment, situation, buckets)
    exposures, of_known = _exposures(everything), _exposures(known)
    periods = len({bucket.start for bucket in known})
    return max(exposures - of_known, of_known / periods if periods else 0.0)


def _exposures(buckets: Iterable[Bucket]) -> float:
    return sum(bucket.totals.exposures for bucket in buckets)


def _horizon(experiment: Experiment, situation: Situation) -> float:
    """Exposures before it are matured."""
    return situation.now - experiment.reward.window


def _weight(experiment: Experiment, horizon: float, start: float) -> float:
    """Of a matured period, by its age when it is as young as it can be."""
    allocation = experiment.allocation
    if allocation.memory == "sliding":
        return 1.0 if start >= horizon - allocation.memory_seconds else 0.0
    if allocation.memory == "discounted":
        return float(2 ** (-(horizon - start - experiment.period) / allocation.memory_seconds))
    return 1.0
