"""What a monitored endpoint is made of, resource by resource."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import (
    Baseline,
    CapturedData,
    DataCapture,
    DataQuality,
    EndpointAlarms,
    ErrorThreshold,
    GroundTruth,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    Monitoring,
    RealtimeEndpoint,
    Variant,
)
from constructs_lib.monitoring.runtime.run.description import VARIABLE, Description
from tests.support.monitoring import (
    MONITORS,
    a_baseline,
    a_bucket,
    a_monitored_endpoint,
    attribution_drift,
    data_quality,
    model_quality,
)
from tests.support.refusals import refused
from tests.support.synth import a_model, flat, properties, resources, statements, synthesized

Template = dict[str, Any]


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """The functions that look, by the name of their monitor."""
    found = [
        each["Properties"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if VARIABLE in each["Properties"].get("Environment", {}).get("Variables", {})
    ]
    return {told(each).name: each for each in found}


def told(function: dict[str, Any]) -> Description:
    """As the function reads it."""
    return Description.from_environment({VARIABLE: flat(function["Environment"]["Variables"][VARIABLE])})


def baselines(template: Template) -> list[dict[str, Any]]:
    return list(resources(template, "Custom::MonitorBaseline").values())


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Of monitors, by the metric they watch."""
    found = [each["Properties"] for each in resources(template, "AWS::CloudWatch::Alarm").values()]
    return {each["MetricName"]: each for each in found if each.get("Namespace") == "ConstructsLib/Monitoring"}


# --- the endpoint -----------------------------------------------------------------------------------------


def test_it_is_a_realtime_endpoint_that_captures_everything(stack: cdk.Stack) -> None:
    endpoint = a_monitored_endpoint(stack)
    assert isinstance(endpoint, RealtimeEndpoint)
    captured = properties(synthesized(stack), "AWS::SageMaker::EndpointConfig")["DataCaptureConfig"]
    assert captured["InitialSamplingPercentage"] == 100
    assert captured["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]


def test_it_takes_all_that_a_realtime_endpoint_takes() -> None:
    import inspect

    ours, theirs = (
        inspect.signature(each.__init__).parameters for each in (MonitoredEndpoint, RealtimeEndpoint)
    )
    assert set(theirs) <= set(ours)
    assert {name: each.default for name, each in theirs.items()} == {
        name: ours[name].default for name in theirs
    }


def test_without_monitors_it_watches_the_endpoint_alone(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, monitors=[])
    template = synthesized(stack)
    assert functions(template) == {}
    assert baselines(template) == []
    assert alarms(template) == {}


# --- one monitor ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MONITORS)
def test_the_function_reads_what_synthesis_wrote(stack: cdk.Stack, kind: str) -> None:
    a_monitored_endpoint(stack, endpoint_name="fraud", monitors=[MONITORS[kind](stack, name="M")])
    description = told(functions(synthesized(stack))["M"])
    assert description.kind == kind
    assert description.endpoint == "fraud"
    assert description.captured.prefix == "data-capture/fraud"
    assert description.results.prefix == "monitoring/fraud/M"
    assert description.baseline.startswith("baseline/")
    assert (description.every, description.settle, description.least) == (3600, 900, 200)


def test_labels_make_a_look_wait(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, monitors=[model_quality(stack), data_quality(stack)])
    found = functions(synthesized(stack))
    assert told(found["ModelQuality"]).due_after == 24 * 3600
    assert told(found["DataQuality"]).due_after == 900


def test_what_lambda_calls_is_there(stack: cdk.Stack) -> None:
    import importlib

    a_monitored_endpoint(stack, monitors=[data_quality(stack)])
    module, _, entry = functions(synthesized(stack))["DataQuality"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), entry))


def test_the_schedule_waits_for_the_baseline(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack)
    template = synthesized(stack)
    (baseline,) = resources(template, "Custom::MonitorBaseline")
    rules = resources(template, "AWS::Events::Rule").values()
    (schedule,) = [each for each in rules if "ScheduleExpression" in each["Properties"]]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 hour)"
    assert baseline in schedule["DependsOn"]


def test_the_alarm_on_silence_waits_for_the_first_sign_of_life(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack)
    template = synthesized(stack)
    (baseline,) = resources(template, "Custom::MonitorBaseline")
    found = resources(template, "AWS::CloudWatch::Alarm").values()
    (silence,) = [each for each in found if each["Properties"].get("MetricName") == "Heartbeat"]
    assert baseline in silence["DependsOn"]


def test_every_monitor_has_a_prefix_of_its_own(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, monitors=[data_quality(stack, name="A"), data_quality(stack, name="B")])
    found = functions(synthesized(stack))
    assert told(found["A"]).results.prefix != told(found["B"]).results.prefix


# --- the baseline -----------------------------------------------------------------------------------------


def digest(data: Baseline, **props: Any) -> str:
    from tests.support.synth import fresh_app

    stack = cdk.Stack(fresh_app(), "Test")
    a_monitored_endpoint(stack, monitors=[DataQuality(baseline=data, **props)])
    (found,) = baselines(synthesized(stack))
    return str(found["Properties"]["Digest"])


def test_another_content_makes_a_new_baseline(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("a\n1\n")
    first, again = (digest(Baseline.from_asset(str(file))) for _ in range(2))
    assert again == first, "the same content is the same baseline"
    assert digest(Baseline.from_asset(str(file)), ignore=["a"]) != first
    file.write_text("a\n2\n")
    assert digest(Baseline.from_asset(str(file))) != first


def test_a_baseline_of_a_bucket_may_be_read_and_nothing_beside_it(stack: cdk.Stack) -> None:
    data = Baseline.from_bucket(s3.Bucket.from_bucket_name(stack, "B", "data-b"), "train/one.csv")
    a_monitored_endpoint(stack, monitors=[DataQuality(baseline=data)])
    read = [each for each in statements(synthesized(stack)) if "s3:GetObjectVersion" in each["Action"]]
    assert [flat(each["Resource"]) for each in read] == ["arn:<AWS::Partition>:s3:::data-b/train/one.csv"]


def test_an_existing_baseline_is_taken_as_it_is(stack: cdk.Stack) -> None:
    data = Baseline.existing(s3.Bucket.from_bucket_name(stack, "B", "data-b"), "model-monitor/baseline/")
    a_monitored_endpoint(stack, monitors=[DataQuality(baseline=data)])
    template = synthesized(stack)
    place = told(functions(template)["DataQuality"]).baseline_place
    assert (place.bucket, place.prefix) == ("data-b", "model-monitor/baseline")
    (made,) = baselines(template)
    assert json.loads(flat(made["Properties"]["Spec"]))["existing"] is True


def test_attribution_is_asked_of_the_model_that_is_in_service(stack: cdk.Stack) -> None:
    """So its baseline comes after the endpoint, and anew with another configuration."""
    a_monitored_endpoint(stack, monitors=[attribution_drift(stack)])
    template = synthesized(stack)
    (made,) = baselines(template)
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint")
    (config,) = resources(template, "AWS::SageMaker::EndpointConfig")
    assert endpoint in made["DependsOn"]
    assert made["Properties"]["Model"] == {"Fn::GetAtt": [config, "EndpointConfigName"]}
    asks = [each for each in statements(template) if each["Action"] == "sagemaker:InvokeEndpoint"]
    assert [flat(each["Resource"]).rpartition(":")[2] for each in asks] == ["endpoint/test-fraud"]


@pytest.mark.parametrize("kind", ["data_quality", "model_quality", "bias"])
def test_others_ask_no_model(stack: cdk.Stack, kind: str) -> None:
    a_monitored_endpoint(stack, monitors=[MONITORS[kind](stack)])
    assert not [each for each in statements(synthesized(stack)) if "InvokeEndpoint" in str(each["Action"])]


# --- alarms and actions -----------------------------------------------------------------------------------


def test_alarms_watch_what_the_engine_reports(stack: cdk.Stack) -> None:
    a_monitored_endpoint(
        stack,
        endpoint_name="fraud",
        monitors=[data_quality(stack, windows_to_alarm=3, runbook="https://x.y/z")],
    )
    found = alarms(synthesized(stack))
    dimensions = [{"Name": "Endpoint", "Value": "fraud"}, {"Name": "Monitor", "Value": "DataQuality"}]
    violations, silence = found["Violations"], found["Heartbeat"]
    assert violations["Dimensions"] == silence["Dimensions"] == dimensions
    assert (violations["EvaluationPeriods"], violations["DatapointsToAlarm"]) == (3, 3)
    assert violations["TreatMissingData"] == "ignore", "a window that was too small says nothing"
    assert silence["TreatMissingData"] == "breaching"
    assert violations["Period"] == silence["Period"] == 3600
    assert "Runbook: https://x.y/z" in flat(violations["AlarmDescription"])
    assert "/monitoring/fraud/DataQuality/" in flat(violations["AlarmDescription"])


def test_the_topic_is_told_of_both_and_when_they_are_over(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall")
    a_monitored_endpoint(stack, notify=[topic])
    (id,) = resources(template := synthesized(stack), "AWS::SNS::Topic")
    for alarm in alarms(template).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": id}]


def test_the_composite_alarm_stands_while_any_does(stack: cdk.Stack) -> None:
    endpoint = a_monitored_endpoint(stack, monitors=[data_quality(stack), model_quality(stack)])
    rule = flat(properties(synthesized(stack), "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    assert rule.count('ALARM("') == len(endpoint.monitoring.alarms) > 4
    assert rule.count(" OR ") == rule.count('ALARM("') - 1


def test_many_alarms_make_a_composite_of_composites(stack: cdk.Stack) -> None:
    model = a_model(stack, "Model")
    variants = [Variant(name=f"V{n}", model=model, instance_type="ml.m5.large") for n in range(10)]
    a_monitored_endpoint(stack, variants=variants)
    made = resources(synthesized(stack), "AWS::CloudWatch::CompositeAlarm")
    counts = [flat(each["Properties"]["AlarmRule"]).count('ALARM("') for each in made.values()]
    assert len(counts) == 3
    assert max(counts) <= 50


def test_the_dashboard_shows_the_endpoint_and_each_monitor(stack: cdk.Stack) -> None:
    monitors = [data_quality(stack), model_quality(stack), attribution_drift(stack)]
    a_monitored_endpoint(stack, monitors=monitors, dashboard=True)
    body = flat(properties(synthesized(stack), "AWS::CloudWatch::Dashboard")["DashboardBody"])
    widgets = json.loads(body)["widgets"]
    titles = [each["properties"].get("title", "") for each in widgets]
    for monitor in ("DataQuality", "ModelQuality", "AttributionDrift"):
        assert {f"{monitor}: {what}" for what in ("violations", "found", "records")} <= set(titles)
    metrics = [each["properties"].get("metrics", []) for each in widgets]
    assert "ConstructsLib/Monitoring" in json.dumps(metrics)
    assert "AWS/SageMaker" in json.dumps(metrics)


def test_alarms_of_the_endpoint_may_be_ones_own_or_none(stack: cdk.Stack) -> None:
    endpoint = a_monitored_endpoint(stack, monitors=[], alarms=EndpointAlarms())
    assert endpoint.monitoring.alarms == ()
    assert endpoint.monitoring.composite_alarm is None
    named = EndpointAlarms(error_rate={"Critical": ErrorThreshold(percent=5)})
    other = a_monitored_endpoint(stack, "Other", monitors=[], alarms=named)
    assert len(other.monitoring.alarms) == 1


def rules_on_alarms(template: Template) -> list[dict[str, Any]]:
    found = [each["Properties"] for each in resources(template, "AWS::Events::Rule").values()]
    return [each for each in found if each.get("EventPattern", {}).get("source") == ["aws.cloudwatch"]]


def test_retraining_starts_a_state_machine(stack: cdk.Stack) -> None:
    machine = stepfunctions.StateMachine.from_state_machine_arn(
        stack, "Retrain", "arn:aws:states:eu-west-1:111122223333:stateMachine:retrain"
    )
    a_monitored_endpoint(stack, monitors=[data_quality(stack, actions=[MonitorAction.retrain(machine)])])
    (rule,) = rules_on_alarms(template := synthesized(stack))
    assert rule["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}
    (target,) = rule["Targets"]
    assert target["Arn"].endswith(":stateMachine:retrain")
    assert '"monitor":"DataQuality"' in flat(target["InputTransformer"]["InputTemplate"])
    starts = [each for each in statements(template) if each["Action"] == "states:StartExecution"]
    assert [each["Resource"] for each in starts] == [target["Arn"]]


def test_retraining_starts_a_pipeline(stack: cdk.Stack) -> None:
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/retrain"
    action = MonitorAction.retrain_pipeline(arn, parameters={"Reason": "drift"})
    a_monitored_endpoint(stack, monitors=[data_quality(stack, actions=[action])])
    (rule,) = rules_on_alarms(template := synthesized(stack))
    (target,) = rule["Targets"]
    assert target["Arn"] == arn
    assert target["SageMakerPipelineParameters"]["PipelineParameterList"] == [
        {"Name": "Reason", "Value": "drift"}
    ]
    starts = [each for each in statements(template) if each["Action"] == "sagemaker:StartPipelineExecution"]
    assert [each["Resource"] for each in starts] == [arn]


def test_traffic_is_shifted_by_a_function_that_may_do_that_alone(stack: cdk.Stack) -> None:
    model = a_model(stack, "Model")
    variants = [Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("Old", "New")]
    action = MonitorAction.shift_traffic(to="Old")
    a_monitored_endpoint(stack, variants=variants, monitors=[data_quality(stack, actions=[action])])
    (rule,) = rules_on_alarms(template := synthesized(stack))
    assert '"to":"Old"' in flat(rule["Targets"][0]["InputTransformer"]["InputTemplate"])
    shift = [
        each
        for each in statements(template)
        if each["Action"] == ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"]
    ]
    # The deploy guard has the same two, for the endpoints of its stack.
    assert "endpoint/test-fraud" in [flat(each["Resource"]).rpartition(":")[2] for each in shift]


# --- an endpoint that is there ----------------------------------------------------------------------------


def test_an_imported_endpoint_is_monitored_where_its_data_lies(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "There", "fraud")
    captured = CapturedData(bucket=a_bucket(stack, "Captured"), prefix="capture/all")
    monitoring = Monitoring.of(endpoint, captured=captured, monitors=[data_quality(stack)])
    description = told(functions(synthesized(stack))["DataQuality"])
    assert description.captured.bucket == description.results.bucket == "captured"
    assert description.captured.prefix == "capture/all/fraud"
    assert monitoring.metric_violations("DataQuality").namespace == "ConstructsLib/Monitoring"


def test_an_imported_endpoint_must_tell_where_its_data_lies(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "There", "fraud")
    error = refused(lambda: Monitoring.of(endpoint, monitors=[data_quality(stack)]))
    assert error.rules == ("SM-MONITOR-051",)
    assert "CapturedData(" in error.violations[0].fix


def test_an_endpoint_made_here_tells_by_itself(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        model=a_model(stack, "Model"),
        instance_type="ml.m5.large",
        capture=DataCapture(prefix="seen"),
    )
    Monitoring.of(endpoint, monitors=[data_quality(stack)])
    assert told(functions(synthesized(stack))["DataQuality"]).captured.prefix == "seen/test-endpoint"


def test_a_monitor_that_is_not_there_has_no_metric(stack: cdk.Stack) -> None:
    error = refused(lambda: a_monitored_endpoint(stack).monitoring.metric_violations("Data"))
    assert error.rules == ("SM-MONITOR-054",)
    assert error.violations[0].allowed == "one of DataQuality"


# --- as a processing job ----------------------------------------------------------------------------------


def test_a_job_runs_the_same_code(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, compute=MonitorCompute.processing(instance_type="ml.c5.xlarge"))
    template = synthesized(stack)
    machine = properties(template, "AWS::StepFunctions::StateMachine")
    state = json.loads(flat(machine["DefinitionString"]))["States"]["Look"]
    assert state["Resource"].endswith(":states:::sagemaker:createProcessingJob.sync")
    parameters = state["Parameters"]
    assert (
        parameters["AppSpecification"]["ContainerEntrypoint"][-1] == "constructs_lib.monitoring.runtime.job"
    )
    assert parameters["AppSpecification"]["ImageUri"].endswith("sagemaker-scikit-learn:1.4-2-py312-cpu-py3")
    (code,) = parameters["ProcessingInputs"]
    (archive,) = re.findall(r"[0-9a-f]{64}\.zip", code["S3Input"]["S3Uri"])
    assert parameters["Environment"]["PYTHONPATH"] == f"{code['S3Input']['LocalPath']}/{archive}"
    assert parameters["Environment"]["MONITOR_RESULTS"].endswith("/monitoring/test-fraud/DataQuality")
    assert parameters["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.c5.xlarge"


def test_the_job_has_what_the_function_has_and_a_name_that_fits(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, compute=MonitorCompute.processing())
    template = synthesized(stack)
    puts = [each for each in statements(template) if each["Action"] == "cloudwatch:PutMetricData"]
    ours = [
        each
        for each in puts
        if each["Condition"].get("StringEquals") == {"cloudwatch:namespace": "ConstructsLib/Monitoring"}
    ]
    assert len(ours) == 2, "of the function, which makes the baseline, and of the job"
    machine = properties(template, "AWS::StepFunctions::StateMachine")
    named = json.loads(flat(machine["DefinitionString"]))["States"]["Look"]["Parameters"][
        "ProcessingJobName.$"
    ]
    prefix = named.removeprefix("States.Format('").partition("{}")[0]
    assert len(prefix) + 36 <= 63


def test_the_state_machine_passes_one_role_to_sagemaker_alone(stack: cdk.Stack) -> None:
    a_monitored_endpoint(stack, compute=MonitorCompute.processing())
    (passes,) = [each for each in statements(synthesized(stack)) if each["Action"] == "iam:PassRole"]
    assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert "Role" in flat(passes["Resource"])


def test_two_monitored_endpoints_do_not_meet(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        a_monitored_endpoint(stack, id)
    template = synthesized(stack)
    assert len(baselines(template)) == 2
    written = [flat(each["Properties"]["Monitor"]) for each in baselines(template)]
    described = [Description.of(json.loads(each)) for each in written]
    assert {each.endpoint for each in described} == {"test-one", "test-two"}
    assert len({each.results.prefix for each in described}) == 2


def test_labels_and_results_may_have_buckets_and_keys_of_their_own(stack: cdk.Stack) -> None:
    from aws_cdk import aws_kms as kms

    key = kms.Key(stack, "Key")
    labels, results = (s3.Bucket(stack, id, encryption_key=key) for id in ("Labels2", "Results"))
    truth = GroundTruth(bucket=labels, prefix="truth", within=cdk.Duration.hours(1))
    monitor = ModelQuality(
        problem=model_quality(stack).problem,
        ground_truth=truth,
        prediction=model_quality(stack).prediction,
        baseline=a_baseline(stack),
        baseline_truth="fraud",
    )
    a_monitored_endpoint(stack, monitors=[monitor], results=results)
    template = synthesized(stack)
    description = told(functions(template)["ModelQuality"])
    assert description.ground_truth is not None
    assert description.ground_truth.within == 3600
    assert description.results.bucket.startswith("<Results")
    writes = [each for each in statements(template) if each["Action"] == "s3:PutObject"]
    assert any(flat(each["Resource"]).endswith("/monitoring/test-fraud/ModelQuality/*") for each in writes)
