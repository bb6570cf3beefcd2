"""Strategies for everything the library accepts, as descriptions (`Made`)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from hypothesis import strategies as st

from constructs_lib import (
    Adjustment,
    AutoScaling,
    DataCapture,
    MetricsPublishing,
    MetricTarget,
    RealtimeEndpoint,
    Rollback,
    Rollout,
    RoutingStrategy,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
    Variant,
)

from . import surroundings
from .made import Made

Strategy = st.SearchStrategy[Any]

NAMES = st.text("aZ9", max_size=8).map(lambda rest: f"n{rest}") | st.text("b0-", max_size=61).map(
    lambda middle: f"N{middle}n"
)
SWITCHES = st.booleans()
TYPES = st.sampled_from(["ml.m5.large", "ml.c6g.xlarge", "ml.g5.2xlarge", "ml.inf2.xlarge", "ml.r5d.large"])


def some(factory: Callable[..., Any], /, **strategies: Strategy) -> Strategy:
    """`factory` called with values of `strategies`; what may be left out is wrapped in `maybe`."""

    def without_gaps(given: dict[str, Any]) -> Made:
        return Made(factory, given={name: value for name, value in given.items() if value is not _LEFT_OUT})

    return st.fixed_dictionaries(strategies).map(without_gaps)


_LEFT_OUT = object()


def maybe(strategy: Strategy) -> Strategy:
    """Sometimes left out."""
    return st.just(_LEFT_OUT) | strategy


def call(factory: Callable[..., Any], *args: Any) -> Made:
    return Made(factory, args)


def durations(low: int, high: int) -> Strategy:
    """Durations of ``low``…``high`` seconds, in seconds or, where it comes out even, in minutes."""
    seconds = st.integers(low, high).map(lambda count: call(cdk.Duration.seconds, count))
    if high < 60:
        return seconds
    minutes = st.integers(-(-low // 60), high // 60).map(lambda count: call(cdk.Duration.minutes, count))
    return seconds | minutes


SIZES = st.integers(1, 512).map(lambda count: call(cdk.Size.gibibytes, count))
PERIODS = st.sampled_from([1, 5, 60]).map(lambda count: call(cdk.Duration.minutes, count))
WHOLE_TOKENS = st.just(surroundings.WHOLE_NUMBER)

OWN_NAMES = st.uuids().map(lambda id: f"Fraud-{id}")

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
SCHEDULES = some(
    ScheduledScaling,
    name=NAMES,
    schedule=st.sampled_from(
        [
            Made(appscaling.Schedule.cron, given={"hour": "8", "minute": "0"}),
            call(appscaling.Schedule.expression, "at(2030-01-01T00:00:00)"),
            call(appscaling.Schedule.rate, call(cdk.Duration.hours, 3)),
        ]
    ),
    min_capacity=st.integers(1, 4),
    max_capacity=maybe(st.integers(4, 9)),
    timezone=maybe(
        st.sampled_from(["Europe/Berlin", "Asia/Kolkata"]).map(lambda zone: call(cdk.TimeZone.of, zone))
    ),
)


def distinct(strategy: Strategy, most: int) -> Strategy:
    """Up to `most`, with names of their own."""
    return st.lists(strategy, max_size=most, unique_by=lambda each: each.given["name"])


@st.composite
def scalings(draw: st.DrawFn) -> Made:
    """Bounds, at least one thing that moves the capacity between them, and the rest as it comes."""
    low = draw(st.integers(1, 5))
    targets = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "invocations_per_instance": st.floats(0.5, 1e5) | st.integers(1, 10_000),
                "concurrent_requests_per_model": st.floats(0.5, 100) | st.integers(1, 100),
                "cpu_utilization": st.integers(1, 6400),
                "metrics": distinct(METRIC_TARGETS, 2),
                "steps": distinct(STEP_SCALINGS, 2),
                "schedules": distinct(SCHEDULES, 2),
            },
        )
    )
    if not any(value not in ([], ()) for value in targets.values()):
        targets["invocations_per_instance"] = 600
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
    bounds = {"min_capacity": low, "max_capacity": draw(st.integers(low, 20) | WHOLE_TOKENS)}
    return Made(AutoScaling, given={**bounds, **targets, **rest.given})


ROLLBACKS = some(
    Rollback,
    error_rate_percent=maybe(st.none() | st.floats(0.01, 100) | st.integers(1, 100)),
    latency=maybe(durations(1, 60)),
    latency_alarm=maybe(SWITCHES),
    alarms=maybe(st.lists(st.sampled_from(surroundings.ALARMS), max_size=3, unique_by=repr)),
)
WAITS = durations(0, 600)
LIMITS = durations(9_600, 28_800)


def rollouts(*, variants: int, fewest: int | None) -> Strategy:
    """Every kind that suits so many variants, the smallest of which has `fewest` instances at first."""
    ends = {"termination_wait": maybe(durations(0, 3_600)), "rollback": maybe(ROLLBACKS)}
    kinds = [
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
        kinds.append(
            some(
                Rollout.rolling,
                batch_percent=st.integers(5, 50),
                wait=durations(0, 300),
                rollback_percent=maybe(st.integers(1, 100)),
                maximum_execution=maybe(LIMITS),
                rollback=maybe(ROLLBACKS),
            )
        )
    return st.one_of(kinds)


CAPTURES = some(
    DataCapture,
    sampling_percent=maybe(st.integers(0, 100)),
    bucket=maybe(st.sampled_from([None, surroundings.BUCKET, surroundings.BUCKET])),
    prefix=maybe(st.sampled_from(["captured", "a/b-c/d.e"])),
    capture_input=maybe(st.just(True)),
    capture_output=maybe(SWITCHES),
    csv_content_types=maybe(st.sampled_from([(), ["text/csv"], ["text/csv", "application/x-csv"]])),
    json_content_types=maybe(st.sampled_from([[], ["application/json"]])),
    encryption_key=maybe(st.just(surroundings.KEY)),
)
PUBLISHINGS = some(
    MetricsPublishing,
    enhanced=maybe(SWITCHES),
    every=maybe(
        st.sampled_from([10, 30, 60, 120, 180, 240, 300]).map(lambda count: call(cdk.Duration.seconds, count))
    ),
)


@st.composite
def variants(draw: st.DrawFn, name: str, *, weights: Strategy) -> Made:
    """A variant, its count within the bounds of its scaling."""
    given = draw(
        st.fixed_dictionaries(
            {
                "name": st.just(name),
                "model": st.sampled_from(surroundings.MODELS),
                "instance_type": TYPES | st.just(surroundings.INSTANCE_TYPE),
                "weight": weights,
                "scaling": st.none() | scalings(),
            },
            optional={
                "volume_size": SIZES,
                "download_timeout": durations(60, 3_600),
                "startup_timeout": durations(60, 3_600),
                "routing": st.sampled_from(RoutingStrategy),
                "inference_ami_version": st.just("al2-ami-sagemaker-inference-gpu-2"),
                "ssm_access": SWITCHES,
            },
        )
    )
    count = draw(maybe(counts(given["scaling"])))
    return Made(Variant, given={**given, **({} if count is _LEFT_OUT else {"instance_count": count})})


def counts(scaling: Made | None) -> Strategy:
    if scaling is None:
        return st.integers(1, 20) | WHOLE_TOKENS
    low, high = scaling.given["min_capacity"], scaling.given["max_capacity"]
    return st.integers(low, high if isinstance(high, int) else low + 5)


@st.composite
def endpoints(draw: st.DrawFn) -> Made:
    """A `RealtimeEndpoint`, of one model or of 1–10 variants."""
    given = draw(_of_one_model() | _of_variants())
    rest = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "capture": CAPTURES,
                "encryption_key": st.just(surroundings.KEY),
                "metrics": PUBLISHINGS,
                "weights_managed_elsewhere": SWITCHES,
                "check_deployments": SWITCHES,
                "endpoint_name": OWN_NAMES,
                "parameter_name": OWN_NAMES.map(lambda name: f"/team/{name}"),
            },
        )
    )
    count, fewest = fleet(given)
    if draw(st.booleans()):
        rest["rollout"] = draw(rollouts(variants=count, fewest=fewest))
    return Made(RealtimeEndpoint, given={**given, **rest})


def stacks(least: int, most: int) -> Strategy:
    """Endpoints that can share a stack: names of one's own are given once."""

    def once(property: str) -> Callable[[Made], object]:
        return lambda endpoint: endpoint.given.get(property, object())

    names = (once("endpoint_name"), once("parameter_name"))
    return st.lists(endpoints(), min_size=least, max_size=most, unique_by=names)


def fleet(given: dict[str, Any]) -> tuple[int, int | None]:
    """How many variants, and the instances of the smallest at first; none where the deployment tells."""
    listed = [each.given for each in given.get("variants", [])] or [given]
    first = [each.get("instance_count", _least(each.get("scaling"))) for each in listed]
    return len(listed), min(first) if all(isinstance(each, int) for each in first) else None


def _least(scaling: Made | None) -> int:
    return 2 if scaling is None else scaling.given["min_capacity"]


@st.composite
def _of_one_model(draw: st.DrawFn) -> dict[str, Any]:
    variant = draw(variants("AllTraffic", weights=st.just(1))).given
    kept = ("model", "instance_type", "instance_count", "scaling")
    return {name: value for name, value in variant.items() if name in kept}


@st.composite
def _of_variants(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower) | _MANY_NAMES)
    weights = st.sampled_from([0, 1, 0.5, 3]) | st.floats(0, 100)
    first = draw(variants(names[0], weights=st.sampled_from([1, 0.25, 50])))
    return {"variants": [first, *(draw(variants(name, weights=weights)) for name in names[1:])]}


_MANY_NAMES = st.sampled_from([[f"v{index}" for index in range(count)] for count in (6, 10)])
