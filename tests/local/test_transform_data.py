"""Transform jobs that filter and join: what goes to the model, what into the output; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, until

from .hosting import BUCKET, IMAGE, ROLE, SETOSA, VIRGINICA, error_of, iris_archive
from .test_multi_model import Models
from .test_pipelines import DIRECT, links, pipeline
from .transforms import LINES_CODE, SCORE_CODE, Transforms, by_line

CSV = 'id1,2,3\n"id,2",4,5\n'
JSON_LINES = '{"id": 1, "x": [2, 3]}\n{"id": "ü", "x": [4]}\n'


@pytest.fixture
def jobs(aws: LocalAws) -> Transforms:
    return Transforms(aws)


@pytest.fixture(scope="module")
def scorer(aws: LocalAws) -> str:
    return Transforms(aws).hosting.model(SCORE_CODE)


def run(jobs: Transforms, model: str, content: str, kind: str, /, **processing: str) -> dict[str, Any]:
    members = {
        "given": {"SplitType": "Line", "ContentType": kind},
        "made": {"AssembleWith": "Line", "Accept": kind},
        "DataProcessing": processing,
    }
    return jobs.run(model, jobs.folder(a=content), **members)


@pytest.mark.parametrize(
    ("processing", "wanted"),
    [
        ({"InputFilter": "$[1:]"}, "5,2\n9,2\n"),
        ({"InputFilter": "$[-1]"}, "3,1\n5,1\n"),
        ({"InputFilter": "$[1:]", "OutputFilter": "$[0]"}, "5\n9\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, 'id1,2,3,5,2\n"id,2",4,5,9,2\n'),
        (
            {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-2]"},
            'id1,5\n"id,2",9\n',
        ),
    ],
)
def test_rows_are_filtered_and_joined(
    jobs: Transforms, scorer: str, processing: dict[str, str], wanted: str
) -> None:
    described = run(jobs, scorer, CSV, "text/csv", **processing)
    assert described["TransformJobStatus"] == "Completed", jobs.lines(described["TransformJobName"])
    assert jobs.outputs(described) == {"a.csv.out": wanted}
    assert described["DataProcessing"].items() >= processing.items()


def test_a_real_model_is_joined_with_its_keys(jobs: Transforms) -> None:
    rows = "".join(f"flower-{number},{SETOSA if number % 2 else VIRGINICA}\n" for number in range(500))
    described = run(
        jobs, jobs.hosting.model(data=iris_archive()), rows, "text/csv",
        InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]",
    )  # fmt: skip
    wanted = "".join(f"flower-{number},{0 if number % 2 else 2}\n" for number in range(500))
    assert jobs.outputs(described) == {"a.csv.out": wanted}


@pytest.mark.parametrize("kind", ["application/jsonlines", "application/json"])
@pytest.mark.parametrize(
    ("processing", "wanted"),
    [
        ({"InputFilter": "$.x", "OutputFilter": "$.score"}, [5, 4]),
        (
            {"JoinSource": "Input"},
            [
                {"id": 1, "x": [2, 3], "SageMakerOutput": {"score": 5, "n": 2}},
                {"id": "ü", "x": [4], "SageMakerOutput": {"score": 4, "n": 1}},
            ],
        ),
        (
            {"InputFilter": "$['x']", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            [
                {"id": 1, "SageMakerOutput": {"score": 5, "n": 2}},
                {"id": "ü", "SageMakerOutput": {"score": 4, "n": 1}},
            ],
        ),
        ({"JoinSource": "Input", "OutputFilter": "$.SageMakerOutput.n"}, [2, 1]),
    ],
)
def test_documents_are_filtered_and_joined(
    jobs: Transforms, scorer: str, kind: str, processing: dict[str, str], wanted: list[Any]
) -> None:
    described = run(jobs, scorer, JSON_LINES, kind, **processing)
    assert described["TransformJobStatus"] == "Completed", jobs.lines(described["TransformJobName"])
    lines = jobs.outputs(described)["a.csv.out"].splitlines()
    assert [json.loads(line) for line in lines] == wanted


def test_a_document_that_is_no_object_is_put_into_one(jobs: Transforms, scorer: str) -> None:
    described = run(jobs, scorer, "[1,2]\n[3]\n", "application/jsonlines", JoinSource="Input")
    assert jobs.outputs(described)["a.csv.out"] == (
        '{"SageMakerInput":[1,2],"SageMakerOutput":{"score":3,"n":2}}\n'
        '{"SageMakerInput":[3],"SageMakerOutput":{"score":3,"n":1}}\n'
    )


def test_filters_may_change_the_format(jobs: Transforms, scorer: str) -> None:
    described = jobs.run(
        scorer,
        jobs.folder(a=CSV),
        given={"SplitType": "Line", "ContentType": "text/csv; header=absent"},
        made={"AssembleWith": "Line", "Accept": "application/jsonlines"},
        DataProcessing={"InputFilter": "$[1:]", "OutputFilter": "$.score"},
    )
    assert jobs.outputs(described) == {"a.csv.out": "5.0\n9.0\n"}


@pytest.mark.parametrize(
    ("content", "kind", "processing", "said"),
    [
        (CSV, "text/csv", {"InputFilter": "$[5]"}, "Unable to apply the InputFilter to a record"),
        (CSV, "text/csv", {"InputFilter": "$.id"}, "Unable to apply the InputFilter"),
        ('"torn,1\n', "text/csv", {"InputFilter": "$[1:]"}, "Unable to apply the InputFilter"),
        (CSV, "text/csv", {"InputFilter": "$[1:]", "OutputFilter": "$[2]"}, "Unable to process the output"),
        ("{torn\n", "application/json", {"InputFilter": "$.x"}, "Unable to apply the InputFilter"),
        ("1\n13\n2\n", "text/csv", {"JoinSource": "Input"}, "mismatched line count between the input and the output"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_filtered_or_joined_fails_its_object(
    jobs: Transforms, scorer: str, content: str, kind: str, processing: dict[str, str], said: str
) -> None:
    described = run(jobs, scorer, content, kind, **processing)
    assert described["FailureReason"] == "ClientError: See job logs for more information"
    assert jobs.outputs(described) == {}
    name = described["TransformJobName"]
    until(lambda: any(said in line for line in jobs.lines(name, "data-log")), what="the log")


def refused(jobs: Transforms, model: str, **members: Any) -> str:
    request = jobs.request(model, f"s3://{BUCKET}/x", **members)
    code, message = error_of(lambda: jobs.create(**request))
    assert code == "ValidationException"
    return message


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must not be greater than 100"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "(3 * 50)"),
        ({"MaxConcurrentTransforms": 17}, "(17 * 6)"),
        ({"MaxPayloadInMB": 0}, "not emulated"),
        ({"BatchStrategy": "SingleRecord"}, "BatchStrategy can only be used if SplitType is"),
        ({"Environment": {f"N{number}": "" for number in range(17)}}, "less than or equal to 16"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "less than or equal to 3"),
        ({"ModelClientConfig": {"InvocationsTimeoutInSeconds": 3601}}, "less than or equal to 3600"),
        ({"instances": 101}, "InstanceCount must not be greater than 100"),
        ({"given": {"SplitType": "RecordIO"}}, "SplitType RecordIO is not emulated"),
        ({"given": {"SplitType": "TFRecord"}}, "SplitType TFRecord is not emulated"),
        ({"data": {"S3DataType": "AugmentedManifestFile"}}, "AugmentedManifestFile is not compatible"),
        ({"data": {"S3DataType": "Converse"}}, "not emulated"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://x/y"}}, "The DataCaptureConfig of a transform job"),
        ({"ExperimentConfig": {"ExperimentName": "x"}}, "The ExperimentConfig of a transform job"),
        (
            {"DataProcessing": {"InputFilter": "$[1:]"}},
            "DataProcessing without SplitType Line is not emulated",
        ),
        ({"DataProcessing": {"InputFilter": "id"}}, 'InputFilter "id" is not a supported JSONPath'),
        ({"DataProcessing": {"InputFilter": f"$.{'x' * 62}"}}, "less than or equal to 63"),
        (
            {**by_line(), "made": {"AssembleWith": "None"}, "DataProcessing": {"JoinSource": "Input"}},
            "AssembleWith must match SplitType",
        ),
        (
            {**by_line(ContentType="text/plain"), "DataProcessing": {"InputFilter": "$[1:]"}},
            "ContentType must be one of text/csv",
        ),
        (
            {**by_line(), "made": {"Accept": "image/png"}, "DataProcessing": {"OutputFilter": "$[1:]"}},
            "Accept must be one of text/csv",
        ),
        (
            {
                **by_line(),
                "made": {"AssembleWith": "Line", "Accept": "application/json"},
                "DataProcessing": {"JoinSource": "Input"},
            },
            "not emulated",
        ),
    ],
)
def test_what_is_refused(jobs: Transforms, scorer: str, members: dict[str, Any], said: str) -> None:
    assert said in refused(jobs, scorer, **members)


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("ml.m5.large", True), ("ml.g4dn.xlarge", False), ("ml.g6e.xlarge", False), ("ml.trn1.2xlarge", False)],
)
def test_a_local_disk_has_no_key(jobs: Transforms, scorer: str, kind: str, accepted: bool) -> None:
    resources = {"InstanceType": kind, "InstanceCount": 1, "VolumeKmsKeyId": "key"}
    if accepted:
        described = jobs.run(scorer, jobs.folder(a="1"), TransformResources=resources)
        assert described["TransformJobStatus"] == "Completed"
    else:
        assert "VolumeKmsKeyId cannot be used" in refused(jobs, scorer, TransformResources=resources)


def test_models_that_no_job_can_use(jobs: Transforms) -> None:
    hosting = jobs.hosting
    unknown = refused(jobs, "no-such-model")
    assert unknown.startswith('Could not find model "arn:aws:sagemaker:eu-west-1:')
    assert "has a multi-model container" in refused(jobs, Models(hosting).model())
    direct = pipeline(hosting, links(hosting, "a", "b", host_names=True), **DIRECT)
    assert "is invoked directly" in refused(jobs, direct)
    source = {"S3Uri": hosting.upload(iris_archive()), "S3DataType": "S3Object", "CompressionType": "Gzip"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    name = hosting.name("model")
    hosting.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert "has a ModelDataSource" in refused(jobs, name)


def test_a_refused_job_leaves_its_name_free(jobs: Transforms) -> None:
    model = jobs.hosting.model(LINES_CODE)
    request = jobs.request(model, jobs.folder(a="x"))
    assert error_of(lambda: jobs.create(**{**request, "MaxPayloadInMB": 101}))[0] == "ValidationException"
    resources = {**request["TransformResources"], "InstanceCount": 17}
    code, _message = error_of(lambda: jobs.create(**{**request, "TransformResources": resources}))
    assert code == "ResourceLimitExceeded"
    jobs.create(**request)
    assert jobs.ended(request["TransformJobName"])["TransformJobStatus"] == "Completed"


def test_a_job_that_has_ended_has_given_its_instances_back(jobs: Transforms) -> None:
    model, source = jobs.hosting.model(LINES_CODE), jobs.folder(a="x")
    for _ in range(4):
        assert jobs.run(model, source, instances=16)["TransformJobStatus"] == "Completed"
