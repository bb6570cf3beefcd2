"""Whether the arms got the traffic that they were meant to get. If not, they are not comparable.

Only periods that lie wholly within one epoch are compared, each with that epoch's weights; an arm without weight is
no part of the split. There are two answers:

`p`, of the χ² test at this look, is what is usually quoted. It is not made for looking every hour.

`always_valid` is, and it alone says that there is a mismatch: a sequential multinomial test after Lindon and Malek,
"Anytime-valid inference for multinomial count data" (NeurIPS 2022). Period by period the likelihood of the counts
under an alternative that has learned from the earlier periods (a Dirichlet distribution) is divided by that under
the weights. If the weights are followed, the product is a martingale with mean 1, so the chance that it is ever
1/α is at most α (Ville).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.runtime.tails import chi_squared_tail
from .counts import Bucket
from .decision import Epoch, SampleRatio, Situation
from .experiment import Experiment
from .memory import of_generation

PRIOR_UNITS = 1000.0
"""What the weights count for in the alternative: it is most sensitive to deviations of about 1/√1000."""
LEAST_WEIGHT = 1e-6
FEWEST_EXPECTED = 5.0
"""Cochran's rule: cells with less than that are put together."""


@dataclass(frozen=True, slots=True)
class Split:
    """One period: what the arms with weight got, and their weights, which add up to 1."""

    observed: Mapping[str, float]
    weights: Mapping[str, float]

    @property
    def units(self) -> float:
        """Of all arms."""
        return sum(self.observed.values())


def sample_ratio(experiment: Experiment, situation: Situation, buckets: Iterable[Bucket]) -> SampleRatio:
    """Both answers, or none while there is too little traffic.

    Sticky units keep their arm when the weights move, and come back: their exposures are not drawn by the weights.
    """
    if experiment.routing == "assignment":
        return SampleRatio(p=None)
    splits = _splits(experiment, situation, of_generation(situation, buckets))
    p = chi_squared(splits)
    if p is None:
        return SampleRatio(p=None)
    always_valid = multinomial(splits)
    return SampleRatio(
        p=p, always_valid=always_valid, mismatch=always_valid < experiment.analysis.sample_ratio_p
    )


def _splits(experiment: Experiment, situation: Situation, buckets: Iterable[Bucket]) -> list[Split]:
    periods: dict[float, dict[str, float]] = {}
    for bucket in buckets:
        arms = periods.setdefault(bucket.start, {})
        arms[bucket.arm] = arms.get(bucket.arm, 0.0) + bucket.totals.exposures
    found = []
    for start, observed in sorted(periods.items()):
        epoch = _epoch_of(situation, start, start + experiment.period)
        weights = {} if epoch is None else {arm: w for arm, w in epoch.weights.items() if w > LEAST_WEIGHT}
        if len(weights) > 1:
            whole = math.fsum(weights.values())
            found.append(
                Split(
                    observed={arm: observed.get(arm, 0.0) for arm in weights},
                    weights={arm: weight / whole for arm, weight in weights.items()},
                )
            )
    return found


def _epoch_of(situation: Situation, start: float, end: float) -> Epoch | None:
    """The epoch that holds the whole period."""
    for epoch in situation.epochs:
        until = situation.now if epoch.ended_at is None else min(epoch.ended_at, situation.now)
        if epoch.settled_at <= start and end <= until:
            return epoch
    return None


def chi_squared(splits: Sequence[Split]) -> float | None:
    """p of all periods together, against what their weights let expect; None if that is too little."""
    observed: dict[str, float] = {}
    expected: dict[str, float] = {}
    for split in splits:
        for arm, weight in split.weights.items():
            observed[arm] = observed.get(arm, 0.0) + split.observed[arm]
            expected[arm] = expected.get(arm, 0.0) + split.units * weight
    cells = _large_enough([(observed[arm], expected[arm]) for arm in expected])
    if len(cells) < 2:
        return None
    statistic = math.fsum((seen - meant) ** 2 / meant for seen, meant in cells)
    return chi_squared_tail(statistic, len(cells) - 1)


def _large_enough(cells: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Observed and expected, the smallest put together until each is large enough."""
    cells = sorted(cells, key=lambda cell: cell[1])
    while len(cells) > 1 and cells[0][1] < FEWEST_EXPECTED:
        (seen, meant), (more_seen, more_meant) = cells[:2]
        cells = sorted([(seen + more_seen, meant + more_meant), *cells[2:]], key=lambda cell: cell[1])
    return cells


def multinomial(splits: Sequence[Split]) -> float:
    """The always-valid p: one over the greatest likelihood ratio so far, at most 1."""
    seen: dict[str, float] = {}
    meant: dict[str, float] = {}
    units = evidence = greatest = 0.0
    for split in splits:
        tilted = {
            arm: weight
            * (PRIOR_UNITS * weight + seen.get(arm, 0.0))
            / (PRIOR_UNITS * weight + meant.get(arm, 0.0))
            for arm, weight in split.weights.items()
        }
        evidence += _log_ratio(split, tilted, PRIOR_UNITS + units)
        greatest = max(greatest, evidence)
        units += split.units
        for arm, weight in split.weights.items():
            seen[arm] = seen.get(arm, 0.0) + split.observed[arm]
            meant[arm] = meant.get(arm, 0.0) + split.units * weight
    return math.exp(-greatest)


def _log_ratio(split: Split, tilted: Mapping[str, float], concentration: float) -> float:
    """Of one period's likelihoods: Dirichlet–multinomial over multinomial."""
    whole = math.fsum(tilted.values())
    found = math.lgamma(concentration) - math.lgamma(concentration + split.units)
    for arm, count in split.observed.items():
        prior = concentration * tilted[arm] / whole
        found += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(split.weights[arm])
    return found
