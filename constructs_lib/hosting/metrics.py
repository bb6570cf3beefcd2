"""The metrics SageMaker reports for an endpoint, under the names and dimensions that really report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.limits import METRIC_INTERVALS
from ..core.rules import API_REFERENCE, Broken, Rules
from ..core.tokens import is_token

_INVOCATIONS = "AWS/SageMaker"
_INSTANCES = "/aws/sagemaker/Endpoints"


class EndpointMetric(Enum):
    """A metric with its namespace and how it is best summed up, alone and over variants.

    Which of them an endpoint reports depends on its kind.
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

    MODEL_SETUP_TIME = ("ModelSetupTime", _INVOCATIONS, "p99", "MAX")
    """Serverless: microseconds to start a container, a part of the overhead."""
    CONCURRENT_EXECUTIONS_UTILIZATION = (
        "ServerlessConcurrentExecutionsUtilization", _INVOCATIONS, "Maximum", "MAX",
    )  # fmt: skip
    """Serverless: share of the maximum concurrency in use, 0–1."""
    PROVISIONED_CONCURRENCY_UTILIZATION = (
        "ServerlessProvisionedConcurrencyUtilization", _INVOCATIONS, "Maximum", "MAX",
    )  # fmt: skip
    """Serverless: share of the provisioned concurrency in use, 0–1."""
    PROVISIONED_CONCURRENCY_SPILLOVER = (
        "ServerlessProvisionedConcurrencySpilloverInvocations", _INVOCATIONS, "Sum", "SUM",
    )  # fmt: skip
    """Serverless: requests that found the provisioned concurrency taken."""

    # The queue is the endpoint's, what becomes of a request is reported for each variant:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
    BACKLOG_SIZE = ("ApproximateBacklogSize", _INVOCATIONS, "Average", "SUM", False)
    """Asynchronous: requests waiting or in work."""
    BACKLOG_SIZE_PER_INSTANCE = ("ApproximateBacklogSizePerInstance", _INVOCATIONS, "Average", "MAX", False)
    AGE_OF_OLDEST_REQUEST = ("ApproximateAgeOfOldestRequest", _INVOCATIONS, "Maximum", "MAX", False)
    """Asynchronous: seconds."""
    BACKLOG_WITHOUT_CAPACITY = ("HasBacklogWithoutCapacity", _INVOCATIONS, "Maximum", "MAX", False)
    """Asynchronous: 1 while requests wait and no instance is there."""
    TIME_IN_BACKLOG = ("TimeInBacklog", _INVOCATIONS, "Average", "MAX")
    """Asynchronous: microseconds from acceptance to work."""
    TOTAL_PROCESSING_TIME = ("TotalProcessingTime", _INVOCATIONS, "Average", "MAX")
    """Asynchronous: milliseconds from acceptance to the result in S3."""
    INVOCATIONS_PROCESSED = ("InvocationsProcessed", _INVOCATIONS, "Sum", "SUM")
    INVOCATION_FAILURES = ("InvocationFailures", _INVOCATIONS, "Sum", "SUM")
    EXPIRED_REQUESTS = ("ExpiredRequests", _INVOCATIONS, "Sum", "SUM")
    """Asynchronous: requests that waited beyond their time to live."""

    MODEL_CACHE_HIT = ("ModelCacheHit", _INVOCATIONS, "Average", "MAX")
    """Multi-model: share of the requests that found their model loaded, 0–1."""
    MODEL_LOADING_WAIT_TIME = ("ModelLoadingWaitTime", _INVOCATIONS, "p99", "MAX")
    """Multi-model: microseconds a request waited for its model."""
    MODEL_DOWNLOADING_TIME = ("ModelDownloadingTime", _INVOCATIONS, "p99", "MAX")
    MODEL_LOADING_TIME = ("ModelLoadingTime", _INVOCATIONS, "p99", "MAX")
    MODEL_UNLOADING_TIME = ("ModelUnloadingTime", _INVOCATIONS, "p99", "MAX")
    LOADED_MODEL_COUNT = ("LoadedModelCount", _INSTANCES, "Average", "SUM")
    """Multi-model: models in memory, per instance."""

    def __init__(
        self, metric_name: str, namespace: str, statistic: str, over_variants: str, per_variant: bool = True
    ) -> None:
        self.metric_name = metric_name
        self.namespace = namespace
        self.statistic = statistic
        self.per_variant = per_variant
        """Whether it is reported for each variant, or for the endpoint only."""
        self._over_variants = over_variants

    def over_variants(self, ids: Iterable[str]) -> str:
        """Metric math over the metrics `ids` of several variants: counts added up, the worst of the others.

        FILL, since a variant without traffic reports nothing, and nothing plus something is nothing.
        """
        return f"{self._over_variants}([{', '.join(f'FILL({id}, 0)' for id in ids)}])"

    def sources(self, endpoint_name: str, variant_names: Sequence[str]) -> list[dict[str, str]]:
        """The dimensions it is reported under: one set a variant, or one for the endpoint."""
        if not self.per_variant:
            return [{"EndpointName": endpoint_name}]
        return [{"EndpointName": endpoint_name, "VariantName": name} for name in variant_names]

    def of(
        self,
        endpoint_name: str,
        variant_names: Sequence[str],
        *,
        statistic: str | None = None,
        period: cdk.Duration | None = None,
        config_name: str | None = None,
    ) -> cloudwatch.Metric | cloudwatch.MathExpression:
        """The metric of one variant, or of several together: counts added up, the worst of the others.

        :param config_name: of one endpoint configuration only, which during a rollout is one fleet. For the
            metrics of invocations, from the first update of an endpoint on.
            Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
        """
        period = period or cdk.Duration.minutes(1)
        fleet = {} if config_name is None else {"EndpointConfigName": config_name}
        each = {
            # The metric's own name leads, so that several of these fit into one expression.
            f"{self.name.lower()}_{index}": cloudwatch.Metric(
                namespace=self.namespace,
                metric_name=self.metric_name,
                dimensions_map={**dimensions, **fleet},
                statistic=statistic or self.statistic,
                period=period,
            )
            for index, dimensions in enumerate(self.sources(endpoint_name, variant_names))
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
