"""Strategies for A/B tests and bandits: variants without weights, allocations, rewards, guardrails, plans."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import (
    ABTest,
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Guardrail,
    Memory,
    Plan,
    Reward,
    Routing,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)

from .. import surroundings
from ..made import Made
from .basics import NAMES, SWITCHES, Strategy, call, durations, maybe, properties, some
from .hosting import CAPTURES, KEYS, OWN_NAMES, PUBLISHINGS, fewest_of, first_count
from .realtime import variants
from .rollouts import rollouts

_HOUR, _DAY = 3600, 86_400
_YEAR = 365 * _DAY
_LARGEST = 1e15
_WINDOWS = durations(1, 30 * _DAY)
_SHARES = st.integers(1, 100) | st.floats(1e-12, _LARGEST)

REWARDS = {
    True: some(Reward.binary, window=_WINDOWS) | some(Reward, kind=st.just("binary"), window=_WINDOWS),
    False: st.one_of(
        some(
            factory,
            window=_WINDOWS,
            low=st.floats(-_LARGEST, 0),
            high=st.floats(1, _LARGEST),
            minimize=maybe(SWITCHES),
            **more,
        )
        for factory, more in ((Reward.numeric, {}), (Reward, {"kind": st.just("numeric")}))
    ),
}
"""By whether they are binary."""

_ANY_PLAN = {
    "requests_per_day": st.integers(1, 10**9) | st.floats(1e-6, _LARGEST),
    "power": maybe(st.floats(0.5, 0.999)),
}
_EFFECTS_ON_RATES = st.sampled_from([0.01, -0.05, 1e-9, -1e-12])
_EFFECTS = st.sampled_from([0.5, -3, 1e-12]) | st.floats(1e-12, 1e12)
_DEVIATIONS = st.integers(1, 100) | st.floats(0, _LARGEST, exclude_min=True)
PLANS = {
    True: some(Plan.rate, baseline=st.floats(0.1, 0.9), effect=_EFFECTS_ON_RATES, **_ANY_PLAN)
    | some(Plan, baseline=st.floats(0.1, 0.9), effect=_EFFECTS_ON_RATES, **_ANY_PLAN),
    False: some(Plan.mean, deviation=_DEVIATIONS, effect=_EFFECTS, **_ANY_PLAN)
    | some(Plan, deviation=_DEVIATIONS, effect=_EFFECTS, **_ANY_PLAN),
}
"""Of such rewards."""

EXPLORATIONS = some(
    Exploration,
    percent=maybe(st.floats(0, 100) | st.integers(0, 100)),
    half_life=maybe(st.none() | durations(_HOUR, _YEAR)),
)
STOPPINGS = some(
    Stopping,
    probability_best=maybe(st.floats(0.5, 1)),
    value_remaining_percent=maybe(st.floats(0, 100)),
    minimum_duration=maybe(durations(0, _YEAR)),
)


def _memories(least: int) -> Strategy:
    """A window is longer than `least`: the reward's window and a period."""
    spans = durations(max(_HOUR, least + 60), _YEAR)
    return st.one_of(
        st.just(Made(Memory.everything)),
        some(Memory.sliding, span=spans),
        some(Memory.discounted, half_life=durations(_HOUR, _YEAR)),
        some(Memory, kind=st.just("sliding"), span=spans),
    )


def _bandits(least: int) -> Strategy:
    common = {
        "exploration": maybe(EXPLORATIONS),
        "memory": maybe(_memories(least)),
        "minimum_units": maybe(st.integers(1, 1_000_000)),
        "hysteresis_percent": maybe(st.floats(0, 50)),
        "stopping": maybe(st.none() | STOPPINGS),
    }
    return st.one_of(
        some(ThompsonSampling, top_two=maybe(st.none() | st.floats(0.01, 0.99)), **common),
        some(EpsilonGreedy, epsilon=maybe(st.floats(0, 1)), **common),
        some(UpperConfidenceBound, **common),
    )


def _guardrails(names: list[str]) -> Strategy:
    """Of one variant, or of all but the control."""
    of: dict[str, Strategy] = {"variant": maybe(st.sampled_from(names))}
    latencies = st.integers(1, 60_000).map(lambda count: call(cdk.Duration.millis, count))
    alarms = st.sampled_from(surroundings.ALARMS)
    return st.one_of(
        some(Guardrail.errors, percent=st.floats(0.01, 100), **of),
        some(Guardrail.latency, p99=latencies, **of),
        some(Guardrail.alarm, alarm=alarms, **of),
        some(Guardrail, percent=st.integers(1, 100), **of),
        some(Guardrail, p99=latencies, **of),
        some(Guardrail, own_alarm=alarms, **of),
    )


@st.composite
def ab_tests(draw: st.DrawFn) -> Made:
    """An `ABTest`, fixed or a bandit."""
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=str.lower))
    described = [draw(variants(name, weights=st.just(1))) for name in names]
    binary = draw(SWITCHES)
    given: dict[str, Any] = {"variants": described, "reward": draw(REWARDS[binary])}
    period = draw(durations(1, _DAY))
    if draw(SWITCHES):
        given["period"] = period
    least = _seconds(given["reward"].given["window"]) + (_seconds(period) if "period" in given else _HOUR)
    splits = st.fixed_dictionaries(dict.fromkeys(names, _SHARES)) | st.just({})
    fixed = splits.map(lambda shares: Made(FixedSplit, given=shares))
    fewest = fewest_of([first_count(dict(each.given)) for each in described])
    given |= draw(
        properties(
            allocation=maybe(fixed | _bandits(least)),
            guardrails=maybe(st.lists(_guardrails(names), max_size=3)),
            routing=maybe(st.sampled_from(Routing)),
            experiment_name=maybe(st.uuids().map(lambda id: f"test-{id.hex[:12]}")),
            endpoint_name=maybe(OWN_NAMES),
            look_every=maybe(st.integers(1, 1440).map(lambda count: call(cdk.Duration.minutes, count))),
            plan=maybe(PLANS[binary]),
            alpha=maybe(st.floats(0.0001, 0.2)),
            rollout=maybe(rollouts(variants=len(names), fewest=fewest)),
            capture=maybe(CAPTURES),
            metrics=maybe(PUBLISHINGS),
            dashboard=maybe(SWITCHES),
            encryption_key=maybe(KEYS),
            removal_policy=maybe(st.sampled_from([cdk.RemovalPolicy.DESTROY, cdk.RemovalPolicy.RETAIN])),
        )
    )
    return Made(ABTest, given=given)


def _seconds(duration: Made) -> int:
    return int(duration.args[0]) * (60 if duration.name.endswith("minutes") else 1)
