"""Posteriors, the probability of being best and the value remaining, against scipy and Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from constructs_lib.experiments.runtime.comparison import probabilities_best, value_remaining
from constructs_lib.experiments.runtime.counts import Totals
from constructs_lib.experiments.runtime.density import Density
from constructs_lib.experiments.runtime.experiment import Reward
from constructs_lib.experiments.runtime.posterior import credible, mean, posterior
from tests.experiments.runtime.situations import BINARY, binary, numeric

SMALLER_IS_BETTER = Reward(kind="binary", window=0.0, minimize=True)
VALUE = Reward(kind="numeric", window=0.0, low=-10.0, high=50.0)

COUNTS = [
    (0, 0),
    (1, 0),
    (1, 1),
    (100, 4),
    (1_000, 0),
    (1_000, 1_000),
    (10**9, 4 * 10**7),
    (10**9, 0),
    (0.01, 0.004),
    (1_000, 0.1),
]


def betas(counts: list[tuple[float, float]], reward: Reward = BINARY) -> dict[str, Density]:
    return {str(i): posterior(reward, binary(*each)) for i, each in enumerate(counts)}


@pytest.mark.parametrize(("exposures", "ones"), COUNTS)
def test_the_beta_posterior_is_scipys(exposures: float, ones: float) -> None:
    density = posterior(BINARY, binary(exposures, ones))
    oracle = stats.beta(ones + 1, exposures - ones + 1)
    at = oracle.ppf(np.linspace(0.001, 0.999, 101))
    assert np.array([density.below(x) for x in at]) == pytest.approx(oracle.cdf(at), abs=1e-5)
    assert density.mean == pytest.approx(oracle.mean(), rel=1e-6)
    assert credible(BINARY, density) == pytest.approx(oracle.interval(0.95), rel=1e-3)


def test_where_less_is_better_it_is_the_mirror_image_and_is_told_as_measured() -> None:
    density = posterior(SMALLER_IS_BETTER, binary(100, 4))
    plain = posterior(BINARY, binary(100, 4))
    assert mean(SMALLER_IS_BETTER, density) == pytest.approx(5 / 102)
    assert credible(SMALLER_IS_BETTER, density) == pytest.approx(credible(BINARY, plain), rel=1e-4)
    assert density.below(-0.05) == pytest.approx(1 - plain.below(0.05), abs=1e-4)


def test_numeric_rewards_without_data_may_have_any_mean() -> None:
    density = posterior(VALUE, Totals())
    assert density.mean == pytest.approx(20.0)
    assert credible(VALUE, density) == pytest.approx((-8.5, 48.5), abs=0.01)


def test_a_reward_that_is_all_but_forgotten_is_none() -> None:
    left = numeric([5.0]).scaled(1e-300)
    assert credible(VALUE, posterior(VALUE, left)) == credible(VALUE, posterior(VALUE, Totals()))
    hardly = numeric([5.0]).scaled(1e-5)
    assert credible(VALUE, posterior(VALUE, hardly)) == pytest.approx((-8.5, 48.5), abs=0.1)


@pytest.mark.parametrize("size", [2, 5, 30, 1_000])
def test_the_numeric_posterior_is_students_between_the_bounds(size: int) -> None:
    values = np.random.default_rng(size).gamma(2.0, 3.0, size)
    density = posterior(VALUE, numeric(values.tolist()))
    spread = ((values - values.mean()) ** 2).sum() + 60.0**2 / 12
    oracle = stats.t(size, values.mean(), math.sqrt(spread / size / size))
    inside = oracle.cdf(50.0) - oracle.cdf(-10.0)
    at = np.linspace(-9.9, 49.9, 101)
    expected = (oracle.cdf(at) - oracle.cdf(-10.0)) / inside
    assert np.array([density.below(x) for x in at]) == pytest.approx(expected, abs=2e-5)


def test_equal_rewards_make_nobody_sure() -> None:
    low, high = credible(VALUE, posterior(VALUE, numeric([5.0, 5.0, 5.0])))
    assert low < 5 - 10
    assert high > 5 + 10


def test_a_billion_numeric_rewards_are_told_apart() -> None:
    def many(average: float) -> Totals:
        n = 1e9
        return Totals(exposures=n, rewards=n, total=n * average, squares=n * (average**2 + 25.0))

    found = probabilities_best({"A": posterior(VALUE, many(7.0)), "B": posterior(VALUE, many(7.0003))})
    assert found["B"] == pytest.approx(stats.norm.cdf(0.0003 / math.sqrt(2 * 25e-9)), abs=1e-4)


def test_skewed_rewards_are_covered() -> None:
    """One order in 20 is worth something, and then very different things: the true mean is 1."""
    rng = np.random.default_rng(1)
    reward = Reward(kind="numeric", window=0.0, low=0.0, high=500.0)
    covered = 0
    for _ in range(300):
        values = rng.binomial(1, 0.05, 400) * rng.gamma(2.0, 10.0, 400)
        low, high = credible(reward, posterior(reward, numeric(values.tolist())))
        covered += low <= 1.0 <= high
    assert covered / 300 > 0.93


CASES = [
    [(0, 0), (0, 0)],
    [(3, 3), (4, 4)],
    [(0, 0), (5, 3), (100, 70)],
    [(10**9, 4 * 10**7), (10**9, 4 * 10**7 + 10_000)],
    [(1_000, 0), (1_000, 3), (10**9, 10**6)],  # a needle among haystacks
    [(10**9, 10**9), (10**9, 10**9 - 1)],
    [(100_000, 4_000), (100_000, 4_100), (1_000, 30)],
    [(1_000, 40 + 2 * i) for i in range(10)],
]


@pytest.mark.parametrize("minimize", [False, True])
@pytest.mark.parametrize("counts", CASES)
def test_best_and_value_remaining_are_those_of_monte_carlo(
    counts: list[tuple[float, float]], minimize: bool
) -> None:
    reward = SMALLER_IS_BETTER if minimize else BINARY
    posteriors = betas(counts, reward)
    rng = np.random.default_rng(7)
    drawn = np.array([rng.beta(ones + 1, n - ones + 1, 200_000) for n, ones in counts])
    good = -drawn if minimize else drawn
    found = probabilities_best(posteriors)
    simulated = np.bincount(good.argmax(0), minlength=len(counts)) / drawn.shape[1]
    assert list(found.values()) == pytest.approx(simulated, abs=0.005)
    best = max(found, key=lambda arm: found[arm])
    gains = (good.max(0) - good[int(best)]) / drawn[int(best)]
    remaining = value_remaining(posteriors, best, reward)
    assert np.mean(gains <= remaining) == pytest.approx(max(0.95, simulated[int(best)]), abs=0.003)


def test_a_needle_among_haystacks_is_integrated_where_it_lies() -> None:
    """Nodes of the wide density alone would step over the narrow one."""
    wide, needle = stats.beta(4, 998), 0.0065
    posteriors = betas([(1_000, 3), (10**12, 6.5 * 10**9)])
    found = value_remaining(posteriors, "0", BINARY)
    assert wide.cdf(needle / (1 + found)) == pytest.approx(0.05, abs=1e-4)
    assert probabilities_best(posteriors)["1"] == pytest.approx(wide.cdf(needle), abs=1e-4)


@pytest.mark.parametrize("times_narrower", [1, 3, 10, 50, 100])
def test_densities_of_any_widths_are_compared_exactly(times_narrower: int) -> None:
    units = 1_000 * times_narrower**2
    posteriors = betas([(1_000, 4), (units, units // 250)])
    wide, narrow = stats.beta(5, 997), stats.beta(units // 250 + 1, units - units // 250 + 1)
    even = (np.arange(5_000) + 0.5) / 5_000
    exact = np.mean(1 - wide.cdf(narrow.ppf(even)))
    assert probabilities_best(posteriors)["0"] == pytest.approx(exact, abs=1e-5)


def test_nothing_remains_where_the_best_is_sure() -> None:
    posteriors = betas([(10_000, 400), (10_000, 600)])
    assert probabilities_best(posteriors)["1"] > 0.9999
    assert value_remaining(posteriors, "1", BINARY) == 0.0


def test_near_zero_a_gain_is_measured_by_the_range() -> None:
    """Profit and loss: a mean of 0 would make any gain infinite."""
    reward = Reward(kind="numeric", window=0.0, low=-100.0, high=100.0)
    rng = np.random.default_rng(3)
    arms = {name: posterior(reward, numeric(rng.normal(0.0, 5.0, 400).tolist())) for name in "AB"}
    best = max(arms, key=lambda arm: arms[arm].mean)
    assert 0.0 < value_remaining(arms, best, reward) < 1.0


def test_a_single_arm_is_best_and_nothing_remains() -> None:
    posteriors = betas([(10, 3)])
    assert probabilities_best(posteriors) == {"0": 1.0}
    assert value_remaining(posteriors, "0", BINARY) == 0.0
