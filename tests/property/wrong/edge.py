"""Values of fleets of devices, and what each of their properties may be."""

from __future__ import annotations

import re
from collections.abc import Mapping

import aws_cdk as cdk

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    EmptyCanary,
    ExponentialRate,
    ModelData,
)

from ..given.edge import DEVICES_THERE
from ..kinds import (
    Accepts,
    a,
    duration,
    flag,
    like,
    listed,
    mapping,
    millis,
    number,
    one_of,
    optional,
    size,
    text,
    whole,
)
from ..made import Made
from ..surroundings import ALARMS, BUCKET, KEYS, TOPICS
from .additions import ARCHIVE
from .pool import Property, Subject

_DAY = 86_400
_COMPONENT = r"[A-Za-z0-9_.-]{1,128}"
_EXACT = r"[0-9]+\.[0-9]+\.[0-9]+([+-].*)?"


def _one_listed(serial: object) -> EdgeDevices:
    """Serial numbers are given by place, which a table by name has no line for."""
    return EdgeDevices.listed(serial)  # type: ignore[arg-type]


def _pattern(value: object) -> bool:
    """Some expression; which of them let everything in is the rule's own test."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        return False
    try:
        re.compile(value)
    except re.error:
        return False
    return True


def _whole_days(value: object) -> bool:
    return (
        duration(_DAY, 3660 * _DAY)(value)
        and isinstance(value, cdk.Duration)
        and value.to_milliseconds() % (1000 * _DAY) == 0
    )


def _whole_minutes(most: int) -> Accepts:
    return lambda value: (
        duration(60, most)(value)
        and isinstance(value, cdk.Duration)
        and value.to_milliseconds() % 60_000 == 0
    )


def _components(value: object) -> bool:
    exact = mapping(text(_EXACT))(value)
    return exact and isinstance(value, Mapping) and all(text(_COMPONENT)(name) for name in value)


VALUES_OF_EDGE: list[Subject] = [
    ("EdgeDevices.matching", EdgeDevices.matching, {"pattern": ("cam-[0-9]{6}", _pattern)}),
    ("EdgeDevices.listed", _one_listed, {"serial": ("cam-1", text(r"[a-zA-Z0-9:_-]{1,128}"))}),
    (
        "EdgeDevices.registered",
        EdgeDevices.registered,
        {"table": (DEVICES_THERE, like("table_arn"))},
    ),
    (
        "ExponentialRate",
        ExponentialRate,
        {
            "base": (5, whole(1, 1000)),
            "factor": (2.0, number(1.1, 5)),
            "succeeded": (10, whole(1, 100_000)),
        },
    ),
    (
        "EdgeRollout",
        EdgeRollout,
        {
            "canary_percent": (5, number(0.01, 50)),
            "canary_min_devices": (1, whole(1, 1000)),
            "soak": (None, optional(duration(60, 14 * _DAY))),
            "max_per_minute": (50, whole(1, 1000)),
            "exponential": (None, optional(a(ExponentialRate))),
            "abort_percent": (10, number(1, 100)),
            "abort_min_devices": (1, whole(1, 1000)),
            "device_timeout": (None, optional(_whole_minutes(7 * _DAY))),
            "canary_timeout": (None, optional(duration(60, 14 * _DAY))),
            "fleet_timeout": (None, optional(duration(60, 30 * _DAY))),
            "look_every": (None, optional(duration(10, 3600))),
            "alarms": ([ALARMS[0]], listed(like("alarm_arn"), 0, 20)),
            "on_empty_canary": (EmptyCanary.REFUSE, one_of(*EmptyCanary)),
            "start_on_deploy": (True, flag),
        },
    ),
    (
        "EdgeTelemetry",
        EdgeTelemetry,
        {
            "sample_percent": (100, number(0, 100)),
            "inputs": (True, flag),
            "bucket": (None, optional(like("bucket_name"))),
            "key": (KEYS[0], optional(like("key_arn"))),
            "summary_every": (None, optional(duration(10, 3600))),
            "silent_after": (None, optional(duration(180, 7 * _DAY))),
            "silent_devices": (1, whole(1, 100_000)),
            "error_percent": (5.0, number(0, 100, above=True)),
            "latency_p99": (None, optional(millis(1, 60_000))),
            "buffer": (None, optional(size(1, 65_536))),
            "retention": (None, optional(_whole_days)),
        },
    ),
    (
        "EdgeProgram",
        EdgeProgram,
        {
            "http_port": (None, optional(whole(1024, 65_535))),
            "socket": (None, optional(text(r"/[\w./-]{1,100}"))),
            "memory": (None, optional(size(64, 65_536))),
            "threads": (1, whole(1, 64)),
            "max_concurrent": (8, whole(1, 256)),
            "python": ("python3", text(r"[\w./+-]{1,200}")),
            # No folder of the pool's has wheels.
            "wheels": (None, lambda value: value is None),
        },
    ),
]

_FLEET: dict[str, Property] = {
    "model": (ARCHIVE, a(ModelData)),
    "devices": (Made(EdgeDevices.matching, ("cam-[0-9]{6}",)), a(EdgeDevices)),
    "rollout": (None, optional(a(EdgeRollout))),
    "telemetry": (None, optional(a(EdgeTelemetry))),
    "program": (None, optional(a(EdgeProgram))),
    "components": ({"aws.greengrass.Cli": "2.14.0"}, optional(_components)),
    "fleet_name": (None, optional(text(r"(?=.{1,36}$)[a-z0-9]+(-[a-z0-9]+)*"))),
    "artefact_bucket": (BUCKET, optional(like("bucket_name"))),
    "encryption_key": (None, lambda value: value is None),
    "notify": ([TOPICS[0]], listed(like("topic_arn"), 0, 5)),
    "dashboard": (True, flag),
}

FLEETS: list[Subject] = [("EdgeFleet", EdgeFleet, _FLEET)]
