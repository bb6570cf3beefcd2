"""Compilation jobs of SageMaker Neo."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.request
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, until

from .hosting import BUCKET, ROLE, Hosting, archive, error_of
from .test_iam import TRUST, allow, as_role, create_role, strict

__all__ = ["strict"]
SHAPES = '{"input": [1, 4]}'


class Neo:
    """Compilation jobs through boto3; names are made up."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting
        self.sagemaker = hosting.sagemaker

    def request(
        self, model: bytes | None = None, *, target: Any = "ml_c5", role: str = ROLE, **source: Any
    ) -> dict[str, Any]:
        """CreateCompilationJob's request; a target is a device or a platform."""
        content = archive({"model.onnx": b"weights"}) if model is None else model
        given = {
            "S3Uri": self.hosting.upload(content),
            "Framework": "ONNX",
            "DataInputConfig": SHAPES,
            **source,
        }
        output = {"TargetDevice": target} if isinstance(target, str) else {"TargetPlatform": target}
        return {
            "CompilationJobName": self.hosting.name("neo"),
            "RoleArn": role,
            "InputConfig": {name: value for name, value in given.items() if value is not None},
            "OutputConfig": {"S3OutputLocation": f"s3://{BUCKET}/compiled/", **output},
            "StoppingCondition": {"MaxRuntimeInSeconds": 900},
        }

    def create(self, request: dict[str, Any]) -> str:
        """Create a job; its name."""
        self.sagemaker.create_compilation_job(**request)
        return str(request["CompilationJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_compilation_job(CompilationJobName=name))

    def ended(self, name: str) -> dict[str, Any]:
        """The job, once it has come to an end."""
        return until(
            lambda: (
                (found := self.describe(name))["CompilationJobStatus"] not in ("INPROGRESS", "STOPPING")
                and found
            ),
            what=f"{name} ends",
        )

    def refusal(self, request: dict[str, Any]) -> str:
        code, message = error_of(lambda: self.create(request))
        assert code == "ValidationException"
        return message


@pytest.fixture
def neo(hosting: Hosting) -> Neo:
    return Neo(hosting)


def files(aws: LocalAws, uri: str) -> dict[str, bytes]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        return {member.name: packed.extractfile(member).read() for member in packed}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("target", "ending"),
    [
        ("ml_c5", "ml_c5"),
        ("rasp4b", "rasp4b"),
        ({"Os": "LINUX", "Arch": "ARM64"}, "LINUX_ARM64"),
    ],
)
def test_a_model_is_packed_for_its_target(neo: Neo, target: Any, ending: str) -> None:
    request = neo.request(target=target)
    name = neo.create(request)
    assert neo.describe(name)["CompilationJobStatus"] == "INPROGRESS"
    job = neo.ended(name)
    assert (job["CompilationJobStatus"], job["FailureReason"]) == ("COMPLETED", "")
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/compiled/model-{ending}.tar.gz"
    found = files(neo.hosting.aws, uri)
    assert found["model.onnx"] == b"weights"
    assert json.loads(found["manifest"]) == {"framework": "ONNX", "target": ending, "compiled": False}
    assert job["CompilationEndTime"] >= job["CompilationStartTime"] >= job["CreationTime"]
    assert job["InputConfig"] == request["InputConfig"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Framework": "ONNX", "target": "coreml"}, "ONNX is not supported for the target coreml"),
        ({"Framework": "TFLITE", "target": "ml_c5"}, "TFLITE is not supported for the target ml_c5"),
        ({"Framework": "KERAS", "target": "ml_inf1"}, "KERAS is not supported for the target ml_inf1"),
        ({"FrameworkVersion": "1.7"}, "FrameworkVersion is only supported for"),
        ({"DataInputConfig": None}, "DataInputConfig is required for ONNX"),
        ({"DataInputConfig": "[[1, 4]]"}, "must be a dictionary"),
        ({"DataInputConfig": "{input: 1}"}, "must be valid JSON"),
        ({"DataInputConfig": '{"input": ["a"]}'}, "must be a list of whole numbers"),
        (
            {"target": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}},
            "gpu-code, trt-ver, cuda-ver for the accelerator NVIDIA",
        ),
    ],
)
def test_what_neo_would_not_compile_is_refused(neo: Neo, changes: dict[str, Any], reason: str) -> None:
    assert reason in neo.refusal(neo.request(**changes))


def test_a_target_is_a_device_or_a_platform(neo: Neo) -> None:
    request = neo.request()
    request["OutputConfig"]["TargetPlatform"] = {"Os": "LINUX", "Arch": "ARM64"}
    assert "either TargetDevice or TargetPlatform" in neo.refusal(request)


def test_some_frameworks_need_no_shapes(neo: Neo) -> None:
    newest = neo.request(
        archive({"model.pth": b"x"}), Framework="PYTORCH", FrameworkVersion="2.0", DataInputConfig=None
    )
    assert neo.ended(neo.create(newest))["CompilationJobStatus"] == "COMPLETED"
    at_the_edge = neo.request(
        target="rasp4b", Framework="PYTORCH", FrameworkVersion="2.0", DataInputConfig=None
    )
    assert "DataInputConfig is required" in neo.refusal(at_the_edge)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"no archive", "Unable to untar input model"),
        (archive({"readme.txt": b"x"}), "Exactly one .onnx file is expected in the archive, and it has 0"),
        (archive({"a.onnx": b"x", "b.onnx": b"x"}), "and it has 2"),
    ],
)
def test_a_model_that_cannot_be_read_fails_the_job(neo: Neo, model: bytes, reason: str) -> None:
    job = neo.ended(neo.create(neo.request(model)))
    assert job["CompilationJobStatus"] == "FAILED"
    assert reason in job["FailureReason"]


def test_a_job_is_stopped_listed_and_deleted(neo: Neo) -> None:
    name = neo.create(neo.request())
    running = error_of(lambda: neo.sagemaker.delete_compilation_job(CompilationJobName=name))
    assert "in progress" in running[1]
    neo.sagemaker.stop_compilation_job(CompilationJobName=name)
    assert neo.ended(name)["CompilationJobStatus"] == "STOPPED"
    listed = neo.sagemaker.list_compilation_jobs(StatusEquals="STOPPED")["CompilationJobSummaries"]
    (mine,) = [each for each in listed if each["CompilationJobName"] == name]
    assert (mine["CompilationTargetDevice"], mine["CompilationJobStatus"]) == ("ml_c5", "STOPPED")
    neo.sagemaker.delete_compilation_job(CompilationJobName=name)
    assert error_of(lambda: neo.describe(name))[0] == "ResourceNotFound"


def test_names_are_taken_once(neo: Neo) -> None:
    request = neo.request()
    neo.create(request)
    assert error_of(lambda: neo.create(request))[0] == "ResourceInUse"


def test_a_job_fails_on_demand(neo: Neo) -> None:
    asked = urllib.request.Request(  # noqa: S310  # the emulator's own URL
        neo.hosting.aws.url,
        data=json.dumps({"Job": "Compilation", "Count": 1, "Reason": "InternalServerError"}).encode(),
        headers={"X-Amz-Target": "SageMaker.LocalFailNextJobs"},
    )
    urllib.request.urlopen(asked).close()  # noqa: S310
    job = neo.ended(neo.create(neo.request()))
    assert job["FailureReason"].startswith("InternalServerError")
    assert neo.ended(neo.create(neo.request()))["CompilationJobStatus"] == "COMPLETED"


# --- with the rights of a role ------------------------------------------------------------------


def test_the_role_reads_the_model_and_writes_the_result(strict: Hosting) -> None:
    neo = Neo(strict)
    objects = f"arn:aws:s3:::{BUCKET}/*"
    blind = create_role(strict.aws, "NeoBlind", TRUST)
    job = neo.ended(neo.create(neo.request(role=blind)))
    assert "s3:GetObject" in job["FailureReason"]
    mute = create_role(strict.aws, "NeoMute", TRUST, allow("s3:GetObject", objects))
    job = neo.ended(neo.create(neo.request(role=mute)))
    assert "s3:PutObject" in job["FailureReason"]
    whole = create_role(
        strict.aws, "Neo", TRUST, allow("s3:GetObject", objects), allow("s3:PutObject", objects)
    )
    assert neo.ended(neo.create(neo.request(role=whole)))["CompilationJobStatus"] == "COMPLETED"
    assert "Could not assume role" in neo.refusal(neo.request(role=f"{whole}-missing"))
    caller = as_role(strict.aws, "NeoCaller", allow("sagemaker:CreateCompilationJob", "*"))
    request = neo.request(role=whole)
    denied = error_of(lambda: strict.aws.client("sagemaker", caller).create_compilation_job(**request))
    assert "iam:PassRole" in denied[1]
