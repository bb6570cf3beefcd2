"""The metrics SageMaker reports for an inference component, under its name alone."""

from __future__ import annotations

from enum import Enum

_INVOCATIONS = "AWS/SageMaker"
_COPIES = "/aws/sagemaker/InferenceComponents"


class ComponentMetric(Enum):
    """A metric with its namespace and how it is best summed up.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """

    INVOCATIONS = ("Invocations", _INVOCATIONS, "Sum")
    INVOCATIONS_PER_COPY = ("InvocationsPerCopy", _INVOCATIONS, "Sum")
    INVOCATION_4XX_ERRORS = ("Invocation4XXErrors", _INVOCATIONS, "Sum")
    INVOCATION_5XX_ERRORS = ("Invocation5XXErrors", _INVOCATIONS, "Sum")
    MODEL_LATENCY = ("ModelLatency", _INVOCATIONS, "p99")
    """Microseconds."""
    OVERHEAD_LATENCY = ("OverheadLatency", _INVOCATIONS, "p99")
    """Microseconds."""
    CONCURRENT_REQUESTS_PER_COPY = ("ConcurrentRequestsPerCopy", _INVOCATIONS, "Maximum")
    NO_CAPACITY_INVOCATION_FAILURES = ("NoCapacityInvocationFailures", _INVOCATIONS, "Maximum")
    """Requests that found no copy: what wakes a component up."""
    CPU_UTILIZATION = ("CPUUtilizationNormalized", _COPIES, "Average")
    """Percent of the CPU that the copies reserved."""
    MEMORY_UTILIZATION = ("MemoryUtilizationNormalized", _COPIES, "Average")
    """Percent of the memory that the copies reserved."""
    GPU_UTILIZATION = ("GPUUtilizationNormalized", _COPIES, "Average")
    GPU_MEMORY_UTILIZATION = ("GPUMemoryUtilizationNormalized", _COPIES, "Average")

    def __init__(self, metric_name: str, namespace: str, statistic: str) -> None:
        self.metric_name = metric_name
        self.namespace = namespace
        self.statistic = statistic
