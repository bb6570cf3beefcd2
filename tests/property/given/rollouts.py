"""Strategies for rollouts and what rolls them back."""

from __future__ import annotations

import math

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import CanaryAnalysis, MetricCheck, OnInconclusive, Rollback, Rollout

from .. import surroundings
from .basics import NAMES, SWITCHES, WHOLE_TOKENS, Strategy, call, durations, maybe, some
from .scaling import MATH, METRICS

_WATCHED = {
    "error_rate_percent": maybe(st.none() | st.floats(0.01, 100) | st.integers(1, 100)),
    "latency_alarm": maybe(SWITCHES),
    "alarms": maybe(st.lists(st.sampled_from(surroundings.ALARMS), max_size=3, unique_by=repr)),
}
ROLLBACKS = some(Rollback, latency=maybe(durations(1, 60)), **_WATCHED)
WITHOUT_LATENCY = some(Rollback, **_WATCHED)
"""For asynchronous endpoints, whose answers take as long as they take."""
WAITS = durations(0, 600)
_BOUND = {"margin": maybe(st.integers(0, 9) | st.floats(0, 9)), "samples": maybe(st.none() | METRICS)}
_BOUNDS = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)
CHECKS = st.one_of(
    some(MetricCheck, name=NAMES, metric=METRICS | MATH, at_most=_BOUNDS, **_BOUND),
    some(
        MetricCheck,
        name=NAMES,
        metric=METRICS,
        at_least=_BOUNDS | WHOLE_TOKENS,
        minimum_samples=maybe(st.integers(1, 1_000)),
        **_BOUND,
    ),
)
ANALYSES = some(
    CanaryAnalysis,
    checks=st.lists(CHECKS, min_size=1, max_size=2, unique_by=lambda each: each.given["name"]),
    interval=maybe(st.sampled_from([1, 2, 5]).map(lambda count: call(cdk.Duration.minutes, count))),
    failure_limit=maybe(st.integers(1, 5)),
    success_limit=maybe(st.integers(1, 5)),
    inconclusive_limit=maybe(st.none() | st.integers(1, 5)),
    on_inconclusive=maybe(st.sampled_from(OnInconclusive)),
)
ANALYSED = {"analysis": ANALYSES, "wait": durations(2_040, 2_400)}
"""With a wait in which the longest run of the longest intervals finds its place."""
LIMITS = durations(9_600, 28_800)


def rollouts(*, variants: int, fewest: int | None, rollbacks: Strategy = ROLLBACKS) -> Strategy:
    """Every kind that suits so many variants, the smallest of which has `fewest` instances at first."""
    ends = {"termination_wait": maybe(durations(0, 3_600)), "rollback": maybe(rollbacks)}
    kinds = [
        some(
            Rollout.canary,
            size_percent=st.integers(1, 50),
            maximum_execution=maybe(LIMITS),
            **ANALYSED,
            **ends,
        ),
        some(Rollout.linear, step_percent=st.integers(10, 50), **ANALYSED, **ends),
        some(Rollout.all_at_once, maximum_execution=maybe(LIMITS), **ends),
        some(
            Rollout.canary,
            size_percent=st.integers(1, 50),
            wait=WAITS,
            maximum_execution=maybe(LIMITS),
            **ends,
        ),
        some(
            Rollout.linear,
            step_percent=st.integers(10, 50),
            wait=WAITS,
            maximum_execution=maybe(LIMITS),
            **ends,
        ),
    ]
    if fewest is not None and fewest >= 2:
        counts = st.integers(1, fewest // 2)
        kinds += [
            some(Rollout.canary, size_instances=counts, wait=WAITS, **ends),
            some(Rollout.linear, step_instances=counts, wait=WAITS, **ends),
        ]
    if variants == 1:
        kinds.append(in_batches(rollbacks, batch_percent=st.integers(5, 50)))
        if fewest is not None and fewest >= 2:
            kinds.append(in_batches(rollbacks, batch_instances=st.integers(1, fewest // 2)))
    return st.one_of(kinds)


def in_batches(rollbacks: Strategy, **size: Strategy) -> Strategy:
    """Rolling, with batches of the one `size`."""
    return some(
        Rollout.rolling,
        wait=durations(0, 300),
        rollback_percent=maybe(st.integers(1, 100)),
        maximum_execution=maybe(LIMITS),
        rollback=maybe(rollbacks),
        **size,
    )


def rolling_copies(copies: int) -> Strategy:
    """What an inference component with so many copies at first takes."""
    least, most = math.ceil(copies * 5 / 100), max(1, copies // 2)
    percent = in_batches(ROLLBACKS, batch_percent=st.integers(5, 50))
    return percent | in_batches(ROLLBACKS, batch_instances=st.integers(least, most))
