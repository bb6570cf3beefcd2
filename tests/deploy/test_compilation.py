"""Models compiled by SageMaker Neo on the embedded AWS, with its IAM enforced: one comes to its end, one does not."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.conftest import Account
from tests.deploy.topics import queue_hearing
from tools.embedded_aws import REGION, until

pytestmark = pytest.mark.deploy

GIVEN = "compiled-given"
ARCHIVES = {"good": {"model.onnx": b"weights"}, "bad": {"weights.bin": b"of no framework"}}


def packed(files: dict[str, bytes]) -> bytes:
    """A model.tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class Compiled:
    """The deployed stack."""

    def __init__(self, account: Account) -> None:
        self.aws = account.aws
        self.told = account.aws.outputs("Compiled")
        self.s3, self.states = account.aws.client("s3"), account.aws.client("stepfunctions")
        self.sagemaker = account.aws.client("sagemaker")
        self.queue = queue_hearing(account.aws, self.told["Topic"], "compiled-on-call")

    def run(self, name: str) -> dict[str, Any]:
        """An execution, once it is over."""
        started = self.states.start_execution(stateMachineArn=self.told[f"{name.title()}Machine"])

        def over() -> dict[str, Any] | None:
            described = self.states.describe_execution(executionArn=started["executionArn"])
            return None if described["status"] == "RUNNING" else dict(described)

        return until(over, seconds=120, what="the execution")

    def jobs(self, name: str) -> list[dict[str, Any]]:
        """The jobs of a compilation."""
        found = self.sagemaker.list_compilation_jobs(NameContains=f"compile-{name}")
        return [
            self.sagemaker.describe_compilation_job(CompilationJobName=each["CompilationJobName"])
            for each in found["CompilationJobSummaries"]
        ]

    def messages(self) -> list[str]:
        """What the topic was told."""
        found = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(each["Body"])["Message"] for each in found.get("Messages", [])]


@pytest.fixture(scope="module")
def compiled(strict_account: Account) -> Iterator[Compiled]:
    cdk = strict_account.cdk("compiled")
    cdk.run("bootstrap")
    s3 = strict_account.aws.client("s3")
    s3.create_bucket(Bucket=GIVEN, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, files in ARCHIVES.items():
        s3.put_object(Bucket=GIVEN, Key=f"{name}/1.0.0/model.tar.gz", Body=packed(files))
    cdk.deploy("Compiled")
    yield Compiled(strict_account)
    cdk.run("destroy", "Compiled", "--force")


def test_a_job_is_made_asked_after_and_its_archive_told(compiled: Compiled) -> None:
    described = compiled.run("good")
    assert described["status"] == "SUCCEEDED", described
    told = json.loads(described["output"])["compiled"]
    (job,) = compiled.jobs("good")
    assert job["CompilationJobStatus"] == "COMPLETED"
    assert told["job"] == job["CompilationJobArn"]
    assert told["target"] == {"TargetDevice": "jetson_xavier"}
    assert told["uri"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, _, key = told["uri"].removeprefix("s3://").partition("/")
    assert bucket == compiled.told["Bucket"]
    assert key.startswith("compiled/good/")
    content = compiled.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert "model.onnx" in archive.getnames()


def test_an_archive_without_a_model_fails_once_and_is_told_of(compiled: Compiled) -> None:
    """What SageMaker says of the customer's own doing is no better the next time."""
    described = compiled.run("bad")
    assert described["status"] == "FAILED", described
    assert "Exactly one .onnx file is expected" in described["cause"]
    (job,) = compiled.jobs("bad")
    assert job["CompilationJobStatus"] == "FAILED"
    found = compiled.s3.list_objects_v2(Bucket=compiled.told["Bucket"], Prefix="compiled/bad/")
    assert found["KeyCount"] == 0

    def told() -> list[str]:
        return [each for each in compiled.messages() if "compile-bad" in each]

    (message,) = until(told, seconds=30, what="the message")
    assert "Exactly one .onnx file is expected" in message
    assert described["executionArn"] in message
