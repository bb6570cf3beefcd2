"""What an endpoint tells CloudWatch and EventBridge: metrics, logs, state changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from .. import emulator
from ..emulator import Scope

INVOCATION_NAMESPACE = "AWS/SageMaker"
INSTANCE_NAMESPACE = "/aws/sagemaker/Endpoints"
_MICROSECONDS = 1_000_000
_Dimensions = tuple[tuple[str, str], ...]
_Series = tuple[Scope, _Dimensions, str, str, str]


class Metrics:
    """Gathers values and puts them into CloudWatch together."""

    def __init__(self) -> None:
        self._waiting: dict[_Series, Counter[float]] = defaultdict(Counter)

    def add(
        self, scope: Scope, endpoint: str, variant: str | None, name: str, value: float,
        *, unit: str = "None", namespace: str = INVOCATION_NAMESPACE,
    ) -> None:  # fmt: skip
        """Keep one value of a metric of a variant, or of the whole endpoint, until the next flush."""
        dimensions = {"EndpointName": endpoint, **({} if variant is None else {"VariantName": variant})}
        self.add_for(scope, dimensions, name, value, unit=unit, namespace=namespace)

    def add_for(
        self, scope: Scope, dimensions: Mapping[str, str], name: str, value: float,
        *, unit: str = "None", namespace: str = INVOCATION_NAMESPACE,
    ) -> None:  # fmt: skip
        """Keep one value of a metric of something with these dimensions until the next flush."""
        self._waiting[scope, tuple(dimensions.items()), namespace, name, unit][value] += 1

    def invocation(
        self, scope: Scope, endpoint: str, variant: str, *,
        status: int, model_seconds: float, overhead_seconds: float, instances: int, concurrent: int,
        config: str | None = None,
    ) -> None:  # fmt: skip
        """Keep the values of one invocation, of the variant and of the fleet of one configuration."""
        dimensions = {"EndpointName": endpoint, "VariantName": variant}

        def add(name: str, value: float, unit: str = "None") -> None:
            self.add_for(scope, dimensions, name, value, unit=unit)
            if config is not None:
                self.add_for(scope, {**dimensions, "EndpointConfigName": config}, name, value, unit=unit)

        add("Invocations", 1)
        add("InvocationsPerInstance", 1 / max(1, instances))
        # 0 too, so that their average is the error rate, as on AWS.
        add("Invocation4XXErrors", 400 <= status < 500)
        add("Invocation5XXErrors", status >= 500)
        add("ModelLatency", coarse_microseconds(model_seconds), "Microseconds")
        add("OverheadLatency", coarse_microseconds(overhead_seconds), "Microseconds")
        add("ConcurrentRequestsPerModel", concurrent)

    def unanswered(self, scope: Scope, endpoint: str, variant: str) -> None:
        """Keep that a shadow variant could not be asked: nobody else is told."""
        self.add(scope, endpoint, variant, "Invocations", 1)
        self.add(scope, endpoint, variant, "Invocation5XXErrors", 1)

    def sink(self, scope: Scope, endpoint: str, variant: str) -> Callable[[str, float, str], None]:
        """Where a variant's models tell their metrics: name, value, unit."""

        def keep(name: str, value: float, unit: str) -> None:
            coarse = _coarse(value) if unit == "Microseconds" else value
            self.add(scope, endpoint, variant, name, coarse, unit=unit)

        return keep

    def flush(self) -> None:
        """Put what was gathered into CloudWatch."""
        waiting, self._waiting = self._waiting, defaultdict(Counter)
        for (scope, dimensions, namespace, name, unit), values in waiting.items():
            with scope.active():
                emulator.put_metric(namespace, name, dict(dimensions), unit, values)

    def clear(self) -> None:
        """Forget what was not put."""
        self._waiting.clear()


def coarse_microseconds(seconds: float) -> float:
    """The time in microseconds, coarse."""
    return _coarse(seconds * _MICROSECONDS)


def _coarse(value: float) -> float:
    """Two digits: many requests then share a value, and ministack keeps every value for two weeks."""
    return float(f"{value:.1e}")


def log_group(endpoint: str) -> str:
    """The log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


class Logs:
    """Gathers what the models write and puts it into CloudWatch Logs."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Scope, str, str], list[str]] = defaultdict(list)

    def sink(self, scope: Scope, endpoint: str, variant: str) -> Callable[[str, str], None]:
        """Where the processes of a variant write: a stream for each."""

        return self.group_sink(scope, log_group(endpoint), variant)

    def group_sink(self, scope: Scope, group: str, prefix: str) -> Callable[[str, str], None]:
        """Where the processes of a variant write, in a log group of this name."""

        def keep(worker_id: str, line: str) -> None:
            self._waiting[scope, group, f"{prefix}/{worker_id}"].append(line)

        return keep

    def add(self, scope: Scope, endpoint: str, stream: str, line: str) -> None:
        """Keep a line until the next flush."""
        self._waiting[scope, log_group(endpoint), stream].append(line)

    def flush(self) -> None:
        """Put what was gathered into CloudWatch Logs."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for (scope, group, stream), lines in waiting.items():
            with scope.active():
                emulator.put_log_lines(group, stream, lines)

    def clear(self) -> None:
        """Forget what was not put."""
        self._waiting.clear()


# The status of an endpoint, as its events spell it.
_EVENT_STATUS = {
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "SystemUpdating": "UPDATING",
    "RollingBack": "ROLLING_BACK",
    "InService": "IN_SERVICE",
    "Deleting": "DELETING",
    "Failed": "FAILED",
}


def announce(description: dict[str, Any], tags: list[dict[str, str]], *, deleted: bool = False) -> None:
    """Tell EventBridge about the state of an endpoint."""
    detail = {
        "EndpointName": description["EndpointName"],
        "EndpointArn": description["EndpointArn"],
        "EndpointConfigName": description["EndpointConfigName"],
        "ProductionVariants": description.get("ProductionVariants", []),
        "EndpointStatus": "DELETED" if deleted else _EVENT_STATUS[description["EndpointStatus"]],
        "CreationTime": round(description["CreationTime"] * 1000),
        "LastModifiedTime": round(description["LastModifiedTime"] * 1000),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
    }
    if description.get("FailureReason"):
        detail["FailureReason"] = description["FailureReason"]
    emulator.put_event("aws.sagemaker", "SageMaker Endpoint State Change", detail, [detail["EndpointArn"]])
