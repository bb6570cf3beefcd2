"""Confidence sequences: their formula, their coverage at every look, and the verdicts that they give."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from constructs_lib.experiments.runtime.experiment import Analysis, Reward
from constructs_lib.experiments.runtime.sequences import Moments, difference, moments, radius
from constructs_lib.experiments.runtime.verdict import verdicts
from tests.experiments.runtime.situations import BINARY, binary, experiment, numeric

Counts = npt.NDArray[np.int64]


def test_the_radius_is_that_of_the_paper() -> None:
    """Theorem 2.2, with the ρ of equation 17 for n = 5,000."""
    alpha, n, sigma = 0.05, 2_000, 0.3
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 5_000)
    inner = n * rho**2 + 1
    expected = sigma * math.sqrt(2 * inner / (n**2 * rho**2) * math.log(math.sqrt(inner) / alpha))
    assert radius(sigma**2 / n, n, alpha) == pytest.approx(expected)


def test_it_is_narrowest_where_it_is_tuned() -> None:
    """Compared with the width that a test at that fixed size has."""

    def over_fixed(n: float) -> float:
        return radius(1 / n, n, 0.05) / (1.96 / math.sqrt(n))

    assert over_fixed(5_000) < min(over_fixed(1_000), over_fixed(25_000))
    assert 1.3 < over_fixed(5_000) < 1.6


def test_moments_are_those_of_the_rewards() -> None:
    values = [1.0, 4.0, 7.0, 7.5]
    reward = Reward(kind="numeric", window=0.0, low=0.0, high=10.0)
    found = moments(reward, numeric(values))
    assert found is not None
    assert found.mean == pytest.approx(np.mean(values))
    assert found.variance == pytest.approx(np.var(values, ddof=1))
    assert moments(reward, numeric([1.0])) is None
    assert moments(BINARY, binary(0, 0)) is None


def test_with_adaptive_shares_each_arm_has_a_sequence_with_half_of_alpha() -> None:
    arms = [moments(BINARY, binary(3_000, 150)), moments(BINARY, binary(700, 40))]
    assert arms[0] is not None
    assert arms[1] is not None
    found = difference(arms[1], arms[0], alpha=0.05, adaptive=True)
    widths = sum(radius(each.variance / each.count, each.count, 0.025) for each in arms if each)
    assert found.high - found.difference == pytest.approx(widths)
    assert found.difference - found.low == pytest.approx(widths)


def ever_wrong(*, adaptive: bool, runs: int = 500) -> tuple[float, float]:
    """A/A with 6 % each: how often the sequence, and a z-test, ever excludes 0 at 200 looks."""
    rng = np.random.default_rng(11)
    sequence_wrong = z_wrong = 0
    for _ in range(runs):
        ones, units = np.zeros(2), np.zeros(2)
        wrong = peeked = False
        for look in range(200):
            share = 0.5 if not (adaptive and look >= 2) else _greedy(ones, units)
            batch = np.array([round(100 * share), 100 - round(100 * share)])
            ones += rng.binomial(batch, 0.06)
            units += batch
            if units.min() < 100:
                continue
            arms = [moments(BINARY, binary(float(n), float(k))) for n, k in zip(units, ones, strict=True)]
            assert arms[0] is not None
            assert arms[1] is not None
            found = difference(arms[1], arms[0], alpha=0.05, adaptive=adaptive)
            wrong = wrong or found.low > 0 or found.high < 0
            peeked = peeked or _z_test_is_sure(arms[0], arms[1])
        sequence_wrong += wrong
        z_wrong += peeked
    return sequence_wrong / runs, z_wrong / runs


def _greedy(ones: npt.NDArray[np.float64], units: npt.NDArray[np.float64]) -> float:
    """As adaptive as can be: nearly all for the one that looks better."""
    return 0.9 if ones[0] / units[0] >= ones[1] / units[1] else 0.1


def _z_test_is_sure(a: Moments, b: Moments) -> bool:
    return abs(a.mean - b.mean) > 1.96 * math.sqrt(a.variance / a.count + b.variance / b.count)


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_a_test_that_is_watched_all_the_time_is_wrong_no_oftener_than_alpha(adaptive: bool) -> None:
    """A z-test that is watched so is wrong many times as often: this can fail."""
    sequence_wrong, z_wrong = ever_wrong(adaptive=adaptive)
    assert sequence_wrong <= 0.05
    assert z_wrong > 0.2


def test_each_arm_has_a_verdict_against_the_control() -> None:
    told = experiment("fixed", shares=(0.25,) * 4)
    totals = {
        "A": binary(5_000, 250),
        "B": binary(5_000, 450),
        "C": binary(5_000, 120),
        "D": binary(5_000, 260),
    }
    found = verdicts(told, totals)
    assert [(each.arm, each.kind) for each in found] == [
        ("B", "better"),
        ("C", "worse"),
        ("D", "inconclusive"),
    ]
    assert found[0].difference == pytest.approx(0.04)
    assert not any(each.biased for each in found)


def test_where_less_is_better_a_smaller_mean_is_better() -> None:
    told = experiment("fixed", reward=Reward(kind="binary", window=0.0, minimize=True))
    found = verdicts(told, {"A": binary(5_000, 250), "B": binary(5_000, 450)})
    assert found[0].kind == "worse"
    assert found[0].difference == pytest.approx(0.04)


def test_below_the_minimum_of_units_there_is_no_verdict() -> None:
    told = experiment("fixed", analysis=Analysis(minimum_units=200))
    (found,) = verdicts(told, {"A": binary(5_000, 250), "B": binary(199, 199)})
    assert found.kind == "no data"
    assert found.difference is None
    assert verdicts(told, {"A": binary(5_000, 250), "B": binary(200, 190)})[0].kind == "better"


def test_rare_successes_give_no_verdict_until_ten_would_be_expected_of_each_arm() -> None:
    """That none came of many is a verdict: what counts is what both arms together let expect."""
    told = experiment("fixed", shares=(0.9, 0.1))
    assert verdicts(told, {"A": binary(1_800, 12), "B": binary(200, 6)})[0].kind == "no data"
    assert verdicts(told, {"A": binary(9_000, 600), "B": binary(1_000, 0)})[0].kind == "worse"
    assert verdicts(told, {"A": binary(1_800, 1_788), "B": binary(200, 194)})[0].kind == "no data"


def test_alpha_is_divided_among_the_arms() -> None:
    totals = {name: binary(5_000, 250) for name in "ABC"}
    two = verdicts(experiment("fixed"), totals)[0]
    three = verdicts(experiment("fixed", shares=(0.4, 0.3, 0.3)), totals)[0]
    halved = verdicts(experiment("fixed", analysis=Analysis(alpha=0.025)), totals)[0]
    assert two.high is not None
    assert three.high is not None
    assert three.high > two.high
    assert three.high == halved.high


def test_after_an_adaptive_allocation_the_effect_is_called_biased_and_the_interval_is_wider() -> None:
    totals = {"A": binary(5_000, 250), "B": binary(5_000, 300)}
    (fixed,), (adaptive,) = verdicts(experiment("fixed"), totals), verdicts(experiment(), totals)
    assert adaptive.biased
    assert fixed.high is not None
    assert adaptive.high is not None
    assert adaptive.high > fixed.high
