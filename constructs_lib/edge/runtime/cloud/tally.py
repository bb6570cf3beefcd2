"""Many summaries as a few metrics: how many there are depends on groups, versions and minutes, not on devices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .summary import Summary

NAMESPACE = "ConstructsLib/Edge"
_MINUTE = 60
_OLDEST_SECONDS = 14 * 86_400 - 3600
"""CloudWatch takes two weeks: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
_MOST_VALUES = 150
_MOST_DATA = 500
_STEP = 1.05
"""Buckets of latency are this much apart: what is merged of many devices has at most some hundred."""

Dimensions = tuple[tuple[str, str], ...]


def tally(summaries: Iterable[Summary], fleet: str, *, now: float) -> list[dict[str, Any]]:
    """The metrics of `summaries`, by minute, for the fleet, its groups, and the versions of its model."""
    sums: dict[tuple[str, Dimensions, int], float] = defaultdict(float)
    fullest: dict[tuple[Dimensions, int], float] = defaultdict(float)
    latency: dict[tuple[Dimensions, int], dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for each in summaries:
        minute = _minute(each.at, now)
        counts = {**each.counts, "Requests": each.counts["Inferences"] + each.counts["Errors"]}
        for dimensions in _of(fleet, each):
            for metric, value in counts.items():
                sums[metric, dimensions, minute] += value
            fullest[dimensions, minute] = max(fullest[dimensions, minute], each.buffered)
            for value, count in each.latency.items():
                latency[dimensions, minute][_rounded(value)] += count
        version = (("Fleet", fleet), ("ModelVersion", each.version))
        sums["Inferences", version, minute] += each.counts["Inferences"]
    return [
        *(_sum(metric, dimensions, minute, value) for (metric, dimensions, minute), value in sums.items()),
        *(
            _sum("BufferedRecords", dimensions, minute, value)
            for (dimensions, minute), value in fullest.items()
        ),
        *(
            datum
            for (dimensions, minute), found in latency.items()
            for datum in _distribution(dimensions, minute, found)
        ),
    ]


def _of(fleet: str, summary: Summary) -> tuple[Dimensions, Dimensions]:
    return (("Fleet", fleet),), (("Fleet", fleet), ("Group", summary.group))


def _minute(at: float, now: float) -> int:
    """The minute that it counts for; what is too old for CloudWatch counts for the oldest that it takes."""
    return int(max(at, now - _OLDEST_SECONDS) // _MINUTE) * _MINUTE


def _rounded(milliseconds: float) -> float:
    if milliseconds <= 0:
        return 0.0
    return round(_STEP ** round(math.log(milliseconds, _STEP)), 4)


def _sum(metric: str, dimensions: Dimensions, minute: int, value: float) -> dict[str, Any]:
    return {**_datum(metric, dimensions, minute), "Value": value, "Unit": "Count"}


def _distribution(
    dimensions: Dimensions, minute: int, found: Mapping[float, float]
) -> Iterator[dict[str, Any]]:
    values = sorted(value for value, count in found.items() if count)
    for start in range(0, len(values), _MOST_VALUES):
        some = values[start : start + _MOST_VALUES]
        yield {
            **_datum("Latency", dimensions, minute),
            "Values": some,
            "Counts": [found[value] for value in some],
            "Unit": "Milliseconds",
        }


def _datum(metric: str, dimensions: Dimensions, minute: int) -> dict[str, Any]:
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "Timestamp": datetime.fromtimestamp(minute, UTC),
    }


def put(cloudwatch: Any, data: Sequence[dict[str, Any]]) -> None:
    """Tell CloudWatch, in as few calls as it takes."""
    for start in range(0, len(data), _MOST_DATA):
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=list(data[start : start + _MOST_DATA]))
