"""Many summaries as a few metrics: how many there are depends on groups, versions and minutes, not on devices."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .metrics import datum
from .summary import Summary

OTHER = "other"
"""Stands for all versions but the commonest."""
_MOST_VERSIONS = 20
"""That have metrics of their own at once. Each is billed, and a device may tell any."""
_MINUTE = 60
_OLDEST_SECONDS = 14 * 86_400 - 3600
"""CloudWatch takes two weeks: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
_MOST_VALUES = 150
_STEP = 1.05
"""Buckets of latency are this much apart: what is merged of many devices has at most some hundred."""
_ALWAYS = ("Requests", "Inferences", "Errors", "DeliveredRecords")
"""Are told when they are 0 too. All others are rare, and billed for each hour in which they are told."""
_WHEN_RECEIVED = ("DroppedRecords", "RejectedModels")
"""Count for when they came, since an alarm looks at the last minutes only, and a device that dropped records was
offline when it did."""

Dimensions = tuple[tuple[str, str], ...]


def tally(summaries: Sequence[Summary], fleet: str, *, now: float) -> list[dict[str, Any]]:
    """The metrics of `summaries`, by minute, for the fleet, its groups, and the versions of its model."""
    sums: dict[tuple[str, Dimensions, int], float] = defaultdict(float)
    fullest: dict[tuple[Dimensions, int], float] = defaultdict(float)
    latency: dict[tuple[Dimensions, int], dict[float, float]] = defaultdict(lambda: defaultdict(float))
    named = commonest(Counter(each.version for each in summaries))
    for each in summaries:
        minute, received = _minute(each.at, now), _minute(each.received, now)
        for dimensions in _of(fleet, each):
            for metric, value in each.counts.items():
                if value or metric in _ALWAYS:
                    sums[metric, dimensions, received if metric in _WHEN_RECEIVED else minute] += value
            fullest[dimensions, minute] = max(fullest[dimensions, minute], each.buffered)
            for value, count in each.latency.items():
                latency[dimensions, minute][_rounded(value)] += count
        version = (("Fleet", fleet), ("ModelVersion", each.version if each.version in named else OTHER))
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


def commonest(versions: Counter[str]) -> frozenset[str]:
    """Those that have metrics of their own."""
    return frozenset(each for each, _ in versions.most_common(_MOST_VERSIONS))


def _of(fleet: str, summary: Summary) -> tuple[Dimensions, Dimensions]:
    return (("Fleet", fleet),), (("Fleet", fleet), ("Group", summary.group))


def _minute(at: float, now: float) -> int:
    """The minute that it counts for; what is too old for CloudWatch counts for the oldest that it takes."""
    return int(max(at, now - _OLDEST_SECONDS) // _MINUTE) * _MINUTE


def _rounded(milliseconds: float) -> float:
    if milliseconds <= 0:
        return 0.0
    return float(f"{_STEP ** round(math.log(milliseconds, _STEP)):.5g}")


def _sum(metric: str, dimensions: Dimensions, minute: int, value: float) -> dict[str, Any]:
    return {**datum(metric, value, **dict(dimensions)), **_at(minute)}


def _distribution(
    dimensions: Dimensions, minute: int, found: Mapping[float, float]
) -> Iterator[dict[str, Any]]:
    values = sorted(value for value, count in found.items() if count)
    for start in range(0, len(values), _MOST_VALUES):
        some = values[start : start + _MOST_VALUES]
        yield {
            "MetricName": "Latency",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
            **_at(minute),
            "Values": some,
            "Counts": [found[value] for value in some],
            "Unit": "Milliseconds",
        }


def _at(minute: int) -> dict[str, Any]:
    return {"Timestamp": datetime.fromtimestamp(minute, UTC)}
