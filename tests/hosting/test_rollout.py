"""Rollouts: the exact deployment configuration of each kind, and the alarms that turn them back."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import Rollback, Rollout
from tests.support.synth import a_variant, an_endpoint, flat, properties, resources, synthesized

minutes = cdk.Duration.minutes
ENDPOINT, ALARM = "AWS::SageMaker::Endpoint", "AWS::CloudWatch::Alarm"
SILENT = Rollback(error_rate_percent=None, latency_alarm=False)


def deployment_of(stack: cdk.Stack, rollout: Rollout | None, **props: Any) -> dict[str, Any]:
    an_endpoint(stack, rollout=rollout, check_deployments=False, **props)
    return dict(properties(synthesized(stack), ENDPOINT)["DeploymentConfig"])


def blue_green(routing: dict[str, object], termination: int = 300, **more: object) -> dict[str, object]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
            **more,
        }
    }


def percent(value: int) -> dict[str, object]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, object]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


KINDS = {
    "all at once": (
        Rollout.all_at_once(rollback=SILENT),
        blue_green({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}),
    ),
    "all at once, patiently": (
        Rollout.all_at_once(termination_wait=minutes(0), maximum_execution=minutes(30), rollback=SILENT),
        blue_green(
            {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, 0, MaximumExecutionTimeoutInSeconds=1800
        ),
    ),
    "canary by percent": (
        Rollout.canary(size_percent=10, wait=minutes(10), rollback=SILENT),
        blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 600, "CanarySize": percent(10)}),
    ),
    "canary by instances": (
        Rollout.canary(size_instances=1, wait=minutes(0), termination_wait=minutes(60), rollback=SILENT),
        blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 0, "CanarySize": instances(1)}, 3600),
    ),
    "linear by percent": (
        Rollout.linear(step_percent=25, wait=minutes(5), maximum_execution=minutes(60), rollback=SILENT),
        blue_green(
            {"Type": "LINEAR", "WaitIntervalInSeconds": 300, "LinearStepSize": percent(25)},
            MaximumExecutionTimeoutInSeconds=3600,
        ),
    ),
    "linear by instances": (
        Rollout.linear(step_instances=1, wait=minutes(5), rollback=SILENT),
        blue_green({"Type": "LINEAR", "WaitIntervalInSeconds": 300, "LinearStepSize": instances(1)}),
    ),
    "rolling by percent": (
        Rollout.rolling(batch_percent=5, wait=minutes(5), rollback=SILENT),
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(5), "WaitIntervalInSeconds": 300}},
    ),
    "rolling by instances, slowly back": (
        Rollout.rolling(
            batch_instances=1,
            wait=minutes(1),
            rollback_percent=20,
            maximum_execution=minutes(90),
            rollback=SILENT,
        ),
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": instances(1),
                "WaitIntervalInSeconds": 60,
                "RollbackMaximumBatchSize": percent(20),
                "MaximumExecutionTimeoutInSeconds": 5400,
            }
        },
    ),
}


@pytest.mark.parametrize(("rollout", "written"), KINDS.values(), ids=KINDS.keys())
def test_each_kind_is_written_exactly(stack: cdk.Stack, rollout: Rollout, written: dict[str, object]) -> None:
    assert deployment_of(stack, rollout) == written


def test_the_default_is_all_at_once_watched_by_both_alarms(stack: cdk.Stack) -> None:
    deployment = deployment_of(stack, None)
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    watching = [flat(each["AlarmName"]) for each in deployment["AutoRollbackConfiguration"]["Alarms"]]
    assert watching == [f"<{alarm}>" for alarm in resources(synthesized(stack), ALARM)]


def test_an_unguarded_rollout_is_no_deployment_config_and_no_alarm(stack: cdk.Stack) -> None:
    """For the one deployment that changes the names of variants, which a deployment configuration forbids."""
    endpoint = an_endpoint(stack, rollout=Rollout.unguarded())
    template = synthesized(stack)
    assert "DeploymentConfig" not in properties(template, ENDPOINT)
    assert resources(template, ALARM) == {}
    assert endpoint.rollback_alarms.names == []


def test_tokens_for_waits_and_sizes_reach_the_template(stack: cdk.Stack) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    rollout = Rollout.canary(size_percent=number, wait=cdk.Duration.seconds(number), rollback=SILENT)
    routing = deployment_of(stack, rollout)["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["CanarySize"]["Value"] == {"Ref": "Number"}
    assert routing["WaitIntervalInSeconds"] == {"Ref": "Number"}


def alarms_by_threshold(stack: cdk.Stack) -> dict[float, dict[str, Any]]:
    return {
        each["Properties"]["Threshold"]: each["Properties"]
        for each in resources(synthesized(stack), ALARM).values()
    }


def test_the_error_alarm_is_a_rate_that_a_quiet_minute_does_not_trip(stack: cdk.Stack) -> None:
    an_endpoint(stack, rollout=Rollout.all_at_once(rollback=Rollback(error_rate_percent=2.5)))
    alarm = alarms_by_threshold(stack)[2.5]
    rate, *inputs = alarm["Metrics"]
    assert rate["Expression"] == "IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)"
    assert {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in inputs} == {
        "errors": "Invocation5XXErrors",
        "requests": "Invocations",
    }
    assert {each["MetricStat"]["Stat"] for each in inputs} == {"Sum"}
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"


def test_the_latency_alarm_is_in_microseconds(stack: cdk.Stack) -> None:
    an_endpoint(stack, rollout=Rollout.all_at_once(rollback=Rollback(latency=cdk.Duration.millis(2000))))
    alarm = alarms_by_threshold(stack)[2_000_000]
    (query,) = alarm["Metrics"]
    assert query["MetricStat"]["Metric"]["MetricName"] == "ModelLatency"
    assert (query["MetricStat"]["Stat"], query["MetricStat"]["Period"]) == ("p99", 60)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_the_defaults_are_five_percent_and_thirty_seconds(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    assert sorted(alarms_by_threshold(stack)) == [5, 30_000_000]


@pytest.mark.parametrize(
    ("rollback", "thresholds"),
    [
        (Rollback(error_rate_percent=None), [30_000_000]),
        (Rollback(latency_alarm=False), [5]),
        (SILENT, []),
    ],
)
def test_each_built_in_alarm_may_be_left_out(
    stack: cdk.Stack, rollback: Rollback, thresholds: list[float]
) -> None:
    deployment = deployment_of(stack, Rollout.all_at_once(rollback=rollback))
    assert sorted(alarms_by_threshold(stack)) == thresholds
    assert len(deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])) == len(thresholds)


def test_without_any_alarm_there_is_no_rollback_configuration(stack: cdk.Stack) -> None:
    assert "AutoRollbackConfiguration" not in deployment_of(stack, Rollout.all_at_once(rollback=SILENT))


def test_alarms_name_the_endpoint_literally_so_that_there_is_no_cycle(stack: cdk.Stack) -> None:
    an_endpoint(stack)  # `synthesized` refuses a template with a cycle
    template = synthesized(stack)
    (endpoint,) = resources(template, ENDPOINT)
    for alarm in resources(template, ALARM).values():
        assert endpoint not in str(alarm)
        assert "'Value': 'test-endpoint'" in str(alarm)
        assert "DependsOn" not in alarm


def test_your_own_alarms_come_after_the_built_in_ones(stack: cdk.Stack) -> None:
    mine = cloudwatch.Alarm(
        stack,
        "Mine",
        metric=cloudwatch.Metric(namespace="Fraud", metric_name="Chargebacks"),
        threshold=1,
        evaluation_periods=1,
    )
    imported = cloudwatch.Alarm.from_alarm_name(stack, "Theirs", "theirs")
    composite = cloudwatch.CompositeAlarm(
        stack, "Any", alarm_rule=cloudwatch.AlarmRule.from_alarm(mine, cloudwatch.AlarmState.ALARM)
    )
    rollback = Rollback(alarms=[mine, imported, composite])
    deployment = deployment_of(stack, Rollout.all_at_once(rollback=rollback))
    names = [flat(each["AlarmName"]) for each in deployment["AutoRollbackConfiguration"]["Alarms"]]
    assert len(names) == 5
    assert names[2:] == [
        f"<{stack.get_logical_id(mine.node.default_child)}>",
        "theirs",
        f"<{stack.get_logical_id(composite.node.default_child)}>",
    ]


def test_with_several_variants_the_alarms_watch_all_of_them_together(stack: cdk.Stack) -> None:
    variants = [a_variant(stack, name) for name in ("A", "B")]
    an_endpoint(stack, variants=variants)
    errors = alarms_by_threshold(stack)[5]
    watched = {
        (each["MetricStat"]["Metric"]["MetricName"], each["MetricStat"]["Metric"]["Dimensions"][1]["Value"])
        for each in errors["Metrics"]
        if "MetricStat" in each
    }
    assert watched == {
        (metric, variant) for metric in ("Invocation5XXErrors", "Invocations") for variant in ("A", "B")
    }
    latency = alarms_by_threshold(stack)[30_000_000]
    assert any(each.get("Expression", "").startswith("MAX([FILL(") for each in latency["Metrics"])
    ids = [each["Id"] for each in errors["Metrics"]]
    assert len(ids) == len(set(ids))


def test_the_built_in_alarms_are_in_reach(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack)
    assert [alarm.node.id for alarm in endpoint.rollback_alarms.cfn_alarms] == ["Errors", "Latency"]
    assert len(endpoint.rollback_alarms.names) == 2
