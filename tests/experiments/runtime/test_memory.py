"""Which periods count, and how much."""

from __future__ import annotations

import pytest

from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.experiment import Reward
from constructs_lib.experiments.runtime.memory import by_arm, matured, outstanding, remembered
from tests.experiments.runtime.situations import HOUR, binary, bucket, experiment, situation

DELAYED = Reward(kind="binary", window=2 * HOUR)
HOURLY = [bucket("A", binary(100 * (hour + 1), hour), hour) for hour in range(6)]


def hours(buckets: list[Bucket]) -> list[float]:
    return [each.totals.exposures / 100 - 1 for each in buckets]


def test_a_period_is_matured_when_the_window_of_its_last_exposure_has_closed() -> None:
    told = experiment(reward=DELAYED)
    assert hours(matured(told, situation(after=5 * HOUR), HOURLY)) == [0, 1, 2]
    assert hours(matured(told, situation(after=5 * HOUR - 1), HOURLY)) == [0, 1]
    assert matured(told, situation(after=0), HOURLY) == []


def test_what_was_exposed_before_this_generation_is_about_something_else() -> None:
    """A period that began before it holds exposures of both."""
    buckets = [bucket("A", binary(50, 50), -1), bucket("A", binary(60, 60), -0.5), *HOURLY[:1]]
    assert by_arm(experiment(), matured(experiment(), situation(), buckets))["A"] == binary(100, 0)


def test_every_arm_has_totals_and_an_arm_that_is_no_more_has_none() -> None:
    totals = by_arm(experiment(), [bucket("gone", binary(9, 9)), bucket("A", binary(1, 1))])
    assert totals == {"A": binary(1, 1), "B": Totals()}


def test_a_sliding_window_drops_the_older_periods() -> None:
    told = experiment(reward=DELAYED, allocation={"memory": "sliding", "memory_seconds": 2 * HOUR})
    assert remembered(told, situation(after=6 * HOUR), HOURLY)["A"].exposures == 300 + 400


def test_a_discount_halves_what_is_a_half_life_old() -> None:
    told = experiment(allocation={"memory": "discounted", "memory_seconds": 2 * HOUR})
    buckets = [bucket("A", binary(100, 8), 0), bucket("A", binary(100, 8), 4)]
    found = remembered(told, situation(after=5 * HOUR), buckets)["A"]
    assert found.exposures == pytest.approx(100 + 25)
    assert found.total == pytest.approx(8 + 2)


def test_all_memory_keeps_everything_that_is_matured() -> None:
    assert remembered(experiment(), situation(after=4 * HOUR), HOURLY)["A"].exposures == 1_000


def test_the_next_batch_is_as_large_as_what_is_out_or_as_a_period() -> None:
    assert outstanding(experiment(reward=DELAYED), situation(after=6 * HOUR), HOURLY) == 500 + 600
    assert outstanding(experiment(), situation(after=6 * HOUR), HOURLY) == 350
    assert outstanding(experiment(), situation(), []) == 0
