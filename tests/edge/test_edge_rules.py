"""Every rule of a fleet, refused and accepted at its bounds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_greengrass as greengrass
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    ExponentialRate,
    ModelData,
    RetiredServices,
)
from constructs_lib.core.retired_types import why_retired
from constructs_lib.edge import artefact_size
from constructs_lib.edge.device_package import device_package
from tests.support.refusals import Refusal, as_parameters
from tests.support.synth import fresh_app

STACK = cdk.Stack(fresh_app(), "Surroundings")
BUCKET = s3.Bucket.from_bucket_name(STACK, "Bucket", "bucket")
KEY = kms.Key.from_key_arn(STACK, "Key", "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d")
TOPICS = [
    sns.Topic.from_topic_arn(STACK, f"Topic{each}", f"arn:aws:sns:eu-west-1:111122223333:t{each}")
    for each in range(6)
]
FIFO = sns.Topic(STACK, "Fifo", fifo=True)
ARCHIVE = ModelData.from_bucket(BUCKET, "1.0.0/model.tar.gz")
DEVICES = EdgeDevices.matching("cam-[0-9]+")
Seconds = cdk.Duration.seconds
Minutes = cdk.Duration.minutes
TOKEN = cdk.Size.mebibytes(cdk.Token.as_number({"Ref": "Memory"}))


def a_fleet(**props: Any) -> Callable[[], EdgeFleet]:
    given = {"model": ARCHIVE, "devices": DEVICES, **props}
    return lambda: EdgeFleet(cdk.Stack(fresh_app(), "Stack"), "Cameras", **given)


def a_rollout(**props: Any) -> Callable[[], EdgeRollout]:
    return lambda: EdgeRollout(**props)


def a_telemetry(**props: Any) -> Callable[[], EdgeTelemetry]:
    return lambda: EdgeTelemetry(**props)


def a_program(**props: Any) -> Callable[[], EdgeProgram]:
    return lambda: EdgeProgram(**props)


REFUSED = [
    Refusal("SM-EDGE-002", a_fleet(fleet_name="Cameras"), "fleet_name", "Cameras", "lower-case"),
    Refusal("SM-EDGE-002", a_fleet(fleet_name="a" * 37), "fleet_name", "a" * 37, "1-36"),
    Refusal("SM-EDGE-002", a_fleet(fleet_name=""), "fleet_name", "", "1-36"),
    Refusal(
        "SM-EDGE-003",
        a_fleet(model=ModelData.from_prefix(BUCKET, "m/1.0.0/")),
        "model",
        "a prefix of objects",
        "one model.tar.gz",
    ),
    Refusal(
        "SM-EDGE-004", a_fleet(components={"a": ">=1.0.0"}), "components['a']", ">=1.0.0", "an exact version"
    ),
    Refusal(
        "SM-EDGE-004", a_fleet(components={"a b": "1.0.0"}), "components['a b']", "a b", "a name of 1-128"
    ),
    Refusal(
        "SM-EDGE-004",
        a_fleet(fleet_name="x", components={"x.Model": "1.0.0"}),
        "components['x.Model']",
        "x.Model",
        "does not make itself",
    ),
    Refusal(
        "SM-EDGE-004",
        a_fleet(components={f"{each}{'n' * 94}": "1.0.0" for each in "abcdefghij"} | {"k": "1.0.0"}),
        "components",
        "1006 characters",
        "at most 1000",
    ),
    Refusal("SM-EDGE-005", a_fleet(notify=TOPICS), "notify", "6 topics", "at most 5"),
    Refusal("SM-EDGE-005", a_fleet(notify=[TOPICS[0], TOPICS[0]]), "notify", "2 topics", "once"),
    Refusal(
        "SM-EDGE-005", a_fleet(notify=[TOPICS[0], FIFO]), "notify[1]", "a FIFO topic", "a standard topic"
    ),
    Refusal(
        "SM-EDGE-006",
        a_fleet(artefact_bucket=BUCKET, encryption_key=KEY),
        "encryption_key",
        "a key beside artefact_bucket",
        "none",
    ),
    Refusal("SM-EDGE-010", a_program(http_port=80), "http_port", 80, "1024"),
    Refusal("SM-EDGE-010", a_program(socket="run.sock"), "socket", "run.sock", "absolute path"),
    Refusal("SM-EDGE-010", a_program(socket="/a'b"), "socket", "/a'b", "absolute path"),
    Refusal("SM-EDGE-010", a_program(memory=cdk.Size.mebibytes(63)), "memory", "63 MiB", "from 64"),
    Refusal("SM-EDGE-010", a_program(memory=TOKEN), "memory", TOKEN, "known at synthesis"),
    Refusal("SM-EDGE-010", a_program(threads=0), "threads", 0, "from 1 to 64"),
    Refusal("SM-EDGE-010", a_program(max_concurrent=257), "max_concurrent", 257, "from 1 to 256"),
    Refusal("SM-EDGE-010", a_program(python="python3; rm"), "python", "python3; rm", "interpreter"),
    Refusal("SM-EDGE-011", a_program(wheels="nowhere"), "wheels", "nowhere", "*.whl"),
    Refusal("SM-EDGE-012", lambda: EdgeDevices.matching("("), "pattern", "(", "regular expression"),
    Refusal("SM-EDGE-012", lambda: EdgeDevices.matching(".*"), "pattern", ".*", "any serial number whatever"),
    Refusal("SM-EDGE-012", lambda: EdgeDevices.matching(""), "pattern", "", "1-200"),
    Refusal("SM-EDGE-013", lambda: EdgeDevices.listed(), "serials", "0 of them", "1-100"),
    Refusal("SM-EDGE-013", lambda: EdgeDevices.listed("a b"), "serials[0]", "a b", "1-128"),
    Refusal("SM-EDGE-013", lambda: EdgeDevices.listed("a", "a"), "serials[1]", "a", "once"),
    Refusal(
        "SM-EDGE-014",
        lambda: EdgeDevices.registered("table"),  # type: ignore[arg-type]
        "table",
        "table",
        "a DynamoDB table",
    ),
    Refusal("SM-EDGE-030", a_rollout(canary_percent=0), "canary_percent", 0, "at least 0.01"),
    Refusal("SM-EDGE-030", a_rollout(canary_percent=51), "canary_percent", 51, "at most 50"),
    Refusal("SM-EDGE-030", a_rollout(max_per_minute=1001), "max_per_minute", 1001, "from 1 to 1000"),
    Refusal("SM-EDGE-030", a_rollout(abort_percent=0), "abort_percent", 0, "at least 1"),
    Refusal(
        "SM-EDGE-030",
        a_rollout(exponential=ExponentialRate(base=50)),
        "exponential.base",
        50,
        "max_per_minute",
    ),
    Refusal("SM-EDGE-031", lambda: ExponentialRate(base=0), "base", 0, "from 1 to 1000"),
    Refusal("SM-EDGE-031", lambda: ExponentialRate(base=1, factor=5.1), "factor", 5.1, "at most 5"),
    Refusal("SM-EDGE-031", lambda: ExponentialRate(base=1, factor=1.25), "factor", 1.25, "one decimal"),
    Refusal("SM-EDGE-032", a_rollout(soak=Seconds(59)), "soak", "59 seconds", "1 minute"),
    Refusal(
        "SM-EDGE-032",
        a_rollout(device_timeout=Seconds(61)),
        "device_timeout",
        "1 minute 1 second",
        "whole minutes",
    ),
    Refusal(
        "SM-EDGE-033", a_rollout(look_every=Seconds(10)), "look_every", "10 seconds", "at least 83 seconds"
    ),
    Refusal("SM-EDGE-034", a_rollout(alarms=["x"]), "alarms[0]", "x", "an alarm of aws_cloudwatch"),
    Refusal("SM-EDGE-050", a_telemetry(sample_percent=101), "sample_percent", 101, "at most 100"),
    Refusal("SM-EDGE-050", a_telemetry(error_percent=0), "error_percent", 0, "more than 0"),
    Refusal(
        "SM-EDGE-051", a_telemetry(silent_after=Minutes(2)), "silent_after", "120 seconds", "at least 180"
    ),
    Refusal("SM-EDGE-052", a_telemetry(buffer=cdk.Size.kibibytes(512)), "buffer", "0.5 MiB", "whole MiB"),
    Refusal(
        "SM-EDGE-053",
        a_telemetry(bucket=BUCKET, retention=cdk.Duration.days(1)),
        "retention",
        cdk.Duration.days(1),
        "none",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters([each for each in REFUSED if each.rule != "SM-EDGE-053"]))
def test_what_cannot_be_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_retention_is_of_a_new_bucket() -> None:
    from tests.support.refusals import sole_violation

    violation = sole_violation(REFUSED[-1].attempt)
    assert (violation.rule, violation.property) == ("SM-EDGE-053", "retention")


@pytest.mark.parametrize(
    "attempt",
    [
        a_fleet(fleet_name="a" * 36, components={"aws.greengrass.LogManager": "2.3.7"}, notify=TOPICS[:5]),
        a_fleet(components={f"{each}{'n' * 94}": "1.0.0" for each in "abcdefghij"}),
        a_program(
            http_port=1024, socket="/run/a.sock", memory=cdk.Size.mebibytes(64), threads=64, max_concurrent=1
        ),
        a_program(http_port=65_535, memory=cdk.Size.gibibytes(64), python="/usr/bin/python3.11"),
        lambda: EdgeDevices.listed(*(f"cam-{each}" for each in range(100))),
        a_rollout(canary_percent=0.01, soak=Minutes(1), max_per_minute=1000, abort_percent=1),
        a_rollout(canary_percent=50, soak=cdk.Duration.days(14), fleet_timeout=cdk.Duration.days(30)),
        a_rollout(exponential=ExponentialRate(base=49, factor=1.1), look_every=Seconds(83)),
        a_telemetry(sample_percent=0, error_percent=100, silent_after=Minutes(3)),
        a_telemetry(buffer=cdk.Size.mebibytes(1), retention=cdk.Duration.days(3660)),
    ],
)
def test_the_bounds_are_taken(attempt: Callable[[], object]) -> None:
    attempt()


@pytest.mark.parametrize("larger", [False, True], ids=["as large as may be", "larger"])
def test_what_devices_fetch_is_no_larger_than_greengrass_takes(
    larger: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model.tar.gz"
    model.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr(artefact_size, "LARGEST_BYTES", 2_000_000 - larger)
    attempt = a_fleet(model=ModelData.from_asset(str(model)))
    if larger:
        Refusal("SM-EDGE-007", attempt, "model", "2,000,000 bytes", "1,999,999 bytes").check()
    else:
        attempt()


def test_wheels_are_measured_packed_and_with_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.whl").write_bytes(os.urandom(300_000))
    monkeypatch.setattr(artefact_size, "LARGEST_BYTES", 300_000)
    size = f"{Path(device_package(str(tmp_path)).path).stat().st_size:,} bytes"
    attempt = a_fleet(program=EdgeProgram(wheels=str(tmp_path)))
    Refusal("SM-EDGE-007", attempt, "program.wheels", size, "300,000 bytes").check()


def test_wheels_that_are_there_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"")
    assert EdgeProgram(wheels=str(tmp_path)).wheels


@pytest.mark.parametrize("by_fleet", [True, False])
def test_services_that_have_ended_are_refused_with_the_reason(by_fleet: bool) -> None:
    app = fresh_app()
    stack = cdk.Stack(app, "Stack")
    if by_fleet:
        EdgeFleet(stack, "Cameras", model=ARCHIVE, devices=DEVICES)
    else:
        RetiredServices.refuse_in(stack)
    sagemaker.CfnDeviceFleet(
        stack,
        "Old",
        device_fleet_name="old",
        role_arn="arn:aws:iam::111122223333:role/r",
        output_config=sagemaker.CfnDeviceFleet.EdgeOutputConfigProperty(s3_output_location="s3://b/o"),
    )
    greengrass.CfnGroup(stack, "Older", name="older")
    with pytest.raises(Exception, match="Validation failed") as caught:
        app.synth()
    told = str(caught.value)
    rule = "SM-EDGE-001"
    assert rule in told
    assert "Stack/Old: AWS::SageMaker::DeviceFleet" in told
    assert "26 April 2024" in told
    assert "Stack/Older: AWS::Greengrass::Group" in told


def test_what_is_alive_is_not_refused() -> None:
    assert why_retired("AWS::GreengrassV2::Deployment") is None
    assert why_retired("AWS::SageMaker::Endpoint") is None
