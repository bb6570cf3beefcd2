"""Auto scaling: how the number of instances follows the load. Values and their rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import (
    LARGEST_NUMBER,
    bounds,
    duration,
    items_of,
    kind,
    known,
    number,
    one_of,
    text,
    whole_number,
)
from ..core.limits import MAX_CAPACITY, MAX_STEPS, UTILIZATION_TARGET
from ..core.rules import SCALING_GUIDE, Broken, Rules
from ..core.tokens import is_token

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_NAME_ALLOWED = "a name of letters, digits and hyphens, beginning with a letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTarget:
    """Keep `metric` at `target` by adding and removing instances.

    The metric must fall when capacity grows, such as a load per instance: a total does not work.
    """

    name: str
    """Tells this target from others; part of the policy's identity."""
    metric: cloudwatch.IMetric
    """A metric or metric math."""
    target: float

    def __post_init__(self) -> None:
        """Check."""
        metric_target_rules.enforce(self, path="MetricTarget")


class Adjustment(Enum):
    """What the change of a scaling step means."""

    CHANGE = "ChangeInCapacity"
    """Add or remove that many instances."""
    EXACT = "ExactCapacity"
    """Go to that many instances."""
    PERCENT = "PercentChangeInCapacity"
    """Add or remove that share of the instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingStep:
    """One step: within ``lower``…``upper`` of the metric's *distance from the threshold*, do `change`."""

    change: int
    lower: float | None = None
    """Distance from the threshold; ``None``: no bound on this side."""
    upper: float | None = None

    def __post_init__(self) -> None:
        """Check."""
        step_bounds_rules.enforce(self, path="ScalingStep")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling:
    """Change the capacity in steps while an alarm on `metric` stands.

    Scaling out and scaling in are two of these, with two thresholds.
    """

    name: str
    metric: cloudwatch.Metric | cloudwatch.MathExpression
    threshold: float
    steps: Sequence[ScalingStep]
    comparison: cloudwatch.ComparisonOperator = (
        cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    )
    adjustment: Adjustment = Adjustment.CHANGE
    cooldown: cdk.Duration | None = None
    """Default: 5 minutes."""
    evaluation_periods: int = 1

    def __post_init__(self) -> None:
        """Check."""
        step_rules.enforce(self, path="StepScaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledScaling:
    """Move the bounds of the capacity at set times."""

    name: str
    schedule: appscaling.Schedule
    min_capacity: int | None = None
    max_capacity: int | None = None
    timezone: cdk.TimeZone | None = None
    """Default: UTC."""

    def __post_init__(self) -> None:
        """Check."""
        schedule_rules.enforce(self, path="ScheduledScaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedScaling:
    """The three switches that pause scaling without forgetting it."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False

    def __post_init__(self) -> None:
        """Check."""
        suspended_rules.enforce(self, path="SuspendedScaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoScaling:
    """Bounds for a capacity, and what moves it between them.

    The capacity is the number of instances of a variant, of copies of an inference component, or the
    provisioned concurrency of a serverless endpoint. Which targets a kind of endpoint offers:
    docs/support.md.

    Several targets work together: the one that wants most instances wins, and scaling in waits until all
    agree. A scale-out takes minutes (new instances start), so leave headroom in the targets.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html

    :raises ConstraintError: SM-SCALING-001 … SM-SCALING-009.
    """

    min_capacity: int
    """Capacity that is always there. A real-time variant needs at least 1; 2 survive the loss of a zone.
    Asynchronous endpoints and inference components may go to 0, and wake up by themselves."""
    max_capacity: int
    invocations_per_instance: float | None = None
    """Target: invocations per instance and *minute*."""
    concurrent_requests_per_model: float | None = None
    """Target: requests in flight per model copy, measured every 10 seconds: reacts fastest."""
    cpu_utilization: float | None = None
    """Target: percent of one vCPU, so 0–400 on four of them (as SageMaker reports it)."""
    backlog_per_instance: float | None = None
    """Target of an asynchronous endpoint: requests waiting per instance."""
    provisioned_concurrency_utilization: float | None = None
    """Target of a serverless endpoint: share of the provisioned concurrency in use, 0.1–0.9."""
    invocations_per_copy: float | None = None
    """Target of an inference component: invocations per copy and *minute*."""
    concurrent_requests_per_copy: float | None = None
    """Target of an inference component: requests in flight per copy, measured every 10 seconds."""
    metrics: Sequence[MetricTarget] = ()
    """Targets on metrics of your own."""
    steps: Sequence[StepScaling] = ()
    schedules: Sequence[ScheduledScaling] = ()
    scale_in_cooldown: cdk.Duration | None = None
    """Default: 5 minutes."""
    scale_out_cooldown: cdk.Duration | None = None
    """Default: 5 minutes."""
    scale_in: bool = True
    """``False``: targets add instances and never remove them."""
    suspended: SuspendedScaling = field(default_factory=SuspendedScaling)

    def __post_init__(self) -> None:
        """Check."""
        scaling_rules.enforce(self, path="AutoScaling")


CAPACITY_TARGETS = (
    "invocations_per_instance",
    "concurrent_requests_per_model",
    "cpu_utilization",
    "backlog_per_instance",
    "provisioned_concurrency_utilization",
    "invocations_per_copy",
    "concurrent_requests_per_copy",
)
"""The targets on SageMaker's own metrics."""


def is_moved(scaling: AutoScaling) -> bool:
    """Whether anything moves the capacity: a target, a step or a schedule."""
    targeted = any(getattr(scaling, name) is not None for name in CAPACITY_TARGETS)
    return targeted or bool(scaling.metrics or scaling.steps or scaling.schedules)


def minimums(scaling: AutoScaling) -> Iterator[tuple[str, int | None]]:
    """What the capacity may come down to, now and by schedules, each by the property that says so."""
    yield "min_capacity", scaling.min_capacity
    yield from ((f"schedules[{each.name}].min_capacity", each.min_capacity) for each in scaling.schedules)


scaling_rules = Rules[AutoScaling]()
metric_target_rules = Rules[MetricTarget]()
step_rules = Rules[StepScaling]()
step_bounds_rules = Rules[ScalingStep]()
suspended_rules = Rules[SuspendedScaling]()  # their types are all there is to check
schedule_rules = Rules[ScheduledScaling]()

_TARGETS = SCALING_GUIDE + "userguide/application-auto-scaling-target-tracking.html"
_STEPS = SCALING_GUIDE + "userguide/application-auto-scaling-step-scaling-policies.html"
_SCHEDULES = SCALING_GUIDE + "userguide/application-auto-scaling-scheduled-scaling.html"
_REGISTER = SCALING_GUIDE + "APIReference/API_RegisterScalableTarget.html"


@scaling_rules.rule("SM-SCALING-001", source=_REGISTER)
def capacity_bounds(scaling: AutoScaling) -> Iterator[Broken]:
    """Capacities are whole numbers, the minimum not above the maximum."""
    low, high = ("min_capacity", scaling.min_capacity), ("max_capacity", scaling.max_capacity)
    yield from _required(*low)
    yield from _required(*high)
    yield from bounds(low, high, MAX_CAPACITY, least_high=1)


def _required(name: str, value: object) -> Iterator[Broken]:
    if value is None:
        yield Broken(name, value, "a whole number")


@scaling_rules.rule("SM-SCALING-002", source=_TARGETS)
def something_moves_it(scaling: AutoScaling) -> Iterator[Broken]:
    """There is a target, a step or a schedule: bounds alone scale nothing."""
    # What may sleep is woken by a policy of its endpoint's.
    if not is_moved(scaling) and scaling.min_capacity != 0:
        yield Broken(
            "invocations_per_instance",
            None,
            "at least one target, step or schedule",
            "invocations_per_instance=600 keeps each instance at 10 requests a second",
        )


@scaling_rules.rule("SM-SCALING-003", source=_TARGETS)
def targets_are_positive(scaling: AutoScaling) -> Iterator[Broken]:
    """Targets are numbers above 0, a utilization of 0.1–0.9."""
    for name in CAPACITY_TARGETS:
        yield from number(name, getattr(scaling, name), 0, above=True)
    utilization = scaling.provisioned_concurrency_utilization
    yield from number("provisioned_concurrency_utilization", utilization, *UTILIZATION_TARGET)


@scaling_rules.rule("SM-SCALING-004", source=_TARGETS)
def cooldowns_are_durations(scaling: AutoScaling) -> Iterator[Broken]:
    """Cooldowns last 0–1 day."""
    for name in ("scale_in_cooldown", "scale_out_cooldown"):
        yield from duration(name, getattr(scaling, name), 0, 86_400)


@scaling_rules.rule("SM-SCALING-005", source=_TARGETS)
def parts_have_their_types(scaling: AutoScaling) -> Iterator[Broken]:
    """Metrics, steps and schedules are lists of their types; switches are booleans."""
    yield from items_of("metrics", scaling.metrics, MetricTarget)
    yield from items_of("steps", scaling.steps, StepScaling)
    yield from items_of("schedules", scaling.schedules, ScheduledScaling)
    yield from kind("suspended", scaling.suspended, SuspendedScaling, optional=False)
    yield from kind("scale_in", scaling.scale_in, bool, optional=False)


@scaling_rules.rule("SM-SCALING-006", source=_TARGETS)
def names_are_distinct(scaling: AutoScaling) -> Iterator[Broken]:
    """Targets, steps and schedules have names of their own."""
    for property in ("metrics", "steps", "schedules"):
        items = getattr(scaling, property)
        names = (
            [each.name for each in items if hasattr(each, "name")] if isinstance(items, list | tuple) else []
        )
        if len(set(names)) < len(names):
            yield Broken(property, names, "a name of its own for each")


@metric_target_rules.rule("SM-SCALING-007", source=_TARGETS)
def metric_target_is_complete(target: MetricTarget) -> Iterator[Broken]:
    """A metric target has a name, a metric and a value above 0."""
    yield from _named(target.name)
    if not hasattr(target.metric, "to_metric_config"):
        yield Broken("metric", target.metric, "a CloudWatch metric or math expression")
    yield from _required("target", target.target)
    yield from number("target", target.target, 0, above=True)


def _named(name: object) -> Iterator[Broken]:
    yield from kind("name", name, str, optional=False)
    if isinstance(name, str):
        yield from text("name", name, _NAME, _NAME_ALLOWED)


@step_rules.rule("SM-SCALING-008", source=_STEPS)
def steps_cover_without_overlap(scaling: StepScaling) -> Iterator[Broken]:
    """Steps do not overlap, leave no gap, and at most one has no lower and one no upper bound."""
    yield from _named(scaling.name)
    yield from number("threshold", scaling.threshold, -LARGEST_NUMBER)
    yield from whole_number("evaluation_periods", scaling.evaluation_periods, 1, 1440)
    yield from duration("cooldown", scaling.cooldown, 0, 86_400)
    yield from kind("adjustment", scaling.adjustment, Adjustment, optional=False)
    yield from kind("metric", scaling.metric, cloudwatch.Metric, cloudwatch.MathExpression, optional=False)
    yield from one_of("comparison", scaling.comparison, list(cloudwatch.ComparisonOperator))
    broken = list(items_of("steps", scaling.steps, ScalingStep))
    yield from broken
    if not broken:
        yield from _contiguous(scaling.steps)


def _contiguous(steps: Sequence[ScalingStep]) -> Iterator[Broken]:
    if not 1 <= len(steps) <= MAX_STEPS:
        yield Broken("steps", f"{len(steps)} steps", f"1–{MAX_STEPS} steps")
        return
    allowed = "steps that begin where the one before ends, for example (None, 0), (0, 10), (10, None)"
    shown = [(step.lower, step.upper) for step in steps]
    if any(is_token(bound) for pair in shown for bound in pair):
        return
    ordered = sorted(steps, key=lambda step: float("-inf") if step.lower is None else step.lower)
    for before, after in pairwise(ordered):
        if before.upper is None or after.lower is None or before.upper != after.lower:
            yield Broken("steps", shown, allowed)
            return


@step_bounds_rules.rule("SM-SCALING-011", source=_STEPS)
def step_has_a_width(step: ScalingStep) -> Iterator[Broken]:
    """A step changes the capacity by a whole number, its lower bound below its upper bound."""
    yield from whole_number("change", step.change, -MAX_CAPACITY, MAX_CAPACITY)
    yield from number("lower", step.lower, -LARGEST_NUMBER)
    yield from number("upper", step.upper, -LARGEST_NUMBER)
    if known(step.lower, step.upper) and step.lower >= step.upper:  # type: ignore[operator]
        yield Broken("lower", step.lower, f"less than upper ({step.upper})")


@schedule_rules.rule("SM-SCALING-009", source=_SCHEDULES)
def schedule_moves_bounds(scheduled: ScheduledScaling) -> Iterator[Broken]:
    """A schedule sets the minimum, the maximum or both, the minimum not above the maximum."""
    yield from _named(scheduled.name)
    yield from kind(
        "schedule", scheduled.schedule, appscaling.Schedule, optional=False, fix="Schedule.cron(…)"
    )
    yield from kind("timezone", scheduled.timezone, cdk.TimeZone, fix='TimeZone.of("Europe/Berlin")')
    low, high = scheduled.min_capacity, scheduled.max_capacity
    yield from bounds(("min_capacity", low), ("max_capacity", high), MAX_CAPACITY, least_high=0)
    if low is None and high is None:
        yield Broken("min_capacity", None, "a minimum, a maximum or both")
