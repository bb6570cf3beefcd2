"""How the traffic is divided: what each way of allocation wants, and what stands above it.

In this order: an arm that a guardrail took out gets nothing; until every arm has its minimum of matured units the
initial shares hold, and from there to twice the minimum the learned ones take over step by step, so that nothing
jumps on the first hundred answers; a floor, which may decay, is divided evenly; the shares are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from . import kl_ucb
from .counts import Totals
from .density import Density
from .experiment import Allocation, Experiment, Reward

STEPS = 10_000
"""Shares are whole multiples of 1/STEPS: less is no traffic to speak of, and sums stay exact."""


def standing(names: Iterable[str], tripped: Collection[str]) -> tuple[str, ...]:
    """The arms that may have traffic: those not tripped; the control, which is the first, if all are."""
    names = tuple(names)
    return tuple(name for name in names if name not in tripped) or names[:1]


def normalised(shares: Mapping[str, float]) -> dict[str, float]:
    """The same proportions with a sum of 1; even ones if there is no proportion to keep."""
    whole = math.fsum(shares.values())
    if not (0 < whole < math.inf):
        return {arm: 1 / len(shares) for arm in shares}
    return {arm: share / whole for arm, share in shares.items()}


def initial(experiment: Experiment, arms: Collection[str]) -> dict[str, float]:
    """The shares of the description, among these arms."""
    return normalised({arm.name: arm.share for arm in experiment.arms if arm.name in arms})


def thompson(probabilities: Mapping[str, float], top_two: float | None = None) -> dict[str, float]:
    """Thompson sampling of a batch: each arm's share is the probability that it is the best.

    With `top_two` (Russo, 2016) the leader keeps that share of its plays, and the rest goes to the arm that leads
    when the leader is left out: p_j·(β + (1-β)·Σ_{i≠j} p_i / (1-p_i)).
    """
    if top_two is None:
        return dict(probabilities)
    shares = {arm: top_two * probability for arm, probability in probabilities.items()}
    for leader, probability in probabilities.items():
        others = normalised({arm: other for arm, other in probabilities.items() if arm != leader})
        for arm, second in others.items():
            shares[arm] += (1 - top_two) * probability * second
    return normalised(shares)


def epsilon_greedy(means: Mapping[str, float], epsilon: float) -> dict[str, float]:
    """All but epsilon for the arm with the greatest mean, epsilon for all alike."""
    best = max(means.values())
    leaders = [arm for arm, mean in means.items() if mean == best]
    return {arm: epsilon / len(means) + (1 - epsilon) * (arm in leaders) / len(leaders) for arm in means}


def upper_confidence(reward: Reward, totals: Mapping[str, Totals], batch: float) -> dict[str, float]:
    """KL-UCB of a batch: see `kl_ucb.batch_shares`."""
    counts = {arm: units(reward, each) for arm, each in totals.items()}
    means = {arm: unit_mean(reward, each) for arm, each in totals.items()}
    return kl_ucb.batch_shares(means, counts, max(batch, len(totals)))


def units(reward: Reward, totals: Totals) -> float:
    """How many observations the mean rests on."""
    return totals.exposures if reward.kind == "binary" else totals.rewards


def unit_mean(reward: Reward, totals: Totals) -> float | None:
    """The mean reward where 0 is the worst and 1 the best there is; None without an observation."""
    count = units(reward, totals)
    if count <= 0:
        return None
    place = (totals.total / count - reward.low) / (reward.high - reward.low)
    return min(max(1 - place if reward.minimize else place, 0.0), 1.0)


def learned(
    experiment: Experiment,
    posteriors: Mapping[str, Density],
    probabilities: Mapping[str, float],
    totals: Mapping[str, Totals],
    batch: float,
) -> dict[str, float]:
    """What the bandit wants for the arms that stand."""
    allocation = experiment.allocation
    if allocation.kind == "thompson":
        return thompson(probabilities, allocation.top_two)
    if allocation.kind == "epsilon_greedy":
        means = {arm: posteriors[arm].mean for arm in probabilities}
        return epsilon_greedy(means, allocation.epsilon)
    return upper_confidence(experiment.reward, {arm: totals[arm] for arm in probabilities}, batch)


def trust(allocation: Allocation, least: float) -> float:
    """The weight of the learned shares when the least known arm has so many matured units: 0 to 1."""
    if least < allocation.minimum_units:
        return 0.0
    return min(least / allocation.minimum_units - 1, 1.0) if allocation.minimum_units > 0 else 1.0


def floor(allocation: Allocation, elapsed: float) -> float:
    """The share that is divided evenly, so long after the beginning."""
    if allocation.floor_half_life is None:
        return allocation.floor
    return float(allocation.floor * 2 ** (-elapsed / allocation.floor_half_life))


def mixed(shares: Mapping[str, float], others: Mapping[str, float], part: float) -> dict[str, float]:
    """The shares, and `part` of the others instead of as much of them."""
    return {arm: (1 - part) * share + part * others[arm] for arm, share in shares.items()}


def rounded(shares: Mapping[str, float], names: Iterable[str]) -> dict[str, float]:
    """Multiples of 1/STEPS for all arms with a sum of 1; what is left over goes to the largest remainders."""
    exact = {arm: share * STEPS for arm, share in normalised(shares).items()}
    whole = {arm: math.floor(steps) for arm, steps in exact.items()}
    by_remainder = sorted(exact, key=lambda arm: whole[arm] - exact[arm])
    for arm in by_remainder[: STEPS - sum(whole.values())]:
        whole[arm] += 1
    return {name: whole.get(name, 0) / STEPS for name in names}
