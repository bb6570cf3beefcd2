"""Strategies for fleets of devices, with all that they are made of."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from hypothesis import strategies as st

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    EmptyCanary,
    ExponentialRate,
)

from .. import surroundings
from ..made import InStack, Made
from .basics import SWITCHES, Strategy, call, durations, maybe, properties, some
from .hosting import KEYS
from .models import ARCHIVES

_DAY = 86_400
_MOST_LOOKS = 2500


def _registered(stack: cdk.Stack, id: str) -> dynamodb.ITable:
    return dynamodb.Table.from_table_name(stack, id, "devices")


DEVICES_THERE = InStack("DevicesThere", _registered)
_SERIALS = st.lists(
    st.from_regex(r"[a-zA-Z0-9:_-]{1,40}", fullmatch=True), min_size=1, max_size=5, unique=True
)
_PATTERNS = st.sampled_from(["cam-[0-9]{6}", "(a|b)[0-9]+", r"SN:\d{4}(_[A-Z]+)?"])
DEVICES = (
    some(EdgeDevices.matching, pattern=_PATTERNS)
    | _SERIALS.map(lambda serials: Made(EdgeDevices.listed, tuple(serials)))
    | some(EdgeDevices.registered, table=st.just(DEVICES_THERE))
)

_TIMES = {
    "soak": maybe(durations(60, 14 * _DAY)),
    "canary_timeout": maybe(durations(60, 14 * _DAY)),
    "fleet_timeout": maybe(durations(60, 30 * _DAY)),
}
_DEFAULT_TIMES = {"soak": 3600, "canary_timeout": 4 * 3600, "fleet_timeout": 2 * _DAY}


def in_seconds(duration: Made) -> int:
    return int(duration.args[0]) * (60 if duration.name.endswith("minutes") else 1)


def longest(given: dict[str, Any]) -> int:
    """Seconds that a rollout may take that goes back at its very end."""
    times = {
        name: in_seconds(given[name]) if name in given else otherwise
        for name, otherwise in _DEFAULT_TIMES.items()
    }
    return sum(times.values()) + times["canary_timeout"]


@st.composite
def edge_rollouts(draw: st.DrawFn) -> Made:
    """A rollout with a rate that can grow, and looks that its history has room for."""
    given: dict[str, Any] = dict(
        draw(
            properties(
                canary_percent=maybe(st.floats(0.01, 50) | st.integers(1, 50)),
                canary_min_devices=maybe(st.integers(1, 1000)),
                max_per_minute=maybe(st.integers(10, 1000)),
                abort_percent=maybe(st.floats(1, 100)),
                abort_min_devices=maybe(st.integers(1, 1000)),
                device_timeout=maybe(
                    st.integers(1, 7 * 1440).map(lambda count: call(cdk.Duration.minutes, count))
                ),
                alarms=maybe(st.lists(st.sampled_from(surroundings.ALARMS), max_size=3, unique_by=repr)),
                on_empty_canary=maybe(st.sampled_from(EmptyCanary)),
                start_on_deploy=maybe(SWITCHES),
                **_TIMES,
            )
        )
    )
    if draw(SWITCHES):
        fastest = given.get("max_per_minute", 50)
        given["exponential"] = draw(
            some(
                ExponentialRate,
                base=st.integers(1, fastest - 1),
                factor=maybe(st.integers(11, 50).map(lambda tenths: tenths / 10)),
                succeeded=maybe(st.integers(1, 100_000)),
            )
        )
    soonest = max(10, -(-longest(given) // _MOST_LOOKS))
    if soonest <= 3600 and draw(SWITCHES):
        given["look_every"] = draw(durations(soonest, 3600))
    return Made(EdgeRollout, given=given)


@st.composite
def telemetries(draw: st.DrawFn) -> Made:
    """Silence is longer than three summaries; a bucket that is there has its own retention."""
    given: dict[str, Any] = dict(
        draw(
            properties(
                sample_percent=maybe(st.floats(0, 100) | st.integers(0, 100)),
                inputs=maybe(SWITCHES),
                key=maybe(KEYS),
                silent_devices=maybe(st.integers(1, 100_000)),
                error_percent=maybe(st.floats(0.01, 100)),
                latency_p99=maybe(st.integers(1, 60_000).map(lambda count: call(cdk.Duration.millis, count))),
                buffer=maybe(st.integers(1, 65_536).map(lambda count: call(cdk.Size.mebibytes, count))),
            )
        )
    )
    given |= draw(
        properties(bucket=maybe(st.just(surroundings.ARTEFACTS)))
        | properties(retention=st.integers(1, 3660).map(lambda count: call(cdk.Duration.days, count)))
    )
    if draw(SWITCHES):
        every = draw(st.integers(10, 3600))
        given["summary_every"] = call(cdk.Duration.seconds, every)
        given["silent_after"] = draw(durations(max(60, 3 * every), 7 * _DAY))
    return Made(EdgeTelemetry, given=given)


PROGRAMS = some(
    EdgeProgram,
    http_port=maybe(st.integers(1024, 65_535)),
    socket=maybe(st.sampled_from(["/run/cells.sock", "/var/lib/größe/s"])),
    memory=maybe(st.integers(64, 65_536).map(lambda count: call(cdk.Size.mebibytes, count))),
    threads=maybe(st.integers(1, 64)),
    max_concurrent=maybe(st.integers(1, 256)),
    python=maybe(st.sampled_from(["python3.12", "/opt/py/bin/python3"])),
    # No wheels lie in the repository: tests/edge/test_edge_rules.py makes a folder of them.
    wheels=maybe(st.just(None)),
)

_FLEET: dict[str, Strategy] = {
    "model": ARCHIVES,
    "devices": DEVICES,
    "rollout": maybe(edge_rollouts()),
    "telemetry": maybe(telemetries()),
    "program": maybe(PROGRAMS),
    "components": maybe(
        st.dictionaries(
            st.sampled_from(["aws.greengrass.Cli", "com.team_1.Camera-2"]),
            st.sampled_from(["2.14.0", "1.0.0-rc.1", "0.1.2+build"]),
        )
    ),
    "fleet_name": maybe(st.uuids().map(lambda id: f"cams-{id.hex[:12]}")),
    "notify": maybe(st.lists(st.sampled_from(surroundings.TOPICS), max_size=2, unique_by=id)),
    "dashboard": maybe(SWITCHES),
}


@st.composite
def edge_fleets(draw: st.DrawFn) -> Made:
    """An `EdgeFleet`; a key is for a bucket that is made here."""
    given = draw(properties(**_FLEET))
    place = properties(artefact_bucket=maybe(st.just(surroundings.ARTEFACTS))) | properties(
        encryption_key=maybe(KEYS)
    )
    return Made(EdgeFleet, given={**given, **draw(place)})
