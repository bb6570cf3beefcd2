"""A fleet's properties and settings: each reaches its place, and fits there."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EdgeDevices,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    ExponentialRate,
)
from constructs_lib.edge.edge_rollout import EmptyCanary
from constructs_lib.edge.names import LONGEST_FLEET_NAME
from constructs_lib.edge.runtime.cloud.fleet import FleetSettings
from constructs_lib.edge.runtime.cloud.hook import Settings as HookSettings
from constructs_lib.edge.runtime.cloud.rollout.settings import Settings
from constructs_lib.edge.runtime.device.config import config_of
from tests.support.edge_fleets import (
    ROLLOUT,
    configuration,
    environment,
    made,
    states,
    told,
    topics,
)
from tests.support.synth import (
    ACCOUNT,
    a_bucket,
    resources,
)

FUNCTIONS = {
    "CamerasProvisioningHook": HookSettings,
    "CamerasTelemetryMeterFunction": FleetSettings,
    "CamerasTelemetryMeterCensus": FleetSettings,
    "CamerasRolloutsSteps": Settings,
    "CamerasRolloutsStart": Settings,
    "CamerasRolloutsTell": Settings,
}


# --- every property reaches its place ----------------------------------------------------------------------


def test_how_the_program_runs_reaches_the_device(stack: cdk.Stack) -> None:
    program = EdgeProgram(
        http_port=8080, socket="/run/edge.sock", memory=cdk.Size.gibibytes(1), threads=4, max_concurrent=16
    )
    told = configuration(made(stack, program=program))
    surroundings = {"AWS_IOT_THING_NAME": "cam-1"}
    found = config_of(json.dumps(told), surroundings, root="/state")
    assert (found.http_port, str(found.socket)) == (8080, "/run/edge.sock")
    assert (found.memory_mb, found.threads, found.max_concurrent) == (1024, 4, 16)
    assert found.transport.kind == "greengrass"


def test_what_devices_tell_reaches_them(stack: cdk.Stack) -> None:
    telemetry = EdgeTelemetry(
        sample_percent=12.5,
        inputs=False,
        summary_every=cdk.Duration.seconds(30),
        buffer=cdk.Size.mebibytes(8),
        silent_after=cdk.Duration.minutes(7),
    )
    template = made(stack, telemetry=telemetry)
    found = config_of(json.dumps(configuration(template)), {"AWS_IOT_THING_NAME": "cam-1"}, root="/state")
    assert (found.sampling.percent, found.sampling.inputs, found.sampling.errors_always) == (
        12.5,
        False,
        True,
    )
    assert (found.summary_seconds, found.buffer.max_bytes) == (30, 8 << 20)
    for function in ("CamerasTelemetryMeterFunction", "CamerasTelemetryMeterCensus"):
        assert told(template, function)["silent_seconds"] == 420


def test_how_a_version_reaches_devices_reaches_the_steps(stack: cdk.Stack) -> None:
    rollout = EdgeRollout(
        canary_percent=7,
        canary_min_devices=3,
        soak=cdk.Duration.hours(5),
        max_per_minute=40,
        exponential=ExponentialRate(base=2, factor=1.5, succeeded=20),
        abort_percent=15,
        abort_min_devices=4,
        device_timeout=cdk.Duration.minutes(11),
        canary_timeout=cdk.Duration.hours(2),
        fleet_timeout=cdk.Duration.hours(30),
        look_every=cdk.Duration.minutes(2),
        on_empty_canary=EmptyCanary.SKIP,
    )
    template = made(stack, rollout=rollout, notify=topics(stack, 1))
    found = told(template, "CamerasRolloutsSteps")
    assert found["job"] == {
        "jobExecutionsRolloutConfig": {
            "maximumPerMinute": 40,
            "exponentialRate": {
                "baseRatePerMinute": 2,
                "incrementFactor": 1.5,
                "rateIncreaseCriteria": {"numberOfSucceededThings": 20},
            },
        },
        "abortConfig": {
            "criteriaList": [
                {
                    "action": "CANCEL",
                    "failureType": "ALL",
                    "minNumberOfExecutedThings": 4,
                    "thresholdPercentage": 15,
                }
            ]
        },
        "timeoutConfig": {"inProgressTimeoutInMinutes": 11},
    }
    assert (
        found
        | {
            "canary_min_devices": 3,
            "abort_percent": 15,
            "abort_min_devices": 4,
            "canary_seconds": 7200,
            "soak_seconds": 18_000,
            "fleet_seconds": 108_000,
            "look_seconds": 120,
            "skip_empty_canary": True,
            "topics": [f"arn:aws:sns:eu-west-1:{ACCOUNT}:on-call0"],
        }
        == found
    )
    assert told(template, "CamerasProvisioningHook")["canary_percent"] == 7
    assert {each["Seconds"] for each in states(template).values() if each["Type"] == "Wait"} == {120}


def test_a_rollout_that_a_deployment_does_not_start(stack: cdk.Stack) -> None:
    assert not resources(made(stack, rollout=EdgeRollout(start_on_deploy=False)), ROLLOUT)


def test_the_fleets_alarms_and_those_that_were_given_stop_a_rollout(stack: cdk.Stack) -> None:
    theirs = cloudwatch.Alarm.from_alarm_arn(
        stack, "Theirs", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:theirs"
    )
    telemetry = EdgeTelemetry(latency_p99=cdk.Duration.millis(50))
    found = states(made(stack, rollout=EdgeRollout(alarms=[theirs]), telemetry=telemetry))
    for state in ("Prepare", "LookSoak"):
        told = found[state]["Parameters"]["Payload"]["alarms"]
        assert told[-1] == "theirs"
        own = [each.removeprefix("<CamerasTelemetryAlarms")[:-9] for each in told[:-1]]
        assert own == ["CanaryErrors", "CanarySilent", "CanaryRejected", "CanaryLatency"]


def test_those_who_are_told_are_told_by_every_alarm_of_the_whole_fleet(stack: cdk.Stack) -> None:
    found = topics(stack, 2)
    template = made(stack, notify=found)
    for id, each in resources(template, "AWS::CloudWatch::Alarm").items():
        actions = each["Properties"].get("AlarmActions", [])
        assert actions == ([] if "Canary" in id else [each.topic_arn for each in found]), id


# --- settings ----------------------------------------------------------------------------------------------


def test_each_function_takes_the_settings_that_it_is_told(stack: cdk.Stack) -> None:
    template = made(stack)
    for function, settings in FUNCTIONS.items():
        assert settings(**told(template, function)).fleet == "cameras"


def test_the_largest_settings_fit_the_four_kilobytes_of_a_function(stack: cdk.Stack) -> None:
    """With 20 alarms, 5 topics, and all names as long as AWS lets them be, in the longest partition and region."""
    alarms = [
        cloudwatch.Alarm.from_alarm_arn(
            stack, f"Alarm{each}", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{each:a>255}"
        )
        for each in range(20)
    ]
    arn = f"arn:aws-us-gov:sns:us-gov-east-1:{ACCOUNT}"
    told_of = [sns.Topic.from_topic_arn(stack, f"Topic{each}", f"{arn}:{each:t>256}") for each in range(5)]
    rate = ExponentialRate(base=999, factor=4.9, succeeded=100_000)
    template = made(
        stack,
        fleet_name="f" * LONGEST_FLEET_NAME,
        devices=EdgeDevices.listed(*(f"{each:s>20}" for each in range(100))),
        components={f"{each}{'n' * 94}": "1.0.0" for each in "abcdefghij"},
        artefact_bucket=a_bucket(stack, "Art", "b" * 63),
        rollout=EdgeRollout(alarms=alarms, exponential=rate, max_per_minute=1000, canary_percent=33.333333),
        notify=told_of,
    )
    for function in FUNCTIONS:
        told = environment(template, function)
        for name, longest in (
            ("Partition", "aws-us-gov"),
            ("Region", "ap-southeast-1"),
            ("AccountId", "1" * 12),
        ):
            told = {key: each.replace(f"<AWS::{name}>", longest) for key, each in told.items()}
        # Of the table's name: generated ones have at most 255 characters.
        size = sum(len(name.encode()) + len(value.encode()) for name, value in told.items())
        assert size < 4096 - (255 if "Telemetry" in function else 0), function
    assert f"{19:a>255}" in json.dumps(states(template))
