"""The metrics of fleets, by name."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from .functions import METRIC_NAMESPACE


def metric(
    fleet: str,
    name: str,
    *,
    statistic: str = "Sum",
    group: str | None = None,
    label: str | None = None,
    period: cdk.Duration | None = None,
) -> cloudwatch.Metric:
    """A metric of a fleet, or of one of its groups."""
    dimensions = {"Fleet": fleet} if group is None else {"Fleet": fleet, "Group": group}
    return cloudwatch.Metric(
        namespace=METRIC_NAMESPACE,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        label=label,
        period=period,
    )
