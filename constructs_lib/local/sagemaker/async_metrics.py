"""The metrics of asynchronous endpoints. AWS publishes no others for them.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .telemetry import Metrics, coarse_microseconds

if TYPE_CHECKING:
    from .endpoint import Endpoint

_MILLISECONDS = 1000


class AsyncMetrics:
    """The metrics of all asynchronous endpoints."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def of(self, endpoint: Endpoint, variant: str) -> VariantMetrics:
        """Those of one variant."""
        return VariantMetrics(self._metrics, endpoint, variant)

    def backlog(self, endpoint: Endpoint) -> None:
        """Keep the state of a queue. The dimension is the endpoint alone."""
        instances = sum(variant.fleet.size for variant in endpoint.live.variants.values())
        size = endpoint.backlog.size

        def add(name: str, value: float, unit: str = "Count") -> None:
            self._metrics.add(endpoint.scope, endpoint.name, None, name, value, unit=unit)

        add("ApproximateBacklogSize", size)
        # What AWS divides by when there is no instance is not known; so target tracking sees the backlog.
        add("ApproximateBacklogSizePerInstance", size / max(1, instances))
        add("HasBacklogWithoutCapacity", size > 0 and instances == 0)
        add("ApproximateAgeOfOldestRequest", round(endpoint.backlog.oldest_age, 1), "Seconds")


class VariantMetrics:
    """The metrics of one variant of an asynchronous endpoint."""

    def __init__(self, metrics: Metrics, endpoint: Endpoint, variant: str) -> None:
        self._metrics = metrics
        self._endpoint = endpoint
        self._variant = variant

    def count(self, name: str) -> None:
        """Keep that it happened once more."""
        self._add(name, 1, "Count")

    def status(self, status: int) -> None:
        """Keep the status of the model's answer. 0 too, so that the average is the error rate."""
        self._add("Invocation4XXErrors", 400 <= status < 500, "None")
        self._add("Invocation5XXErrors", status >= 500, "None")

    def latency(self, name: str, seconds: float) -> None:
        """Keep a latency in microseconds."""
        self._add(name, coarse_microseconds(seconds), "Microseconds")

    def milliseconds(self, name: str, seconds: float) -> None:
        """Keep a time in milliseconds."""
        self._add(name, coarse_microseconds(seconds) / _MILLISECONDS, "Milliseconds")

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Keep how long something takes that does not fail."""
        began = time.perf_counter()
        yield
        self.latency(name, time.perf_counter() - began)

    def _add(self, name: str, value: float, unit: str) -> None:
        self._metrics.add(self._endpoint.scope, self._endpoint.name, self._variant, name, value, unit=unit)
