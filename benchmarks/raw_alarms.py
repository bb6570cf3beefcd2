"""The alarms that roll a deployment back, in raw L1s."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

Dimensions = Mapping[str, str]
_Query = cloudwatch.CfnAlarm.MetricDataQueryProperty


def errors_alarm(
    stack: cdk.Stack,
    id: str,
    what: str,
    dimensions: Dimensions,
    *,
    requests_metric: str = "Invocations",
) -> cloudwatch.CfnAlarm:
    """On the share of the requests that failed."""
    return _alarm(
        stack,
        id,
        f"Rolls a deployment of {what} back: 5xx answers, in percent of the invocations",
        5,
        [
            _Query(
                id="rate",
                expression="IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)",
                label="5xx answers in percent",
                return_data=True,
            ),
            _query("errors", "Invocation5XXErrors", dimensions, "Sum"),
            _query("requests", requests_metric, dimensions, "Sum"),
        ],
    )


def latency_alarm(stack: cdk.Stack, id: str, what: str, dimensions: Dimensions) -> cloudwatch.CfnAlarm:
    """On the time that the model takes."""
    query = _query("latency", "ModelLatency", dimensions, "p99", returned=True)
    description = f"Rolls a deployment of {what} back: model latency, p99 (µs)"
    return _alarm(stack, id, description, 30_000_000, [query])


def _alarm(
    stack: cdk.Stack, id: str, description: str, threshold: float, metrics: list[_Query]
) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        stack,
        id,
        alarm_description=description,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=threshold,
        treat_missing_data="notBreaching",
        metrics=metrics,
    )


def _query(id: str, metric_name: str, dimensions: Dimensions, stat: str, *, returned: bool = False) -> _Query:
    return _Query(
        id=id,
        return_data=returned,
        metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace="AWS/SageMaker",
                metric_name=metric_name,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                    for name, value in dimensions.items()
                ],
            ),
            period=60,
            stat=stat,
        ),
    )
