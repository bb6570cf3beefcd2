"""Model data: where it lies, who may read it, and when a change of it redeploys."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import Container, ContainerImage, Model, ModelData
from constructs_lib.model.data import looks_immutable
from tests.support.advice import Advised, warnings
from tests.support.synth import (
    IMAGE_URI,
    Template,
    a_bucket,
    allowing,
    flat,
    fresh_app,
    properties,
    synthesized,
)

VERSION = "CONSTRUCTS_LIB_MODEL_DATA_VERSION"


def served(stack: cdk.Stack, data: ModelData, **props: object) -> Model:
    return Model(
        stack, "Model", container=Container(image=ContainerImage.from_uri(IMAGE_URI), data=data, **props)
    )


def container(template: Template) -> dict[str, object]:
    return dict(properties(template, "AWS::SageMaker::Model")["PrimaryContainer"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    return model


@pytest.fixture
def code(tmp_path: Path) -> Path:
    inference = tmp_path / "inference"
    inference.mkdir()
    (inference / "inference.py").write_text("")
    return inference


def upload_of(app: cdk.App) -> tuple[str, str, Path]:
    """The one archive that the app uploads: its file, the object's key, the folder of the assembly."""
    directory = Path(app.synth().directory)
    manifest = json.loads((directory / "Assets.assets.json").read_text(encoding="utf-8"))
    (archive,) = [each for each in manifest["files"].values() if each["source"]["path"].endswith(".gz")]
    (destination,) = archive["destinations"].values()
    return archive["source"]["path"], destination["objectKey"], directory


def test_a_folder_is_packed_with_its_code_and_uploaded_under_its_content(folder: Path, code: Path) -> None:
    app = fresh_app()
    stack = cdk.Stack(app, "Assets")
    served(stack, ModelData.from_asset(str(folder), code=str(code)))
    uploaded, key, directory = upload_of(app)
    assert key in container(synthesized(stack))["ModelDataUrl"]["Fn::Sub"]
    with tarfile.open(directory / uploaded) as tar:
        assert tar.getnames() == ["code/inference.py", "model.json"]


def test_the_role_may_read_exactly_the_uploaded_object(stack: cdk.Stack, folder: Path) -> None:
    served(stack, ModelData.from_asset(str(folder)))
    template = synthesized(stack)
    (read,) = allowing(template, "s3:GetObject")
    assert read["Action"] == "s3:GetObject"
    assert "*" not in json.dumps(read["Resource"])
    assert container(template)["ModelDataUrl"]["Fn::Sub"].rsplit("/", 1)[1] in json.dumps(read["Resource"])


def url_of(folder: Path) -> str:
    stack = cdk.Stack(fresh_app(), "Assets")
    served(stack, ModelData.from_asset(str(folder)))
    return flat(container(synthesized(stack))["ModelDataUrl"])


def test_only_a_changed_model_gets_a_new_url(folder: Path) -> None:
    first = url_of(folder)
    (folder / "model.json").touch()
    assert url_of(folder) == first
    (folder / "model.json").write_text('{"trees": 2}')
    assert url_of(folder) != first


def test_patterns_leave_files_out(folder: Path) -> None:
    first = url_of(folder)
    (folder / "notes.ipynb").write_text("")
    assert url_of(folder) != first
    stack = cdk.Stack(fresh_app(), "Assets")
    served(stack, ModelData.from_asset(str(folder), exclude=["*.ipynb"]))
    assert flat(container(synthesized(stack))["ModelDataUrl"]) == first


def test_a_ready_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    ready = tmp_path / "model.tar.gz"
    ready.write_bytes(b"as it is")
    app = fresh_app()
    stack = cdk.Stack(app, "Assets")
    served(stack, ModelData.from_asset(str(ready)))
    uploaded, key, directory = upload_of(app)
    assert (directory / uploaded).read_bytes() == b"as it is"
    assert key in container(synthesized(stack))["ModelDataUrl"]["Fn::Sub"]


def test_an_object_of_a_bucket_is_read_alone(stack: cdk.Stack) -> None:
    served(stack, ModelData.from_bucket(a_bucket(stack), "fraud/1.4.2/model.tar.gz"))
    template = synthesized(stack)
    assert container(template) == {
        "Image": IMAGE_URI,
        "ModelDataUrl": "s3://artefacts/fraud/1.4.2/model.tar.gz",
    }
    (read,) = allowing(template, "s3:GetObject")
    assert flat(read["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts/fraud/1.4.2/model.tar.gz"
    assert allowing(template, "s3:ListBucket") == []


def test_a_version_changes_the_model_and_nothing_else(stack: cdk.Stack) -> None:
    served(stack, ModelData.from_bucket(a_bucket(stack), "model.tar.gz", version="3sL4kq"))
    assert container(synthesized(stack))["Environment"] == {VERSION: "3sL4kq"}


def test_a_key_that_encrypts_the_bucket_may_decrypt(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS, encryption_key=key)
    served(stack, ModelData.from_bucket(bucket, "v1.0.0/model.tar.gz"))
    (decrypt,) = allowing(synthesized(stack), "kms:Decrypt")
    assert (decrypt["Action"], flat(decrypt["Resource"])) == ("kms:Decrypt", "<Key961B73FD.Arn>")


def test_a_prefix_is_loaded_uncompressed_and_listed_alone(stack: cdk.Stack) -> None:
    served(stack, ModelData.from_prefix(a_bucket(stack), "llm/7b/", version="2"))
    template = synthesized(stack)
    assert container(template) == {
        "Image": IMAGE_URI,
        "Environment": {VERSION: "2"},
        "ModelDataSource": {
            "S3DataSource": {
                "S3Uri": "s3://artefacts/llm/7b/",
                "S3DataType": "S3Prefix",
                "CompressionType": "None",
            }
        },
    }
    (read,) = allowing(template, "s3:GetObject")
    assert flat(read["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts/llm/7b/*"
    (listing,) = allowing(template, "s3:ListBucket")
    assert flat(listing["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["llm/7b/*"]}}


@pytest.mark.parametrize(
    "key",
    [
        "fraud/1.4.2/model.tar.gz",
        "fraud/v3.1/model.tar.gz",
        "fraud-2.0.tar.gz",
        "0f343b0931126a20f133d67c2b018a3b/model.tar.gz",
        "sha256/ABCDEF0123456789/model.tar.gz",
        "8c1f6a52-91a5-4d43-8f15-4b8a8d7a6a10/model.tar.gz",
        "sklearn-2026-01-31-12-30-59-123/output/model.tar.gz",
        "20260131T1230/model.tar.gz",
    ],
)
def test_a_key_that_names_its_content_is_immutable(key: str) -> None:
    assert looks_immutable(key)


@pytest.mark.parametrize(
    "key",
    [
        "model.tar.gz",
        "fraud/latest/model.tar.gz",
        "fraud/v2/model.tar.gz",
        "team42/model.tar.gz",
        "2026/01/31/model.tar.gz",
        "prod-eu/model.tar.gz",
        "effaced-facade/model.tar.gz",
    ],
)
def test_a_key_that_does_not_is_mutable(key: str) -> None:
    assert not looks_immutable(key)


MUTABLE = "fraud/latest/model.tar.gz"


@pytest.mark.parametrize(
    "advised",
    [
        Advised(
            "SM-DATA-101",
            lambda stack: served(stack, ModelData.from_bucket(a_bucket(stack), MUTABLE)),
            f"key {MUTABLE!r} can be overwritten",
        ),
        Advised(
            "SM-DATA-101",
            lambda stack: served(stack, ModelData.from_prefix(a_bucket(stack), "llm/")),
            "objects under 'llm/' can change",
        ),
    ],
    ids=["object", "prefix"],
)
def test_a_mutable_artefact_is_advised_against(advised: Advised) -> None:
    advised.check()


def test_a_versioned_or_immutable_artefact_is_not() -> None:
    def several(stack: cdk.Stack) -> cdk.Stack:
        bucket = a_bucket(stack)
        parameter = cdk.CfnParameter(stack, "Key").value_as_string
        for index, data in enumerate(
            (
                ModelData.from_bucket(bucket, MUTABLE, version="1"),
                ModelData.from_bucket(bucket, "v1.0.0/model.tar.gz"),
                ModelData.from_bucket(bucket, parameter),
                ModelData.from_prefix(bucket, "llm/", version="1"),
            )
        ):
            image = ContainerImage.from_uri(IMAGE_URI)
            Model(stack, f"Model{index}", container=Container(image=image, data=data))
        return stack

    assert warnings(several) == []
