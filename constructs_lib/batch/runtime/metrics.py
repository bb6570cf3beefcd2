"""The metrics of batch runs: one namespace; each transform has its own, each of its sinks some more."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.runtime.windows import moment

NAMESPACE = "ConstructsLib/Batch"
_MOST_A_CALL = 500
_LARGEST = 2.0**360
"""CloudWatch refuses larger values, and with one of them all of the call.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""
_SECONDS = "Seconds"


def put(
    cloudwatch: Any,
    transform: str,
    values: Mapping[str, float],
    *,
    sink: str | None = None,
    at: float | None = None,
) -> None:
    """Tell CloudWatch. What is no number that it takes is left out; with no values it is not called.

    :param values: by metric. Those whose name ends in ``Seconds`` are seconds, all others counts.
    :param sink: the name of a sink, as the dimension ``Sink`` beside ``Transform``.
    :param at: seconds since 1970; CloudWatch takes the last two weeks. By default now.
    :raises ClientError: CloudWatch refuses; earlier batches may have been taken.
    """
    dimensions = [{"Name": "Transform", "Value": transform}]
    if sink is not None:
        dimensions.append({"Name": "Sink", "Value": sink})
    when = moment(time.time() if at is None else at)
    data = [
        {
            "MetricName": name,
            "Dimensions": dimensions,
            "Timestamp": when,
            "Value": float(value),
            "Unit": _SECONDS if name.endswith(_SECONDS) else "Count",
        }
        for name, value in values.items()
        if math.isfinite(value) and abs(value) <= _LARGEST
    ]
    for batch in _batches(data):
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=batch)


def _batches(data: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(data), _MOST_A_CALL):
        yield data[start : start + _MOST_A_CALL]
