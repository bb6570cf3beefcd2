"""Whole decisions: what moves the traffic, what holds it, what ends the experiment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.decide import decide
from constructs_lib.experiments.runtime.decision import Epoch, Situation
from constructs_lib.experiments.runtime.experiment import Experiment, Reward, Stopping
from tests.experiments.runtime.situations import (
    BEGAN,
    DAY,
    HOUR,
    binary,
    bucket,
    counted,
    experiment,
    numeric,
    situation,
)

CLEAR = counted(A=binary(2_000, 80), B=binary(2_000, 140))
OPEN = counted(A=binary(2_000, 80), B=binary(2_000, 90))
ALIKE = counted(A=binary(3_000_000, 120_000), B=binary(3_000_000, 120_100))
STOPS = {"stopping": Stopping()}


def test_nothing_is_known_at_first_and_the_initial_shares_hold() -> None:
    told = experiment(shares=(0.9, 0.1))
    found = decide(told, situation(after=0, weights={"A": 0.9, "B": 0.1}), [])
    assert found.weights == {"A": 0.9, "B": 0.1}
    assert not found.change
    assert not found.stop
    assert found.beliefs["A"].probability_best == pytest.approx(0.5)
    assert found.verdicts[0].kind == "no data"
    assert found.sample_ratio.p is None
    assert "0 of the 100 matured units" in found.reason


def test_an_arm_without_its_minimum_holds_all_back() -> None:
    found = decide(experiment(), situation(), counted(A=binary(2_000, 10), B=binary(99, 50)))
    assert found.weights == {"A": 0.5, "B": 0.5}
    assert found.reason.startswith("Initial shares: B has 99 of the 100")


def test_half_way_to_twice_the_minimum_the_shares_move_half_way() -> None:
    found = decide(experiment(), situation(), counted(A=binary(5_000, 5), B=binary(150, 140)))
    assert found.weights == {"A": 0.25, "B": 0.75}


def test_thompson_sampling_follows_the_probability_of_being_best() -> None:
    found = decide(experiment(), situation(), OPEN)
    assert found.weights["B"] == pytest.approx(found.beliefs["B"].probability_best, abs=1e-4)
    assert found.weights["B"] == pytest.approx(0.78, abs=0.01)
    assert found.change
    assert found.reason.startswith("New shares: A 21.7%, B 78.3%. B is best with 78.3% probability, ")


def test_rewards_that_are_to_be_small_turn_it_round() -> None:
    less = experiment(reward=Reward(kind="binary", window=0.0, minimize=True))
    assert decide(less, situation(), CLEAR).weights["A"] > 0.99


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("fixed", {}, 0.5),
        ("epsilon_greedy", {"epsilon": 0.2}, 0.9),
        ("kl_ucb", {}, 1.0),
        ("thompson", {"top_two": 0.6}, 0.6),
        ("thompson", {"floor": 0.2}, 0.9),
        ("thompson", {"floor": 0.2, "floor_half_life": DAY}, 0.95),
    ],
)
def test_each_way_of_allocation_has_its_say(kind: str, options: dict[str, Any], expected: float) -> None:
    found = decide(experiment(kind, allocation=options), situation(), CLEAR)
    assert found.weights["B"] == pytest.approx(expected, abs=0.002)
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_numeric_rewards_decide_too() -> None:
    money = experiment(reward=Reward(kind="numeric", window=0.0, low=0.0, high=100.0))
    values = [float(10 + i % 7) for i in range(700)]
    found = decide(money, situation(), counted(A=numeric(values), B=numeric([v + 1 for v in values])))
    assert found.weights["B"] > 0.99
    assert found.beliefs["B"].mean == pytest.approx(14.0, abs=0.1)
    assert found.verdicts[0].kind == "better"


def test_a_small_difference_is_not_worth_an_update() -> None:
    now = decide(experiment(), situation(), OPEN).weights
    near = {"A": now["A"] + 0.015, "B": now["B"] - 0.015}
    far = {"A": now["A"] + 0.025, "B": now["B"] - 0.025}
    assert not decide(experiment(), situation(weights=near), OPEN).change
    assert decide(experiment(), situation(weights=near), OPEN).reason.startswith("No change")
    assert decide(experiment(), situation(weights=far), OPEN).change
    none = experiment(allocation={"hysteresis": 0.0})
    assert not decide(none, situation(weights=now), OPEN).change


@pytest.mark.parametrize(
    ("left", "worth_it"), [(0.019, True), (0.0031, True), (0.0009, False), (0.0, False), (0.0001, False)]
)
def test_what_a_bad_arm_has_left_below_the_hysteresis_goes_too(left: float, worth_it: bool) -> None:
    """It would cost its share of all traffic for ever."""
    found = decide(experiment(), situation(weights={"A": left, "B": 1 - left}), CLEAR)
    assert found.weights["A"] == 0.0
    assert found.change == worth_it


def test_an_arm_that_had_bad_luck_comes_back_before_the_hysteresis() -> None:
    unlucky = counted(A=binary(20_000, 1_000), B=binary(400, 10))
    found = decide(experiment(), situation(weights={"A": 1.0, "B": 0.0}), unlucky)
    assert 0.002 < found.weights["B"] < 0.02
    assert found.change


def test_a_guardrail_takes_the_last_bit_of_traffic_whatever_the_hysteresis() -> None:
    found = decide(experiment(), situation(weights={"A": 0.9996, "B": 0.0004}, tripped=frozenset("B")), CLEAR)
    assert found.weights == {"A": 1.0, "B": 0.0}
    assert found.change
    assert found.beliefs["B"].probability_best == 0.0
    assert "Guardrails have taken out B. Only A has traffic." in found.reason


@pytest.mark.parametrize(
    ("tripped", "expected"),
    [
        ("B", {"A": 0.75, "B": 0.0, "C": 0.25}),
        ("A", {"A": 0.0, "B": 0.5, "C": 0.5}),
        ("ABC", {"A": 1.0, "B": 0.0, "C": 0.0}),
    ],
)
@pytest.mark.parametrize("kind", ["fixed", "thompson", "epsilon_greedy", "kl_ucb"])
def test_what_guardrails_leave_is_shared_by_the_others(
    kind: str, tripped: str, expected: dict[str, float]
) -> None:
    told = experiment(kind, shares=(0.6, 0.2, 0.2))
    weights = {"A": 0.6, "B": 0.2, "C": 0.2}
    found = decide(told, situation(weights=weights, tripped=frozenset(tripped)), [])
    assert found.weights == pytest.approx(expected)
    assert found.change
    assert ("all traffic goes to the control" in found.reason) == (tripped == "ABC")


def test_it_stops_when_an_arm_is_surely_best_after_the_minimum_duration() -> None:
    told = experiment(**STOPS)
    assert not decide(told, situation(after=13.9 * DAY), CLEAR).stop
    found = decide(told, situation(after=14 * DAY), CLEAR)
    assert found.stop
    assert found.best == "B"
    assert found.weights == {"A": 0.0, "B": 1.0}
    assert found.change
    assert found.reason.startswith("Stopped: B is best with 100.0% probability")


def test_it_stops_when_there_is_nothing_left_to_gain() -> None:
    found = decide(experiment(**STOPS), situation(after=20 * DAY), ALIKE)
    assert found.stop
    assert found.beliefs["B"].probability_best < 0.95
    assert found.value_remaining is not None
    assert found.value_remaining < 0.01
    assert not decide(experiment(**STOPS), situation(after=20 * DAY), OPEN).stop


def test_either_threshold_ends_it() -> None:
    """P(best) ≥ 0.95 says that nothing remains at the 95th percentile: only other thresholds tell them apart."""
    late = situation(after=20 * DAY)
    sure = experiment(stopping=Stopping(probability_best=0.75, value_remaining=0.0))
    surer = experiment(stopping=Stopping(probability_best=0.8, value_remaining=0.0))
    assert decide(sure, late, OPEN).stop
    assert not decide(surer, late, OPEN).stop


def test_at_the_end_the_last_bit_of_traffic_moves_too() -> None:
    late = situation(after=20 * DAY, weights={"A": 0.0004, "B": 0.9996})
    assert not decide(experiment(), late, CLEAR).change
    assert decide(experiment(**STOPS), late, CLEAR).change


def test_a_fixed_split_and_an_experiment_without_an_end_never_stop_by_themselves() -> None:
    late = situation(after=400 * DAY)
    assert not decide(experiment("fixed", **STOPS), late, CLEAR).stop
    assert not decide(experiment(), late, CLEAR).stop


def test_an_arm_whose_rivals_were_taken_out_has_not_won() -> None:
    late = situation(after=20 * DAY, tripped=frozenset("B"))
    assert not decide(experiment(**STOPS), late, CLEAR).stop


def test_nothing_is_concluded_from_arms_that_were_not_compared_alike() -> None:
    """The weights said halves; B got a third."""
    even = Epoch(number=1, weights={"A": 0.5, "B": 0.5}, settled_at=BEGAN)
    buckets = counted(A=binary(4_000, 160), B=binary(2_000, 140))
    found = decide(experiment(**STOPS), situation(after=20 * DAY, epochs=[even]), buckets)
    assert found.sample_ratio.mismatch
    assert not found.stop
    assert found.reason.endswith("results are not to be trusted.")


def test_once_stopped_only_a_guardrail_moves_the_traffic() -> None:
    told = experiment(**STOPS)
    kept = {"A": 1.0, "B": 0.0}
    found = decide(told, situation(after=20 * DAY, weights=kept, stopped=True), CLEAR)
    assert (found.weights, found.change, found.stop, found.best) == (kept, False, True, "A")
    tripped = situation(after=20 * DAY, weights=kept, stopped=True, tripped=frozenset("A"))
    assert decide(told, tripped, CLEAR).weights == {"A": 0.0, "B": 1.0}


def test_if_the_winner_is_taken_out_the_others_have_their_initial_shares_again() -> None:
    told = experiment(shares=(0.6, 0.3, 0.1))
    kept = {"A": 1.0, "B": 0.0, "C": 0.0}
    found = decide(told, situation(weights=kept, stopped=True, tripped=frozenset("A")), [])
    assert found.weights == {"A": 0.0, "B": 0.75, "C": 0.25}


def test_a_starved_arm_of_a_sliding_window_comes_back_without_the_initial_shares() -> None:
    """The minimum of units is for the first shift: what the window forgets does not undo it."""
    told = experiment(allocation={"memory": "sliding", "memory_seconds": 10 * HOUR})
    buckets = [bucket("A", binary(2_000, 80), 0), bucket("B", binary(2_000, 140), 0)]
    buckets += [bucket("B", binary(2_000, 140), 20)]
    found = decide(told, situation(after=22 * HOUR, weights={"A": 0.0, "B": 1.0}), buckets)
    assert found.beliefs["A"].units == 0
    assert found.weights["A"] > 0.8  # its mean may be anything again


def test_the_same_situation_gives_the_same_decision() -> None:
    assert decide(experiment(), situation(), OPEN) == decide(experiment(), situation(), OPEN)


@st.composite
def any_experiment(draw: st.DrawFn) -> Experiment:
    arms = draw(st.integers(2, 4))
    bounds = draw(st.sampled_from([(0.0, 1.0), (-5.0, 200.0), (1e-9, 1e9)]))
    kind = draw(st.sampled_from(["binary", "numeric"]))
    low, high = bounds if kind == "numeric" else (0.0, 1.0)
    return experiment(
        draw(st.sampled_from(["fixed", "thompson", "epsilon_greedy", "kl_ucb"])),
        shares=draw(st.lists(st.floats(0.0, 1.0), min_size=arms, max_size=arms)),
        reward=Reward(kind=kind, window=0.0, low=low, high=high, minimize=draw(st.booleans())),
        allocation={
            "top_two": draw(st.sampled_from([None, 0.5])),
            "floor": draw(st.sampled_from([0.0, 0.3])),
            "floor_half_life": draw(st.sampled_from([None, 1.0])),
            "memory": draw(st.sampled_from(["all", "sliding", "discounted"])),
            "memory_seconds": draw(st.sampled_from([60.0, 86400.0])),
            "minimum_units": draw(st.sampled_from([0, 100])),
        },
        stopping=draw(st.sampled_from([None, Stopping(minimum_duration=0.0)])),
    )


@st.composite
def any_bucket(draw: st.DrawFn, told: Experiment) -> Bucket:
    exposures = draw(st.one_of(st.integers(0, 300), st.integers(0, 10**12)))
    rewards = draw(st.integers(0, exposures))
    if told.reward.kind == "binary":
        totals = binary(exposures, rewards)
    else:
        low, high = told.reward.low, told.reward.high
        value = low + draw(st.floats(0.0, 1.0)) * (high - low)
        totals = Totals(
            exposures=exposures, rewards=rewards, total=rewards * value, squares=rewards * value * value
        )
    return bucket(draw(st.sampled_from([*told.names, "gone"])), totals, draw(st.integers(-2, 60)))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_weights_are_valid_whatever_was_counted(data: st.DataObject) -> None:
    told = data.draw(any_experiment())
    buckets = data.draw(st.lists(any_bucket(told), max_size=8))
    tripped = data.draw(st.frozensets(st.sampled_from(told.names)))
    weights = {name: data.draw(st.floats(0.0, 1.0)) for name in told.names}
    at = Situation(
        now=BEGAN + data.draw(st.floats(0.0, 60 * HOUR)),
        began=BEGAN,
        weights=weights,
        epochs=(Epoch(number=1, weights=weights, settled_at=BEGAN),),
        tripped=tripped,
        stopped=data.draw(st.booleans()),
    )
    found = decide(told, at, buckets)
    steps = {name: round(weight * 10_000) for name, weight in found.weights.items()}
    assert tuple(steps) == told.names
    assert sum(steps.values()) == 10_000
    assert all(0 <= weight <= 1 for weight in found.weights.values())
    if len(tripped) < len(told.names):
        assert all(found.weights[arm] == 0 for arm in tripped)
    else:
        assert found.weights[told.names[0]] == 1
    assert sum(belief.probability_best for belief in found.beliefs.values()) == pytest.approx(1.0)
    assert all(belief.low <= belief.high for belief in found.beliefs.values())
    assert found.value_remaining is not None
    assert found.value_remaining >= 0
