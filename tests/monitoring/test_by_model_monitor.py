"""The opt-in engine behind `Monitoring`: the same monitors, run by Model Monitor."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import (
    Baseline,
    CapturedData,
    DataCapture,
    MonitorEngine,
    Monitoring,
    RealtimeEndpoint,
    ServerlessEndpoint,
)
from tests.support.monitoring import (
    MONITORS,
    a_bucket,
    a_monitored_endpoint,
    attribution_drift,
    bias_drift,
    data_quality,
    model_quality,
    the_truth,
)
from tests.support.refusals import refused, sole_violation
from tests.support.synth import a_model, flat, properties, resource, resources, synthesized

MODEL_MONITOR = MonitorEngine.MODEL_MONITOR
TYPES = {
    "data_quality": "DataQuality",
    "model_quality": "ModelQuality",
    "bias": "ModelBias",
    "attribution": "ModelExplainability",
}


def a_monitor(kind: str, stack: cdk.Stack) -> Any:
    if kind == "attribution":
        return attribution_drift(stack, background_rows=[[1, 2.5, "a"]])
    if kind == "bias":
        return bias_drift(stack, ground_truth=the_truth(stack), baseline_truth="granted")
    return MONITORS[kind](stack)


@pytest.mark.parametrize("kind", TYPES)
def test_each_kind_has_a_schedule_a_definition_and_alarms(stack: cdk.Stack, kind: str) -> None:
    a_monitored_endpoint(stack, engine=MODEL_MONITOR, monitors=[a_monitor(kind, stack)])
    template = synthesized(stack)
    schedule = properties(template, "AWS::SageMaker::MonitoringSchedule")["MonitoringScheduleConfig"]
    assert schedule["MonitoringType"] == TYPES[kind]
    assert schedule["ScheduleConfig"]["ScheduleExpression"] == "cron(0 * ? * * *)"
    watched = {
        each["Properties"]["MetricName"]
        for each in resources(template, "AWS::CloudWatch::Alarm").values()
        if each["Properties"].get("Namespace") == "ConstructsLib/Monitoring"
    }
    assert watched == {"Violations", "Heartbeat"}, "one path of metrics and alarms, whatever the engine"
    rates = [
        each
        for each in resources(template, "AWS::Events::Rule").values()
        if each["Properties"].get("ScheduleExpression") == "rate(1 hour)"
    ]
    assert not rates, "two engines would look"


def test_the_definition_comes_after_baseline_and_endpoint(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, engine=MODEL_MONITOR)
    template = synthesized(stack)
    definition = resource(template, "AWS::SageMaker::DataQualityJobDefinition")
    (baseline,) = resources(template, "Custom::MonitorBaseline")
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint")
    assert {baseline, endpoint} <= set(definition["DependsOn"])
    made = template["Resources"][baseline]["Properties"]
    constraints = definition["Properties"]["DataQualityBaselineConfig"]["ConstraintsResource"]["S3Uri"]
    assert f"/monitoring/test-fraud/DataQuality/baseline/{made['Digest']}/" in flat(constraints)
    assert json.loads(flat(made["Monitor"]))["engine"] == "model_monitor"


def test_an_existing_baseline_is_where_it_is(stack: cdk.Stack) -> None:
    data = Baseline.existing(a_bucket(stack, "Theirs"), "baselines/fraud")
    a_monitored_endpoint(stack, engine=MODEL_MONITOR, monitors=[data_quality(stack, baseline=data)])
    definition = properties(synthesized(stack), "AWS::SageMaker::DataQualityJobDefinition")
    constraints = definition["DataQualityBaselineConfig"]["ConstraintsResource"]["S3Uri"]
    assert flat(constraints).startswith("s3://theirs/baselines/fraud/")


def test_labels_shift_the_window(stack: cdk.Stack) -> None:
    every = cdk.Duration.hours(6)
    a_monitored_endpoint(stack, engine=MODEL_MONITOR, monitors=[model_quality(stack, every=every)])
    template = synthesized(stack)
    given = properties(template, "AWS::SageMaker::ModelQualityJobDefinition")["ModelQualityJobInput"]
    assert (given["EndpointInput"]["StartTimeOffset"], given["EndpointInput"]["EndTimeOffset"]) == (
        "-PT30H",
        "-PT24H",
    )
    schedule = properties(template, "AWS::SageMaker::MonitoringSchedule")["MonitoringScheduleConfig"]
    assert schedule["ScheduleConfig"]["ScheduleExpression"] == "cron(0 0/6 ? * * *)"


def test_it_looks_at_whole_hours(stack: cdk.Stack) -> None:
    monitor = data_quality(stack, every=cdk.Duration.minutes(30))
    found = sole_violation(lambda: a_monitored_endpoint(stack, engine=MODEL_MONITOR, monitors=[monitor]))
    assert found.rule == "SM-MONITOR-055"
    assert found.property == "monitors[DataQuality].every"


def test_it_is_told_what_stands_for_nothing_known(stack: cdk.Stack) -> None:
    monitor = attribution_drift(stack)
    found = sole_violation(lambda: a_monitored_endpoint(stack, engine=MODEL_MONITOR, monitors=[monitor]))
    assert found.rule == "SM-MONITOR-055"
    assert found.property == "monitors[AttributionDrift].background_rows"


def test_it_explains_no_model_that_it_cannot_name(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "There", "fraud")
    captured = CapturedData(bucket=a_bucket(stack, "Captured"))
    monitor = attribution_drift(stack, background_rows=[[1, 2]])
    error = refused(
        lambda: Monitoring.of(endpoint, captured=captured, monitors=[monitor], engine=MODEL_MONITOR)
    )
    assert error.rules == ("SM-MONITOR-056",)


def test_serverless_endpoints_are_refused(stack: cdk.Stack) -> None:
    endpoint = ServerlessEndpoint(stack, "Serverless", model=a_model(stack, "Model"))
    captured = CapturedData(bucket=a_bucket(stack, "Captured"))
    error = refused(
        lambda: Monitoring.of(
            endpoint, captured=captured, monitors=[data_quality(stack)], engine=MODEL_MONITOR
        )
    )
    assert error.rules == ("SM-MODELMONITOR-001",)


def test_an_endpoint_that_is_there_is_monitored(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        model=a_model(stack, "Model"),
        instance_type="ml.m5.large",
        capture=DataCapture(),
    )
    monitoring = Monitoring.of(endpoint, monitors=[data_quality(stack)], engine=MODEL_MONITOR)
    assert list(monitoring.scheduled) == ["DataQuality"]
    assert monitoring.owned == {}
    assert resources(synthesized(stack), "AWS::SageMaker::MonitoringSchedule")
