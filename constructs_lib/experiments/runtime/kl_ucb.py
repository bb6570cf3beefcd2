"""KL-UCB: play the arm that could still be best, as far as its rewards do not speak against it.

Garivier and Cappé, "The KL-UCB algorithm for bounded stochastic bandits and beyond" (COLT 2011), with c = 0 as
they advise. Rewards lie in [0, 1]; the index is sound for any such reward, binary or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_ALMOST_1 = 1 - 1e-15
_NEWTON_STEPS = 20
_CLOSE = 1e-6
_BISECTIONS = 80


def divergence(p: float, q: float) -> float:
    """Kullback and Leibler's, from a coin with chance `p` to one with chance `q`, which is neither 0 nor 1."""
    found = 0.0
    if p > 0:
        found += p * math.log(p / q)
    if p < 1:
        found += (1 - p) * math.log((1 - p) / (1 - q))
    return found


def index(mean: float, count: float, time: float) -> float:
    """The greatest q with ``count·kl(mean, q) ≤ log(time)``."""
    if count <= 0 or mean >= _ALMOST_1:
        return 1.0
    if time <= 1:
        return mean
    allowed = math.log(time) / count
    # From a bound that is never too small Newton's steps only descend, for the divergence is convex.
    q = _at_most(mean, allowed)
    for _ in range(_NEWTON_STEPS):
        step = (divergence(mean, q) - allowed) * q * (1 - q) / (q - mean)
        q -= step
        if step < _CLOSE * (q - mean):
            break
    return q


def _at_most(mean: float, allowed: float) -> float:
    """A bound of the index: Pinsker's, or what is left when ``-p·log(q)`` is dropped, which serves near 1."""
    entropy = -mean * math.log(mean) if mean > 0 else 0.0
    away_from_1 = (1 - mean) * math.exp(-(allowed + entropy) / (1 - mean))
    return min(mean + math.sqrt(allowed / 2), 1 - away_from_1, _ALMOST_1)


def batch_shares(
    means: Mapping[str, float | None], counts: Mapping[str, float], batch: float
) -> dict[str, float]:
    """How a batch is shared if it is played one by one, each play giving what its arm's mean promises.

    Such virtual plays level the indices: arm i is played until ``n_i·kl(mean_i, U) = log(N + batch)``, and U is
    such that the plays add up to the batch. An arm without a mean is taken for as good as the best.
    """
    known = [mean for mean in means.values() if mean is not None]
    best = max(known, default=1.0)
    hoped = {arm: best if mean is None else mean for arm, mean in means.items()}
    if best >= _ALMOST_1:
        leaders = [arm for arm, mean in hoped.items() if mean >= _ALMOST_1]
        return {arm: (arm in leaders) / len(leaders) for arm in means}
    allowed = math.log(max(sum(counts.values()) + batch, math.e))

    def plays(level: float) -> dict[str, float]:
        return {arm: max(allowed / divergence(mean, level) - counts[arm], 0.0) for arm, mean in hoped.items()}

    low, high = best, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if sum(plays(middle).values()) > batch:
            low = middle
        else:
            high = middle
    found = plays(min(high, _ALMOST_1))
    whole = sum(found.values())
    if not whole > 0:
        return {arm: 1 / len(means) for arm in means}
    return {arm: played / whole for arm, played in found.items()}
