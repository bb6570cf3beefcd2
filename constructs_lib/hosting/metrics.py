"""The metrics SageMaker reports for an endpoint, under the names and dimensions that really report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.rules import API_REFERENCE, Broken, Rules
from ..core.tokens import is_token

_INVOCATIONS = "AWS/SageMaker"
_INSTANCES = "/aws/sagemaker/Endpoints"


class EndpointMetric(Enum):
    """A metric with its namespace and how it is best summed up, alone and over variants.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """

    INVOCATIONS = ("Invocations", _INVOCATIONS, "Sum", "SUM")
    INVOCATIONS_PER_INSTANCE = ("InvocationsPerInstance", _INVOCATIONS, "Sum", "MAX")
    INVOCATION_4XX_ERRORS = ("Invocation4XXErrors", _INVOCATIONS, "Sum", "SUM")
    INVOCATION_5XX_ERRORS = ("Invocation5XXErrors", _INVOCATIONS, "Sum", "SUM")
    MODEL_LATENCY = ("ModelLatency", _INVOCATIONS, "p99", "MAX")
    OVERHEAD_LATENCY = ("OverheadLatency", _INVOCATIONS, "p99", "MAX")
    CONCURRENT_REQUESTS = ("ConcurrentRequestsPerModel", _INVOCATIONS, "Maximum", "MAX")
    CPU_UTILIZATION = ("CPUUtilization", _INSTANCES, "Average", "MAX")
    MEMORY_UTILIZATION = ("MemoryUtilization", _INSTANCES, "Average", "MAX")
    DISK_UTILIZATION = ("DiskUtilization", _INSTANCES, "Average", "MAX")
    GPU_UTILIZATION = ("GPUUtilization", _INSTANCES, "Average", "MAX")
    GPU_MEMORY_UTILIZATION = ("GPUMemoryUtilization", _INSTANCES, "Average", "MAX")

    def __init__(self, metric_name: str, namespace: str, statistic: str, over_variants: str) -> None:
        self.metric_name = metric_name
        self.namespace = namespace
        self.statistic = statistic
        self._over_variants = over_variants

    def over_variants(self, ids: Iterable[str]) -> str:
        """Metric math over the metrics `ids` of several variants: counts added up, the worst of the others.

        FILL, since a variant without traffic reports nothing, and nothing plus something is nothing.
        """
        return f"{self._over_variants}([{', '.join(f'FILL({id}, 0)' for id in ids)}])"

    def of(
        self,
        endpoint_name: str,
        variant_names: Sequence[str],
        *,
        statistic: str | None = None,
        period: cdk.Duration | None = None,
    ) -> cloudwatch.Metric | cloudwatch.MathExpression:
        """The metric of one variant, or of several together: counts added up, the worst of the others."""
        period = period or cdk.Duration.minutes(1)
        each = {
            # The metric's own name leads, so that several of these fit into one expression.
            f"{self.name.lower()}_{index}": cloudwatch.Metric(
                namespace=self.namespace,
                metric_name=self.metric_name,
                dimensions_map={"EndpointName": endpoint_name, "VariantName": name},
                statistic=statistic or self.statistic,
                period=period,
            )
            for index, name in enumerate(variant_names)
        }
        if len(each) == 1:
            return next(iter(each.values()))
        return cloudwatch.MathExpression(
            expression=self.over_variants(each),
            using_metrics=each,
            label=self.metric_name,
            period=period,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsPublishing:
    """How finely the endpoint reports to CloudWatch.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MetricsConfig.html
    """

    enhanced: bool = True
    """Also per instance and container."""
    every: cdk.Duration | None = None
    """10, 30, 60, 120, 180, 240 or 300 seconds. Default: 60."""

    def __post_init__(self) -> None:
        """Check."""
        publishing_rules.enforce(self, path="MetricsPublishing")


publishing_rules = Rules[MetricsPublishing]()

METRIC_INTERVALS = (10, 30, 60, 120, 180, 240, 300)


@publishing_rules.rule("SM-ENDPOINT-007", source=API_REFERENCE + "API_MetricsConfig.html")
def interval_is_offered(publishing: MetricsPublishing) -> Iterator[Broken]:
    """Metrics are published every 10, 30, 60, 120, 180, 240 or 300 seconds."""
    every = publishing.every
    if isinstance(every, cdk.Duration) and not is_token(every):
        seconds = every.to_milliseconds() / 1000
        if seconds not in METRIC_INTERVALS:
            yield Broken(
                "every", f"{seconds:g} seconds", f"one of {', '.join(map(str, METRIC_INTERVALS))} seconds"
            )
