"""The jobs of a run: calls that SageMaker's own model of its API takes, with what was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from constructs_lib import BatchInput, BatchStrategy, DataProcessing, SplitType
from tests.property.api import faults_of_call
from tests.support.batch import (
    EXECUTION,
    RUN,
    State,
    a_batch,
    a_step,
    filled,
    machine_of,
    made,
    variables_of,
)
from tests.support.synth import a_bucket, flat, resources, synthesized

STATE = {
    **EXECUTION,
    **{name: {"attempt": 10} for name in ("transform", "prepare", "finish")},
    "gather": {"manifest": "s3://runs/input.manifest"},
    "list": {"manifest": "s3://runs/list.manifest"},
}


def known(value: Any) -> Any:
    """References to what only AWS knows, as it could be."""
    if isinstance(value, dict):
        return {name: known(each) for name, each in value.items()}
    if isinstance(value, list):
        return [known(each) for each in value]
    if isinstance(value, str) and value.startswith("<") and "Key" in value:
        return "arn:aws:kms:eu-west-1:111122223333:key/1"
    if isinstance(value, str) and value.startswith("<"):
        return "arn:aws:iam::111122223333:role/made"
    return value


def call(stack: cdk.Stack, job: str = "Transform", **props: Any) -> State:
    """What SageMaker is asked to create; its own model of the API finds no fault with it."""
    api = "CreateTransformJob" if job == "Transform" else "CreateProcessingJob"
    state = machine_of(made(stack, **props))["States"][job]
    assert state["Resource"].endswith(f":sagemaker:{api[0].lower()}{api[1:]}.sync")
    parameters: State = known(filled(state["Parameters"], STATE))
    assert faults_of_call("sagemaker", api, parameters) == []
    return parameters


# --- transform ---------------------------------------------------------------------------------------------


def test_the_least_is_asked_for_as_lines_of_csv_on_one_instance(stack: cdk.Stack) -> None:
    asked = call(stack, output_bucket=a_bucket(stack, "Out", "out"))
    assert asked == {
        "TransformJobName": "test-batch-0123456789ab-mzb1c2d3-t10",
        "ModelName": "fraud",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://runs/input.manifest"}
            },
            "ContentType": "text/csv",
            "CompressionType": "None",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://out/batch/test-batch/{RUN}/output/10",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "Tags": [{"Key": "BatchTransform", "Value": "test-batch"}],
    }


def test_all_that_is_given_reaches_the_job(stack: cdk.Stack) -> None:
    asked = call(
        stack,
        input=BatchInput.from_prefix(a_bucket(stack), "in/", content_type="application/jsonlines", gzip=True),
        instance_count=7,
        strategy=BatchStrategy.MULTI_RECORD,
        max_payload_mb=20,
        max_concurrent_transforms=5,
        invocation_timeout=cdk.Duration.minutes(2),
        invocation_retries=0,
        environment={"MODE": "batch"},
        accept="application/jsonlines",
        processing=DataProcessing(input_filter="$.features", join=True, output_filter="$['id']"),
        tags={"team": "größe 1"},
        output_prefix="scored",
        encryption_key=kms.Key(stack, "TheKey"),
        volume_encryption_key=kms.Key(stack, "VolumeKey"),
    )
    assert asked["TransformInput"]["ContentType"] == "application/jsonlines"
    assert asked["TransformInput"]["CompressionType"] == "Gzip"
    assert asked["TransformOutput"]["Accept"] == "application/jsonlines"
    assert asked["TransformOutput"]["S3OutputPath"].endswith(f"/scored/{RUN}/output/10")
    assert "KmsKeyId" in asked["TransformOutput"]
    assert asked["TransformResources"]["InstanceCount"] == 7
    assert "VolumeKmsKeyId" in asked["TransformResources"]
    assert asked["BatchStrategy"] == "MultiRecord"
    assert (asked["MaxPayloadInMB"], asked["MaxConcurrentTransforms"]) == (20, 5)
    assert asked["ModelClientConfig"] == {"InvocationsTimeoutInSeconds": 120, "InvocationsMaxRetries": 0}
    assert asked["Environment"] == {"MODE": "batch"}
    assert asked["DataProcessing"] == {
        "InputFilter": "$.features",
        "OutputFilter": "$['id']",
        "JoinSource": "Input",
    }
    assert asked["Tags"] == [
        {"Key": "BatchTransform", "Value": "test-batch"},
        {"Key": "team", "Value": "größe 1"},
    ]


@pytest.mark.parametrize("split", [SplitType.NONE, SplitType.RECORD_IO, SplitType.TF_RECORD])
def test_what_is_no_lines_is_not_assembled_as_lines(stack: cdk.Stack, split: SplitType) -> None:
    asked = call(stack, input=BatchInput.from_prefix(a_bucket(stack), "in/", split=split))
    assert asked["TransformInput"]["SplitType"] == split.value
    assert asked["TransformOutput"]["AssembleWith"] == "None"


def test_no_limit_of_a_payload_is_asked_for_as_such(stack: cdk.Stack) -> None:
    assert call(stack, max_payload_mb=0)["MaxPayloadInMB"] == 0


def test_the_key_of_a_bucket_that_is_made_here_encrypts_the_output(stack: cdk.Stack) -> None:
    template = made(stack)
    (key,) = resources(template, "AWS::KMS::Key")
    output = machine_of(template)["States"]["Transform"]["Parameters"]["TransformOutput"]
    assert output["KmsKeyId"] == f"<{key}.Arn>"


@pytest.mark.parametrize("name", ["n" * 63, "a-" * 31 + "b", None])
def test_names_of_jobs_fit_whatever_the_transform_is_called(stack: cdk.Stack, name: str | None) -> None:
    batch = a_batch(stack, "B" * 200, transform_name=name)
    (prefix,) = [
        json.loads(flat(variables["BATCH"]))["job_prefix"]
        for variables in variables_of(synthesized(stack))
        if "BATCH" in variables
    ]
    assert 1 <= len(prefix) <= 26
    assert prefix.strip("-") == prefix
    # <prefix>-<12 of the digest>-<base 36 of milliseconds, of which 9 last till 5188>-t<attempt>
    assert len(f"{prefix}-{'d' * 12}-{'z' * 9}-t10") <= 63
    assert batch.transform_name.startswith(prefix[:17])


# --- processing --------------------------------------------------------------------------------------------


def test_a_step_before_reads_the_objects_of_the_run_and_writes_beside_them(stack: cdk.Stack) -> None:
    asked = call(stack, "Prepare", preprocess=a_step(), output_bucket=a_bucket(stack, "Out", "out"))
    assert asked["ProcessingJobName"].endswith("-p10")
    assert asked["AppSpecification"]["ContainerEntrypoint"] == ["python3"]
    (data,) = asked["ProcessingInputs"]
    assert data["S3Input"] == {
        "S3Uri": "s3://runs/list.manifest",
        "S3DataType": "ManifestFile",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "LocalPath": "/opt/ml/processing/input/data",
    }
    (written,) = asked["ProcessingOutputConfig"]["Outputs"]
    assert written["S3Output"] == {
        "S3Uri": f"s3://out/batch/test-batch/{RUN}/prepared/10",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert asked["ProcessingResources"]["ClusterConfig"] == {
        "InstanceCount": 1,
        "InstanceType": "ml.m5.xlarge",
        "VolumeSizeInGB": 30,
    }
    assert "Environment" not in asked


def test_a_step_after_reads_the_answers_of_the_attempt_that_came_through(stack: cdk.Stack) -> None:
    asked = call(stack, "Finish", postprocess=a_step(), output_bucket=a_bucket(stack, "Out", "out"))
    (data,) = asked["ProcessingInputs"]
    assert data["S3Input"]["S3Uri"] == f"s3://out/batch/test-batch/{RUN}/output/10/"
    assert data["S3Input"]["S3DataType"] == "S3Prefix"
    (written,) = asked["ProcessingOutputConfig"]["Outputs"]
    assert written["S3Output"]["S3Uri"].endswith(f"/{RUN}/finished/10")
    assert asked["ProcessingJobName"].endswith("-f10")


def test_what_a_step_is_given_reaches_its_job(stack: cdk.Stack, tmp_path: Path) -> None:
    script = tmp_path / "clean.py"
    script.write_text("print()")
    asked = call(
        stack,
        "Prepare",
        preprocess=a_step(
            command=["python3", "-u"],
            script=str(script),
            instance_type="ml.m5.2xlarge",
            instance_count=3,
            volume_gb=100,
            max_runtime=cdk.Duration.hours(2),
            environment={"MODE": "clean"},
        ),
        volume_encryption_key=kms.Key(stack, "VolumeKey"),
        tags={"team": "fraud"},
    )
    *words, run = asked["AppSpecification"]["ContainerEntrypoint"]
    assert words == ["python3", "-u"]
    data, code = asked["ProcessingInputs"]
    assert data["S3Input"]["S3DataDistributionType"] == "ShardedByS3Key"
    assert code["S3Input"]["LocalPath"] == "/opt/ml/processing/input/code"
    assert run == f"/opt/ml/processing/input/code/{code['S3Input']['S3Uri'].rpartition('/')[2]}"
    assert run.endswith(".py")
    assert asked["Environment"] == {"MODE": "clean"}
    cluster = asked["ProcessingResources"]["ClusterConfig"]
    assert (cluster["InstanceCount"], cluster["VolumeSizeInGB"]) == (3, 100)
    assert "VolumeKmsKeyId" in cluster
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert {"Key": "team", "Value": "fraud"} in asked["Tags"]


def test_an_instance_with_storage_of_its_own_gets_no_key_for_it(stack: cdk.Stack) -> None:
    step = a_step(instance_type="ml.g5.xlarge")
    asked = call(stack, "Prepare", preprocess=step, volume_encryption_key=kms.Key(stack, "VolumeKey"))
    assert "VolumeKmsKeyId" not in asked["ProcessingResources"]["ClusterConfig"]


def test_a_step_may_take_as_long_as_it_is_given_and_its_state_as_long(stack: cdk.Stack) -> None:
    states = machine_of(
        made(stack, preprocess=a_step(max_runtime=cdk.Duration.days(5)), max_runtime=cdk.Duration.minutes(1))
    )["States"]
    assert states["Prepare"]["TimeoutSeconds"] == 432_000
    assert states["Transform"]["TimeoutSeconds"] == 60


def test_the_model_of_the_api_finds_faults(stack: cdk.Stack) -> None:
    asked = call(stack)
    broken = {**asked, "BatchStrategy": "Three", "TransformJobName": "-", "Nothing": 1}
    found = " ".join(faults_of_call("sagemaker", "CreateTransformJob", broken))
    assert all(each in found for each in ("BatchStrategy", "TransformJobName", "Nothing"))
