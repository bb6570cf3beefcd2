"""The relay beside a schedule, the analysis configuration it writes, and who may do what."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib.core.code import runtime_archive
from constructs_lib.monitoring.model_monitor.job import Attributes, MonitorKind, Place, ShapAnalysis
from constructs_lib.monitoring.model_monitor.relay import METRIC_NAMESPACE
from constructs_lib.monitoring.runtime.relay import VARIABLE, Relay
from constructs_lib.monitoring.runtime.run import metrics
from tests.policy import privilege
from tests.policy.audit import audited, strict_context
from tests.support.synth import (
    ACCOUNT,
    Template,
    allowing,
    flat,
    properties,
    resources,
    statements,
    synthesized,
)

from .jobs import BIAS, CONFIG, KINDS, REGION, SHAP, a_schedule, a_stack, template_of
from .test_definitions import everything

FUNCTION = "AWS::Lambda::Function"
ARN = "arn:<AWS::Partition>"


def relay_of(template: Template, monkeypatch: pytest.MonkeyPatch) -> Relay:
    """What the function is told, as it reads it."""
    variables = properties(template, FUNCTION)["Environment"]["Variables"]
    monkeypatch.setenv(VARIABLE, variables[VARIABLE])
    return Relay.from_environment()


@pytest.mark.parametrize("kind", KINDS)
def test_the_function_is_told_of_its_monitor(kind: MonitorKind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relay_of(template_of(kind), monkeypatch) == Relay(
        monitor="Monitor",
        kind=kind.value,
        endpoint="fraud",
        schedule="fraud-monitor",
        baseline="s3://monitoring-bucket/monitoring/fraud/Monitor/baseline/0a1b/",
        bucket="monitoring-bucket",
        prefix="monitoring/fraud/Monitor",
        begins=3600,
        ends=0,
    )


def test_shifted_windows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"start_offset": "-P8D", "end_offset": "-P1D"}
    relay = relay_of(template_of(MonitorKind.MODEL_QUALITY, **changes), monkeypatch)
    assert (relay.begins, relay.ends) == (8 * 86_400, 86_400)


def test_the_function_is_what_the_archive_has() -> None:
    given = properties(template_of(MonitorKind.DATA_QUALITY), FUNCTION)
    module, _, name = given["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert given["Architectures"] == ["arm64"]
    assert metrics.NAMESPACE == METRIC_NAMESPACE


def test_the_function_runs_from_the_archive_alone(tmp_path: Path) -> None:
    """Without the rest of the library, and without the CDK."""
    with zipfile.ZipFile(runtime_archive("monitoring").path) as archive:
        archive.extractall(tmp_path)
    checked = (
        "import sys; import constructs_lib.monitoring.runtime.relay as relay; "
        "assert callable(relay.handle) and 'aws_cdk' not in sys.modules; print(relay.__file__)"
    )
    made = subprocess.run(
        [sys.executable, "-c", checked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert made.stdout.startswith(str(tmp_path))


def test_a_schedule_known_at_deployment_is_taken_as_hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    template = template_of(MonitorKind.DATA_QUALITY, schedule=cdk.Fn.import_value("Schedule"))
    assert relay_of(template, monkeypatch).begins == 3600


def test_it_hears_of_the_jobs_of_its_role_and_looks_every_hour() -> None:
    template = template_of(MonitorKind.DATA_QUALITY)
    (role,) = [id for id in resources(template, "AWS::IAM::Role") if id.startswith("MonitorRole")]
    finished, sweep = sorted(
        (each["Properties"] for each in resources(template, "AWS::Events::Rule").values()),
        key=lambda rule: "EventPattern" not in rule,
    )
    assert finished["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Processing Job State Change"],
        "detail": {
            "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
            "RoleArn": [{"Fn::GetAtt": [role, "Arn"]}],
        },
    }
    assert sweep["ScheduleExpression"] == "cron(50 * * * ? *)"
    for rule in (finished, sweep):
        (target,) = rule["Targets"]
        assert target["RetryPolicy"] == {"MaximumRetryAttempts": 2}


# --- the configuration of Clarify -------------------------------------------------------------------------


def config_of(kind: MonitorKind, **changes: Any) -> dict[str, Any]:
    """The configuration as it is written."""
    return dict(json.loads(properties(template_of(kind, **changes), CONFIG)["Body"]))


def test_bias_is_analysed_as_described() -> None:
    assert config_of(MonitorKind.BIAS) == {
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["female"]}],
        "headers": ["sex", "age", "label"],
        "label": "label",
    }


def test_attribution_is_analysed_as_described() -> None:
    shap = ShapAnalysis(
        model_name="fraud", background=[[0.5, 1]], headers=["a", "ü"], label_headers=["fraud"], samples=7
    )
    assert config_of(MonitorKind.ATTRIBUTION, shap=shap) == {
        "headers": ["a", "ü"],
        "methods": {
            "shap": {
                "baseline": [[0.5, 1]],
                "num_samples": 7,
                "agg_method": "mean_abs",
                "save_local_shap_values": False,
            }
        },
        "predictor": {
            "model_name": "fraud",
            "instance_type": "ml.m5.xlarge",
            "initial_instance_count": 1,
            "content_type": "text/csv",
            "accept_type": "text/csv",
            "label_headers": ["fraud"],
        },
    }


@pytest.mark.parametrize("kind", [MonitorKind.DATA_QUALITY, MonitorKind.MODEL_QUALITY])
def test_the_analyzer_takes_no_configuration(kind: MonitorKind) -> None:
    assert resources(template_of(kind), CONFIG) == {}


def test_another_analysis_is_another_file() -> None:
    keys = {
        properties(template_of(MonitorKind.ATTRIBUTION, shap=shap), CONFIG)["Key"]
        for shap in (SHAP, SHAP, ShapAnalysis(model_name="other", background=[[1]]))
    }
    assert len(keys) == 2


# --- permissions ------------------------------------------------------------------------------------------


def places(template: Template, action: str, role: str) -> set[str]:
    """What `role` may do `action` on."""
    found = (each["Resource"] for each in allowing(template, action, role))
    return {flat(one) for each in found for one in (each if isinstance(each, list) else [each])}


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_reads_and_writes_its_own(kind: MonitorKind) -> None:
    template = template_of(kind)
    bucket = f"{ARN}:s3:::monitoring-bucket"
    wanted = {
        f"{bucket}/data-capture/fraud/*",
        f"{bucket}/monitoring/fraud/Monitor/baseline/0a1b/*",
        f"{bucket}/monitoring/fraud/Monitor/*",
    }
    if kind.takes_labels:
        wanted.add(f"{bucket}/labels/*")
    assert places(template, "s3:GetObject", "MonitorPolicy") == wanted
    assert places(template, "s3:PutObject", "MonitorPolicy") == {f"{bucket}/monitoring/fraud/Monitor/*"}
    for listing in allowing(template, "s3:ListBucket", "MonitorPolicy"):
        assert listing["Condition"]["StringLike"]["s3:prefix"]


def test_a_job_pulls_its_image_and_what_merges_labels() -> None:
    ecr = f"{ARN}:ecr:eu-west-1"
    analyzer = f"{ecr}:468650794304:repository/sagemaker-model-monitor-analyzer"
    merger = f"{ecr}:468650794304:repository/sagemaker-model-monitor-groundtruth-merger"
    clarify = f"{ecr}:131013547314:repository/sagemaker-clarify-processing"
    pulled = {kind: places(template_of(kind), "ecr:BatchGetImage", "MonitorPolicy") for kind in KINDS}
    assert pulled == {
        MonitorKind.DATA_QUALITY: {analyzer},
        MonitorKind.MODEL_QUALITY: {analyzer, merger},
        MonitorKind.BIAS: {clarify, merger},
        MonitorKind.ATTRIBUTION: {clarify},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_only_attribution_makes_endpoints(kind: MonitorKind) -> None:
    made = places(template_of(kind), "sagemaker:CreateEndpoint", "MonitorPolicy")
    here = f"{ARN}:sagemaker:eu-west-1:{ACCOUNT}"
    wanted = {f"{here}:endpoint/sagemaker-clarify-*", f"{here}:endpoint-config/sagemaker-clarify-*"}
    assert made == (wanted if kind == MonitorKind.ATTRIBUTION else set())


def test_metrics_go_where_they_belong() -> None:
    template = template_of(MonitorKind.DATA_QUALITY)
    (of_job,) = allowing(template, "cloudwatch:PutMetricData", "MonitorPolicy")
    assert of_job["Condition"] == {
        "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}
    }
    (of_relay,) = allowing(template, "cloudwatch:PutMetricData", "MonitorRelay")
    assert of_relay["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ConstructsLib/Monitoring"}}


def test_the_relay_may_look_at_its_schedule_and_results_alone() -> None:
    template = template_of(MonitorKind.DATA_QUALITY)
    here = f"{ARN}:sagemaker:eu-west-1:{ACCOUNT}"
    assert places(template, "sagemaker:DescribeMonitoringSchedule", "MonitorRelay") == {
        f"{here}:monitoring-schedule/fraud-monitor"
    }
    assert places(template, "s3:PutObject", "MonitorRelay") == {
        f"{ARN}:s3:::monitoring-bucket/monitoring/fraud/Monitor/*"
    }


def test_keys_are_used_as_their_places_need() -> None:
    stack = a_stack()
    keys = {
        name: kms.Key.from_key_arn(
            stack, name, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{index}a1b2c3d-0000-4000-8000-000000000000"
        )
        for index, name in enumerate(("captured", "results", "volume"))
    }

    def place(name: str) -> Place:
        bucket = s3.Bucket.from_bucket_attributes(
            stack, f"{name}Bucket", bucket_name=f"{name}-bucket", encryption_key=keys[name]
        )
        return Place(bucket=bucket, prefix=name)

    a_schedule(stack, captured=place("captured"), results=place("results"), volume_key=keys["volume"])
    template = synthesized(stack)
    used: dict[str, set[str]] = {}
    for statement in statements(template, "MonitorPolicy"):
        resource_ = flat(statement["Resource"])
        if ":kms:" in resource_:
            actions = statement["Action"]
            used.setdefault(resource_[-36], set()).update([actions] if isinstance(actions, str) else actions)
    assert used == {
        "0": {"kms:Decrypt"},
        "1": {"kms:Decrypt", "kms:GenerateDataKey"},
        "2": {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"},
    }


def test_a_role_of_the_users_gets_what_it_needs() -> None:
    stack = a_stack()
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    made = a_schedule(stack, role=role)
    assert made.role is role
    template = synthesized(stack)
    (id,) = [each for each in resources(template, "AWS::IAM::Policy") if each.startswith("MonitorPolicy")]
    (attached,) = template["Resources"][id]["Properties"]["Roles"]
    assert flat(attached).startswith("<Own")


def test_its_own_role_is_for_sagemaker_of_this_account() -> None:
    template = template_of(MonitorKind.DATA_QUALITY)
    (role,) = [
        each for id, each in resources(template, "AWS::IAM::Role").items() if id.startswith("MonitorRole")
    ]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_policy_packs_find_nothing_that_is_not_acknowledged(
    region: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_CONTEXT_JSON", strict_context())
    app = cdk.App(outdir=str(tmp_path))
    env = None if region is None else cdk.Environment(account=ACCOUNT, region=region)
    stack = cdk.Stack(app, "Stack", env=env)
    for kind in KINDS:
        a_schedule(stack, kind, f"Least{kind}")
        a_schedule(stack, kind, f"Most{kind}", **everything(stack, kind))
    audit = audited(app)
    assert audit.findings == []
    assert all(each.reason for each in audit.acknowledged)
    assert privilege.problems(audit.templates["Stack"]) == []


def test_the_policy_packs_can_find_something() -> None:
    """That the acknowledgements above are narrow: a statement of the user's on the same role is found."""
    template = template_of(MonitorKind.BIAS, bias=BIAS, attributes=Attributes(inference="0"))
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for id, each in resources(template, "AWS::IAM::Policy").items()
        if id.startswith("MonitorPolicy")
    ]
    policy.append({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    assert len(privilege.problems(template)) == 1


def test_two_monitors_of_a_kind() -> None:
    """Two monitors of a kind on one endpoint share nothing that has a name."""
    stack = a_stack()
    first, second = (a_schedule(stack, MonitorKind.DATA_QUALITY, id, name=id) for id in ("First", "Second"))
    assert first.schedule_name != second.schedule_name
    template = synthesized(stack)
    names = [
        each["Properties"]["JobDefinitionName"]
        for each in resources(template, "AWS::SageMaker::DataQualityJobDefinition").values()
    ]
    assert len(set(names)) == 2
    functions = resources(template, FUNCTION).values()
    assert len({each["Properties"]["Environment"]["Variables"][VARIABLE] for each in functions}) == 2
