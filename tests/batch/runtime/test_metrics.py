"""What CloudWatch is told."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from constructs_lib.batch.runtime import metrics
from tests.support.batch_aws import BatchAws


def test_each_value_has_its_dimension_unit_and_time() -> None:
    aws = BatchAws()
    metrics.put(aws.client("cloudwatch"), "nightly", {"RecordsIn": 7, "DurationSeconds": 1.5}, at=0)
    common = {
        "Dimensions": [{"Name": "Transform", "Value": "nightly"}],
        "Timestamp": datetime(1970, 1, 1, tzinfo=UTC),
    }
    assert aws.metrics == [
        {"MetricName": "RecordsIn", "Value": 7.0, "Unit": "Count", **common},
        {"MetricName": "DurationSeconds", "Value": 1.5, "Unit": "Seconds", **common},
    ]


def test_a_sink_has_metrics_of_its_own() -> None:
    aws = BatchAws()
    metrics.put(aws.client("cloudwatch"), "nightly", {"RecordsWritten": 7}, sink="dynamodb-1")
    (told,) = aws.metrics
    assert told["Dimensions"][1] == {"Name": "Sink", "Value": "dynamodb-1"}


def test_what_is_no_number_is_left_out() -> None:
    aws = BatchAws()
    metrics.put(aws.client("cloudwatch"), "nightly", {"A": math.nan, "B": math.inf, "C": 2.0**361, "D": 0})
    assert aws.counted() == {"D": 0}
    metrics.put(aws.client("cloudwatch"), "nightly", {"A": math.nan})
    assert aws.calls == ["PutMetricData"]


def test_many_values_take_several_calls() -> None:
    aws = BatchAws()
    metrics.put(aws.client("cloudwatch"), "nightly", {f"M{n}": n for n in range(1001)})
    assert aws.calls == ["PutMetricData"] * 3
    assert len(aws.metrics) == 1001
