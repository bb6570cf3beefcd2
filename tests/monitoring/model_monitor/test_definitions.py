"""The four job definitions and their schedules, as CloudFormation and the API take them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib.monitoring.model_monitor.cadence import daily, every, offset
from constructs_lib.monitoring.model_monitor.job import (
    Attributes,
    BiasAnalysis,
    Facet,
    MonitorKind,
    Place,
    ProblemType,
    ShapAnalysis,
)
from constructs_lib.monitoring.model_monitor.schedule import ModelMonitorSchedule
from tests.property import api
from tests.property.synthesis import STRICT, lint_findings
from tests.support.advice import Advised
from tests.support.synth import ACCOUNT, a_model, fresh_app, properties, resources, synthesized

from .jobs import (
    CONFIG,
    DEFINITIONS,
    KINDS,
    REGION,
    SCHEDULE,
    a_job,
    a_place,
    a_schedule,
    a_stack,
    definition_of,
    name_of,
    template_of,
)

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"


def everything(scope: cdk.Stack, kind: MonitorKind) -> dict[str, Any]:
    """Each option that a kind takes."""
    key = kms.Key.from_key_arn(scope, f"Key{kind}", KEY)
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        f"Network{kind}",
        vpc_id="vpc-0a1b2c3d",
        availability_zones=["us-east-1a", "us-east-1b"],
        private_subnet_ids=["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
    )
    bucket = s3.Bucket.from_bucket_attributes(
        scope, f"Results{kind}", bucket_name="results-bucket", encryption_key=key
    )
    found: dict[str, Any] = {
        "name": f"All-{kind}",
        "results": Place(bucket=bucket, prefix="monitoring/all", key=key),
        "schedule": every(6, starting=3),
        "instance_type": "ml.r7i.2xlarge",
        "volume_gibibytes": 16_384,
        "volume_key": key,
        "vpc": vpc,
    }
    if kind.takes_labels:
        found |= {
            "start_offset": "-PT30H",
            "end_offset": "-P1D",
            "attributes": Attributes(inference="0", probability="1", probability_threshold=0.25),
        }
    if kind == MonitorKind.ATTRIBUTION:
        found["attributes"] = Attributes(features="features", inference="label", probability="score")
    else:
        found["network_isolation"] = True
    return found


@pytest.mark.parametrize("region", [None, "us-east-1"])
def test_all_kinds_deploy(region: str | None) -> None:
    """The least and the most of each kind pass cfn-lint, CloudFormation Validate and the API's own model."""
    app = cdk.App(context=STRICT, builtin_cloud_formation_validation=True)
    env = None if region is None else cdk.Environment(account=ACCOUNT, region=region)
    stack = cdk.Stack(app, "Stack", env=env)
    for kind in KINDS:
        a_schedule(stack, kind, f"Least{kind}")
        a_schedule(stack, kind, f"Most{kind}", **everything(stack, kind))
    assembly = app.synth()
    template = assembly.get_stack_by_name("Stack").template
    report = json.loads((Path(assembly.directory) / "validation-report.json").read_text())
    assert report["pluginReports"] == []
    assert lint_findings(template) == []
    assert api.faults(template) == []
    for type in DEFINITIONS.values():
        assert len(resources(template, type)) == 2
    assert len(resources(template, SCHEDULE)) == 8


def test_the_api_check_can_fail() -> None:
    template = template_of(MonitorKind.BIAS, region="us-east-1")
    (definition,) = resources(template, DEFINITIONS[MonitorKind.BIAS]).values()
    definition["Properties"]["JobDefinitionName"] = "a_b"
    del definition["Properties"]["ModelBiasJobInput"]["GroundTruthS3Input"]
    assert len(api.faults(template)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_says_what_its_job_says(kind: MonitorKind) -> None:
    given = definition_of(template_of(kind), kind)
    begin = DEFINITIONS[kind].removeprefix("AWS::SageMaker::").removesuffix("JobDefinition")
    app = given[f"{begin}AppSpecification"]
    assert app["Environment"] == {"publish_cloudwatch_metrics": "Enabled"}
    account, repository = {
        False: ("468650794304", "sagemaker-model-monitor-analyzer"),
        True: ("131013547314", "sagemaker-clarify-processing:1.0"),
    }[kind.by_clarify]
    assert app["ImageUri"] == f"{account}.dkr.ecr.eu-west-1.amazonaws.com/{repository}"
    baseline = "s3://monitoring-bucket/monitoring/fraud/Monitor/baseline/0a1b"
    wanted = {"ConstraintsResource": {"S3Uri": f"{baseline}/{kind.constraints_file}"}}
    if kind == MonitorKind.DATA_QUALITY:
        wanted["StatisticsResource"] = {"S3Uri": f"{baseline}/statistics.json"}
    assert given[f"{begin}BaselineConfig"] == wanted
    inputs = given[f"{begin}JobInput"]
    assert inputs["EndpointInput"]["EndpointName"] == "fraud"
    assert ("GroundTruthS3Input" in inputs) == kind.takes_labels
    (output,) = given[f"{begin}JobOutputConfig"]["MonitoringOutputs"]
    assert output["S3Output"]["S3Uri"] == "s3://monitoring-bucket/monitoring/fraud/Monitor/model-monitor"
    assert given["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800 if kind.takes_labels else 3600}
    assert given["JobResources"]["ClusterConfig"] == {
        "InstanceCount": 1,
        "InstanceType": "ml.m5.xlarge",
        "VolumeSizeInGB": 20,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_runs_its_definition(kind: MonitorKind) -> None:
    template = template_of(kind, schedule=daily(3))
    assert properties(template, SCHEDULE) == {
        "MonitoringScheduleName": "fraud-monitor",
        "MonitoringScheduleConfig": {
            "MonitoringJobDefinitionName": name_of(template),
            "MonitoringType": kind.monitoring_type,
            "ScheduleConfig": {"ScheduleExpression": "cron(0 3 ? * * *)"},
        },
    }


def test_labels_that_come_late_shift_the_window() -> None:
    changes = {"start_offset": offset(7200), "end_offset": offset(3600)}
    given = definition_of(template_of(MonitorKind.MODEL_QUALITY, **changes), MonitorKind.MODEL_QUALITY)
    inputs = given["ModelQualityJobInput"]
    assert inputs["EndpointInput"]["StartTimeOffset"] == "-PT2H"
    assert inputs["EndpointInput"]["EndTimeOffset"] == "-PT1H"
    assert inputs["EndpointInput"]["ProbabilityThresholdAttribute"] == 0.5
    assert inputs["GroundTruthS3Input"] == {"S3Uri": "s3://monitoring-bucket/labels"}
    assert given["ModelQualityAppSpecification"]["ProblemType"] == "BinaryClassification"


def test_order_of_things() -> None:
    """The definition after the role's policy, the configuration and what the caller says; the schedule last."""
    stack = a_stack()
    baseline = cdk.CfnResource(stack, "Baseline", type="Custom::Baseline")
    made = ModelMonitorSchedule(stack, "Monitor", job=a_job(stack, MonitorKind.ATTRIBUTION), after=[baseline])
    template = synthesized(stack)
    (definition,) = resources(template, DEFINITIONS[MonitorKind.ATTRIBUTION]).items()
    (config,) = resources(template, CONFIG)
    after = definition[1]["DependsOn"]
    policy = next(id for id in resources(template, "AWS::IAM::Policy") if id.startswith("MonitorPolicy"))
    assert {"Baseline", config, policy} <= set(after)
    (schedule,) = resources(template, SCHEDULE).values()
    assert definition[0] in schedule["DependsOn"]
    assert {
        stack.get_logical_id(rule.node.default_child) for rule in (made.relay.finished, made.relay.sweep)
    } <= set(schedule["DependsOn"])


# --- names ------------------------------------------------------------------------------------------------

CHANGES: list[tuple[MonitorKind, str, Any]] = [
    (MonitorKind.DATA_QUALITY, "endpoint_name", "other"),
    (MonitorKind.DATA_QUALITY, "instance_type", "ml.m5.2xlarge"),
    (MonitorKind.DATA_QUALITY, "volume_gibibytes", 21),
    (MonitorKind.DATA_QUALITY, "max_runtime_seconds", 1000),
    (MonitorKind.DATA_QUALITY, "network_isolation", True),
    (MonitorKind.MODEL_QUALITY, "problem", ProblemType.MULTICLASS),
    (MonitorKind.MODEL_QUALITY, "attributes", Attributes(inference="1")),
    (MonitorKind.BIAS, "bias", BiasAnalysis(label_values=[0], facets=[Facet(name="sex")])),
    (MonitorKind.ATTRIBUTION, "shap", ShapAnalysis(model_name="other", background=[[1, 2]])),
]


@pytest.mark.parametrize(("kind", "property", "value"), CHANGES)
def test_other_content_is_another_name(kind: MonitorKind, property: str, value: object) -> None:
    changes: dict[str, Any] = {property: value}
    if property == "problem":
        changes["attributes"] = Attributes(inference="0", probability="0", probability_threshold=0.5)
    assert name_of(template_of(kind, **changes)) != name_of(template_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_content_is_the_same_name(kind: MonitorKind) -> None:
    assert name_of(template_of(kind)) == name_of(template_of(kind))
    assert name_of(template_of(kind, region=None)) == name_of(template_of(kind, region=None))


@pytest.mark.parametrize("changes", [{"schedule": daily(4), "max_runtime_seconds": 3600}, {"name": "Other"}])
def test_what_is_not_in_the_definition_does_not_count(changes: dict[str, Any]) -> None:
    plain = template_of(MonitorKind.DATA_QUALITY)
    assert name_of(template_of(MonitorKind.DATA_QUALITY, **changes)) == name_of(plain)


def test_tags_count_wherever_they_are_put() -> None:
    """Tags come by aspects, after the definition is made; CloudFormation replaces it for them too."""
    names = []
    for team in (None, "fraud", "credit"):
        stack = a_stack()
        monitor = a_schedule(stack)
        if team is not None:
            cdk.Tags.of(monitor).add("team", team)
        names.append(name_of(synthesized(stack)))
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    tagged = cdk.Stack(fresh_app(), "Fraud", env=env, tags={"a": "b"})
    a_schedule(tagged)
    names.append(name_of(synthesized(tagged)))
    assert len(set(names)) == 4


def test_a_model_of_the_stack_keeps_the_name_of_the_definition() -> None:
    """Its name is known at deployment only; the file that has it is rewritten under its key."""
    stack = a_stack()
    model = a_model(stack)
    shap = ShapAnalysis(model_name=model.model_name, background=[[1, 2]])
    a_schedule(stack, MonitorKind.ATTRIBUTION, shap=shap)
    template = synthesized(stack)
    config = properties(template, CONFIG)
    assert "Fn::GetAtt" in json.dumps(config["Body"])
    uri = definition_of(template, MonitorKind.ATTRIBUTION)["ModelExplainabilityAppSpecification"]["ConfigUri"]
    assert uri == f"s3://monitoring-bucket/{config['Key']}"
    assert config["Key"].startswith("monitoring/fraud/Monitor/analysis/")


@pytest.mark.parametrize(
    "id",
    ["M", "x" * 200, "Überwachung-Ω-数据", "a--b", "-", "a.b_c d", "9", "X" * 62],
)
def test_names_are_names_whatever_the_id(id: str) -> None:
    stack = a_stack()
    for kind in KINDS:
        a_schedule(stack, kind, f"{id}{kind}")
        a_schedule(stack, kind, f"{id}{kind}2")
    template = synthesized(stack)
    names = [
        each["Properties"]["JobDefinitionName"]
        for type in DEFINITIONS.values()
        for each in resources(template, type).values()
    ]
    schedules = [
        each["Properties"]["MonitoringScheduleName"] for each in resources(template, SCHEDULE).values()
    ]
    assert len(set(names)) == len(set(schedules)) == 8
    pattern = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
    for name in (*names, *schedules):
        assert len(name) <= 63
        assert pattern.fullmatch(name), name


# --- regions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "kind", "uri"),
    [
        ("cn-north-1", MonitorKind.DATA_QUALITY, "453000072557.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
        ("cn-northwest-1", MonitorKind.BIAS, "122578899357.dkr.ecr.cn-northwest-1.amazonaws.com.cn/"),
        ("us-gov-west-1", MonitorKind.ATTRIBUTION, "598674086554.dkr.ecr.us-gov-west-1.amazonaws.com/"),
        ("il-central-1", MonitorKind.MODEL_QUALITY, "843974653677.dkr.ecr.il-central-1.amazonaws.com/"),
    ],
)
def test_images_are_of_the_region(region: str, kind: MonitorKind, uri: str) -> None:
    template = template_of(kind, region=region)
    assert f'"ImageUri": "{uri}' in json.dumps(template)


def test_in_any_region_the_account_is_looked_up() -> None:
    template = template_of(MonitorKind.BIAS, region=None)
    image = definition_of(template, MonitorKind.BIAS)["ModelBiasAppSpecification"]["ImageUri"]
    (mapping,) = [
        name for name, each in template["Mappings"].items() if each["eu-west-1"]["account"] == "131013547314"
    ]
    assert image == {
        "Fn::Join": [
            "",
            [
                {"Fn::FindInMap": [mapping, {"Ref": "AWS::Region"}, "account"]},
                ".dkr.ecr.",
                {"Ref": "AWS::Region"},
                ".",
                {"Ref": "AWS::URLSuffix"},
                "/sagemaker-clarify-processing:1.0",
            ],
        ]
    }
    assert "us-gov-west-1" in template["Mappings"][mapping]
    assert "ap-southeast-9" not in template["Mappings"][mapping]


def test_aws_takes_no_new_customers() -> None:
    def build(stack: cdk.Stack) -> cdk.Stack:
        a_schedule(stack)
        return stack

    Advised("SM-MODELMONITOR-101", build, "no new customers since 2026-07-30").check()


def test_places_may_be_the_stacks_own() -> None:
    stack = a_stack(None)
    bucket = s3.Bucket(stack, "Own")
    results = Place(bucket=bucket, prefix="monitoring/x")
    a_schedule(stack, MonitorKind.ATTRIBUTION, results=results, baseline=results.below("baseline/1"))
    template = synthesized(stack)
    assert "monitoring/x/model-monitor" in json.dumps(template)
    assert api.faults(template) == []


def test_the_place_of_a_job() -> None:
    stack = a_stack()
    assert a_place(stack, "a/b").below("c").uri == "s3://monitoring-bucket/a/b/c"
