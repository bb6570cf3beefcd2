"""The decision, without AWS: examples from the user guide, and properties that hold for every input."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.local.autoscaling.alarms import AlarmRule, Datapoint, State, evaluate
from constructs_lib.local.autoscaling.decide import (
    Bounds,
    History,
    ScaleOut,
    Situation,
    Step,
    StepScaling,
    Suspension,
    TargetTracking,
    Vote,
    adjusted,
    aggregate,
    choose,
    step,
    track,
)

NOW = 10_000.0
TRACKING = TargetTracking(name="tracking", target=100, scale_out_cooldown=60, scale_in_cooldown=300)
PERIODS = 20


def window(value: float | None, *, periods: int = PERIODS, end: float = NOW) -> list[Datapoint | None]:
    """A metric that has had one value for a while."""
    if value is None:
        return [None] * periods
    return [Datapoint(end - 60 * (periods - number), value) for number in range(periods)]


def at(current: int, history: History | None = None, now: float = NOW) -> Situation:
    return Situation(current=current, now=now, history=history or History())


def wanted(vote: Vote | None) -> int | None:
    return None if vote is None else vote.capacity


class TestTracking:
    @pytest.mark.parametrize(
        ("current", "value", "expected"),
        [
            (1, 300, 3),
            (2, 101, 3),
            (3, 100, 3),  # at the target
            (20, 91, 20),  # below it, but within the margin
            (10, 80, 8),
            (10, 1, 1),
            (4, 0, 0),  # the bounds are another's business
            (0, 250, 3),  # a backlog with nobody to work it off
        ],
    )
    def test_wants_what_brings_the_metric_to_its_target(
        self, current: int, value: float, expected: int
    ) -> None:
        assert wanted(track(TRACKING, window(value), at(current))) == expected

    def test_rounding_does_not_add_an_instance(self) -> None:
        policy = TargetTracking(name="p", target=0.3)
        assert wanted(track(policy, window(2.1), at(2))) == 14

    def test_without_data_it_stays(self) -> None:
        assert wanted(track(TRACKING, window(None), at(5))) == 5

    @pytest.mark.parametrize("high", [0, 1, 2])
    def test_fewer_than_three_periods_above_the_target_are_not_enough(self, high: int) -> None:
        recent = [Datapoint(NOW - 60 * age, 500.0) for age in range(high, 0, -1)]
        calm = window(95.0, periods=PERIODS - high, end=NOW - 60 * high)
        assert wanted(track(TRACKING, [*calm, *recent], at(2))) == 2

    def test_scaling_in_takes_fifteen_minutes(self) -> None:
        busy = window(100.0, periods=PERIODS - 14, end=NOW - 14 * 60)
        quiet = window(10.0, periods=14)
        assert wanted(track(TRACKING, [*busy, *quiet], at(4))) == 4
        assert wanted(track(TRACKING, [*busy[1:], *window(10.0, periods=15)], at(4))) == 1

    def test_disabled_scale_in_has_no_say_when_it_is_quiet(self) -> None:
        policy = TargetTracking(name="p", target=100, disable_scale_in=True)
        assert track(policy, window(10), at(4)) is None
        assert wanted(track(policy, window(300), at(4))) == 12

    def test_a_datapoint_from_before_the_last_change_does_not_count_twice(self) -> None:
        after_cooldown = History(last_out=ScaleOut(at=NOW - 61, started_from=1), changed_at=NOW - 1)
        assert wanted(track(TRACKING, window(300), at(3, after_cooldown))) == 3
        assert wanted(track(TRACKING, window(10), at(3, History(changed_at=NOW - 1)))) == 3

    def test_high_resolution_metrics_need_thirty_seconds(self) -> None:
        policy = TargetTracking(name="p", target=5, period=10)
        assert (policy.high.periods, policy.low.periods) == (3, 90)


class TestCooldowns:
    def test_during_the_scale_out_cooldown_only_the_difference_is_added(self) -> None:
        history = History(last_out=ScaleOut(at=NOW - 30, started_from=1), changed_at=NOW - 30)
        assert wanted(track(TRACKING, window(300), at(3, history))) == 3
        assert wanted(track(TRACKING, window(500), at(3, history))) == 5

    def test_scale_in_waits_for_its_cooldown_only(self) -> None:
        recently = History(last_in_at=NOW - 299, changed_at=NOW - 299)
        long_ago = History(last_in_at=NOW - 300, changed_at=NOW - 300)
        assert wanted(track(TRACKING, window(10), at(4, recently))) == 4
        assert wanted(track(TRACKING, window(10), at(4, long_ago))) == 1
        assert wanted(track(TRACKING, window(300), at(4, recently))) == 12

    def test_a_chain_of_scale_outs_counts_from_where_it_began(self) -> None:
        first = History().after(before=1, capacity=3, now=100, cooldown=60)
        second = first.after(before=3, capacity=5, now=130, cooldown=60)
        assert second.last_out == ScaleOut(at=130, started_from=1)
        later = second.after(before=5, capacity=6, now=190, cooldown=60)
        assert later.last_out == ScaleOut(at=190, started_from=5)

    def test_each_direction_ends_the_cooldown_of_the_other(self) -> None:
        out = History().after(before=1, capacity=3, now=100, cooldown=60)
        assert out.after(before=3, capacity=2, now=110, cooldown=60).last_out is None
        inwards = History().after(before=3, capacity=1, now=100, cooldown=60)
        assert inwards.after(before=1, capacity=2, now=110, cooldown=60).last_in_at is None


class TestSteps:
    POLICY = StepScaling(
        name="steps",
        adjustment_type="ChangeInCapacity",
        cooldown=60,
        steps=(
            Step(adjustment=-2, upper=-20),
            Step(adjustment=-1, lower=-20, upper=0),
            Step(adjustment=1, lower=0, upper=10),
            Step(adjustment=5, lower=10),
        ),
    )

    @pytest.mark.parametrize(
        ("breach", "expected"),
        [(0, 11), (9.99, 11), (10, 15), (1e9, 15), (-0.01, 9), (-20, 8), (-19.9, 9), (-99, 8)],
    )
    def test_the_bound_on_the_side_of_the_threshold_belongs_to_the_step(
        self, breach: float, expected: int
    ) -> None:
        assert wanted(step(self.POLICY, alarm="a", breach=breach, situation=at(10))) == expected

    def test_a_breach_in_no_step_is_no_vote(self) -> None:
        policy = StepScaling(
            name="p", adjustment_type="ChangeInCapacity", steps=(Step(adjustment=1, lower=5),)
        )
        assert step(policy, alarm="a", breach=4.9, situation=at(1)) is None

    @pytest.mark.parametrize(
        ("percent", "current", "magnitude", "expected"),
        [
            (25, 4, 2, 6),  # the user guide's example for MinAdjustmentMagnitude
            (10, 4, 0, 5),  # 0.4 is one
            (30, 9, 0, 11),  # 2.7 is two
            (-10, 4, 0, 3),  # -0.4 is minus one
            (-30, 9, 0, 7),  # -2.7 is minus two
            (-100, 3, 0, 0),
            (50, 0, 2, 0),  # half of nothing is nothing
        ],
    )
    def test_percentages_round_towards_zero_but_not_to_it(
        self, percent: int, current: int, magnitude: int, expected: int
    ) -> None:
        policy = StepScaling(
            name="p", adjustment_type="PercentChangeInCapacity", steps=(), min_magnitude=magnitude
        )
        assert adjusted(policy, percent, current) == expected

    def test_an_exact_capacity_is_that_capacity(self) -> None:
        assert adjusted(StepScaling(name="p", adjustment_type="ExactCapacity", steps=()), 7, 2) == 7

    def test_the_user_guides_example_of_a_cooldown(self) -> None:
        # Two were added, then three are asked for within the cooldown: only one more is added.
        history = History(last_out=ScaleOut(at=NOW - 10, started_from=10))
        policy = StepScaling(
            name="p", adjustment_type="ChangeInCapacity", steps=(Step(adjustment=3, lower=0),)
        )
        assert wanted(step(policy, alarm="a", breach=1, situation=at(12, history))) == 13

    def test_scaling_in_waits_for_the_cooldown(self) -> None:
        history = History(last_in_at=NOW - 59)
        assert wanted(step(self.POLICY, alarm="a", breach=-1, situation=at(4, history))) == 4
        assert wanted(step(self.POLICY, alarm="a", breach=-1, situation=at(4, history, NOW + 1))) == 3

    def test_aggregation(self) -> None:
        assert [aggregate(how, [1, 2, 6]) for how in ("Minimum", "Average", "Maximum")] == [1, 3, 6]


def vote(capacity: int, *, tracking: bool = True) -> Vote:
    return Vote(policy=f"p{capacity}", alarm="a", capacity=capacity, tracking=tracking)


class TestChoice:
    BOUNDS = Bounds(minimum=1, maximum=20)

    def chosen(self, current: int, *votes: Vote, suspension: Suspension | None = None) -> int | None:
        decision = choose(current, self.BOUNDS, votes, suspension)
        return None if decision is None else decision.capacity

    def test_the_largest_wins_in_both_directions(self) -> None:
        assert self.chosen(5, vote(6), vote(9), vote(2)) == 9
        assert self.chosen(5, vote(2), vote(3)) == 3

    def test_trackers_scale_in_only_together(self) -> None:
        assert self.chosen(5, vote(2), vote(5)) is None

    def test_a_step_policy_scales_in_although_a_tracker_is_not_ready(self) -> None:
        assert self.chosen(5, vote(5), vote(4, tracking=False)) == 4
        assert self.chosen(5, vote(5), vote(2), vote(4, tracking=False)) == 4

    def test_nobody_wants_anything(self) -> None:
        assert self.chosen(5) is None
        assert self.chosen(5, vote(5)) is None

    def test_the_bounds_hold(self) -> None:
        assert self.chosen(5, vote(99)) == 20
        assert self.chosen(5, vote(0)) == 1
        assert self.chosen(20, vote(99)) == 20

    def test_out_of_bounds_it_never_moves_against_the_vote(self) -> None:
        assert self.chosen(25, vote(30)) == 25

    def test_suspension_stops_one_direction_only(self) -> None:
        no_out, no_in = Suspension(scale_out=True), Suspension(scale_in=True)
        assert self.chosen(5, vote(9), suspension=no_out) is None
        assert self.chosen(5, vote(3), suspension=no_out) == 3
        assert self.chosen(5, vote(3), suspension=no_in) is None
        assert self.chosen(5, vote(9), suspension=no_in) == 9


class TestAlarms:
    def rule(self, periods: int = 3, datapoints: int = 3, missing: str = "missing") -> AlarmRule:
        return AlarmRule(
            comparison="GreaterThanThreshold",
            threshold=0,
            period=60,
            periods=periods,
            datapoints=datapoints,
            missing=missing,
        )

    # CloudWatch's table "How alarms are evaluated when data is missing", three out of three:
    # - no data, 0 good, X breaching, oldest first.
    @pytest.mark.parametrize(
        ("points", "missing", "ignored", "breaching", "not_breaching"),
        [
            ("0-X-X", "OK", "OK", "ALARM", "OK"),
            ("0----", "OK", "OK", "ALARM", "OK"),
            ("-----", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "ALARM", "OK"),
            ("0XX-X", "ALARM", "ALARM", "ALARM", "OK"),
            ("--X--", "ALARM", "ALARM", "ALARM", "OK"),
            ("----X", "OK", "OK", "ALARM", "OK"),
            ("XX0XX", "OK", "OK", "OK", "OK"),
            ("00XXX", "ALARM", "ALARM", "ALARM", "ALARM"),
        ],
    )
    def test_missing_data(
        self, points: str, missing: str, ignored: str, breaching: str, not_breaching: str
    ) -> None:
        values = {"-": None, "0": Datapoint(0, 0), "X": Datapoint(0, 1)}
        window = [values[point] for point in points]
        treatments = ("missing", "ignore", "breaching", "notBreaching")
        states = [evaluate(self.rule(missing=treatment), window) for treatment in treatments]
        assert states == [missing, ignored, breaching, not_breaching]

    def test_two_out_of_three(self) -> None:
        window = [Datapoint(0, value) for value in (1, 0, 1)]
        assert evaluate(self.rule(datapoints=2), window) is State.ALARM
        assert evaluate(self.rule(datapoints=3), window) is State.OK

    def test_a_comparison_that_is_not_known_never_breaches(self) -> None:
        rule = AlarmRule(
            comparison="GreaterThanUpperThreshold", threshold=0, period=60, periods=1, datapoints=1
        )
        assert evaluate(rule, [Datapoint(0, 1)]) is State.OK


capacities = st.integers(min_value=0, max_value=500)
values = st.floats(min_value=0, max_value=1e6)
moments = st.floats(min_value=0, max_value=2 * NOW)
histories = st.builds(
    History,
    last_out=st.none() | st.builds(ScaleOut, at=moments, started_from=capacities),
    last_in_at=st.none() | moments,
    changed_at=st.just(-math.inf) | moments,
)
bounds = st.tuples(capacities, capacities).map(lambda pair: Bounds(minimum=min(pair), maximum=max(pair)))
votes = st.lists(
    st.builds(Vote, policy=st.just("p"), alarm=st.just("a"), capacity=capacities, tracking=st.booleans())
)
suspensions = st.builds(Suspension, scale_in=st.booleans(), scale_out=st.booleans())


class TestProperties:
    @given(current=capacities, limits=bounds, cast=votes, suspension=suspensions)
    def test_a_change_stays_within_the_bounds(
        self, current: int, limits: Bounds, cast: list[Vote], suspension: Suspension
    ) -> None:
        decision = choose(current, limits, cast, suspension)
        if decision is not None and decision.capacity != current:
            assert limits.minimum <= decision.capacity <= limits.maximum

    @given(current=capacities, limits=bounds, cast=votes, suspension=suspensions)
    def test_a_suspended_direction_is_never_taken(
        self, current: int, limits: Bounds, cast: list[Vote], suspension: Suspension
    ) -> None:
        decision = choose(current, limits, cast, suspension)
        capacity = current if decision is None else decision.capacity
        assert not (suspension.scale_out and capacity > current)
        assert not (suspension.scale_in and capacity < current)

    @given(current=capacities, lower=values, higher=values, history=histories)
    def test_a_higher_metric_never_wants_less(
        self, current: int, lower: float, higher: float, history: History
    ) -> None:
        lower, higher = sorted((lower, higher))
        situation = at(current, history)
        less, more = (wanted(track(TRACKING, window(value), situation)) for value in (lower, higher))
        assert less is not None
        assert more is not None
        assert less <= more

    @given(current=capacities, value=values, since=st.floats(min_value=0, max_value=299))
    def test_no_scale_in_within_its_cooldown(self, current: int, value: float, since: float) -> None:
        history = History(last_in_at=NOW - since, changed_at=NOW - since)
        capacity = wanted(track(TRACKING, window(value), at(current, history)))
        assert capacity is not None
        assert capacity >= current

    @given(started=st.integers(1, 100), value=st.floats(101, 1e4), since=st.floats(0, 59))
    def test_the_same_metric_within_the_cooldown_adds_nothing(
        self, started: int, value: float, since: float
    ) -> None:
        reached = wanted(track(TRACKING, window(value), at(started)))
        assert reached is not None
        history = History().after(before=started, capacity=reached, now=NOW - since, cooldown=60)
        assert wanted(track(TRACKING, window(value), at(reached, history))) == reached

    @given(current=st.integers(1, 100), value=values)
    def test_at_the_wanted_capacity_the_metric_is_within_its_target(self, current: int, value: float) -> None:
        capacity = wanted(track(TRACKING, window(value), at(current)))
        assert capacity is not None
        if capacity != current:
            assert value * current / max(capacity, 1) <= TRACKING.target * (1 + 1e-6)

    @given(current=capacities, breach=st.floats(-1e6, 1e6), history=histories)
    def test_steps_go_the_way_of_the_breach(self, current: int, breach: float, history: History) -> None:
        cast = step(TestSteps.POLICY, alarm="a", breach=breach, situation=at(current, history))
        assert cast is not None
        assert (cast.capacity - current) * (1 if breach >= 0 else -1) >= 0
        assert cast.capacity >= 0
