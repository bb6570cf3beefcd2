"""Who may join a fleet, and into which group."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from constructs_lib.edge.runtime.cloud.hook import Settings, handle, refusal
from tests.support.edge_aws import FLEET
from tests.support.fake_aws import Params, Refused
from tests.support.telemetry import TelemetryAws

MATCHING = {"kind": "matching", "pattern": "cam-[0-9]{4}"}


def settings(**changed: Any) -> Params:
    return {
        "fleet": FLEET,
        "devices": MATCHING,
        "canary_percent": 5,
        "canary_group": f"{FLEET}-canary",
        "fleet_group": f"{FLEET}-fleet",
        **changed,
    }


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> TelemetryAws:
    made = TelemetryAws()
    monkeypatch.setattr("boto3.client", lambda service, **_: made.client(service))
    monkeypatch.setenv("EDGE", json.dumps(settings()))
    return made


def asking(serial: object) -> Params:
    """As AWS IoT asks: https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html"""
    return {
        "claimCertificateId": "c" * 64,
        "certificateId": "d" * 64,
        "certificatePem": "-----BEGIN CERTIFICATE-----",
        "templateArn": "arn:aws:iot:eu-west-1:111122223333:provisioningtemplate/cameras",
        "clientId": "somebody",
        "parameters": {"SerialNumber": serial},
    }


def test_a_device_of_the_fleet_joins(aws: TelemetryAws) -> None:
    answer = handle(asking("cam-0001"), None)
    assert answer["allowProvisioning"] is True
    assert answer["parameterOverrides"]["SerialNumber"] == "cam-0001"
    assert answer["parameterOverrides"]["Group"] in (f"{FLEET}-canary", f"{FLEET}-fleet")
    assert aws.puts == []


def test_a_stranger_does_not_and_is_counted(aws: TelemetryAws, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert handle(asking("cam-00011"), None) == {"allowProvisioning": False}
    assert aws.sum("ProvisioningRefused") == 1
    assert "not a device of this fleet" in caplog.text


@pytest.mark.parametrize(
    "serial",
    [None, "", 7, ["cam-0001"], "cam 0001", "cam-0001\n", "x" * 129, "cam/0001", "${iot:Thing}", "café"],
)
def test_what_is_no_serial_number_does_not(aws: TelemetryAws, serial: object) -> None:
    assert handle(asking(serial), None) == {"allowProvisioning": False}
    assert aws.sum("ProvisioningRefused") == 1
    # Whatever the pattern lets through.
    lax = Settings(**settings(devices={"kind": "matching", "pattern": r"(?s)c.*|x*"}))
    assert str(refusal(serial, lax)).startswith("no serial number")


@pytest.mark.parametrize("event", [{}, {"parameters": None}, {"parameters": {}}])
def test_who_gives_no_parameters_does_not(aws: TelemetryAws, event: Params) -> None:
    assert handle(event, None) == {"allowProvisioning": False}


def test_what_a_stranger_says_is_one_short_line_of_the_log(
    aws: TelemetryAws, caplog: pytest.LogCaptureFixture
) -> None:
    handle(asking("cam-1\nINFO root: cam-2 joins " + "x" * 5000), None)
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 400


def test_that_it_cannot_be_counted_lets_nobody_in(aws: TelemetryAws) -> None:
    aws.spoiled[0] = "no connection"
    assert handle(asking("stranger"), None) == {"allowProvisioning": False}


def test_listed_devices_join() -> None:
    known = Settings(**settings(devices={"kind": "listed", "serials": ["a-1", "a-2"]}))
    assert refusal("a-2", known) is None
    assert refusal("a-3", known) == "not a device of this fleet"


def test_registered_devices_join(aws: TelemetryAws) -> None:
    aws.items["known/a-1"] = {"serial": {"S": "a-1"}}
    known = Settings(**settings(devices={"kind": "registered", "table": "known"}))
    assert refusal("a-1", known) is None
    assert refusal("a-3", known) == "not a device of this fleet"


def test_a_table_that_cannot_be_read_lets_nobody_in(
    aws: TelemetryAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> Params:
        raise Refused("AccessDeniedException", "no")

    aws._GetItem = denied  # type: ignore[method-assign]
    monkeypatch.setenv("EDGE", json.dumps(settings(devices={"kind": "registered", "table": "known"})))
    with pytest.raises(Exception, match="AccessDenied"):
        handle(asking("a-1"), None)


def test_a_device_has_the_same_group_whenever_it_joins(aws: TelemetryAws) -> None:
    groups = {handle(asking("cam-0042"), None)["parameterOverrides"]["Group"] for _ in range(3)}
    assert len(groups) == 1


@pytest.mark.parametrize("percent", [0.01, 1, 5, 50])
def test_the_canary_has_its_share(percent: float) -> None:
    fleet = Settings(**settings(canary_percent=percent))
    chosen = sum(fleet.group_of(f"serial-{each}").endswith("canary") for each in range(20_000))
    expected = 20_000 * percent / 100
    assert abs(chosen - expected) <= 5 * max(1.0, expected**0.5)


def test_a_larger_share_takes_nobody_out_of_the_canary() -> None:
    small, large = (Settings(**settings(canary_percent=each)) for each in (5, 20))
    serials = [f"serial-{each}" for each in range(2000)]
    assert {each for each in serials if small.group_of(each).endswith("canary")} < {
        each for each in serials if large.group_of(each).endswith("canary")
    }
