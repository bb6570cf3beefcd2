"""A serverless variant: its configuration, and what it tells CloudWatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..serving.on_demand import Execution, OnDemandFleet
from .telemetry import Metrics, coarse_microseconds

if TYPE_CHECKING:
    from .endpoint import Endpoint

MAX_BODY_BYTES = 4 * 1024 * 1024
#: The model must be loaded within this time, and no configuration can change that.
STARTUP_SECONDS = 180.0
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessSettings:
    """The ServerlessConfig of a variant. No provisioned concurrency is 0."""

    memory_mb: int
    max_concurrency: int
    provisioned: int = 0

    @classmethod
    def of(cls, config: dict[str, Any] | None) -> ServerlessSettings | None:
        """The settings, or None for a variant on instances."""
        if config is None:
            return None
        return cls(
            memory_mb=config["MemorySizeInMB"],
            max_concurrency=config["MaxConcurrency"],
            provisioned=config.get("ProvisionedConcurrency", 0),
        )

    @property
    def memory_bytes(self) -> int:
        """The address space of a process."""
        return self.memory_mb * _MEBIBYTE

    def members(self) -> dict[str, int]:
        """The settings as the API shows them."""
        shown = {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.max_concurrency}
        return {**shown, "ProvisionedConcurrency": self.provisioned} if self.provisioned else shown


class ServerlessMetrics:
    """The metrics of serverless variants. AWS publishes no others for them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def execution(
        self, endpoint: Endpoint, variant: str, execution: Execution, provisioned: int, *,
        status: int, model_seconds: float, overhead_seconds: float,
    ) -> None:  # fmt: skip
        """Keep the values of one invocation; the overhead includes the cold start."""

        def add(name: str, value: float, unit: str) -> None:
            self._metrics.add(endpoint.scope, endpoint.name, variant, name, value, unit=unit)

        add("Invocations", 1, "None")
        add("Invocation4XXErrors", 400 <= status < 500, "None")
        add("Invocation5XXErrors", status >= 500, "None")
        add("ModelLatency", coarse_microseconds(model_seconds), "Microseconds")
        add("OverheadLatency", coarse_microseconds(overhead_seconds), "Microseconds")
        if execution.setup_seconds is not None:
            add("ModelSetupTime", coarse_microseconds(execution.setup_seconds), "Microseconds")
        if execution.provisioned:
            add("ServerlessProvisionedConcurrencyInvocations", 1, "Count")
        elif provisioned:
            add("ServerlessProvisionedConcurrencySpilloverInvocations", 1, "Count")

    def sample(self, endpoint: Endpoint, variant: str, fleet: OnDemandFleet) -> None:
        """Keep how much of the concurrency was used at most since the last sample.

        An idle variant tells nothing, unless it has provisioned concurrency: its scaling needs the zeros.
        """
        peak = fleet.take_peak()
        if not peak.executing and not fleet.size:
            return

        def add(name: str, value: float, unit: str = "None") -> None:
            prefix = "Serverless"
            self._metrics.add(endpoint.scope, endpoint.name, variant, prefix + name, value, unit=unit)

        add("ConcurrentExecutionsUtilization", peak.executing / fleet.max_concurrency)
        if fleet.size:
            add("ProvisionedConcurrencyExecutions", peak.provisioned, "Count")
            add("ProvisionedConcurrencyUtilization", peak.provisioned / fleet.size)
