"""The alarms an endpoint gets: for each signal a threshold, or several that are told apart by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import aws_cdk as cdk

from ..core.rules import Broken, Rules
from ..hosting.endpoint import EndpointBase
from ..hosting.rollout import DEFAULT_LATENCY_SECONDS
from ..hosting.support import Kind
from .signals import (
    AT_MAX_CAPACITY,
    CONCURRENCY,
    DISK,
    ERROR_RATE,
    INSTANCES_BELOW_TARGET,
    LATENCY_P99,
    MEMORY,
    OLDEST_REQUEST,
    SIGNALS,
    Signal,
)
from .thresholds import (
    ENDPOINT_METRICS,
    PUT_METRIC_ALARM,
    AlarmThreshold,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    TrafficThreshold,
    UtilizationThreshold,
)
from .watched_variants import kind_of, watched_variants

_Threshold = TypeVar("_Threshold", bound=AlarmThreshold)
Thresholds = Mapping[str, _Threshold]
"""Thresholds by disambiguator: ``{"Warning": …, "Critical": …}``."""

_DISAMBIGUATOR = re.compile(r"(?=.{1,50}$)[^\W_](?:[\w .-]*[^\W_])?")
_DISAMBIGUATOR_ALLOWED = (
    "1–50 letters, digits, spaces, dots, hyphens and underscores, a letter or digit at each end"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAlarms:
    """What an endpoint's variants alarm on: by signal, thresholds by disambiguator.

    A disambiguator is a severity, or whatever tells alarms on the same signal apart. Those of the same name belong
    together over all signals and variants: see `EndpointMonitoring`.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html

    Example::

        alarms = EndpointAlarms(
            error_rate={"Warning": ErrorThreshold(percent=1), "Critical": ErrorThreshold(percent=5, min_requests=20)},
            latency_p99={"Critical": LatencyThreshold(at_most=Duration.millis(800))},
        )

    :raises ConstraintError: SM-ALARM-011 … 013.
    """

    error_rate: Thresholds[ErrorThreshold] = field(default_factory=dict)
    """5xx answers: the model's failures, or SageMaker's."""
    client_error_rate: Thresholds[ErrorThreshold] = field(default_factory=dict)
    """4xx answers: callers', or those of a contract that has changed."""
    latency_p50: Thresholds[LatencyThreshold] = field(default_factory=dict)
    """What the containers take for half of the requests."""
    latency_p99: Thresholds[LatencyThreshold] = field(default_factory=dict)
    """What the containers take for the slowest requests but one percent."""
    overhead_p99: Thresholds[LatencyThreshold] = field(default_factory=dict)
    """What SageMaker adds; of serverless endpoints cold starts, too."""
    cpu: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Average over the instances; 100 percent is one vCPU, so say how many `units` there are."""
    memory: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Of the instance that has least left."""
    disk: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Of the instance that has least left; from 75 percent on nothing is captured."""
    gpu: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Average over the instances; 100 percent is one GPU, so say how many `units` there are."""
    gpu_memory: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Of the instance that has least left; 100 percent is one GPU."""
    invocations_low: Thresholds[TrafficThreshold] = field(default_factory=dict)
    """Callers have gone, or do not get through."""
    instances_below_target: Thresholds[InstancesThreshold] = field(default_factory=dict)
    """Fewer instances answer than the variant should have at least; read from requests."""
    at_max_capacity: Thresholds[InstancesThreshold] = field(default_factory=dict)
    """Auto scaling has no room left; read from requests."""
    concurrency: Thresholds[UtilizationThreshold] = field(default_factory=dict)
    """Serverless: of the maximum concurrency; at 100 percent requests are refused."""
    oldest_request: Thresholds[LatencyThreshold] = field(default_factory=dict)
    """Asynchronous: how long the oldest request has been waiting."""
    loading_wait_p99: Thresholds[LatencyThreshold] = field(default_factory=dict)
    """Multi-model: how long requests wait for their model to be loaded."""

    def __post_init__(self) -> None:
        """Check."""
        endpoint_alarms_rules.enforce(self, path="EndpointAlarms")

    @staticmethod
    def default(endpoint: EndpointBase | None = None) -> EndpointAlarms:
        """What `endpoint` gets where nothing else is said; without one, what any on instances may get.

        Change it by ``dataclasses.replace(EndpointAlarms.default(endpoint), latency_p99={…})``.
        docs/endpoint-alarms.md says what each threshold means, and which have no default.
        """
        return _default(endpoint)

    def of(self, signal: Signal) -> Mapping[str, AlarmThreshold]:
        """The thresholds of a signal."""
        thresholds: Mapping[str, AlarmThreshold] = getattr(self, signal.name)
        return thresholds

    def all(self) -> Iterator[tuple[Signal, str, AlarmThreshold]]:
        """Every threshold, with its signal and its disambiguator."""
        for signal in SIGNALS:
            yield from ((signal, name, threshold) for name, threshold in self.of(signal).items())


endpoint_alarms_rules = Rules[EndpointAlarms]()


def _placed(alarms: EndpointAlarms) -> Iterator[tuple[str, Signal, str, AlarmThreshold]]:
    yield from ((f"{signal.name}[{name!r}]", signal, name, each) for signal, name, each in alarms.all())


@endpoint_alarms_rules.rule("SM-ALARM-011", source=PUT_METRIC_ALARM)
def disambiguators_are_names(alarms: EndpointAlarms) -> Iterator[Broken]:
    """A disambiguator has 1–50 letters, digits, spaces, dots, hyphens and underscores."""
    for where, _, name, _ in _placed(alarms):
        if not isinstance(name, str) or not _DISAMBIGUATOR.fullmatch(name):
            yield Broken(where, name, _DISAMBIGUATOR_ALLOWED, "it becomes a part of names: no token")


@endpoint_alarms_rules.rule("SM-ALARM-012", source=ENDPOINT_METRICS)
def units_are_counted(alarms: EndpointAlarms) -> Iterator[Broken]:
    """Only CPU, GPU and the memory of GPUs come to more than 100 percent."""
    for where, signal, _, threshold in _placed(alarms):
        if isinstance(threshold, UtilizationThreshold) and threshold.units != 1 and not signal.counts_units:
            yield Broken(
                f"{where}.units", threshold.units, f"1: {signal.title} is at most 100 % of the whole"
            )


@endpoint_alarms_rules.rule("SM-ALARM-013", source=ENDPOINT_METRICS)
def requests_are_counted(alarms: EndpointAlarms) -> Iterator[Broken]:
    """The age of the oldest request is judged however few there are."""
    for where, signal, _, threshold in _placed(alarms):
        if (
            isinstance(threshold, LatencyThreshold)
            and threshold.min_requests != 1
            and not signal.counts_requests
        ):
            yield Broken(
                f"{where}.min_requests", threshold.min_requests, "1: one that waits too long is enough"
            )


# --- the defaults -----------------------------------------------------------------------------------------


def _default(endpoint: EndpointBase | None) -> EndpointAlarms:
    kind = Kind.REALTIME if endpoint is None else kind_of(endpoint)

    def offered(signal: Signal, thresholds: Thresholds[_Threshold]) -> Thresholds[_Threshold]:
        return {} if kind in signal.refused else thresholds

    def counted(signal: Signal, threshold: InstancesThreshold) -> Thresholds[InstancesThreshold]:
        variants = () if endpoint is None else watched_variants(endpoint)
        known = any(signal.limit(variant, threshold) is not None for variant in variants)
        return offered(signal, {"Warning": threshold}) if known else {}

    # An asynchronous answer takes as long as it takes.
    in_time = kind is not Kind.ASYNC
    slow = LatencyThreshold(at_most=cdk.Duration.seconds(DEFAULT_LATENCY_SECONDS), min_requests=20)
    return EndpointAlarms(
        error_rate=offered(
            ERROR_RATE,
            {
                "Warning": ErrorThreshold(percent=1, min_requests=100, evaluation_periods=5),
                "Critical": ErrorThreshold(percent=5, min_requests=20),
            },
        ),
        latency_p99=offered(LATENCY_P99, {"Critical": slow}) if in_time else {},
        memory=offered(
            MEMORY,
            {"Warning": UtilizationThreshold(percent=80), "Critical": UtilizationThreshold(percent=90)},
        ),
        disk=offered(DISK, {"Warning": UtilizationThreshold(percent=70)}),
        instances_below_target=counted(INSTANCES_BELOW_TARGET, InstancesThreshold(evaluation_periods=10)),
        at_max_capacity=counted(AT_MAX_CAPACITY, InstancesThreshold(evaluation_periods=15)),
        concurrency=offered(CONCURRENCY, {"Warning": UtilizationThreshold(percent=80)}),
        oldest_request=offered(
            OLDEST_REQUEST, {"Warning": LatencyThreshold(at_most=cdk.Duration.minutes(30))}
        ),
    )
