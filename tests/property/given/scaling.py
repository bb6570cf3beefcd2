"""Strategies for auto scaling: targets, steps and schedules of each kind of capacity."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from hypothesis import strategies as st

from constructs_lib import (
    Adjustment,
    AutoScaling,
    MetricTarget,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
)

from ..made import Made
from .basics import NAMES, PERIODS, SWITCHES, WHOLE_TOKENS, Strategy, call, distinct, durations, maybe, some

METRICS = some(
    cloudwatch.Metric,
    namespace=st.just("Team/Models"),
    metric_name=st.sampled_from(["QueueDepth", "Load"]),
    dimensions_map=maybe(st.just({"Endpoint": "fraud"})),
    statistic=maybe(st.sampled_from(["Average", "Maximum", "Sum", "p99", "tm90", "SampleCount"])),
    period=maybe(PERIODS),
    unit=maybe(st.just(cloudwatch.Unit.COUNT)),
)
MATH = some(
    cloudwatch.MathExpression,
    expression=st.just("busy / MAX([idle, 1])"),
    using_metrics=st.fixed_dictionaries({"busy": METRICS, "idle": METRICS}),
)
METRIC_TARGETS = some(
    MetricTarget, name=NAMES, metric=METRICS | MATH, target=st.floats(0.01, 1e6) | st.integers(1, 10_000)
)


@st.composite
def steps(draw: st.DrawFn) -> list[Made]:
    """1–4 steps without gap or overlap, open at one end or both."""
    edges: list[float | None] = sorted(
        draw(st.lists(st.integers(-50, 50), min_size=1, max_size=3, unique=True))
    )
    if draw(st.booleans()) or len(edges) == 1:
        edges = [*edges, None]
    return [
        Made(ScalingStep, given={"change": draw(st.integers(-3, 3)), "lower": low, "upper": high})
        for low, high in pairwise(edges)
    ]


STEP_SCALINGS = some(
    StepScaling,
    name=NAMES,
    metric=METRICS,
    threshold=st.integers(-100, 1000) | st.floats(-100, 1000),
    steps=steps(),
    comparison=maybe(
        st.sampled_from(
            [
                cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            ]
        )
    ),
    adjustment=maybe(st.sampled_from([Adjustment.CHANGE, Adjustment.PERCENT])),
    cooldown=maybe(durations(0, 86_400)),
    evaluation_periods=maybe(st.integers(1, 5)),
)


@st.composite
def schedules(draw: st.DrawFn, *, least: int, most: int) -> Made:
    """A schedule that moves the bounds within ``least``…``most``."""
    low = draw(st.integers(least, min(4, most)))
    rest = draw(
        some(
            ScheduledScaling,
            name=NAMES,
            schedule=st.sampled_from(_SCHEDULES),
            max_capacity=maybe(st.integers(max(low, 1), most)),
            timezone=maybe(
                st.sampled_from(["Europe/Berlin", "Asia/Kolkata"]).map(lambda zone: call(TimeZone.of, zone))
            ),
        )
    )
    return Made(ScheduledScaling, given={"min_capacity": low, **rest.given})


_SCHEDULES = [
    Made(appscaling.Schedule.cron, given={"hour": "8", "minute": "0"}),
    call(appscaling.Schedule.expression, "at(2030-01-01T00:00:00)"),
    call(appscaling.Schedule.rate, call(Duration.hours, 3)),
]

Targets = Mapping[str, Strategy]
"""The targets on SageMaker's own metrics that a kind of capacity offers."""

_RATES = st.floats(0.5, 1e5) | st.integers(1, 10_000)
_CONCURRENCIES = st.floats(0.5, 100) | st.integers(1, 100)
_CPU = st.integers(1, 6400)

OF_INSTANCES: Targets = {
    "invocations_per_instance": _RATES,
    "concurrent_requests_per_model": _CONCURRENCIES,
    "cpu_utilization": _CPU,
}
OF_QUEUES: Targets = {"backlog_per_instance": _CONCURRENCIES, "cpu_utilization": _CPU}
OF_PROVISIONED: Targets = {"provisioned_concurrency_utilization": st.floats(0.1, 0.9)}
OF_COPIES: Targets = {"invocations_per_copy": _RATES, "concurrent_requests_per_copy": _CONCURRENCIES}


@st.composite
def scalings(draw: st.DrawFn, targets: Targets = OF_INSTANCES, *, least: int = 1, most: int = 20) -> Made:
    """Bounds, at least one thing that moves the capacity between them, and the rest as it comes."""
    low = draw(st.integers(least, min(5, most)))
    moved = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **targets,
                "metrics": distinct(METRIC_TARGETS, 2),
                "steps": distinct(STEP_SCALINGS, 2),
                "schedules": distinct(schedules(least=least, most=min(9, most)), 2),
            },
        )
    )
    if not any(value not in ([], ()) for value in moved.values()):
        name, target = next(iter(targets.items()))
        moved[name] = draw(target)
    rest = draw(
        some(
            AutoScaling,
            scale_in_cooldown=maybe(durations(0, 86_400)),
            scale_out_cooldown=maybe(durations(0, 86_400)),
            scale_in=maybe(SWITCHES),
            suspended=maybe(
                some(SuspendedScaling, scale_in=SWITCHES, scale_out=SWITCHES, scheduled=SWITCHES)
            ),
        )
    )
    bounds = {"min_capacity": low, "max_capacity": draw(st.integers(max(low, 1), most) | WHOLE_TOKENS)}
    return Made(AutoScaling, given={**bounds, **moved, **rest.given})
