"""InferencePipeline: containers in sequence or called directly, behind one endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    ModelData,
    Rollout,
)
from tests.support.refusals import (
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import (
    IMAGE_URI,
    Template,
    a_bucket,
    allowing,
    flat,
    fresh_app,
    properties,
    resources,
    synthesized,
    types,
)

MODEL, CONFIG = "AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"
IMAGE = ContainerImage.from_uri(IMAGE_URI)
ids = count()


def steps(*hostnames: str) -> list[Container]:
    return [Container(image=IMAGE, hostname=hostname) for hostname in hostnames]


def pipeline(stack: cdk.Stack, id: str = "Endpoint", **props: Any) -> InferencePipeline:
    return InferencePipeline(
        stack, id, **{"containers": steps("scale", "classify"), "instance_type": "ml.m5.large", **props}
    )


def containers(template: Template) -> list[dict[str, Any]]:
    return list(properties(template, MODEL)["Containers"])


# --- what it makes ----------------------------------------------------------------------------------------


def test_containers_answer_in_the_order_given_on_one_variant(stack: cdk.Stack) -> None:
    made = pipeline(stack, containers=steps("scale", "classify", "label"))
    template = synthesized(stack)
    model = properties(template, MODEL)
    assert [each["ContainerHostname"] for each in model["Containers"]] == ["scale", "classify", "label"]
    assert "PrimaryContainer" not in model
    assert "InferenceExecutionConfig" not in model, "serial is SageMaker's default"
    (variant,) = properties(template, CONFIG)["ProductionVariants"]
    assert (variant["VariantName"], variant["InitialInstanceCount"]) == ("AllTraffic", 2)
    assert flat(variant["ModelName"]) == f"<{next(iter(resources(template, MODEL)))}.ModelName>"
    assert made.role is made.model.role


def test_direct_invocation_is_said_in_the_model(stack: cdk.Stack) -> None:
    pipeline(stack, direct_invocation=True)
    assert properties(synthesized(stack), MODEL)["InferenceExecutionConfig"] == {"Mode": "Direct"}


@pytest.mark.parametrize("number", [2, 15])
def test_two_to_fifteen_containers_need_no_hostnames_in_sequence(stack: cdk.Stack, number: int) -> None:
    pipeline(stack, containers=[Container(image=IMAGE)] * number)
    assert containers(synthesized(stack)) == [{"Image": IMAGE_URI}] * number


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    for name in ("scale", "classify"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(name))
    return [str(tmp_path / name) for name in ("scale", "classify")]


def test_two_frameworks_with_their_own_data_go_together(stack: cdk.Stack, folders: list[str]) -> None:
    """Peers make the second image, or the second asset, under the id of the first."""
    images = [
        ContainerImage.framework("sklearn", version="1.2-1"),
        ContainerImage.framework("pytorch", version="2.0", py_version="py310"),
    ]
    made = [
        Container(image=image, data=ModelData.from_asset(folder))
        for image, folder in zip(images, folders, strict=True)
    ]
    endpoint = pipeline(stack, containers=made)
    template = synthesized(stack)
    first, second = containers(template)
    assert "scikit-learn" in json.dumps(first["Image"])
    assert "pytorch" in json.dumps(second["Image"])
    assert first["ModelDataUrl"] != second["ModelDataUrl"]
    assert {"SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"} <= first["Environment"].keys()
    assets = [
        each.node.path.removeprefix(f"{endpoint.model.node.path}/")
        for each in endpoint.model.node.find_all()
        if each.node.id.endswith("Data")
    ]
    assert assets == ["Container1Data", "Container2Data"]
    assert len(allowing(template, "ecr:BatchGetImage")) == 2
    assert len(allowing(template, "s3:GetObject")) == 2


def test_the_same_step_twice_is_uploaded_and_allowed_once(stack: cdk.Stack, folders: list[str]) -> None:
    step = Container(image=IMAGE, data=ModelData.from_asset(folders[0]))
    pipeline(stack, containers=[step, step])
    template = synthesized(stack)
    first, second = containers(template)
    assert first == second
    assert len(allowing(template, "s3:GetObject")) == 1


def test_a_pipeline_is_captured_once_as_a_whole(stack: cdk.Stack) -> None:
    pipeline(stack, capture=DataCapture(bucket=a_bucket(stack), sampling_percent=20))
    template = synthesized(stack)
    (config,) = resources(template, CONFIG).values()
    captured = config["Properties"]["DataCaptureConfig"]
    assert captured["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert len(allowing(template, "s3:PutObject")) == 1


def test_all_containers_stand_in_the_vpc(stack: cdk.Stack) -> None:
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    made = pipeline(
        stack,
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        network_isolation=True,
    )
    template = synthesized(stack)
    model = properties(template, MODEL)
    assert len(model["VpcConfig"]["Subnets"]) == 2
    assert len(model["VpcConfig"]["SecurityGroupIds"]) == 1
    assert model["EnableNetworkIsolation"] is True
    assert len(allowing(template, "ec2:CreateNetworkInterface")) == 1
    assert made.model.connections is not None


def test_everything_else_is_as_for_other_endpoints(stack: cdk.Stack) -> None:
    made = pipeline(
        stack,
        scaling=AutoScaling(min_capacity=3, max_capacity=6, invocations_per_instance=600),
        rollout=Rollout.canary(size_percent=10, wait=cdk.Duration.minutes(5)),
        encryption_key=kms.Key(stack, "Key"),
        volume_size=cdk.Size.gibibytes(30),
        download_timeout=cdk.Duration.minutes(20),
        startup_timeout=cdk.Duration.minutes(5),
        endpoint_name="wine",
    )
    template = synthesized(stack)
    (variant,) = properties(template, CONFIG)["ProductionVariants"]
    assert (variant["InitialInstanceCount"], variant["VolumeSizeInGB"]) == (3, 30)
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 1200
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 300
    assert flat(properties(template, CONFIG)["KmsKeyId"]) == "<Key961B73FD.Arn>"
    assert made.endpoint_name == properties(template, "AWS::SageMaker::Endpoint")["EndpointName"] == "wine"
    assert list(made.scalings) == ["AllTraffic"]
    assert "AWS::ApplicationAutoScaling::ScalingPolicy" in types(template)


def test_two_pipelines_in_one_stack_do_not_collide(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        pipeline(stack, id)
    template = synthesized(stack)
    assert len(resources(template, MODEL)) == len(resources(template, CONFIG)) == 2
    assert (
        len(
            {
                each["Properties"]["EndpointName"]
                for each in resources(template, "AWS::SageMaker::Endpoint").values()
            }
        )
        == 2
    )


def test_an_existing_one_is_imported_with_its_one_variant(stack: cdk.Stack) -> None:
    imported = InferencePipeline.from_endpoint_name(stack, "Imported", "wine")
    assert imported.metric_invocations().dimensions == {"EndpointName": "wine", "VariantName": "AllTraffic"}


def test_each_container_reports_how_long_it_took(stack: cdk.Stack) -> None:
    metric = pipeline(stack, endpoint_name="wine").metric_container_latency("classify")
    assert (metric.namespace, metric.metric_name, metric.statistic) == (
        "AWS/SageMaker",
        "ContainerLatency",
        "p99",
    )
    assert metric.dimensions == {
        "EndpointName": "wine",
        "VariantName": "AllTraffic",
        "ContainerName": "classify",
    }
    assert metric.period.to_seconds() == 60
    other = stack.node.find_child("Endpoint").metric_container_latency("scale", statistic="Average")
    assert other.statistic == "Average"


# --- grants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "patterns"), [("classify", ["classify"]), (["scale", "cl*"], ["scale", "cl*"])]
)
def test_a_grant_may_be_for_some_containers(stack: cdk.Stack, target: Any, patterns: list[str]) -> None:
    made = pipeline(stack, direct_invocation=True)
    assert made.grants.invoke(iam.User(stack, "User"), target_container=target).success
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": patterns}}
    assert flat(statement["Resource"]).endswith(":endpoint/test-endpoint")


@pytest.mark.parametrize("direct", [True, False])
def test_a_grant_is_for_the_whole_unless_told_otherwise(stack: cdk.Stack, direct: bool) -> None:
    pipeline(stack, direct_invocation=direct).grants.invoke(iam.User(stack, "User"))
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert "Condition" not in statement


# --- what is refused --------------------------------------------------------------------------------------


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Pipelines")


@cache
def user() -> iam.User:
    return iam.User(scope(), "User")


def made(**props: Any) -> InferencePipeline:
    return pipeline(scope(), f"Endpoint{next(ids)}", **props)


def unnamed(number: int = 2) -> list[Container]:
    return [Container(image=IMAGE)] * number


def granted(target: object, *, direct: bool = True) -> Callable[[], object]:
    return lambda: made(direct_invocation=direct).grants.invoke(user(), target_container=target)


REFUSALS = [
    Refusal("SM-TYPE-001", lambda: made(containers=None), "containers", None, "a Container each"),
    Refusal("SM-MODEL-001", lambda: made(containers=[]), "containers", "0 containers", "2–15"),
    Refusal("SM-MODEL-001", lambda: made(containers=unnamed(1)), "containers", "1 containers", "2–15"),
    Refusal("SM-MODEL-001", lambda: made(containers=unnamed(16)), "containers", "16 containers", "2–15"),
    Refusal(
        "SM-MODEL-002",
        lambda: made(containers=[*steps("a"), *unnamed(1)]),
        "containers",
        ["a", None],
        "for every container, or for none",
    ),
    Refusal("SM-MODEL-002", lambda: made(containers=steps("a", "a")), "containers", ["a", "a"], "of its own"),
    Refusal(
        "SM-MODEL-004",
        lambda: made(containers=unnamed(), direct_invocation=True),
        "containers",
        [None, None],
        "a hostname for every container",
    ),
    Refusal(
        "SM-PIPELINE-001",
        lambda: made().metric_container_latency("label"),
        "container",
        "label",
        "one of scale, classify",
    ),
    Refusal(
        "SM-PIPELINE-001",
        lambda: made(containers=unnamed()).metric_container_latency("container-1"),
        "container",
        "container-1",
        "give each container one",
    ),
    Refusal(
        "SM-PIPELINE-002",
        granted("classify", direct=False),
        "target_container",
        "classify",
        "requests to this pipeline name no container",
    ),
    *(
        Refusal("SM-ENDPOINT-011", granted(target), "target_container", target, "at least one pattern")
        for target in ([], "", [None], 5, {})
    ),
    Refusal(
        "SM-SCALING-012",
        lambda: made(scaling=AutoScaling(min_capacity=1, max_capacity=2, backlog_per_instance=5)),
        "scaling.backlog_per_instance",
        5,
        "only asynchronous endpoints have a backlog",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def test_a_refused_metric_names_the_pipeline() -> None:
    error = refused(lambda: pipeline(scope(), "Wine").metric_container_latency("label"))
    assert error.path == "Pipelines/Wine"


def test_all_that_is_wrong_is_told_at_once_and_leaves_nothing_behind() -> None:
    before = len(scope().node.children)
    error = refused(
        lambda: made(
            containers=unnamed(1), direct_invocation=True, instance_type="large", endpoint_name="_", vpc="x"
        )
    )
    assert {"SM-MODEL-001", "SM-VARIANT-003", "SM-ENDPOINT-003", "SM-TYPE-001"} <= set(error.rules)
    assert len(scope().node.children) == before


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        made,
        containers=("text", 5, None, {"a": 1}, ["text"], [5], [None], Container(image=IMAGE)),
        direct_invocation=WRONG_SWITCHES,
        instance_type=(None, *WRONG_TEXTS),
        role=WRONG_OBJECTS,
        vpc=WRONG_OBJECTS,
        network_isolation=WRONG_SWITCHES,
    ),
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()
