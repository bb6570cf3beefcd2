"""The metrics of fleets: one namespace, and one way to put them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

NAMESPACE = "ConstructsLib/Edge"
_MOST_DATA = 500
_MOST_VALUES_A_CALL = 5000
"""Of all data of a call, which has at most 1 MB: a value and its count are some hundred bytes of it."""


def datum(metric: str, value: float, **dimensions: str) -> dict[str, Any]:
    """The datum of a count, now."""
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": each} for name, each in dimensions.items()],
        "Value": float(value),
        "Unit": "Count",
    }


def put(cloudwatch: Any, data: Iterable[Mapping[str, Any]]) -> None:
    """Tell CloudWatch, in as few calls as it takes."""
    for some in _calls(data):
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=some)


def _calls(data: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    some: list[Mapping[str, Any]] = []
    values = 0
    for each in data:
        size = len(each.get("Values", ()))
        if len(some) == _MOST_DATA or values + size > _MOST_VALUES_A_CALL:
            yield some
            some, values = [], 0
        some.append(each)
        values += size
    if some:
        yield some
