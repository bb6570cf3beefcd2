"""The shares that each way of allocation gives, and KL-UCB's index."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from constructs_lib.experiments.runtime import kl_ucb
from constructs_lib.experiments.runtime.allocation import (
    epsilon_greedy,
    floor,
    rounded,
    standing,
    thompson,
    trust,
    unit_mean,
)
from constructs_lib.experiments.runtime.experiment import Allocation, Reward
from constructs_lib.experiments.runtime.per_request import epsilon_choice, kl_ucb_choice, thompson_draw
from tests.experiments.runtime.situations import BINARY, binary, numeric


def test_thompson_shares_are_the_probabilities_of_being_best() -> None:
    assert thompson({"A": 0.7, "B": 0.3}) == {"A": 0.7, "B": 0.3}


def test_top_two_shares_are_those_of_drawing_until_another_leads() -> None:
    probabilities = {"A": 0.6, "B": 0.3, "C": 0.1}
    rng, played = random.Random(5), Counter[str]()  # noqa: S311

    def leader() -> str:
        return rng.choices(list(probabilities), list(probabilities.values()))[0]

    for _ in range(60_000):
        first = leader()
        second = leader()
        while second == first:
            second = leader()
        played[first if rng.random() < 0.4 else second] += 1
    simulated = {arm: count / played.total() for arm, count in played.items()}
    assert thompson(probabilities, top_two=0.4) == pytest.approx(simulated, abs=0.01)


def test_top_two_of_a_certain_leader_divides_the_rest() -> None:
    assert thompson({"A": 1.0, "B": 0.0, "C": 0.0}, top_two=0.5) == {"A": 0.5, "B": 0.25, "C": 0.25}
    assert thompson({"A": 1.0 - 1e-15, "B": 1e-15, "C": 0.0}, top_two=0.5)["B"] == pytest.approx(0.5)


def test_epsilon_is_for_all_alike_and_equal_means_share_the_rest() -> None:
    assert epsilon_greedy({"A": 0.1, "B": 0.3, "C": 0.2}, 0.3) == pytest.approx(
        {"A": 0.1, "B": 0.8, "C": 0.1}
    )
    assert epsilon_greedy({"A": 0.3, "B": 0.3}, 0.1) == pytest.approx({"A": 0.5, "B": 0.5})


@pytest.mark.parametrize("count", [1.0, 33.2, 1e4, 1e9])
@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.05, 0.5, 0.81, 0.999999])
@pytest.mark.parametrize("time", [1.5, 1e3, 1e12])
def test_the_kl_ucb_index_is_the_root_of_its_equation(mean: float, count: float, time: float) -> None:
    found = kl_ucb.index(mean, count, time)

    def above(q: float) -> float:
        return count * kl_ucb.divergence(mean, q) - math.log(time)

    highest = 1 - 1e-15
    if above(highest) < 0:
        assert found == pytest.approx(1.0, abs=1e-6)
    else:
        expected = optimize.brentq(above, max(mean, 1e-300), highest, xtol=1e-15, rtol=1e-14)
        assert found == pytest.approx(expected, rel=1e-5)


def test_an_arm_that_always_won_or_was_never_played_has_the_highest_index() -> None:
    assert kl_ucb.index(1.0, 50, 1e4) == 1.0
    assert kl_ucb.index(0.2, 0, 1e4) == 1.0
    assert kl_ucb.index(0.2, 1, 1) == 0.2


@pytest.mark.parametrize(
    ("means", "counts", "batch"),
    [
        ({"A": 0.1, "B": 0.12, "C": 0.2}, {"A": 100.0, "B": 100.0, "C": 100.0}, 5_000),
        ({"A": 0.1, "B": 0.12, "C": 0.2}, {"A": 100.0, "B": 3_000.0, "C": 8_000.0}, 2_000),
        ({"A": 0.1, "B": 0.1}, {"A": 100.0, "B": 3_000.0}, 2_000),
        ({"A": 0.0, "B": 0.0}, {"A": 100.0, "B": 130.0}, 1_000),
    ],
)
def test_a_batch_of_kl_ucb_is_shared_as_if_it_were_played_one_by_one(
    means: dict[str, float | None], counts: dict[str, float], batch: int
) -> None:
    plays, now = Counter[str](), dict(counts)
    for played in range(batch):
        time = sum(counts.values()) + played + 1
        best = max(now, key=lambda arm: kl_ucb.index(means[arm] or 0.0, now[arm], time))
        now[best] += 1
        plays[best] += 1
    assert kl_ucb.batch_shares(means, counts, batch) == pytest.approx(
        {arm: plays[arm] / batch for arm in means}, abs=0.005
    )


def test_kl_ucb_takes_an_arm_it_knows_nothing_of_for_as_good_as_the_best() -> None:
    shares = kl_ucb.batch_shares({"A": 0.5, "B": 0.1, "C": None}, {"A": 500.0, "B": 500.0, "C": 0.0}, 500)
    assert shares["C"] == pytest.approx(1.0, abs=0.02)
    assert kl_ucb.batch_shares({"A": None, "B": None}, {"A": 0.0, "B": 0.0}, 10) == {"A": 0.5, "B": 0.5}
    assert kl_ucb.batch_shares({"A": 0.5, "B": 0.4}, {"A": 50.0, "B": 50.0}, 0) == {"A": 0.5, "B": 0.5}
    assert kl_ucb.batch_shares({"A": 1.0, "B": 0.9}, {"A": 10.0, "B": 10.0}, 10) == {"A": 1.0, "B": 0.0}


def test_means_are_put_between_the_worst_and_the_best() -> None:
    cost = Reward(kind="numeric", window=0.0, low=10.0, high=30.0, minimize=True)
    assert unit_mean(cost, numeric([10.0, 20.0])) == 0.75
    assert unit_mean(BINARY, binary(10, 3)) == 0.3
    assert unit_mean(BINARY, binary(0, 0)) is None


def test_the_learned_shares_take_over_between_the_minimum_and_twice_as_much() -> None:
    allocation = Allocation(kind="thompson", minimum_units=100)
    assert [trust(allocation, units) for units in (0, 99, 100, 150, 200, 10**9)] == [0, 0, 0, 0.5, 1, 1]
    assert trust(Allocation(kind="thompson", minimum_units=0), 0) == 1


def test_the_floor_halves_with_its_half_life_or_stays() -> None:
    assert floor(Allocation(kind="thompson", floor=0.2, floor_half_life=100.0), 300.0) == pytest.approx(0.025)
    assert floor(Allocation(kind="thompson", floor=0.2), 1e9) == 0.2


def test_guardrails_leave_the_others_the_control_or_the_control() -> None:
    assert standing("ABC", {"B"}) == ("A", "C")
    assert standing("ABC", {"A"}) == ("B", "C")
    assert standing("ABC", {"B", "C"}) == ("A",)
    assert standing("ABC", {"A", "B", "C"}) == ("A",)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=10))
@settings(max_examples=300, deadline=None)
def test_rounded_shares_are_whole_ten_thousandths_with_a_sum_of_one(values: list[float]) -> None:
    names = [f"arm-{i}" for i in range(len(values))]
    found = rounded(dict(zip(names, values, strict=True)), [*names, "tripped"])
    steps = [round(share * 10_000) for share in found.values()]
    assert sum(steps) == 10_000
    assert [step / 10_000 for step in steps] == list(found.values())
    assert min(steps) >= 0
    assert found["tripped"] == 0


def test_one_request_follows_the_same_laws_as_a_batch() -> None:
    """Thompson: the shares are how often each arm is drawn."""
    totals = {"A": binary(100, 10), "B": binary(100, 14)}
    rng = random.Random(1)  # noqa: S311
    drawn = sum(thompson_draw(totals, rng) == "B" for _ in range(20_000)) / 20_000
    assert drawn == pytest.approx(0.812, abs=0.01)
    assert kl_ucb_choice(totals, 200) == "B"
    assert kl_ucb_choice({**totals, "A": binary(2, 0)}, 200) == "A"
    assert epsilon_choice(totals, 0.0, rng) == "B"
    assert epsilon_choice({**totals, "A": binary(0, 0)}, 0.0, rng) == "A"
    assert Counter(epsilon_choice(totals, 1.0, rng) for _ in range(1_000))["A"] == pytest.approx(500, abs=60)
