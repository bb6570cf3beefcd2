"""The construct: what it makes, what each part may do, what it is refused for, and that the job takes its arguments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import ContainerImage, ModelData
from constructs_lib.core.s3_prefix import S3Prefix
from constructs_lib.edge.held_out_set import HeldOutSet
from constructs_lib.edge.optimisation import ModelOptimisation
from constructs_lib.edge.optimisation_job import ERRORS, job_name_length
from constructs_lib.edge.quality import QualityMetric, Quantisation
from constructs_lib.edge.runtime.optimise import errors
from constructs_lib.edge.runtime.optimise.options import Options
from tests.support.machines import MACHINE, assert_hangs_together, findings, machine_in, problems
from tests.support.refusals import Refusal, as_parameters, refused, wrong_types
from tests.support.rights import rights
from tests.support.synth import IMAGE_URI, Template, a_bucket, flat, fresh_app, resources, synthesized

HERE = "<AWS::Region>:<AWS::AccountId>"
LOGS = f"arn:<AWS::Partition>:logs:{HERE}:log-group:/aws/sagemaker/*"


class Fleet:
    """What starts rollouts."""

    def __init__(self, scope: cdk.Stack) -> None:
        self._function = lambda_.Function.from_function_name(scope, "Start", "start-rollout")
        self.reads: list[S3Prefix] = []

    @property
    def start_function(self) -> lambda_.IFunction:
        return self._function

    def read_models_from(self, models: S3Prefix) -> None:
        self.reads.append(models)


def an_optimisation(stack: cdk.Stack, id: str = "Optimise", **props: Any) -> ModelOptimisation:
    def bucket(name: str) -> s3.IBucket:
        there = stack.node.try_find_child(name)
        return a_bucket(stack, name, name.lower()) if there is None else there  # type: ignore[return-value]

    given: dict[str, Any] = {
        "model": ModelData.from_bucket(bucket("Models"), "defects/1.4.2/model.tar.gz"),
        "held_out": HeldOutSet.from_bucket(bucket("Held"), "defects/held-out.csv", label="Fehler (ä)"),
        "image": ContainerImage.from_uri(IMAGE_URI),
        "output_bucket": bucket("Out"),
    }
    return ModelOptimisation(stack, id, **{**given, **props})


def made(stack: cdk.Stack, **props: Any) -> Template:
    an_optimisation(stack, **props)
    return synthesized(stack)


def job_of(template: Template) -> dict[str, Any]:
    return dict(machine_in(template)["States"]["Optimise"]["Parameters"])


# --- the machine -------------------------------------------------------------------------------------------

VARIANTS: list[dict[str, Any]] = [
    {},
    {"notify": 2},
    {"rollout": True},
    {"rollout": True, "notify": 5, "attempts": 1},
]


@pytest.mark.parametrize("props", VARIANTS, ids=str)
def test_the_machine_hangs_together_and_is_one(stack: cdk.Stack, props: dict[str, Any]) -> None:
    props = dict(props)
    if "notify" in props:
        props["notify"] = [sns.Topic(stack, f"Topic{each}") for each in range(props["notify"])]
    if "rollout" in props:
        props["rollout"] = Fleet(stack)
    machine = machine_in(made(stack, **props))
    assert_hangs_together(machine)
    assert findings(machine) == []


def test_cfn_lint_would_find_a_fault(stack: cdk.Stack) -> None:
    machine = machine_in(made(stack))
    del machine["States"]["Optimise"]["Resource"]
    assert findings(machine) != []


def test_each_attempt_is_bounded_and_so_is_the_whole(stack: cdk.Stack) -> None:
    machine = machine_in(made(stack, max_runtime=cdk.Duration.minutes(10), attempts=2))
    task = machine["States"]["Optimise"]
    assert task["Parameters"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}
    assert task["TimeoutSeconds"] == 600 + 1800
    assert machine["TimeoutSeconds"] >= 2 * (600 + 1800 + 120)
    assert task["Resource"] == "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob.sync"


def test_only_throttling_and_capacity_are_worth_another_attempt(stack: cdk.Stack) -> None:
    judge = machine_in(made(stack))["States"]["Judge"]
    (choice,) = judge["Choices"]
    left, _, transient = choice["And"]
    assert left == {"Variable": "$.attempt", "NumericLessThan": 3}
    patterns = [
        re.compile(".*".join(map(re.escape, each["StringMatches"].split("*"))))
        for each in transient["Or"]
        if "StringMatches" in each
    ]

    def worth(cause: str) -> bool:
        return any(each.fullmatch(cause) for each in patterns)

    service = "(Service: AmazonSageMaker; Status Code: 400; Error Code: {})"
    assert worth(f"Rate exceeded {service.format('ThrottlingException')}")
    assert worth('{"ProcessingJobStatus":"Failed","FailureReason":"CapacityError: Unable to provision"}')
    assert worth(json.dumps({"FailureReason": "CapacityError: Unable to provision"}))
    assert not worth(f"No such role {service.format('ValidationException')}")
    assert not worth(
        json.dumps({"FailureReason": "AlgorithmError: See job logs", "ExitMessage": "CapacityError"})
    )
    assert judge["Default"] == "Explain"


def test_the_reasons_of_the_job_are_known_by_their_names() -> None:
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.OptimiseError)
    }
    assert raised == set(ERRORS)


def test_the_topics_are_told_one_after_the_other_and_none_keeps_the_next_from_it(stack: cdk.Stack) -> None:
    topics = [sns.Topic(stack, f"Topic{each}") for each in range(2)]
    states = machine_in(made(stack, notify=topics))["States"]
    assert (states["Tell"]["Next"], states["Tell2"]["Next"]) == ("Tell2", "Failed")
    assert [each["Catch"][0]["Next"] for each in (states["Tell"], states["Tell2"])] == ["Tell2", "Failed"]
    assert "$.reason" in states["Tell"]["Parameters"]["Message.$"]
    assert len(states["Tell"]["Parameters"]["Subject"]) <= 100
    assert states["Failed"] == {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.reason"}


# --- the job -----------------------------------------------------------------------------------------------


def test_botocore_has_nothing_against_the_job(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
    job = job_of(made(stack, encryption_key=key, volume_encryption_key=key, vpc=vpc, tags={"team": "edge"}))
    assert problems("CreateProcessingJob", job) == ""
    assert len(job["NetworkConfig"]["VpcConfig"]["Subnets"]) == 2


def test_botocore_would_find_a_fault(stack: cdk.Stack) -> None:
    job = job_of(made(stack))
    del job["RoleArn"]
    assert "RoleArn" in problems("CreateProcessingJob", job)


def test_the_job_has_no_network_and_its_names_are_as_long_as_they_may_be(stack: cdk.Stack) -> None:
    job = job_of(made(stack, optimisation_name="a" * 63))
    assert job["NetworkConfig"] == {"EnableNetworkIsolation": True}
    prefix = re.fullmatch(r"States\.Format\('(.*)-\{\}', \$\.run\)", job["ProcessingJobName.$"])
    assert prefix is not None
    assert job_name_length(prefix[1]) <= 63


def test_the_job_takes_all_its_arguments(stack: cdk.Stack) -> None:
    job = job_of(
        made(
            stack,
            held_out=HeldOutSet.from_bucket(
                a_bucket(stack, "Named", "named"),
                "h.npz",
                label="--gut?",
                ignore=["id", "größe"],
                allow_missing=True,
            ),
            metric=QualityMetric.top_k(3),
            max_drop=0.005,
            quantisation=Quantisation.uint8(per_channel=True, reduce_range=True),
            golden_records=4,
        )
    )
    given = job["AppSpecification"]["ContainerArguments"]
    assert all(1 <= len(each) <= 256 for each in given)
    told = Options.parse(given)
    assert (told.label, told.ignore, told.allow_missing) == ("--gut?", ["id", "größe"], True)
    assert (told.metric, told.k, told.max_drop, told.golden) == ("top_k", 3, 0.005, 4)
    assert (told.weight_type, told.per_channel, told.reduce_range) == ("uint8", True, True)
    places = {each["S3Input"]["LocalPath"] for each in job["ProcessingInputs"]}
    assert {str(told.model), str(told.held_out)} <= places
    outputs = {
        each["S3Output"]["LocalPath"]: each["S3Output"] for each in job["ProcessingOutputConfig"]["Outputs"]
    }
    assert outputs[str(told.output)]["S3UploadMode"] == "EndOfJob"
    assert outputs[str(told.report)]["S3UploadMode"] == "Continuous"


def test_without_quantisation_and_with_the_other_measures(stack: cdk.Stack) -> None:
    job = job_of(made(stack, quantisation=Quantisation.none(), metric=QualityMetric.rmse(), max_drop=0))
    told = Options.parse(job["AppSpecification"]["ContainerArguments"])
    assert (told.quantise, told.metric, told.max_drop) == (False, "rmse", 0)


def test_what_is_published_lies_in_the_folder_of_its_attempt(stack: cdk.Stack) -> None:
    template = made(stack, output_prefix="devices/models")
    read = machine_in(template)["States"]["Read"]["Parameters"]
    assert read["model"] == {
        "bucket": "out",
        "key.$": "States.Format('devices/models/{}/model/model.tar.gz', $.run)",
    }
    (model, _) = job_of(template)["ProcessingOutputConfig"]["Outputs"]
    assert model["S3Output"]["S3Uri.$"] == "States.Format('s3://out/devices/models/{}/model', $.run)"


def test_assets_and_the_librarys_own_image_are_made_where_nothing_else_is_given(
    stack: cdk.Stack, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.onnx").write_bytes(b"x")
    (tmp_path / "held-out.csv").write_text("f,label\n1,2\n")
    template = made(
        stack,
        model=ModelData.from_asset(str(tmp_path / "model")),
        held_out=HeldOutSet.from_asset(str(tmp_path / "held-out.csv")),
        image=None,
        output_bucket=None,
    )
    job = job_of(template)
    assert "container-assets" in job["AppSpecification"]["ImageUri"]
    assert all("cdk-" in each["S3Input"]["S3Uri"] for each in job["ProcessingInputs"])
    assert "KmsKeyId" in job["ProcessingOutputConfig"]
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == "Retain"


def test_the_dockerfile_installs_what_the_lock_names_by_hash() -> None:
    folder = Path("constructs_lib/edge/requirements")
    text = (folder / "optimise.Dockerfile").read_text()
    assert "--require-hashes" in text
    lock = (folder / "optimise.txt").read_text()
    assert all(
        f"\n{each}==" in lock for each in ("onnx", "onnxruntime", "skl2onnx", "scikit-learn", "joblib")
    )
    assert "\naws-cdk-lib==" not in lock


# --- rights ------------------------------------------------------------------------------------------------


def test_the_job_reads_its_three_objects_writes_below_its_prefix_and_tells_of_itself(
    stack: cdk.Stack,
) -> None:
    found = rights(made(stack), "OptimiseRole")
    code = {each for each in found if "cdk-" in each[1]}
    assert {action for action, _ in code} == {"s3:GetObject", "s3:ListBucket"}
    assert all("*" not in on for action, on in code if action == "s3:GetObject")
    s3_ = "arn:<AWS::Partition>:s3:::"
    assert found - code == {
        ("s3:GetObject", f"{s3_}models/defects/1.4.2/model.tar.gz"),
        ("s3:ListBucket", f"{s3_}models defects/1.4.2/model.tar.gz*"),
        ("s3:GetObject", f"{s3_}held/defects/held-out.csv"),
        ("s3:ListBucket", f"{s3_}held defects/held-out.csv*"),
        ("s3:PutObject", f"{s3_}out/optimised/test-optimise/*"),
        ("s3:AbortMultipartUpload", f"{s3_}out/optimised/test-optimise/*"),
        ("ecr:GetAuthorizationToken", "*"),
        *(
            (f"ecr:{each}", "arn:<AWS::Partition>:ecr:eu-west-1:111122223333:repository/fraud")
            for each in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        ),
        *(
            (f"logs:{each}", LOGS)
            for each in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        ),
        ("cloudwatch:PutMetricData", "*"),
    }


def machine_rights(template: Template) -> set[tuple[str, str]]:
    found = rights(template, "OptimiseMachine")
    of_its_log = {each for each in found if each[0].startswith(("logs:", "xray:"))}
    return found - of_its_log


OF_THE_MACHINE = {
    *(
        (f"sagemaker:{each}", f"arn:<AWS::Partition>:sagemaker:{HERE}:processing-job/test-optimise-*")
        for each in ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")
    ),
    *(
        (
            f"events:{each}",
            f"arn:<AWS::Partition>:events:{HERE}:rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule",
        )
        for each in ("PutTargets", "PutRule", "DescribeRule")
    ),
}


def passed(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {each for each in found if each[0] == "iam:PassRole"}


def test_the_machine_runs_its_own_jobs_and_passes_one_role(stack: cdk.Stack) -> None:
    template = made(stack)
    found = machine_rights(template)
    assert found - passed(found) == OF_THE_MACHINE
    ((_, role),) = passed(found)
    assert role.startswith("<OptimiseRole")
    statements = [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
    ]
    assert [each["Condition"] for each in statements] == [
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    ]


def test_with_topics_and_a_rollout_it_may_tell_and_start(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall", master_key=kms.Key(stack, "TopicKey"))
    fleet = Fleet(stack)
    optimisation = an_optimisation(stack, notify=[topic], rollout=fleet)
    found = machine_rights(synthesized(stack))
    more = found - passed(found) - OF_THE_MACHINE
    assert {action for action, _ in more} == {
        *("sns:Publish", "kms:Decrypt", "kms:GenerateDataKey", "lambda:InvokeFunction")
    }
    (called,) = {on for action, on in more if action == "lambda:InvokeFunction"}
    assert called.endswith("function:start-rollout")
    assert fleet.reads == [optimisation.output]


def test_the_rollout_gets_the_place_and_no_more(stack: cdk.Stack) -> None:
    states = machine_in(made(stack, rollout=Fleet(stack)))["States"]
    assert states["Read"]["Next"] == "RollOut"
    assert states["RollOut"]["Parameters"]["Payload"] == {"model.$": "$.model"}
    assert states["RollOut"]["ResultSelector"] == {"execution.$": "$.Payload.execution"}
    (caught,) = states["RollOut"]["Catch"]
    assert states[caught["Next"]]["Parameters"]["error"] == "RolloutNotStarted"


def test_keys_are_used_for_what_they_encrypt(stack: cdk.Stack) -> None:
    output, volume = kms.Key(stack, "OutputKey"), kms.Key(stack, "VolumeKey")
    template = made(stack, encryption_key=output, volume_encryption_key=volume)
    found = {each for each in rights(template, "OptimiseRole") if each[0].startswith("kms:")}
    on = {
        key: {action for action, where in found if where.startswith(f"<{key}")}
        for key in ("OutputKey", "VolumeKey")
    }
    assert on["OutputKey"] == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert on["VolumeKey"] == {
        *("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant")
    }
    job = job_of(template)
    assert job["ProcessingOutputConfig"]["KmsKeyId"].startswith("<OutputKey")
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].startswith("<VolumeKey")


def test_grants_start_and_read(stack: cdk.Stack) -> None:
    optimisation = an_optimisation(stack)
    for name, grant in (("Starter", optimisation.grants.start), ("Reader", optimisation.grants.read)):
        grant(iam.Role(stack, name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    template = synthesized(stack)
    assert "states:StartExecution" in {action for action, _ in rights(template, "Starter")}
    out = "arn:<AWS::Partition>:s3:::out"
    assert rights(template, "Reader") == {
        ("s3:GetObject", f"{out}/optimised/test-optimise/*"),
        ("s3:ListBucket", f"{out} optimised/test-optimise/*"),
    }


def test_the_machine_waits_for_the_rights_of_the_job(stack: cdk.Stack) -> None:
    template = made(stack)
    (machine,) = resources(template, MACHINE).values()
    assert any(each.startswith("OptimisePolicy") for each in machine["DependsOn"])


def test_it_is_the_same_each_time() -> None:
    def once() -> Template:
        return made(cdk.Stack(fresh_app(), "Test"))

    assert once() == once()


# --- what is refused ---------------------------------------------------------------------------------------

STACK = cdk.Stack(fresh_app(), "Refused")
TOPICS = [sns.Topic(STACK, f"T{each}") for each in range(6)]
FIFO = sns.Topic(STACK, "Fifo", fifo=True)
BUCKET = a_bucket(STACK, "Any", "any")
BASELINE = "examples/breast_cancer/baseline.csv"
KEY = kms.Key(STACK, "Key")


def attempt(**props: Any) -> Any:
    return lambda: an_optimisation(STACK, **props)


REFUSALS = [
    Refusal(
        "SM-EDGE-063",
        attempt(model=ModelData.from_prefix(BUCKET, "m/1.0.0/")),
        "model",
        "a prefix of objects",
        "one archive",
    ),
    Refusal("SM-EDGE-064", attempt(max_drop=1.5), "max_drop", 1.5, "at most 1"),
    Refusal("SM-EDGE-064", attempt(max_drop=-0.1), "max_drop", -0.1, "at least 0"),
    Refusal("SM-EDGE-064", attempt(attempts=0), "attempts", 0, "from 1 to 10"),
    Refusal("SM-EDGE-064", attempt(golden_records=101), "golden_records", 101, "from 1 to 100"),
    Refusal("SM-EDGE-064", attempt(max_runtime=cdk.Duration.days(2)), "max_runtime", "2 days", "1 day"),
    Refusal("SM-EDGE-065", attempt(instance_type="m5.large"), "instance_type", "m5.large", "ml.m5.large"),
    Refusal(
        "SM-EDGE-065",
        attempt(instance_type="ml.p3.2xlarge"),
        "instance_type",
        "ml.p3.2xlarge",
        "without accelerators",
    ),
    Refusal(
        "SM-EDGE-065",
        attempt(image=None, instance_type="ml.m6g.large"),
        "instance_type",
        "ml.m6g.large",
        "an x86 type",
    ),
    Refusal("SM-EDGE-065", attempt(volume_gb=0), "volume_gb", 0, "from 1 to"),
    Refusal(
        "SM-EDGE-065",
        attempt(instance_type="ml.m5d.large", volume_encryption_key=KEY),
        "volume_encryption_key",
        "a key",
        "local storage",
    ),
    Refusal("SM-EDGE-068", attempt(security_groups=[]), "security_groups", [], "nothing without a vpc"),
    Refusal("SM-EDGE-066", attempt(output_prefix="/models"), "output_prefix", "/models", "without slashes"),
    Refusal("SM-EDGE-066", attempt(output_prefix="o'clock"), "output_prefix", "o'clock", "no apostrophe"),
    Refusal("SM-EDGE-067", attempt(notify=TOPICS), "notify", "6 topics", "at most 5"),
    Refusal("SM-EDGE-067", attempt(notify=[FIFO]), "notify[0]", "a FIFO topic", "a standard topic"),
    Refusal("SM-EDGE-069", attempt(optimisation_name="A"), "optimisation_name", "A", "lower-case"),
    Refusal(
        "SM-EDGE-069", attempt(tags={f"t{each}": "" for each in range(50)}), "tags", "50 tags", "at most 49"
    ),
    Refusal("SM-EDGE-061", lambda: QualityMetric.top_k(0), "k", 0, "from 1 to 1000"),
    Refusal("SM-EDGE-061", lambda: QualityMetric(name="auc"), "name", "auc", "one of accuracy"),
    Refusal("SM-EDGE-061", lambda: QualityMetric(k=3), "k", 3, "for top_k"),
    Refusal(
        "SM-EDGE-062", lambda: Quantisation(weight_type="int4"), "weight_type", "int4", "one of int8, uint8"
    ),
    Refusal(
        "SM-EDGE-062",
        lambda: Quantisation(weight_type=None, per_channel=True),
        "weight_type",
        None,
        "int8 or uint8",
    ),
    Refusal("SM-EDGE-060", lambda: HeldOutSet(), "path", None, "either a file or an object"),
    Refusal("SM-EDGE-060", lambda: HeldOutSet.from_asset("nowhere.csv"), "path", "nowhere.csv", "existing"),
    Refusal("SM-EDGE-060", lambda: HeldOutSet.from_asset("README.md"), "path", "README.md", ".csv or .npz"),
    Refusal("SM-EDGE-060", lambda: HeldOutSet(path=BASELINE, key="x"), "key", "x", "none beside a file"),
    Refusal("SM-EDGE-060", lambda: HeldOutSet.from_bucket(BUCKET, "/x"), "key", "/x", "without a slash"),
    Refusal("SM-EDGE-060", lambda: HeldOutSet.from_bucket(BUCKET, "x", label=""), "label", "", "1–200"),
    Refusal(
        "SM-EDGE-060",
        lambda: HeldOutSet.from_bucket(BUCKET, "x", ignore=["label"]),
        "ignore",
        "label",
        "beside",
    ),
    Refusal(
        "SM-EDGE-060",
        lambda: HeldOutSet.from_bucket(BUCKET, "x", ignore=["a"] * 51),
        "ignore",
        "51 columns",
        "at most 50",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_is_refused(refusal: Refusal) -> None:
    refusal.check()


WRONG: dict[str, list[object]] = {
    "model": ["s3://x", 5],
    "held_out": ["x.csv", 5, None],
    "metric": ["accuracy", 5],
    "max_drop": ["0.1", True, None, float("nan")],
    "quantisation": ["int8", True],
    "rollout": ["arn", 5],
    "image": ["x:1"],
    "instance_type": [5, None],
    "max_runtime": [60, "60"],
    "output_bucket": ["name"],
    "tags": ["x", {"a": 5}],
    "notify": ["arn", [5]],
}


@pytest.mark.parametrize("wrong", wrong_types(lambda **props: an_optimisation(STACK, **props), **WRONG))
def test_a_wrong_type_is_refused_by_the_propertys_name(wrong: Any) -> None:
    wrong.check()


def test_a_name_that_only_the_deployment_knows_is_refused() -> None:
    token = cdk.Fn.ref("AWS::StackId")
    (violation,) = refused(attempt(optimisation_name=token)).violations
    assert (violation.rule, violation.property) == ("SM-EDGE-069", "optimisation_name")
    assert "known at synthesis" in violation.allowed


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(attempt(max_drop=2, attempts=0, volume_gb=0))
    assert {each.property for each in error.violations} == {"max_drop", "attempts", "volume_gb"}
    assert "Refused/Optimise" in str(error)


def test_the_role_is_sagemakers_alone(stack: cdk.Stack) -> None:
    roles = resources(made(stack), "AWS::IAM::Role")
    (role,) = [each for id, each in roles.items() if id.startswith("OptimiseRole")]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert flat(statement["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"
