"""The metrics of batch transforms, by name."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from .functions import METRIC_NAMESPACE


def metric(
    transform: str, name: str, *, statistic: str = "Sum", sink: str | None = None, label: str | None = None
) -> cloudwatch.Metric:
    """A metric of a transform, or of one of its sinks."""
    dimensions = {"Transform": transform} if sink is None else {"Transform": transform, "Sink": sink}
    return cloudwatch.Metric(
        namespace=METRIC_NAMESPACE,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        label=label,
    )
