"""Compilations by Neo: the machine, the job as botocore knows it, rights, refusals and warnings."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib import ModelData
from constructs_lib.edge.neo import NeoCompilation
from constructs_lib.edge.neo_job import NeoPlan, compilation_job, definition
from constructs_lib.edge.neo_target import (
    ACCELERATORS,
    ARCHITECTURES,
    DEVICES,
    GONE,
    OSES,
    NeoFramework,
    NeoTarget,
)
from tests.support.advice import Advised
from tests.support.machines import MACHINE, assert_hangs_together, findings, machine_in, problems
from tests.support.refusals import Refusal, as_parameters, wrong_types
from tests.support.rights import rights
from tests.support.synth import Template, a_bucket, fresh_app, resources, synthesized

HERE = "<AWS::Region>:<AWS::AccountId>"
XAVIER = NeoTarget.device("jetson_xavier")
SHAPES = {"input0": [1, 3, 224, 224]}


def a_compilation(stack: cdk.Stack, id: str = "Compile", **props: Any) -> NeoCompilation:
    def bucket(name: str) -> Any:
        there = stack.node.try_find_child(name)
        return a_bucket(stack, name, name.lower()) if there is None else there

    given: dict[str, Any] = {
        "model": ModelData.from_bucket(bucket("Models"), "faces/1.4.2/model.tar.gz"),
        "framework": NeoFramework.PYTORCH,
        "framework_version": "1.8",
        "input_shapes": SHAPES,
        "target": XAVIER,
        "output_bucket": bucket("Out"),
    }
    return NeoCompilation(stack, id, **{**given, **props})


def made(stack: cdk.Stack, **props: Any) -> Template:
    a_compilation(stack, **props)
    return synthesized(stack)


def states_of(template: Template) -> dict[str, Any]:
    return dict(machine_in(template)["States"])


# --- what SageMaker knows ----------------------------------------------------------------------------------


def enum(shape: str) -> set[str]:
    return set(botocore.session.Session().get_service_model("sagemaker").shape_for(shape).enum)


def test_the_lists_are_those_of_the_api() -> None:
    endpoints = {each for each in enum("TargetDevice") if each.startswith("ml_")}
    assert set(DEVICES) | set(GONE) | endpoints == enum("TargetDevice")
    assert set(DEVICES).isdisjoint(GONE)
    assert set(OSES) == enum("TargetPlatformOs")
    assert set(ARCHITECTURES) == enum("TargetPlatformArch")
    assert set(ACCELERATORS) == enum("TargetPlatformAccelerator")
    # Its own scikit-learn compiler is for endpoints.
    assert {each.value for each in NeoFramework} == enum("Framework") - {"SKLEARN"}


@pytest.mark.parametrize("device", sorted(DEVICES))
def test_every_device_can_be_compiled_for(device: str) -> None:
    assert problems("CreateCompilationJob", compilation_job(a_plan(target=NeoTarget.device(device)))) == ""


@pytest.mark.parametrize("framework", NeoFramework)
def test_every_framework_can_be_compiled(framework: NeoFramework) -> None:
    job = compilation_job(
        a_plan(
            framework=framework,
            framework_version=framework.newest if framework.takes_version else None,
            input_shapes=SHAPES if framework.takes_shapes else None,
        )
    )
    assert problems("CreateCompilationJob", job) == ""
    assert ("DataInputConfig" in job["InputConfig"]) == framework.takes_shapes
    if framework.takes_shapes:
        assert json.loads(job["InputConfig"]["DataInputConfig"]) == SHAPES


def a_plan(**props: Any) -> NeoPlan:
    given: dict[str, Any] = {
        "name": "faces",
        "partition": "aws",
        "job_prefix": "faces",
        "role": "arn:aws:iam::111122223333:role/compile",
        "model": "s3://models/model.tar.gz",
        "framework": NeoFramework.ONNX,
        "framework_version": None,
        "input_shapes": SHAPES,
        "target": XAVIER,
        "bucket": "out",
        "prefix": "compiled",
        "output_key": None,
        "subnets": (),
        "security_groups": (),
        "longest": 900,
        "attempts": 3,
        "tags": {},
        "topics": (),
    }
    return NeoPlan(**{**given, **props})


def test_a_platform_and_its_options_are_told() -> None:
    options = {"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}
    target = NeoTarget.platform(os="LINUX", arch="ARM64", accelerator="NVIDIA", compiler_options=options)
    job = compilation_job(a_plan(target=target))
    assert job["OutputConfig"]["TargetPlatform"] == {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    assert json.loads(job["OutputConfig"]["CompilerOptions"]) == options
    assert problems("CreateCompilationJob", job) == ""


def test_botocore_has_nothing_against_the_job_with_everything(stack: cdk.Stack) -> None:
    vpc, key = ec2.Vpc(stack, "Vpc", max_azs=2), kms.Key(stack, "Key")
    job = states_of(made(stack, vpc=vpc, encryption_key=key, tags={"team": "edge"}))["Create"]["Parameters"]
    assert problems("CreateCompilationJob", job) == ""
    assert job["OutputConfig"]["KmsKeyId"].startswith("<Key")
    assert len(job["VpcConfig"]["Subnets"]) == 2
    assert {"Key": "team", "Value": "edge"} in job["Tags"]


# --- the machine -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topics", [0, 1, 5])
def test_the_machine_hangs_together_and_is_one(topics: int) -> None:
    machine = definition(
        a_plan(topics=[f"arn:aws:sns:eu-west-1:111122223333:t{each}" for each in range(topics)])
    )
    assert_hangs_together(machine)
    assert findings(machine) == []


def test_each_status_of_a_job_has_its_way() -> None:
    """As the choice decides, in order; a job that goes on is asked after again until it has had its time."""
    look = definition(a_plan(longest=900))["States"]["Look"]

    def way(status: str, polls: int = 0) -> str:
        state = {"described": {"job": {"CompilationJobStatus": status}}, "asked": {"polls": polls}}
        return next((each["Next"] for each in look["Choices"] if holds(each, state)), look["Default"])

    assert {each: way(each) for each in enum("CompilationJobStatus")} == {
        "COMPLETED": "Read",
        "FAILED": "Ended",
        "STOPPED": "Ended",
        **dict.fromkeys(("INPROGRESS", "STARTING", "STOPPING"), "Count"),
    }
    assert (way("INPROGRESS", 59), way("INPROGRESS", 60), way("COMPLETED", 60)) == ("Count", "Stop", "Read")


def holds(choice: dict[str, Any], state: dict[str, Any]) -> bool:
    if "Or" in choice:
        return any(holds(each, state) for each in choice["Or"])
    found: Any = state
    for step in choice["Variable"].removeprefix("$.").split("."):
        found = found[step]
    if "StringEquals" in choice:
        return bool(found == choice["StringEquals"])
    return bool(found >= choice["NumericGreaterThanEquals"])


def test_a_job_that_does_not_end_is_stopped_and_told_of_even_where_it_cannot_be_stopped() -> None:
    states = definition(a_plan())["States"]
    for name, following in (("Stop", "TimedOut"), ("Abandon", "Explain")):
        assert states[name]["Resource"].endswith("aws-sdk:sagemaker:stopCompilationJob")
        assert states[name]["Next"] == following
        (caught,) = states[name]["Catch"]
        assert (caught["Next"], caught["ResultPath"]) == (following, "$.stopped")
    assert states["TimedOut"]["Parameters"]["error"] == "TimedOut"
    assert "1800 seconds" in states["TimedOut"]["Parameters"]["reason.$"]


def test_a_job_of_which_nothing_is_known_is_not_compiled_beside() -> None:
    states = definition(a_plan())["States"]
    assert states["Describe"]["Catch"][0]["Next"] == "Abandon"
    assert states["Create"]["Catch"][0]["Next"] == "Judge"
    assert "Retry" not in states["Create"]
    assert states["Describe"]["Retry"][0]["MaxAttempts"] == 5


# --- rights ------------------------------------------------------------------------------------------------


def test_the_job_reads_one_object_and_writes_below_its_prefix(stack: cdk.Stack) -> None:
    s3_ = "arn:<AWS::Partition>:s3:::"
    found = {each for each in rights(made(stack), "CompileRole") if each[0].startswith("s3:")}
    assert found == {
        ("s3:GetObject", f"{s3_}models/faces/1.4.2/model.tar.gz"),
        ("s3:ListBucket", f"{s3_}models faces/1.4.2/model.tar.gz*"),
        ("s3:PutObject", f"{s3_}out/compiled/test-compile/*"),
        ("s3:AbortMultipartUpload", f"{s3_}out/compiled/test-compile/*"),
    }


def test_the_machine_makes_asks_after_and_stops_its_own_jobs(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall")
    found = rights(made(stack, notify=[topic]), "CompileMachine")
    jobs = f"arn:<AWS::Partition>:sagemaker:{HERE}:compilation-job/test-compile-*"
    assert {each for each in found if each[0].startswith("sagemaker:")} == {
        (f"sagemaker:{each}", jobs)
        for each in ("CreateCompilationJob", "DescribeCompilationJob", "StopCompilationJob", "AddTags")
    }
    others = {action for action, _ in found if not action.startswith(("sagemaker:", "logs:", "xray:"))}
    assert others == {"iam:PassRole", "sns:Publish"}


def test_grants_start_and_read(stack: cdk.Stack) -> None:
    compilation = a_compilation(stack)
    for name, grant in (("Starter", compilation.grants.start), ("Reader", compilation.grants.read)):
        grant(iam.Role(stack, name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    template = synthesized(stack)
    assert "states:StartExecution" in {action for action, _ in rights(template, "Starter")}
    assert {action for action, _ in rights(template, "Reader")} == {"s3:GetObject", "s3:ListBucket"}


def test_a_bucket_is_made_and_kept_where_none_is_given(stack: cdk.Stack) -> None:
    template = made(stack, output_bucket=None)
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == "Retain"
    (machine,) = resources(template, MACHINE).values()
    assert any(each.startswith("CompilePolicy") for each in machine["DependsOn"])


@pytest.mark.parametrize(
    "advised",
    [
        Advised("SM-EDGE-101", a_compilation, "PYTORCH nothing after 1.8"),
        Advised("SM-EDGE-102", a_compilation, "install DLR"),
    ],
    ids=lambda each: each.id,
)
def test_it_warns_that_neo_stands_still_and_that_edge_manager_is_gone(advised: Advised) -> None:
    advised.check()


# --- what is refused ---------------------------------------------------------------------------------------

STACK = cdk.Stack(fresh_app(), "Refused")
BUCKET = a_bucket(STACK, "Any", "any")
PREFIX = ModelData.from_prefix(BUCKET, "m/1.0.0/")
FIFO = sns.Topic(STACK, "Fifo", fifo=True)
NVIDIA: dict[str, Any] = {"os": "LINUX", "arch": "ARM64", "accelerator": "NVIDIA"}
LONG = {"mcpu": "x" * 1100}
OPTIONS = "compiler_options"


def with_options(options: dict[str, Any]) -> NeoTarget:
    return NeoTarget.device("rasp4b", compiler_options=options)


def attempt(**props: Any) -> Any:
    return lambda: a_compilation(STACK, **props)


def of(framework: str, version: str | None, **props: Any) -> Any:
    return attempt(framework=NeoFramework[framework], framework_version=version, **props)


REFUSALS = [
    Refusal("SM-EDGE-070", lambda: NeoTarget.device("ml_c5"), "device_name", "ml_c5", "an instance type of endpoints"),
    Refusal("SM-EDGE-070", lambda: NeoTarget.device("deeplens"), "device_name", "deeplens", "a device that there is"),
    Refusal("SM-EDGE-070", lambda: NeoTarget.device("jetson_orin"), "device_name", "jetson_orin", "jetson_xavier"),
    Refusal("SM-EDGE-070", lambda: NeoTarget.platform(os="QNX", arch="ARM64"), "os", "QNX", "one of ANDROID, LINUX"),
    Refusal("SM-EDGE-070", lambda: NeoTarget.platform(os="LINUX", arch="RISCV"), "arch", "RISCV", "ARM64"),
    Refusal("SM-EDGE-070", lambda: NeoTarget(device_name="rasp4b", os="LINUX"), "os", "LINUX", "beside a device"),
    Refusal("SM-EDGE-070", lambda: NeoTarget(os="LINUX"), "arch", None, "a str"),
    Refusal("SM-EDGE-071", lambda: NeoTarget.platform(**NVIDIA), OPTIONS, None, "gpu-code, trt-ver, cuda-ver"),
    Refusal("SM-EDGE-071", lambda: with_options({}), OPTIONS, "2 characters", "1 option"),
    Refusal("SM-EDGE-071", lambda: with_options(LONG), OPTIONS, "1111 characters", "1024"),
    Refusal("SM-EDGE-072", of("PYTORCH", "1.13"), "framework_version", "1.13", "at most 1.8 for devices"),
    Refusal("SM-EDGE-072", of("PYTORCH", "2.0.1"), "framework_version", "2.0.1", "at most 1.8"),
    Refusal("SM-EDGE-072", of("TENSORFLOW", "2.9"), "framework_version", "2.9", "at most 2.4"),
    Refusal("SM-EDGE-072", of("ONNX", "1.7"), "framework_version", "1.7", "none with ONNX"),
    Refusal("SM-EDGE-072", of("PYTORCH", "v1"), "framework_version", "v1", "such as 1.8"),
    Refusal("SM-EDGE-073", attempt(input_shapes=None), "input_shapes", None, "the shape of each input"),
    Refusal("SM-EDGE-073", of("XGBOOST", None), "input_shapes", SHAPES, "none with XGBOOST"),
    Refusal("SM-EDGE-073", attempt(input_shapes={}), "input_shapes", "0 inputs", "1 input"),
    Refusal("SM-EDGE-073", attempt(input_shapes={"x": []}), "input_shapes['x']", [], "one number"),
    Refusal("SM-EDGE-073", attempt(input_shapes={"x": [0]}), "input_shapes['x'][0]", 0, "from 1"),
    Refusal("SM-EDGE-074", attempt(model=PREFIX), "model", "a prefix of objects", "one archive"),
    Refusal("SM-EDGE-074", attempt(attempts=11), "attempts", 11, "from 1 to 10"),
    Refusal("SM-EDGE-074", attempt(max_runtime=cdk.Duration.seconds(5)), "max_runtime", "5 seconds", "1 minute"),
    Refusal("SM-EDGE-075", attempt(output_prefix="a/"), "output_prefix", "a/", "without slashes"),
    Refusal("SM-EDGE-075", attempt(compilation_name="-"), "compilation_name", "-", "lower-case"),
    Refusal("SM-EDGE-075", attempt(notify=[FIFO]), "notify[0]", "a FIFO topic", "a standard topic"),
    Refusal("SM-EDGE-076", attempt(security_groups=[]), "security_groups", [], "nothing without a vpc"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_is_refused(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize("version", ["1.8", "1.8.1", "1.7", "1.4"])
def test_versions_that_neo_knows_pass(stack: cdk.Stack, version: str) -> None:
    a_compilation(stack, framework_version=version)


WRONG: dict[str, list[object]] = {
    "model": ["s3://x", 5],
    "framework": ["PYTORCH", None],
    "target": ["rasp4b", None],
    "input_shapes": ["x", [1], {"x": 5}, {"x": ["1"]}],
    "tags": ["x"],
    "notify": ["arn"],
}


@pytest.mark.parametrize("wrong", wrong_types(lambda **props: a_compilation(STACK, **props), **WRONG))
def test_a_wrong_type_is_refused_by_the_propertys_name(wrong: Any) -> None:
    wrong.check()
