"""What watches a batch transform is made of, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import BatchCapture, MonitorAction, MonitorCompute, Monitoring, Prediction
from constructs_lib.monitoring.batch_monitoring import BatchMonitoring, CapturesRecords
from constructs_lib.monitoring.runtime.run.description import VARIABLE, Description
from tests.support.batch_monitored import a_transform
from tests.support.monitoring import (
    a_bucket,
    attribution_drift,
    bias_drift,
    data_quality,
    model_quality,
)
from tests.support.refusals import refused, sole_violation
from tests.support.synth import allowing, an_endpoint, flat, properties, resources, statements, synthesized

Template = dict[str, Any]
NUMBERED = Prediction(probability="0", baseline_probability="score")


def watching(scope: cdk.Stack, *monitors: Any, **props: Any) -> BatchMonitoring:
    """A monitored transform."""
    given = {"monitors": monitors or [data_quality(scope)], "dashboard": False, **props}
    return Monitoring.of_batch(a_transform(scope), **given)


def told(template: Template, monitor: str) -> Description:
    """The monitor as its function reads it."""
    found = [
        Description.from_environment({VARIABLE: flat(variables[VARIABLE])})
        for each in resources(template, "AWS::Lambda::Function").values()
        if VARIABLE in (variables := each["Properties"].get("Environment", {}).get("Variables", {}))
    ]
    (one,) = [each for each in found if each.name == monitor]
    return one


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Of the monitor, by the metric they watch."""
    found = [each["Properties"] for each in resources(template, "AWS::CloudWatch::Alarm").values()]
    return {each["MetricName"]: each for each in found if each.get("Namespace") == "ConstructsLib/Monitoring"}


# --- what is watched --------------------------------------------------------------------------------------


def test_a_transform_is_what_can_be_watched(stack: cdk.Stack) -> None:
    transform = a_transform(stack)
    assert isinstance(transform, CapturesRecords)
    assert not isinstance(an_endpoint(stack), CapturesRecords)


def test_the_transform_is_the_endpoint_and_its_records_are_the_captured_data(stack: cdk.Stack) -> None:
    watching(stack)
    description = told(synthesized(stack), "DataQuality")
    assert description.endpoint == "nightly"
    assert description.variant is None
    assert description.engine == "owned"
    assert description.captured.prefix == "data-capture/nightly"
    assert description.results.prefix == "monitoring/nightly/DataQuality"
    assert description.captured.bucket == description.results.bucket == "<NightlyOutputBucket4421CD0F>"


def test_records_are_read_where_the_sink_writes_them(stack: cdk.Stack) -> None:
    bucket = a_bucket(stack, "Seen")
    transform = a_transform(stack, sink=[BatchCapture(bucket=bucket, prefix="seen/all")])
    Monitoring.of_batch(transform, monitors=[data_quality(stack)], results=a_bucket(stack, "Found"))
    template = synthesized(stack)
    description = told(template, "DataQuality")
    assert (description.captured.bucket, description.captured.prefix) == ("seen", "seen/all/nightly")
    assert description.results.bucket == "found"
    writes = [flat(each["Resource"]) for each in allowing(template, "s3:PutObject", "NightlyRunsCapture")]
    assert "arn:<AWS::Partition>:s3:::seen/seen/all/nightly/*" in writes


def test_a_monitor_may_read_the_records_and_write_results_and_no_more(stack: cdk.Stack) -> None:
    bucket, found = a_bucket(stack, "Seen"), a_bucket(stack, "Found")
    transform = a_transform(stack, sink=BatchCapture(bucket=bucket))
    Monitoring.of_batch(transform, monitors=[data_quality(stack)], results=found)
    template = synthesized(stack)
    own = statements(template, "NightlyMonitoringDataQuality")
    of_s3 = sorted(
        (action, flat(each["Resource"]))
        for each in own
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
        if action.startswith("s3:")
    )
    arn = "arn:<AWS::Partition>:s3:::"
    assert of_s3 == [
        ("s3:GetObject", f"{arn}data/training/fraud.csv"),
        ("s3:GetObject", f"{arn}found/monitoring/nightly/DataQuality/*"),
        ("s3:GetObject", f"{arn}seen/data-capture/nightly/*"),
        ("s3:GetObjectVersion", f"{arn}data/training/fraud.csv"),
        ("s3:ListBucket", f"{arn}found"),
        ("s3:ListBucket", f"{arn}seen"),
        ("s3:PutObject", f"{arn}found/monitoring/nightly/DataQuality/*"),
    ]
    listed = {
        flat(each["Resource"]): each["Condition"]["StringLike"]["s3:prefix"]
        for each in own
        if each["Action"] == "s3:ListBucket"
    }
    assert listed[f"{arn}seen"] == ["data-capture/nightly/*", "data-capture/nightly"]
    assert not [each for each in own if "sagemaker:" in str(each["Action"])], "there is nothing to ask"


def test_records_are_decrypted_by_the_key_of_their_bucket(stack: cdk.Stack) -> None:
    watching(stack)
    template = synthesized(stack)
    decrypts = [
        flat(each["Resource"]) for each in allowing(template, "kms:Decrypt", "NightlyMonitoringDataQuality")
    ]
    (key,) = [id for id in resources(template, "AWS::KMS::Key") if id.startswith("NightlyOutputKey")]
    assert decrypts == [f"<{key}.Arn>"]


# --- each monitor -----------------------------------------------------------------------------------------


def test_schedule_and_alarm_on_silence_wait_for_the_baseline(stack: cdk.Stack) -> None:
    watching(stack, data_quality(stack, every=cdk.Duration.days(1)))
    template = synthesized(stack)
    (baseline,) = resources(template, "Custom::MonitorBaseline")
    rules = resources(template, "AWS::Events::Rule").values()
    (schedule,) = [each for each in rules if "ScheduleExpression" in each["Properties"]]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 day)"
    assert schedule["Properties"]["Description"] == "Monitor DataQuality of batch transform nightly"
    assert baseline in schedule["DependsOn"]
    found = resources(template, "AWS::CloudWatch::Alarm").values()
    (silence,) = [each for each in found if each["Properties"].get("MetricName") == "Heartbeat"]
    assert baseline in silence["DependsOn"]


def test_alarms_watch_what_the_engine_reports(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall")
    watching(stack, notify=[topic])
    template = synthesized(stack)
    found = alarms(template)
    assert set(found) == {"Violations", "Heartbeat"}
    dimensions = [{"Name": "Endpoint", "Value": "nightly"}, {"Name": "Monitor", "Value": "DataQuality"}]
    assert all(each["Dimensions"] == dimensions for each in found.values())
    assert "monitor DataQuality of batch transform nightly" in flat(found["Violations"]["AlarmDescription"])
    assert found["Violations"]["TreatMissingData"] == "ignore", "most windows have no run"
    assert all(len(each["AlarmActions"]) == 1 for each in found.values())


def test_one_alarm_stands_for_all_and_a_dashboard_shows_them(stack: cdk.Stack) -> None:
    monitors = [data_quality(stack), model_quality(stack, prediction=NUMBERED)]
    monitoring = watching(stack, *monitors, dashboard=True)
    template = synthesized(stack)
    composite = properties(template, "AWS::CloudWatch::CompositeAlarm")
    assert composite["AlarmDescription"] == "Something is wrong with batch transform nightly, or nobody looks"
    assert flat(composite["AlarmRule"]).count('ALARM("') == len(monitoring.alarms) == 4
    body = flat(properties(template, "AWS::CloudWatch::Dashboard")["DashboardBody"])
    assert "ModelQuality: violations" in body
    assert monitoring.metric_violations("ModelQuality").dimensions == {
        "Endpoint": "nightly",
        "Monitor": "ModelQuality",
    }


def test_labels_make_a_look_wait(stack: cdk.Stack) -> None:
    watching(stack, model_quality(stack, prediction=NUMBERED), bias_drift(stack, prediction=NUMBERED))
    template = synthesized(stack)
    assert told(template, "ModelQuality").due_after == 24 * 3600
    assert told(template, "BiasDrift").due_after == 900


def test_it_may_run_as_a_job(stack: cdk.Stack) -> None:
    monitoring = watching(stack, compute=MonitorCompute.processing())
    assert monitoring.owned["DataQuality"].job is not None
    reads = [flat(each["Resource"]) for each in allowing(synthesized(stack), "s3:GetObject")]
    assert sum(each.endswith("/data-capture/nightly/*") for each in reads) == 2, "function and job"


def test_an_alarm_sets_off_a_retraining(stack: cdk.Stack) -> None:
    machine = stepfunctions.StateMachine.from_state_machine_name(stack, "Retrain", "retrain")
    watching(stack, data_quality(stack, actions=[MonitorAction.retrain(machine)]))
    rules = [each["Properties"] for each in resources(synthesized(stack), "AWS::Events::Rule").values()]
    (rule,) = [each for each in rules if each.get("EventPattern", {}).get("source") == ["aws.cloudwatch"]]
    template = flat(rule["Targets"][0]["InputTransformer"]["InputTemplate"])
    assert '"endpoint":"nightly"' in template
    assert "/monitoring/nightly/DataQuality/" in template


def test_without_monitors_there_is_no_alarm(stack: cdk.Stack) -> None:
    monitoring = Monitoring.of_batch(a_transform(stack), monitors=[], dashboard=False)
    assert monitoring.alarms == ()
    assert monitoring.composite_alarm is None
    assert alarms(synthesized(stack)) == {}


def test_an_imported_bucket_of_another_stack_is_no_dependency(stack: cdk.Stack) -> None:
    """Records may lie elsewhere, and the monitor in the transform's stack."""
    other = cdk.Stack(stack.node.root, "Other")  # type: ignore[arg-type]
    bucket = s3.Bucket.from_bucket_name(other, "Seen", "seen")
    monitoring = Monitoring.of_batch(
        a_transform(stack, sink=BatchCapture(bucket=bucket)), monitors=[data_quality(stack)]
    )
    assert cdk.Stack.of(monitoring) is stack
    assert synthesized(stack)["Resources"]


# --- what is refused --------------------------------------------------------------------------------------


def test_a_transform_that_captures_nothing_has_nothing_to_look_at(stack: cdk.Stack) -> None:
    transform = a_transform(stack, sink=None)
    assert transform.captured is None
    error = refused(lambda: Monitoring.of_batch(transform, monitors=[data_quality(stack)]))
    assert error.rules == ("SM-MONITOR-057",)
    (violation,) = error.violations
    assert violation.given == "nightly"
    assert "BatchCapture" in violation.fix
    assert transform.node.try_find_child("Monitoring") is None


Make = Callable[[cdk.Stack], Any]


class Tried(NamedTuple):
    """A monitor that no transform can have."""

    make: Make
    rule: str
    where: str
    allowed: str


REFUSED = {
    "attribution": Tried(
        lambda stack: attribution_drift(stack, prediction=NUMBERED),
        rule="SM-MONITOR-058",
        where="monitors[AttributionDrift]",
        allowed="DataQuality, ModelQuality or BiasDrift",
    ),
    "traffic": Tried(
        lambda stack: data_quality(stack, actions=[MonitorAction.shift_traffic(to="Old")]),
        rule="SM-MONITOR-058",
        where="monitors[DataQuality].actions[0]",
        allowed="shifts no traffic",
    ),
    "variant": Tried(
        lambda stack: data_quality(stack, variant="AllTraffic"),
        rule="SM-MONITOR-058",
        where="monitors[DataQuality].variant",
        allowed="None",
    ),
    "label by name": Tried(
        lambda stack: bias_drift(stack, prediction=Prediction(label="churn", baseline_label="churn")),
        rule="SM-MONITOR-059",
        where="monitors[BiasDrift].prediction.label",
        allowed="number of a prediction column",
    ),
    "probability by name": Tried(
        lambda stack: model_quality(stack, prediction=Prediction(probability="scores.0")),
        rule="SM-MONITOR-059",
        where="monitors[ModelQuality].prediction.probability",
        allowed="number of a prediction column",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_an_endpoint_is_refused(stack: cdk.Stack, case: str) -> None:
    make, rule, where, allowed = REFUSED[case]
    monitor = make(stack)
    violation = sole_violation(lambda: watching(stack, monitor))
    assert (violation.rule, violation.property) == (rule, where)
    assert allowed in violation.allowed


@pytest.mark.parametrize("path", ["0", "12", "max", "argmax"])
def test_what_csv_can_tell_is_taken(stack: cdk.Stack, path: str) -> None:
    prediction = Prediction(label=path, baseline_label="churn")
    assert watching(stack, bias_drift(stack, prediction=prediction)).alarms


def test_the_one_variant_may_be_named(stack: cdk.Stack) -> None:
    watching(stack, data_quality(stack, variant="batch"))
    assert told(synthesized(stack), "DataQuality").variant == "batch"


@pytest.mark.parametrize(
    ("props", "count"), [({}, 2), ({"prefix": "/results/"}, 1)], ids=["two of a name", "no prefix"]
)
def test_the_rules_of_an_endpoint_hold_too(stack: cdk.Stack, props: dict[str, Any], count: int) -> None:
    monitors = [data_quality(stack) for _ in range(count)]
    assert refused(lambda: watching(stack, *monitors, **props)).rules == ("SM-MONITOR-052",)


def test_an_endpoint_is_no_transform_nor_the_other_way_round(stack: cdk.Stack) -> None:
    endpoint: Any = an_endpoint(stack)
    violation = sole_violation(lambda: Monitoring.of_batch(endpoint))
    assert (violation.rule, violation.property) == ("SM-TYPE-001", "batch")
    assert "Monitoring.of(" in violation.fix
    transform: Any = a_transform(stack)
    violation = sole_violation(lambda: Monitoring.of(transform))
    assert (violation.rule, violation.property) == ("SM-TYPE-001", "endpoint")
    assert "Monitoring.of_batch(" in violation.fix


@pytest.mark.parametrize("value", ["nightly", None, 5, []])
def test_what_is_no_construct_is_refused(value: Any) -> None:
    violation = sole_violation(lambda: Monitoring.of_batch(value))
    assert (violation.rule, violation.property, violation.given) == ("SM-TYPE-001", "batch", value)


@pytest.mark.parametrize(("hours", "most"), [(24, 7), (12, 14), (1, 24)])
def test_an_alarm_looks_back_a_week_at_most(stack: cdk.Stack, hours: int, most: int) -> None:
    every = cdk.Duration.hours(hours)
    assert data_quality(stack, every=every, windows_to_alarm=most)
    violation = sole_violation(lambda: data_quality(stack, every=every, windows_to_alarm=most + 1))
    assert (violation.rule, violation.property) == ("SM-MONITOR-003", "windows_to_alarm")
