"""What a scaling policy's configuration must fulfil, and what it means to the decision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from constructs_lib.local.autoscaling import expressions, fleet, metrics
from constructs_lib.local.autoscaling.decide import Step, StepScaling, TargetTracking
from constructs_lib.local.autoscaling.errors import invalid
from constructs_lib.local.autoscaling.state import Policy, TargetKey

Configuration = Mapping[str, Any]

_MOST_STEPS = 20
#: The default of a target tracking cooldown, by dimension (user guide, "Define cooldown periods").
_TRACKING_COOLDOWN = {fleet.INSTANCES: 300, fleet.COPIES: 300, fleet.CONCURRENCY: 0}
_STEP_COOLDOWN = 300


def check(key: TargetKey, policy_type: str, configuration: Configuration, others: Iterable[Policy]) -> None:
    """Refuse a configuration that AWS refuses. ``others``: the target's other policies."""
    if policy_type == "TargetTrackingScaling":
        _check_tracking(key, configuration, others)
    else:
        _check_steps(configuration)


def tracking(key: TargetKey, policy: Policy) -> tuple[TargetTracking, metrics.Query]:
    """A target tracking policy as the decision knows it, and the metric that it follows."""
    given = policy.configuration
    query = metrics.of_policy(key, given)
    default = _TRACKING_COOLDOWN[key.dimension]
    decided = TargetTracking(
        name=policy.name,
        target=given["TargetValue"],
        period=query.period,
        scale_out_cooldown=given.get("ScaleOutCooldown", default),
        scale_in_cooldown=given.get("ScaleInCooldown", default),
        disable_scale_in=given.get("DisableScaleIn", False),
    )
    return decided, query


def stepping(policy: Policy) -> StepScaling:
    """A step policy as the decision knows it."""
    given = policy.configuration
    return StepScaling(
        name=policy.name,
        adjustment_type=given["AdjustmentType"],
        steps=tuple(_step(one) for one in given["StepAdjustments"]),
        cooldown=given.get("Cooldown", _STEP_COOLDOWN),
        min_magnitude=given.get("MinAdjustmentMagnitude", 0),
    )


# --- target tracking ----------------------------------------------------------------------------


def _check_tracking(key: TargetKey, given: Configuration, others: Iterable[Policy]) -> None:
    if not (math.isfinite(given["TargetValue"]) and given["TargetValue"] > 0):
        raise invalid("Target value must be greater than 0")
    for name in ("ScaleOutCooldown", "ScaleInCooldown"):
        if given.get(name, 0) < 0:
            raise invalid(f"{name} must not be negative")
    if ("PredefinedMetricSpecification" in given) == ("CustomizedMetricSpecification" in given):
        raise invalid(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required"
        )
    if "PredefinedMetricSpecification" in given:
        _check_predefined(key, given["PredefinedMetricSpecification"]["PredefinedMetricType"])
    else:
        _check_customized(key, given)
    if any(_same_metric(given, other.configuration) for other in others):
        raise invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")


def _check_predefined(key: TargetKey, metric_type: str) -> None:
    fitting = [name for name, metric in metrics.PREDEFINED.items() if metric.dimension == key.dimension]
    if metric_type not in fitting:
        raise invalid(
            f"Scalable dimension {key.dimension} only supports the following predefined metric types: "
            + ", ".join(fitting)
        )


def _check_customized(key: TargetKey, given: Configuration) -> None:
    specification = given["CustomizedMetricSpecification"]
    if "Metrics" not in specification:
        missing = [name for name in ("MetricName", "Namespace", "Statistic") if name not in specification]
        if missing:
            raise invalid(f"CustomizedMetricSpecification needs {', '.join(missing)}, or Metrics")
    elif "MetricName" in specification:
        raise invalid("CustomizedMetricSpecification takes either MetricName or Metrics")
    else:
        _check_metric_queries(specification["Metrics"])
    try:
        metrics.of_policy(key, given)
    except expressions.MetricMathError as error:
        raise invalid(f"CustomizedMetricSpecification: {error}") from error


def _check_metric_queries(queries: list[Configuration]) -> None:
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise invalid("The ids of the metric data queries must be unique")
    for query in queries:
        if ("Expression" in query) == ("MetricStat" in query):
            raise invalid(f"Metric data query {query['Id']} needs either Expression or MetricStat")
        metric = query.get("MetricStat", {}).get("Metric")
        if metric is not None and not {"Namespace", "MetricName"} <= metric.keys():
            raise invalid(f"Metric data query {query['Id']} needs a Namespace and a MetricName")


def _same_metric(one: Configuration, other: Configuration) -> bool:
    names = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")
    return any(name in one and one[name] == other.get(name) for name in names)


# --- step scaling -------------------------------------------------------------------------------


def _check_steps(given: Configuration) -> None:
    if "AdjustmentType" not in given:
        raise invalid("Adjustment type must be specified for a step scaling policy")
    adjustments = given.get("StepAdjustments", [])
    if not 1 <= len(adjustments) <= _MOST_STEPS:
        raise invalid(f"There must be between 1 and {_MOST_STEPS} step adjustments per scaling policy")
    if given.get("Cooldown", 0) < 0:
        raise invalid("Cooldown must not be negative")
    if given["AdjustmentType"] == "ExactCapacity" and any(
        one["ScalingAdjustment"] < 0 for one in adjustments
    ):
        raise invalid("The scaling adjustment of an exact capacity must not be negative")
    for one in adjustments:
        _check_bounds(one)
    _check_intervals(sorted((_step(one) for one in adjustments), key=lambda step: step.lower))


def _check_bounds(adjustment: Configuration) -> None:
    if not {"MetricIntervalLowerBound", "MetricIntervalUpperBound"} & adjustment.keys():
        raise invalid("Both lower and upper bounds of a step adjustment cannot be left unspecified")
    step = _step(adjustment)
    if step.lower >= step.upper:
        raise invalid("The lower bound of a step adjustment must be less than its upper bound")


def _check_intervals(steps: list[Step]) -> None:
    """In order they must join without overlap or gap, and reach to infinity where they leave zero."""
    for before, after in pairwise(steps):
        if after.lower < before.upper:
            raise invalid("Step adjustment intervals can't overlap")
        if after.lower > before.upper:
            raise invalid("Step adjustment intervals can't have a gap between them")
    if -math.inf < steps[0].lower < 0:
        raise invalid(
            "There must be a StepAdjustment with an unspecified lower bound "
            "when one StepAdjustment has a negative lower bound"
        )
    if 0 < steps[-1].upper < math.inf:
        raise invalid(
            "There must be a StepAdjustment with an unspecified upper bound "
            "when one StepAdjustment has a positive upper bound"
        )


def _step(adjustment: Configuration) -> Step:
    return Step(
        adjustment=adjustment["ScalingAdjustment"],
        lower=adjustment.get("MetricIntervalLowerBound", -math.inf),
        upper=adjustment.get("MetricIntervalUpperBound", math.inf),
    )
