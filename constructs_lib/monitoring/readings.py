"""Metrics of one variant as alarms and graphs read them."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..hosting.metrics import EndpointMetric
from .watched_variants import WatchedVariant

AnyMetric = cloudwatch.Metric | cloudwatch.MathExpression


def reading(
    variant: WatchedVariant, metric: EndpointMetric, period: cdk.Duration, statistic: str | None = None
) -> AnyMetric:
    """A metric of `variant`, or, where SageMaker reports it so, of its endpoint."""
    return metric.of(variant.endpoint.endpoint_name, (variant.name,), statistic=statistic, period=period)


def error_share(
    variant: WatchedVariant, errors: EndpointMetric, period: cdk.Duration, *, least: int = 1
) -> cloudwatch.MathExpression:
    """Errors in percent of the requests; nothing in periods with fewer requests than `least`."""
    failed, requests = _id(variant, errors), _id(variant, variant.requests)
    return _computed(
        # Without an else, a period with too few requests is one without data.
        f"IF({requests} >= {least}, 100 * FILL({failed}, 0) / {requests})",
        {failed: reading(variant, errors, period), requests: reading(variant, variant.requests, period)},
        label=f"{errors.metric_name} in percent",
        period=period,
    )


def with_enough_requests(
    variant: WatchedVariant,
    metric: EndpointMetric,
    period: cdk.Duration,
    *,
    least: int,
    statistic: str | None = None,
) -> AnyMetric:
    """A metric of `variant`; nothing in periods with fewer requests than `least`."""
    plain = reading(variant, metric, period, statistic)
    if least == 1:
        return plain
    value, requests = _id(variant, metric, statistic), _id(variant, variant.requests)
    return _computed(
        f"IF({requests} >= {least}, {value})",
        {value: plain, requests: reading(variant, variant.requests, period)},
        label=metric.metric_name,
        period=period,
    )


def scaled(
    variant: WatchedVariant,
    metric: EndpointMetric,
    period: cdk.Duration,
    by: str,
    *,
    label: str,
    statistic: str | None = None,
) -> cloudwatch.MathExpression:
    """A metric in another unit: ``by`` is ``* 100`` or ``/ 1000``."""
    value = _id(variant, metric, statistic)
    return _computed(
        f"{value} {by}", {value: reading(variant, metric, period, statistic)}, label=label, period=period
    )


def instances(variant: WatchedVariant, period: cdk.Duration) -> cloudwatch.MathExpression:
    """How many instances answered; nothing in periods without a request.

    No metric counts instances. But with each request SageMaker reports 1 as Invocations, and 1 / (number of
    active instances) as InvocationsPerInstance: their sums divided are the number. Rounded, since thirds do not add
    up to a whole, and since it may have changed within the period.
    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ScalingPolicyMetric.html
    """
    requests, shares = EndpointMetric.INVOCATIONS, EndpointMetric.INVOCATIONS_PER_INSTANCE
    of = {_id(variant, metric): reading(variant, metric, period) for metric in (requests, shares)}
    all_of_them, per_instance = of
    return _computed(
        f"IF({per_instance} > 0, FLOOR({all_of_them} / {per_instance} + 0.5))",
        of,
        label="Instances that answered",
        period=period,
    )


def _id(variant: WatchedVariant, metric: EndpointMetric, statistic: str | None = None) -> str:
    """An id in metric math. In one graph the same metric has the same one, and no other has it."""
    return "_".join(filter(None, (metric.name.lower(), (statistic or "").lower(), str(variant.index))))


def _computed(
    expression: str, metrics: Mapping[str, AnyMetric], *, label: str, period: cdk.Duration
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, using_metrics=metrics, label=label, period=period)
