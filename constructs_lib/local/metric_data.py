"""Of CloudWatch's data what ministack leaves out: metric math, and the namespace as a condition of IAM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import emulator
from . import emulator_cloudwatch as cloudwatch
from .autoscaling.expressions import MetricMathError, Series, evaluate, in_order
from .emulator_cloudwatch import Queries

_MINUTE = 60


def install() -> None:
    """Compute metric math, and let policies bind PutMetricData to a namespace."""
    cloudwatch.answer_metric_math(results)
    emulator.add_condition_keys("cloudwatch:PutMetricData", _namespace)


def _namespace(body: bytes) -> dict[str, str]:
    namespace = cloudwatch.members(body).get("Namespace")
    return {} if namespace is None else {"cloudwatch:namespace": str(namespace)}


def results(queries: Queries, start: float, end: float) -> list[dict[str, Any]]:
    """What the queries return between `start` and `end`, newest first as on AWS."""
    period = min((_period(query) for query in queries if "MetricStat" in query), default=_MINUTE)
    first = int(start // period)
    grid = tuple(float(number * period) for number in range(first, int(-(-end // period))))
    series: dict[str, Series] = {}
    faults: dict[str, list[dict[str, str]]] = {}
    for query in in_order(queries):
        try:
            series[query["Id"]] = _of(query, series, grid)
        except MetricMathError as error:
            series[query["Id"]] = {}
            faults[query["Id"]] = [{"Code": "ValidationError", "Value": str(error)}]
    return [
        _result(query, series[query["Id"]], faults.get(query["Id"], []))
        for query in queries
        if query.get("ReturnData", True)
    ]


def _of(query: Mapping[str, Any], series: Mapping[str, Series], grid: tuple[float, ...]) -> Series:
    if "Expression" in query:
        return evaluate(query["Expression"], series, grid)
    stat = query["MetricStat"]
    return cloudwatch.by_period(cloudwatch.points_of(stat["Metric"]), stat["Stat"], _period(query), grid)


def _period(query: Mapping[str, Any]) -> int:
    return int(query["MetricStat"]["Period"])


def _result(query: Mapping[str, Any], series: Series, messages: list[dict[str, str]]) -> dict[str, Any]:
    newest_first = sorted(series, reverse=True)
    return {
        "Id": query["Id"],
        "Label": query.get("Label", query["Id"]),
        "StatusCode": "InternalError" if messages else "Complete",
        "Messages": messages,
        "Timestamps": newest_first,
        "Values": [series[time] for time in newest_first],
    }
