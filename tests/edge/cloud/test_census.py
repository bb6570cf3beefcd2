"""The census: which devices there are, which are silent, and what is known of none any more."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from constructs_lib.edge.runtime.cloud.census import Census, handle
from constructs_lib.edge.runtime.cloud.fleet import FleetSettings
from tests.support.fake_aws import Params
from tests.support.telemetry import NOW, SETTINGS, TelemetryAws

DAY = 86_400.0


def an_item(thing: str, *, ago: float = 60, version: str = "1.0.0") -> Params:
    return {"thing": {"S": thing}, "heard_at": {"N": f"{NOW - ago:.3f}"}, "version": {"S": version}}


def fleet(*items: Params, canary: list[str] | None = None, others: list[str] | None = None) -> TelemetryAws:
    aws = TelemetryAws(members={"canary": canary or [], "fleet": others or []}, page=2)
    aws.items = {each["thing"]["S"]: each for each in items}
    return aws


def take(aws: TelemetryAws) -> Any:
    settings = FleetSettings(**SETTINGS)  # type: ignore[arg-type]
    return Census(settings, aws.client("dynamodb"), aws.client("iot"), aws.client("cloudwatch")).take(NOW)


def test_devices_are_counted_by_version_and_group() -> None:
    things = [f"f{each}" for each in range(5)]
    aws = fleet(an_item("c1", version="2.0.0"), *map(an_item, things), canary=["c1"], others=things)
    take(aws)
    assert aws.sum("Devices") == 6
    assert (aws.sum("Devices", Group="canary"), aws.sum("Devices", Group="fleet")) == (1, 5)
    assert aws.sum("DevicesByVersion", ModelVersion="1.0.0") == 5
    assert aws.sum("DevicesByVersion", ModelVersion="2.0.0") == 1
    assert aws.sum("SilentDevices") == 0
    assert aws.sum("CensusHeartbeat") == 1


@pytest.mark.parametrize(("ago", "silent"), [(899, 0), (900, 0), (901, 1), (7 * DAY, 1)])
def test_a_device_is_silent_when_it_has_told_nothing_for_long(ago: float, silent: int) -> None:
    aws = fleet(an_item("f1", ago=ago), others=["f1"])
    take(aws)
    assert aws.sum("SilentDevices") == aws.sum("SilentDevices", Group="fleet") == silent
    assert aws.sum("SilentDevices", Group="canary") == 0
    assert bool(aws.data("DevicesByVersion", ModelVersion="1.0.0")) is not bool(silent)


def test_one_that_joined_and_never_told_anything_is_silent() -> None:
    aws = fleet(canary=["c1"])
    take(aws)
    assert aws.sum("SilentDevices", Group="canary") == 1


def test_one_that_is_in_no_group_is_not_counted() -> None:
    aws = fleet(an_item("old", ago=DAY), an_item("new"))
    take(aws)
    assert aws.sum("Devices") == aws.sum("SilentDevices") == 0
    assert set(aws.items) == {"old", "new"}


def test_one_that_is_gone_for_a_month_is_forgotten() -> None:
    aws = fleet(
        an_item("gone", ago=31 * DAY),
        an_item("left", ago=29 * DAY),
        an_item("there", ago=31 * DAY),
        others=["there"],
    )
    take(aws)
    assert set(aws.items) == {"left", "there"}


def test_one_that_is_heard_of_again_meanwhile_is_not_forgotten() -> None:
    aws = fleet(an_item("gone", ago=31 * DAY))
    scan = aws._Scan

    def scanned(**asked: Any) -> Params:
        found = scan(**asked)
        aws.items["gone"] = an_item("gone", ago=0)
        return found

    aws._Scan = scanned  # type: ignore[method-assign]
    take(aws)
    assert set(aws.items) == {"gone"}


def test_an_empty_fleet_has_a_heartbeat() -> None:
    aws = fleet()
    take(aws)
    assert aws.sum("CensusHeartbeat") == 1
    assert aws.sum("Devices") == 0


def test_versions_without_end_are_few_metrics() -> None:
    things = [f"f{each}" for each in range(60)]
    aws = fleet(*(an_item(each, version=f"9.9.{each}") for each in things), others=things)
    take(aws)
    versions = {
        dimension["Value"]
        for each in aws.puts[0]
        if each["MetricName"] == "DevicesByVersion"
        for dimension in each["Dimensions"]
        if dimension["Name"] == "ModelVersion"
    }
    assert len(versions) == 21
    assert aws.sum("DevicesByVersion", ModelVersion="other") == 40


def test_the_handler_names_who_is_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws = fleet(an_item("f1"), others=["f1", "f2"])
    aws.answers(monkeypatch)
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("EDGE", json.dumps(SETTINGS))
    with caplog.at_level(logging.INFO):
        assert handle({}, None) == {"devices": {"canary": 0, "fleet": 2}, "silent": 1}
    assert "silent: f2" in caplog.text
