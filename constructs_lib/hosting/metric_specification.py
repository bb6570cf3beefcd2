"""Any CloudWatch metric, as a target-tracking policy wants it described."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

_Policy = appscaling.CfnScalingPolicy

# What the policy spells out and CloudWatch abbreviates.
_STATISTICS = {
    "avg": "Average",
    "average": "Average",
    "min": "Minimum",
    "minimum": "Minimum",
    "max": "Maximum",
    "maximum": "Maximum",
    "sum": "Sum",
    "samplecount": "SampleCount",
    "n": "SampleCount",
}


def metric_specification(metric: cloudwatch.IMetric) -> _Policy.CustomizedMetricSpecificationProperty:
    """One metric with a plain statistic as it is; percentiles and metric math as data queries."""
    config = metric.to_metric_config()
    stat = config.metric_stat
    if stat is not None and stat.statistic.lower() in _STATISTICS:
        return _Policy.CustomizedMetricSpecificationProperty(
            namespace=stat.namespace,
            metric_name=stat.metric_name,
            dimensions=[
                _Policy.MetricDimensionProperty(name=each.name, value=str(each.value))
                for each in stat.dimensions or []
            ]
            or None,
            statistic=_STATISTICS[stat.statistic.lower()],
            unit=unit_name(stat),
        )
    return _Policy.CustomizedMetricSpecificationProperty(
        metrics=list(_queries("result", metric, returned=True))
    )


def _queries(
    id: str, metric: cloudwatch.IMetric, *, returned: bool
) -> Iterator[_Policy.TargetTrackingMetricDataQueryProperty]:
    """The query of `metric`, after those of the metrics it is computed from."""
    config = metric.to_metric_config()
    if config.metric_stat is not None:
        yield _Policy.TargetTrackingMetricDataQueryProperty(
            id=id, metric_stat=_metric_stat(config.metric_stat), return_data=returned
        )
        return
    expression = config.math_expression
    if expression is None:
        raise TypeError(f"{metric!r} is neither a metric nor a math expression")
    for name, each in expression.using_metrics.items():
        yield from _queries(name, each, returned=False)
    yield _Policy.TargetTrackingMetricDataQueryProperty(
        id=id, expression=expression.expression, return_data=returned
    )


def unit_name(stat: cloudwatch.MetricStatConfig) -> str | None:
    """``BITS_PER_SECOND`` → ``Bits/Second``: in Python, jsii knows the names of an enum, not its values."""
    return None if stat.unit_filter is None else stat.unit_filter.name.title().replace("_Per_", "/")


def _metric_stat(stat: cloudwatch.MetricStatConfig) -> _Policy.TargetTrackingMetricStatProperty:
    dimensions = [
        _Policy.TargetTrackingMetricDimensionProperty(name=each.name, value=str(each.value))
        for each in stat.dimensions or []
    ]
    return _Policy.TargetTrackingMetricStatProperty(
        metric=_Policy.TargetTrackingMetricProperty(
            namespace=stat.namespace, metric_name=stat.metric_name, dimensions=dimensions or None
        ),
        stat=stat.statistic,
        unit=unit_name(stat),
    )
