"""What endpoints are judged by: each signal with the metric that an alarm reads, and the kinds that report it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.tokens import is_token
from ..hosting.metrics import EndpointMetric
from ..hosting.support import Kind
from .readings import AnyMetric, error_share, instances, reading, scaled, with_enough_requests
from .thresholds import (
    AlarmThreshold,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    TrafficThreshold,
    UtilizationThreshold,
)
from .watched_variants import WatchedVariant

_MILLI, _MICRO = 1_000, 1_000_000
_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_IN_WORDS = {_ABOVE: "above", _BELOW: "below", _AT_LEAST: "at"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """Something an endpoint is judged by."""

    name: str
    """The property of `EndpointAlarms`."""
    id: str
    """For ids of constructs and names of alarms."""
    title: str
    """In words, for descriptions."""
    read: Callable[[WatchedVariant, Any], AnyMetric]
    """What an alarm of a variant reads, by its threshold, which is of the signal's own type."""
    limit: Callable[[WatchedVariant, Any], float | None]
    """The number it is compared with; None where the variant has none."""
    shown: Callable[[Any, float], str]
    """That number in words."""
    comparison: cloudwatch.ComparisonOperator = _ABOVE
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING
    """What periods without data mean, unless told otherwise."""
    refused: Mapping[Kind, str]
    """The kinds of endpoints that never report it, and why."""
    graph_divisor: int = 1
    """What the number is divided by for a graph: latencies are shown in milliseconds."""
    counts_units: bool = False
    """Whether SageMaker counts 100 percent for each vCPU or GPU, not for all of an instance."""
    counts_requests: bool = True
    """Whether a threshold may wait for enough requests."""

    @property
    def alarms_below(self) -> bool:
        """Whether small values alarm."""
        return self.comparison is _BELOW

    def in_words(self, threshold: AlarmThreshold, limit: float) -> str:
        """What the alarm says: ``p99 of the model's latency above 800 milliseconds``."""
        return f"{self.title} {_IN_WORDS[self.comparison]} {self.shown(threshold, limit)}"


# --- what the thresholds come to --------------------------------------------------------------------------


def _number(limit: float) -> str:
    return str(cdk.Tokenization.stringify_number(limit)) if is_token(limit) else f"{limit:g}"


def _errors_limit(_: WatchedVariant, threshold: ErrorThreshold) -> float | None:
    return threshold.percent if threshold.percent is not None else threshold.count


def _errors_shown(threshold: ErrorThreshold, limit: float) -> str:
    return (
        f"{_number(limit)} % of the requests"
        if threshold.percent is not None
        else f"{_number(limit)} requests"
    )


def _utilization_limit(_: WatchedVariant, threshold: UtilizationThreshold) -> float:
    # Not by 1, where the percentage may be a token.
    return threshold.percent if threshold.units == 1 else threshold.percent * threshold.units


def _utilization_shown(threshold: UtilizationThreshold, limit: float) -> str:
    of = "" if threshold.units == 1 else f" ({threshold.percent:g} % of each of {threshold.units})"
    return f"{_number(limit)} %{of}"


def _latency_limit(units_a_second: int) -> Callable[[WatchedVariant, LatencyThreshold], float]:
    return lambda _, threshold: threshold.at_most.to_milliseconds() * units_a_second / _MILLI


def _latency_shown(threshold: LatencyThreshold, _: float) -> str:
    return str(threshold.at_most.to_human_string())


def _smallest_count(variant: WatchedVariant, threshold: InstancesThreshold) -> float | None:
    if threshold.count is not None:
        return threshold.count
    count = variant.smallest_count
    # Fewer than one instance answers no request, and is never told.
    return None if count is None or 0 <= count <= 1 else count


def _largest_count(variant: WatchedVariant, threshold: InstancesThreshold) -> float | None:
    return threshold.count if threshold.count is not None else variant.largest_count


# --- what is read -----------------------------------------------------------------------------------------


def _errors(metric: EndpointMetric) -> Callable[[WatchedVariant, ErrorThreshold], AnyMetric]:
    def read(variant: WatchedVariant, threshold: ErrorThreshold) -> AnyMetric:
        least = threshold.min_requests
        if threshold.percent is not None:
            return error_share(variant, metric, threshold.length, least=least)
        return with_enough_requests(variant, metric, threshold.length, least=least)

    return read


def _latency(
    metric: EndpointMetric, statistic: str
) -> Callable[[WatchedVariant, LatencyThreshold], AnyMetric]:
    return lambda variant, threshold: with_enough_requests(
        variant, metric, threshold.length, least=threshold.min_requests, statistic=statistic
    )


def _plain(
    metric: EndpointMetric, statistic: str | None = None
) -> Callable[[WatchedVariant, AlarmThreshold], AnyMetric]:
    return lambda variant, threshold: reading(variant, metric, threshold.length, statistic)


def _requests(variant: WatchedVariant, threshold: TrafficThreshold) -> AnyMetric:
    return reading(variant, variant.requests, threshold.length)


def _instances(variant: WatchedVariant, threshold: InstancesThreshold) -> AnyMetric:
    return instances(variant, threshold.length)


def _concurrency(variant: WatchedVariant, threshold: UtilizationThreshold) -> AnyMetric:
    metric = EndpointMetric.CONCURRENT_EXECUTIONS_UTILIZATION
    return scaled(variant, metric, threshold.length, "* 100", label="Concurrency in use, in percent")


# --- who reports it ---------------------------------------------------------------------------------------

_OF_COMPONENTS = "requests are counted for its components, not for the endpoint"
_NO_INSTANCES = "there are no instances to measure"
_ONLY_SERVERLESS = "only serverless endpoints have a maximum concurrency"
_ONLY_ASYNC = "only asynchronous endpoints have a backlog"
_ONE_MODEL = "it loads its model once, before it answers"
_NOT_ASYNC = "asynchronous endpoints report no overhead: see oldest_request"
_UNCOUNTED = "asynchronous endpoints do not report invocations per instance, which is what tells their number"

_REQUESTS = {Kind.COMPONENT: _OF_COMPONENTS}
_ON_INSTANCES = {Kind.SERVERLESS: _NO_INSTANCES}
_COUNTED = {**_REQUESTS, **_ON_INSTANCES, Kind.ASYNC: _UNCOUNTED}


def _errors_signal(name: str, id: str, title: str, metric: EndpointMetric) -> Signal:
    return Signal(
        name=name, id=id, title=title, read=_errors(metric), limit=_errors_limit, shown=_errors_shown,
        refused=_REQUESTS,
    )  # fmt: skip


def _latency_signal(
    name: str, id: str, title: str, metric: EndpointMetric, statistic: str, refused: Mapping[Kind, str] = _REQUESTS
) -> Signal:  # fmt: skip
    return Signal(
        name=name, id=id, title=title, read=_latency(metric, statistic), limit=_latency_limit(_MICRO),
        shown=_latency_shown, graph_divisor=_MICRO // _MILLI, refused=refused,
    )  # fmt: skip


def _utilization_signal(
    name: str, id: str, title: str, read: Callable[[WatchedVariant, Any], AnyMetric], refused: Mapping[Kind, str],
    *, counts_units: bool = False,
) -> Signal:  # fmt: skip
    return Signal(
        name=name, id=id, title=title, read=read, limit=_utilization_limit, shown=_utilization_shown, refused=refused,
        counts_units=counts_units,
    )  # fmt: skip


ERROR_RATE = _errors_signal("error_rate", "ErrorRate", "5xx answers", EndpointMetric.INVOCATION_5XX_ERRORS)
CLIENT_ERROR_RATE = _errors_signal(
    "client_error_rate", "ClientErrorRate", "4xx answers", EndpointMetric.INVOCATION_4XX_ERRORS
)
LATENCY_P50 = _latency_signal(
    "latency_p50", "LatencyP50", "p50 of the model's latency", EndpointMetric.MODEL_LATENCY, "p50"
)
LATENCY_P99 = _latency_signal(
    "latency_p99", "LatencyP99", "p99 of the model's latency", EndpointMetric.MODEL_LATENCY, "p99"
)
OVERHEAD_P99 = _latency_signal(
    "overhead_p99", "OverheadP99", "p99 of SageMaker's overhead", EndpointMetric.OVERHEAD_LATENCY, "p99",
    {**_REQUESTS, Kind.ASYNC: _NOT_ASYNC},
)  # fmt: skip
# The fullest instance: on the average over a fleet one that is full does not show.
CPU = _utilization_signal(
    "cpu", "Cpu", "CPU", _plain(EndpointMetric.CPU_UTILIZATION), _ON_INSTANCES, counts_units=True
)
MEMORY = _utilization_signal(
    "memory", "Memory", "memory", _plain(EndpointMetric.MEMORY_UTILIZATION, "Maximum"), {}
)
DISK = _utilization_signal(
    "disk", "Disk", "disk", _plain(EndpointMetric.DISK_UTILIZATION, "Maximum"), _ON_INSTANCES
)
GPU = _utilization_signal(
    "gpu", "Gpu", "GPU", _plain(EndpointMetric.GPU_UTILIZATION), _ON_INSTANCES, counts_units=True
)
GPU_MEMORY = _utilization_signal(
    "gpu_memory", "GpuMemory", "GPU memory", _plain(EndpointMetric.GPU_MEMORY_UTILIZATION, "Maximum"),
    _ON_INSTANCES, counts_units=True,
)  # fmt: skip
INVOCATIONS_LOW = Signal(
    name="invocations_low",
    id="InvocationsLow",
    title="requests",
    read=_requests,
    limit=lambda _, threshold: threshold.fewer_than,
    shown=lambda _, limit: _number(limit),
    comparison=_BELOW,
    # Where nobody asks, SageMaker reports nothing.
    missing=cloudwatch.TreatMissingData.BREACHING,
    refused=_REQUESTS,
)
INSTANCES_BELOW_TARGET = Signal(
    name="instances_below_target",
    id="InstancesBelowTarget",
    title="number of instances that answer",
    read=_instances,
    limit=_smallest_count,
    shown=lambda _, limit: _number(limit),
    comparison=_BELOW,
    # What nobody's request tells has not changed.
    missing=cloudwatch.TreatMissingData.IGNORE,
    refused=_COUNTED,
)
AT_MAX_CAPACITY = Signal(
    name="at_max_capacity",
    id="AtMaxCapacity",
    title="number of instances that answer",
    read=_instances,
    limit=_largest_count,
    shown=lambda _, limit: f"its maximum of {_number(limit)}",
    comparison=_AT_LEAST,
    refused=_COUNTED,
)
CONCURRENCY = _utilization_signal(
    "concurrency", "Concurrency", "concurrency in use", _concurrency,
    {kind: _ONLY_SERVERLESS for kind in Kind if kind is not Kind.SERVERLESS},
)  # fmt: skip
OLDEST_REQUEST = Signal(
    name="oldest_request",
    id="OldestRequest",
    title="age of the oldest request in the backlog",
    read=_plain(EndpointMetric.AGE_OF_OLDEST_REQUEST),
    limit=_latency_limit(1),
    shown=_latency_shown,
    refused={kind: _ONLY_ASYNC for kind in Kind if kind is not Kind.ASYNC},
    counts_requests=False,
)
LOADING_WAIT_P99 = _latency_signal(
    "loading_wait_p99", "LoadingWaitP99", "p99 of the wait for a model to be loaded",
    EndpointMetric.MODEL_LOADING_WAIT_TIME, "p99",
    dict.fromkeys((Kind.SERVERLESS, Kind.ASYNC, Kind.COMPONENT), _ONE_MODEL),
)  # fmt: skip

SIGNALS: Sequence[Signal] = (
    ERROR_RATE, CLIENT_ERROR_RATE, LATENCY_P50, LATENCY_P99, OVERHEAD_P99, CPU, MEMORY, DISK, GPU, GPU_MEMORY,
    INVOCATIONS_LOW, INSTANCES_BELOW_TARGET, AT_MAX_CAPACITY, CONCURRENCY, OLDEST_REQUEST, LOADING_WAIT_P99,
)  # fmt: skip
"""All of them, in the order of their properties."""
