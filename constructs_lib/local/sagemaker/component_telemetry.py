"""What an inference component tells CloudWatch."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from .component import Component
from .copies import Copy
from .telemetry import Metrics, coarse_microseconds

UTILIZATION_NAMESPACE = "/aws/sagemaker/InferenceComponents"
_MEBIBYTE = 1024 * 1024


def log_group(component: str) -> str:
    """The log group of an inference component."""
    return f"/aws/sagemaker/InferenceComponents/{component}"


class ComponentMetrics:
    """The metrics with the one dimension InferenceComponentName."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def _add(
        self, component: Component, name: str, value: float, unit: str = "None",
        namespace: str = "AWS/SageMaker",
    ) -> None:  # fmt: skip
        dimensions = {"InferenceComponentName": component.name}
        self._metrics.add_for(component.scope, dimensions, name, value, unit=unit, namespace=namespace)

    def invocation(
        self, component: Component, *, status: int, model_seconds: float, overhead_seconds: float
    ) -> None:
        """Keep the values of one invocation."""
        self._add(component, "Invocations", 1)
        self._add(component, "InvocationsPerCopy", 1 / max(1, len(component.copies)))
        self._add(component, "Invocation4XXErrors", 400 <= status < 500)
        self._add(component, "Invocation5XXErrors", status >= 500)
        self._add(component, "ModelLatency", coarse_microseconds(model_seconds), "Microseconds")
        self._add(component, "OverheadLatency", coarse_microseconds(overhead_seconds), "Microseconds")

    def no_capacity(self, component: Component) -> None:
        """Keep one invocation that found no copy."""
        self._add(component, "NoCapacityInvocationFailures", 1)

    def load(self, components: Iterable[Component]) -> None:
        """Keep what is under way now, 0 too: an idle component could not scale in without datapoints."""
        for component in components:
            copies = len(component.copies)
            if copies:
                self._add(component, "ConcurrentRequestsPerCopy", component.in_flight / copies)
                self._add(component, "InvocationsPerCopy", 0)

    def utilization(self, components: Iterable[Component]) -> None:
        """Keep what the copies use of what is theirs."""
        for component in components:
            for copy in component.copies:
                self._copy_utilization(component, copy)

    def _copy_utilization(self, component: Component, copy: Copy) -> None:
        used = copy.utilization()
        if used is None:
            return
        spec, facts = component.live.spec, component.variant.fleet.facts
        cores = spec.needs.cores or facts.cores
        used_mb = psutil.virtual_memory().total * used[1] / 100 / _MEBIBYTE
        of_memory = 100 * used_mb / (spec.max_memory_mb or facts.memory_mb)
        for name, value in (
            ("CPUUtilizationNormalized", used[0] / cores),
            ("MemoryUtilizationNormalized", of_memory),
        ):
            self._add(component, name, round(value, 2), "Percent", UTILIZATION_NAMESPACE)
