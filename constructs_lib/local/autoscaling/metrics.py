"""A policy's metric, read from ministack's CloudWatch over periods that shrink with the time scale.

Raw datapoints are read where ministack keeps them: its GetMetricData knows no metric math and rounds
timestamps to whole seconds, while a scaled minute may be shorter than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs_lib.local import emulator_cloudwatch as cloudwatch
from constructs_lib.local.autoscaling import expressions, fleet
from constructs_lib.local.autoscaling.alarms import Datapoint, Window
from constructs_lib.local.autoscaling.state import TargetKey
from constructs_lib.local.autoscaling.timing import Timing

_MINUTE = 60
_HIGH_RESOLUTION = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStat:
    """One metric and a statistic of it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str

    def alarm_members(self) -> dict[str, Any]:
        """As PutMetricAlarm spells it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": dimensions,
            "Statistic": self.statistic,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a policy reads: metrics by id and an expression over them; period by period."""

    metrics: Mapping[str, MetricStat]
    expression: str
    period: int = _MINUTE

    @property
    def single(self) -> MetricStat | None:
        """The metric, if there is no arithmetic."""
        return self.metrics.get(self.expression)


@dataclass(frozen=True, slots=True)
class _Predefined:
    namespace: str
    name: str
    statistic: str
    dimension: str
    period: int = _MINUTE


_SAGEMAKER = "AWS/SageMaker"
PREDEFINED: dict[str, _Predefined] = {
    "SageMakerVariantInvocationsPerInstance": _Predefined(
        _SAGEMAKER, "InvocationsPerInstance", "Sum", fleet.INSTANCES
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": _Predefined(
        _SAGEMAKER, "ConcurrentRequestsPerModel", "Average", fleet.INSTANCES, _HIGH_RESOLUTION
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": _Predefined(
        _SAGEMAKER, "ServerlessProvisionedConcurrencyUtilization", "Maximum", fleet.CONCURRENCY
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": _Predefined(
        _SAGEMAKER, "InvocationsPerCopy", "Sum", fleet.COPIES
    ),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": _Predefined(
        _SAGEMAKER, "ConcurrentRequestsPerCopy", "Average", fleet.COPIES, _HIGH_RESOLUTION
    ),
}


def of_policy(key: TargetKey, configuration: Mapping[str, Any]) -> Query:
    """The query of a target tracking configuration. Raises :class:`expressions.MetricMathError`."""
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined is not None:
        return _predefined_query(key, PREDEFINED[predefined["PredefinedMetricType"]])
    return _customized_query(configuration["CustomizedMetricSpecification"])


def _predefined_query(key: TargetKey, metric: _Predefined) -> Query:
    names = fleet.names(key)
    if key.dimension == fleet.COPIES:
        dimensions = {"InferenceComponentName": names["component"]}
    else:
        dimensions = {"EndpointName": names["endpoint"], "VariantName": names["variant"]}
    stat = MetricStat(
        namespace=metric.namespace, name=metric.name, dimensions=dimensions, statistic=metric.statistic
    )
    return Query(metrics={"m": stat}, expression="m", period=metric.period)


def _customized_query(specification: Mapping[str, Any]) -> Query:
    queries = specification.get("Metrics")
    if not queries:
        return Query(
            metrics={"m": _stat(specification, specification.get("Statistic", "Average"))}, expression="m"
        )
    stats = {
        query["Id"]: _stat(query["MetricStat"]["Metric"], query["MetricStat"]["Stat"])
        for query in queries
        if "MetricStat" in query
    }
    return Query(metrics=stats, expression=_returned(queries, frozenset(stats)))


def _returned(queries: list[Mapping[str, Any]], ids: frozenset[str]) -> str:
    """The one expression or metric that the others are for."""
    returned = [query for query in queries if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise expressions.MetricMathError("exactly one of the metric data queries must have ReturnData true")
    if sum("Expression" in query for query in queries) > 1:
        raise expressions.MetricMathError("more than one expression is not supported here")
    expression = str(returned[0].get("Expression", returned[0]["Id"]))
    expressions.check(expression, ids)
    return expression


def _stat(metric: Mapping[str, Any], statistic: str) -> MetricStat:
    return MetricStat(
        namespace=metric["Namespace"],
        name=metric["MetricName"],
        dimensions={one["Name"]: one["Value"] for one in metric.get("Dimensions", ())},
        statistic=statistic,
    )


def of_alarm(alarm: Mapping[str, Any]) -> Query:
    """The query of an alarm that ministack holds."""
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    return Query(
        metrics={"m": _stat(alarm, statistic)}, expression="m", period=int(alarm.get("Period", _MINUTE))
    )


def read(query: Query, periods: int, timing: Timing, now: float) -> Window:
    """The last ``periods`` complete periods before ``now`` (AWS seconds), the oldest first."""
    end = math.floor(now / query.period)
    grid = tuple(float(number * query.period) for number in range(end - periods, end))
    series = {name: _series(stat, query.period, grid, timing) for name, stat in query.metrics.items()}
    values = expressions.evaluate(query.expression, series, grid)
    return [Datapoint(start, values[start]) if start in values else None for start in grid]


def _series(stat: MetricStat, period: int, grid: tuple[float, ...], timing: Timing) -> dict[float, float]:
    """A metric's value in each period in which it has datapoints."""
    buckets: dict[float, list[cloudwatch.Point]] = {start: [] for start in grid}
    since = timing.real_seconds(grid[0])
    for point in cloudwatch.points(stat.namespace, stat.name, stat.dimensions):
        if point["Timestamp"] >= since:
            start = float(math.floor(timing.aws_seconds(point["Timestamp"]) / period) * period)
            buckets.get(start, []).append(point)
    values = {
        start: cloudwatch.statistic(points, stat.statistic) for start, points in buckets.items() if points
    }
    return {start: value for start, value in values.items() if value is not None}
