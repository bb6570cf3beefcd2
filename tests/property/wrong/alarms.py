"""Values of alarms and dashboards of endpoints, and what each of their properties may be."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AlarmThreshold,
    EndpointAlarms,
    EndpointBase,
    EndpointMonitoring,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    MonitoringDashboard,
    RealtimeEndpoint,
    TrafficThreshold,
    UtilizationThreshold,
)

from ..kinds import Accepts, a, duration, flag, like, listed, number, optional, text, whole
from ..made import InStack, Made
from .pool import MINUTE, Property, Subject

_PERIODS = optional(whole(1, 1440))
_LINK = optional(text(r"https?://\S{1,290}"))
_REQUESTS = 10**9


def _whole_minutes(value: object) -> bool:
    return duration(60, 86_400)(value) and isinstance(value, cdk.Duration) and value.to_seconds() % 60 == 0


_COMMON: dict[str, Property] = {
    "evaluation_periods": (3, _PERIODS),
    "datapoints": (1, optional(whole(1, 3))),
    "period": (MINUTE, optional(_whole_minutes)),
    "missing": (None, optional(a(cloudwatch.TreatMissingData))),
    "runbook": ("https://runbooks.example.com", _LINK),
    "documentation": (None, _LINK),
    "notify": ([], listed(like("bind"), 0, 5)),
    "actions_enabled": (None, optional(flag)),
    "composite": (True, flag),
    "fill": (False, flag),
}


def _percent(*, above: bool) -> Accepts:
    return lambda value: number(0, 100, above=above)(value) and value != 100


def _latency(value: object) -> bool:
    return isinstance(value, cdk.Duration) and 1 <= value.to_milliseconds() <= 6 * 3_600_000


def _thresholds(kind: type[AlarmThreshold]) -> Property:
    def accepted(value: object) -> bool:
        return isinstance(value, Mapping) and all(
            text(r"[^\W_](?:[\w .-]{0,48}[^\W_])?")(name) and isinstance(each, kind)
            for name, each in value.items()
        )

    return {}, accepted


def _endpoint(stack: cdk.Stack, id: str) -> EndpointBase:
    return RealtimeEndpoint.from_endpoint_name(stack, id, "fraud", variant_names=["a"])


VALUES_OF_ALARMS: list[Subject] = [
    ("AlarmThreshold", AlarmThreshold, _COMMON),
    (
        "ErrorThreshold share",
        ErrorThreshold,
        {**_COMMON, "percent": (5, _percent(above=False)), "min_requests": (1, whole(1, _REQUESTS))},
    ),
    ("ErrorThreshold number", ErrorThreshold, {"count": (5, whole(0, _REQUESTS))}),
    (
        "LatencyThreshold",
        LatencyThreshold,
        {**_COMMON, "at_most": (MINUTE, _latency), "min_requests": (1, whole(1, _REQUESTS))},
    ),
    (
        "UtilizationThreshold",
        UtilizationThreshold,
        {**_COMMON, "percent": (90, _percent(above=True)), "units": (4, whole(1, 1024))},
    ),
    ("TrafficThreshold", TrafficThreshold, {**_COMMON, "fewer_than": (1, whole(1, _REQUESTS))}),
    ("InstancesThreshold", InstancesThreshold, {**_COMMON, "count": (None, optional(whole(1, 10_000)))}),
    (
        "EndpointAlarms",
        EndpointAlarms,
        {
            **{name: _thresholds(ErrorThreshold) for name in ("error_rate", "client_error_rate")},
            **{
                name: _thresholds(LatencyThreshold)
                for name in (
                    "latency_p50",
                    "latency_p99",
                    "overhead_p99",
                    "oldest_request",
                    "loading_wait_p99",
                )
            },
            **{
                name: _thresholds(UtilizationThreshold)
                for name in ("cpu", "memory", "disk", "gpu", "gpu_memory", "concurrency")
            },
            "invocations_low": _thresholds(TrafficThreshold),
            **{
                name: _thresholds(InstancesThreshold)
                for name in ("instances_below_target", "at_max_capacity")
            },
        },
    ),
]

ALARMS: list[Subject] = [
    (
        "EndpointMonitoring",
        EndpointMonitoring,
        {
            "endpoint": (InStack("Watched", _endpoint), a(EndpointBase)),
            "alarms": (Made(EndpointAlarms), optional(a(EndpointAlarms))),
            "variants": (["a"], optional(listed(text("a"), 1, 5_000))),
            "notify": ([InStack("Alarmed", sns.Topic)], listed(like("topic_arn"), 0, 5)),
            "composite": (False, flag),
        },
    ),
    (
        "MonitoringDashboard",
        MonitoringDashboard,
        {
            "monitorings": ([], listed(a(EndpointMonitoring), 0, 5)),
            "alarms": ([], listed(like("alarm_arn"), 0, 5)),
            "name": (None, optional(text(r"[A-Za-z0-9_-]{1,255}"))),
            "interval": (None, optional(duration(60, 455 * 86_400))),
        },
    ),
]
