"""Metrics as lines of the log: CloudWatch makes them from its embedded metric format.

A line costs no call, so it can neither fail nor slow down what it tells of, and needs no permission.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

NAMESPACE = "ConstructsLib/Experiments"


def metric_line(values: Mapping[str, float], *, at: float, **dimensions: str) -> str:
    """Metrics of a moment, with their dimensions."""
    described = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    return json.dumps(
        {"_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [described]}, **dimensions, **values}
    )
