"""A line of the log for each request, of which CloudWatch makes metrics; never of what was asked or answered.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

NAMESPACE = "ConstructsLib/Access"


def line(*, at: float, api: str, code: str, milliseconds: float, told: Mapping[str, object]) -> str:
    """What became of a request: how many there were of each code, and how long they took."""
    described = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Api"], ["Api", "Code"]],
        "Metrics": [
            {"Name": "Requests", "Unit": "Count"},
            {"Name": "Duration", "Unit": "Milliseconds"},
        ],
    }
    return json.dumps(
        {
            "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [described]},
            "Api": api,
            "Code": code,
            "Requests": 1,
            "Duration": round(milliseconds, 1),
            **{name: each for name, each in told.items() if each is not None},
        }
    )
