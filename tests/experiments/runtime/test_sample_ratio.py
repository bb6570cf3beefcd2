"""The sample ratio: χ² against scipy, epochs, and how often a faultless split is called a mismatch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from constructs_lib.experiments.runtime.counts import Bucket
from constructs_lib.experiments.runtime.decision import Epoch
from constructs_lib.experiments.runtime.sample_ratio import (
    Split,
    chi_squared,
    multinomial,
    sample_ratio,
)
from tests.experiments.runtime.situations import BEGAN, HOUR, binary, bucket, experiment, situation


def split(a: float, b: float, weight: float = 0.5) -> Split:
    return Split(observed={"A": a, "B": b}, weights={"A": weight, "B": 1 - weight})


def epoch(number: int, first: float, last: float | None, a: float) -> Epoch:
    """From one hour to another."""
    return Epoch(
        number=number,
        weights={"A": a, "B": 1 - a},
        settled_at=BEGAN + first * HOUR,
        ended_at=None if last is None else BEGAN + last * HOUR,
    )


def hour(at: float, a: float, b: float) -> list[Bucket]:
    return [bucket("A", binary(a, 0), at), bucket("B", binary(b, 0), at)]


def test_p_is_that_of_scipys_test_against_the_weights_of_each_epoch() -> None:
    splits = [split(520, 480), split(950, 50, weight=0.9)]
    expected = stats.chisquare([1470, 530], [500 + 900, 500 + 100]).pvalue
    assert chi_squared(splits) == pytest.approx(expected)


def test_small_cells_are_put_together_and_too_little_tells_nothing() -> None:
    thirds = Split(observed={"A": 50, "B": 48, "C": 3}, weights={"A": 0.49, "B": 0.49, "C": 0.02})
    assert chi_squared([thirds]) == pytest.approx(stats.chisquare([53, 48], [51.51, 49.49]).pvalue)
    assert chi_squared([split(4, 4)]) is None
    assert chi_squared([]) is None


def test_only_periods_within_one_epoch_are_compared() -> None:
    """The second hour saw both weights; the fourth is not over."""
    epochs = [epoch(1, 0, 1.2, 0.5), epoch(2, 1.8, None, 0.9)]
    buckets = [*hour(0, 500, 500), *hour(1, 0, 10_000), *hour(2, 900, 100), *hour(3, 0, 10_000)]
    found = sample_ratio(experiment(), situation(after=3.5 * HOUR, epochs=epochs), buckets)
    assert found.p == pytest.approx(1.0)
    assert not found.mismatch


def test_an_arm_that_gets_what_it_should_not_is_a_mismatch() -> None:
    buckets = hour(0, 5_000, 5_500) + hour(1, 5_000, 5_500)
    found = sample_ratio(experiment(), situation(after=2 * HOUR, epochs=[epoch(1, 0, None, 0.5)]), buckets)
    assert found.mismatch
    assert found.p is not None
    assert found.p < 1e-3


def test_what_one_look_finds_improbable_need_not_be_a_mismatch() -> None:
    """Whoever looks every hour will see such a p by chance."""
    at = situation(epochs=[epoch(1, 0, None, 0.5)])
    found = sample_ratio(experiment(), at, hour(0, 553, 447))
    assert found.p is not None
    assert found.always_valid is not None
    assert found.p < 0.001 < found.always_valid < 0.1
    assert not found.mismatch


def test_an_arm_without_weight_is_no_part_of_the_split() -> None:
    told = experiment(shares=(0.4, 0.4, 0.2))
    tripped = Epoch(number=1, weights={"A": 0.5, "B": 0.5, "C": 0.0}, settled_at=BEGAN)
    buckets = [*hour(0, 5_000, 5_010), bucket("C", binary(300, 0))]
    found = sample_ratio(told, situation(epochs=[tripped]), buckets)
    assert found.p == pytest.approx(stats.chisquare([5_000, 5_010]).pvalue)
    assert not found.mismatch


def test_nothing_is_said_without_traffic_or_where_units_are_sticky() -> None:
    buckets = hour(0, 5_000, 9_000)
    at = situation(epochs=[epoch(1, 0, None, 0.5)])
    assert sample_ratio(experiment(), at, []).p is None
    assert sample_ratio(experiment(routing="assignment"), at, buckets).p is None
    assert sample_ratio(experiment(), at, buckets).mismatch


def test_with_constant_weights_it_is_the_published_bayes_factor() -> None:
    """Lindon and Malek's equation for a Dirichlet prior around the weights, whatever the periods."""
    prior = {"A": 300.0, "B": 700.0}
    counts = {"A": 400.0, "B": 700.0}
    log_factor = math.lgamma(1_000) - math.lgamma(1_000 + 1_100)
    for arm, count in counts.items():
        log_factor += (
            math.lgamma(prior[arm] + count) - math.lgamma(prior[arm]) - count * math.log(prior[arm] / 1_000)
        )
    assert multinomial([split(100, 200, 0.3), split(300, 500, 0.3)]) == pytest.approx(
        math.exp(-log_factor), rel=1e-6
    )


def ever_below(
    threshold: float, *, share: float, weights: list[float], runs: int, units: int
) -> tuple[float, float]:
    """How often the always-valid p, and that of χ², ever is at one look a period."""
    rng = np.random.default_rng(4)
    valid = peeked = 0
    for _ in range(runs):
        splits = [
            split(float(a), float(units - a), w) for w in weights for a in [rng.binomial(units, w + share)]
        ]
        valid += multinomial(splits) < threshold
        looks = (chi_squared(splits[: n + 1]) for n in range(len(splits)))
        peeked += any(p is not None and p < threshold for p in looks)
    return valid / runs, peeked / runs


def test_a_faultless_split_stays_quiet_at_every_look() -> None:
    """At 0.05, to see it with few runs: χ² that is looked at 60 times cries out far too often."""
    valid, peeked = ever_below(0.05, share=0.0, weights=[0.5] * 30 + [0.8, 0.3] * 15, runs=400, units=200)
    assert valid <= 0.05
    assert peeked > 0.15


def test_a_small_loss_of_one_arm_is_found() -> None:
    """2 of 100 exposures of an arm are missing, with changing weights."""
    valid, _ = ever_below(0.001, share=-0.02, weights=[0.5, 0.8] * 20, runs=30, units=1_000)
    assert valid > 0.9
