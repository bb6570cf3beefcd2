"""Transform jobs really run: objects from S3, a model that is served, its answers to S3."""

from __future__ import annotations

import gzip
import json
import os
import signal
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import BROKEN_CODE, BUCKET, SETOSA, VIRGINICA, Hosting, error_of, iris_archive
from .processes import model_processes
from .processing import event_queue, received
from .test_pipelines import links, pipeline
from .test_processing import forget_everything, gone, make_bucket
from .transforms import LINES_CODE, Transforms, by_line, fail_next


@pytest.fixture
def jobs(aws: LocalAws) -> Transforms:
    return Transforms(aws)


def lines_model(jobs: Transforms, **environment: str) -> str:
    return jobs.hosting.model(LINES_CODE, **environment)


def test_a_job_reads_predicts_and_writes(jobs: Transforms, aws: LocalAws) -> None:
    before = model_processes(aws)
    source = jobs.folder(a=f"{SETOSA}\n{VIRGINICA}\n", **{"deep/b": f"{VIRGINICA}\n" * 3})
    model = jobs.hosting.model(data=iris_archive())
    described = jobs.run(model, source, **by_line(), Tags=[{"Key": "team", "Value": "fraud"}])
    assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
    assert jobs.outputs(described) == {"a.csv.out": "0\n2\n", "deep/b.csv.out": "2\n2\n2\n"}
    assert described["CreationTime"] <= described["TransformStartTime"] <= described["TransformEndTime"]
    assert described["ModelName"] == model
    assert described["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert described["TransformInput"]["CompressionType"] == "None"
    tags = jobs.sagemaker.list_tags(ResourceArn=described["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "fraud"}]
    name = described["TransformJobName"]
    assert described["TransformJobArn"].endswith(f":transform-job/{name}")
    (said,) = until(lambda: jobs.lines(name, "/data-log"), what="the log of data")
    assert said.endswith(
        ":[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    )
    assert "loading the iris model" in jobs.lines(name)
    assert model_processes(aws) == before, "nothing is left running"


def test_a_whole_object_is_one_record(jobs: Transforms) -> None:
    described = jobs.run(lines_model(jobs), jobs.folder(a="x\ny\n"))
    assert jobs.outputs(described) == {"a.csv.out": "x/3\ny/3\n/3"}
    assert described["TransformInput"]["SplitType"] == "None"


@pytest.mark.parametrize(
    ("strategy", "wanted"), [("SingleRecord", "x/1\ny/1\n z /1\n"), ("MultiRecord", "x/3\ny/3\n z /3\n")]
)
def test_a_request_holds_one_record_or_many(jobs: Transforms, strategy: str, wanted: str) -> None:
    source = jobs.folder(a="x\n\ny\n z \n \n", empty="\n")
    described = jobs.run(lines_model(jobs), source, **by_line(), BatchStrategy=strategy)
    assert jobs.outputs(described) == {"a.csv.out": wanted, "empty.csv.out": ""}


def test_a_request_never_holds_more_than_fits(jobs: Transforms) -> None:
    row = "x" * 300_000
    source = jobs.folder(a="\n".join([row] * 8))
    described = jobs.run(lines_model(jobs), source, **by_line(), MaxPayloadInMB=1)
    counts = [each.partition("/")[2] for each in jobs.outputs(described)["a.csv.out"].splitlines()]
    assert counts == ["3", "3", "3", "3", "3", "3", "2", "2"]


def test_a_record_that_does_not_fit_fails_its_object_only(jobs: Transforms) -> None:
    source = jobs.folder(good="x\n", large="x" * (1024 * 1024 + 1), just="x" * (1024 * 1024))
    described = jobs.run(lines_model(jobs), source, MaxPayloadInMB=1)
    assert (described["TransformJobStatus"], described["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert set(jobs.outputs(described)) == {"good.csv.out", "just.csv.out"}
    key = source.removeprefix("s3://")
    until(
        lambda: any(
            f"{key}/large.csv: " in line and "larger than MaxPayloadInMB" in line
            for line in jobs.lines(described["TransformJobName"], "data-log")
        ),
        what="the log",
    )


def test_answers_are_assembled_as_they_are_or_by_lines(jobs: Transforms) -> None:
    source = jobs.folder(a="x\ny\n")
    given = {"SplitType": "Line"}
    plain = jobs.run(lines_model(jobs), source, given=given, BatchStrategy="SingleRecord")
    assert jobs.outputs(plain) == {"a.csv.out": "x/1y/1"}


def test_many_instances_share_the_objects(jobs: Transforms, aws: LocalAws) -> None:
    source = jobs.folder(a="sleep 0.5\n", b="sleep 0.6\n", c="y\n")
    request = jobs.request(lines_model(jobs), source, instances=2, **by_line())
    before = model_processes(aws)
    jobs.create(**request)
    until(lambda: len(model_processes(aws) - before) == 2, what="two instances")
    described = jobs.ended(request["TransformJobName"])
    assert len(jobs.outputs(described)) == 3
    logs = aws.client("logs")
    group, prefix = "/aws/sagemaker/TransformJobs", f"{request['TransformJobName']}/"

    def streams() -> list[str]:
        found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        return [each["logStreamName"].removeprefix(prefix) for each in found]

    until(lambda: len(streams()) == 4, what="a stream and a log of data for each")
    assert sum(each.endswith("/data-log") for each in streams()) == 2


def test_only_instances_with_something_to_do_are_started(jobs: Transforms, aws: LocalAws) -> None:
    request = jobs.request(lines_model(jobs), jobs.folder(a="sleep 1\n"), instances=5)
    before = model_processes(aws)
    jobs.create(**request)
    seen: set[int] = set()

    def ended() -> bool:
        seen.update(model_processes(aws) - before)
        return jobs.status(jobs.describe(request["TransformJobName"])) != "InProgress"

    until(ended, what="the job ends")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("concurrency", "sleeps", "status"), [(1, 1.3, "Completed"), (2, 1.3, "Failed"), (2, 0.6, "Completed")]
)
def test_an_instance_gets_as_many_requests_as_it_may(
    jobs: Transforms, concurrency: int, sleeps: float, status: str
) -> None:
    # The model answers one request at a time: the others that are there already may wait for too long.
    described = jobs.run(
        lines_model(jobs),
        jobs.folder(a=f"sleep {sleeps}\n" * 2, b=f"sleep {sleeps}\n" * 2),
        **by_line(),
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=concurrency,
        ModelClientConfig={"InvocationsTimeoutInSeconds": 2, "InvocationsMaxRetries": 0},
    )
    assert described["TransformJobStatus"] == status


def test_a_manifest_lists_the_objects(jobs: Transforms) -> None:
    source = jobs.folder(one="1\n", **{"two/three": "3\n", "unlisted": "x\n"})
    entries = [{"prefix": f"{source}/"}, "one.csv", "two/three.csv"]
    listed = jobs.put(f"{Hosting.name('m')}.manifest", json.dumps(entries))
    manifest = {"S3DataType": "ManifestFile"}
    described = jobs.run(lines_model(jobs), listed, data=manifest, **by_line())
    assert jobs.outputs(described) == {"one.csv.out": "1/1\n", "two/three.csv.out": "3/1\n"}
    missing = jobs.put(f"{Hosting.name('m')}.manifest", json.dumps([*entries, "none.csv"]))
    described = jobs.run(lines_model(jobs), missing, data=manifest, **by_line())
    assert described["FailureReason"] == "ClientError: See job logs for more information"
    assert len(jobs.outputs(described)) == 2, "those that are there"
    nothing = jobs.run(lines_model(jobs), f"s3://{BUCKET}/nothing/here")
    assert "No S3 objects found" in nothing["FailureReason"]


def test_compressed_objects_are_unpacked(jobs: Transforms) -> None:
    source = jobs.folder(a=gzip.compress(b"x\ny\n"))
    described = jobs.run(lines_model(jobs), source, **by_line(CompressionType="Gzip"))
    assert jobs.outputs(described) == {"a.csv.out": "x/2\ny/2\n"}
    jobs.put(f"{source.removeprefix(f's3://{BUCKET}/')}/b.csv", "plain\n")
    described = jobs.run(lines_model(jobs), source, **by_line(CompressionType="Gzip"))
    assert described["FailureReason"].startswith("ClientError: ")
    assert set(jobs.outputs(described)) == {"a.csv.out"}


def test_a_poisoned_record_fails_its_object_and_the_job(jobs: Transforms) -> None:
    source = jobs.folder(bad="x\npoison\ny\n", good="x\n")
    described = jobs.run(lines_model(jobs), source, **by_line(), BatchStrategy="SingleRecord")
    assert (described["TransformJobStatus"], described["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert jobs.outputs(described) == {"good.csv.out": "x/1\n"}
    name, about = described["TransformJobName"], f"{source.removeprefix('s3://')}/bad.csv: "

    def said() -> list[str]:
        return [each.partition(about)[2] for each in jobs.lines(name, "data-log") if about in each]

    found = until(said, what="the log")
    assert found[:3] == ["ClientError: 400", "", "Message:"]
    assert "I cannot read this" in "\n".join(found)
    asked = [each for each in jobs.lines(name) if each.startswith("a request")]
    assert len(asked) == 3, "x, poison, and x of the other: nothing again, and nothing after it"


@pytest.mark.parametrize(("retries", "status"), [(0, "Failed"), (1, "Completed")])
def test_a_request_is_tried_again(jobs: Transforms, tmp_path: Path, retries: int, status: str) -> None:
    source = jobs.folder(a=f"once {tmp_path}/seen\n", b="x\n")
    described = jobs.run(
        lines_model(jobs), source, **by_line(), ModelClientConfig={"InvocationsMaxRetries": retries}
    )
    assert described["TransformJobStatus"] == status
    if status == "Failed":
        assert described["FailureReason"] == "AlgorithmError: See job logs for more information"
        assert set(jobs.outputs(described)) == {"b.csv.out"}
        lines = until(lambda: jobs.lines(described["TransformJobName"], "data-log")[1:], what="the log")
        assert lines[0].endswith("a.csv: Bad HTTP status received from algorithm: 500")


def test_a_request_has_its_time_and_no_more(jobs: Transforms, tmp_path: Path) -> None:
    source = jobs.folder(a=f"slow {tmp_path}/seen\n")
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    described = jobs.run(lines_model(jobs), source, **by_line(), ModelClientConfig=client)
    assert described["FailureReason"] == "AlgorithmError: See job logs for more information"
    lines = until(lambda: jobs.lines(described["TransformJobName"], "data-log")[1:], what="the log")
    assert lines[0].endswith("a.csv: Unable to get response from algorithm")


def test_a_model_that_cannot_be_loaded_fails_the_job(jobs: Transforms) -> None:
    described = jobs.run(jobs.hosting.model(BROKEN_CODE), jobs.folder(a="x\n"))
    assert described["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert jobs.outputs(described) == {}
    name = described["TransformJobName"]
    until(lambda: "the weights are torn" in "\n".join(jobs.lines(name)), what="the log")


def sleeping(jobs: Transforms, **files: str) -> tuple[str, int]:
    """A job whose model sleeps, and its process."""
    request = jobs.request(lines_model(jobs), jobs.folder(z="sleep 60\n", **files), **by_line())
    jobs.create(**request)
    name = request["TransformJobName"]
    line = until(lambda: [each for each in jobs.lines(name) if each.startswith("pid")], what="the pid")[0]
    return name, int(line.split()[1])


@pytest.mark.parametrize("how", ["killed", "exits"])
def test_a_model_that_dies_fails_the_job(jobs: Transforms, how: str) -> None:
    if how == "killed":
        name, pid = sleeping(jobs, a="x\n")
        os.kill(pid, signal.SIGKILL)
        described = jobs.ended(name)
    else:
        described = jobs.run(lines_model(jobs), jobs.folder(a="x\n", b="die\n"), **by_line())
    assert (described["TransformJobStatus"], described["FailureReason"]) == (
        "Failed",
        "AlgorithmError: See job logs for more information",
    )
    assert jobs.outputs(described) == {"a.csv.out": "x/1\n"}, "what was whole before"


def test_a_model_that_dies_with_nothing_to_do_fails_the_job_too(jobs: Transforms) -> None:
    source = jobs.folder(a="sleep 0\n", b="sleep 60\n")
    request = jobs.request(lines_model(jobs), source, instances=2, **by_line())
    jobs.create(**request)
    name = request["TransformJobName"]
    until(lambda: any(each.endswith("sleeps 60") for each in jobs.lines(name)), what="the other is busy")
    (idle,) = until(
        lambda: [each for each in jobs.lines(name) if each.endswith("sleeps 0")], what="the one that is idle"
    )
    os.kill(int(idle.split()[1]), signal.SIGKILL)
    assert jobs.ended(name)["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_a_stop_ends_the_model_and_leaves_nothing(jobs: Transforms) -> None:
    name, pid = sleeping(jobs, a="x\n")
    jobs.stop(name)
    described = jobs.ended(name)
    assert described["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in described
    assert gone([pid])
    assert jobs.outputs(described) == {}
    code, message = error_of(lambda: jobs.stop(name))
    assert (code, "in status Stopped" in message) == ("ValidationException", True)


def test_the_model_is_told_of_the_job(jobs: Transforms) -> None:
    described = jobs.run(
        lines_model(jobs, MINE="model's", BOTH="model's"),
        jobs.folder(a="environment"),
        Environment={"BOTH": "job's", "NEW": "job's"},
        MaxPayloadInMB=2,
        MaxConcurrentTransforms=3,
    )
    seen = json.loads(jobs.outputs(described)["a.csv.out"])
    assert {name: seen.get(name) for name in ("MINE", "BOTH", "NEW")} == {
        "MINE": "model's", "BOTH": "job's", "NEW": "job's",
    }  # fmt: skip
    told = {name: value for name, value in seen.items() if name.startswith("SAGEMAKER_")}
    told.pop("SAGEMAKER_BASE_DIR")
    assert told == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
    }


def test_a_pipeline_transforms_from_end_to_end(jobs: Transforms) -> None:
    model = pipeline(jobs.hosting, links(jobs.hosting, "a", "b"))
    described = jobs.run(model, jobs.folder(x="in"))
    assert jobs.outputs(described) == {"x.csv.out": "in>a[text/csv application/json]>b[text/from-a text/csv]"}
    refused = jobs.request(model, jobs.folder(x="in"), instances=9)
    code, message = error_of(lambda: jobs.create(**refused))
    assert (code, "request delta of 18 Instances" in message) == ("ResourceLimitExceeded", True)


def test_outputs_are_encrypted_as_asked(jobs: Transforms, aws: LocalAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    described = jobs.run(lines_model(jobs), jobs.folder(a="x"), made={"KmsKeyId": key})
    path = described["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
    head = jobs.s3.head_object(Bucket=BUCKET, Key=f"{path}/a.csv.out")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_name_is_never_free_again(jobs: Transforms) -> None:
    request = jobs.request(lines_model(jobs), jobs.folder(a="x"))
    jobs.create(**request)
    jobs.ended(request["TransformJobName"])
    code, message = error_of(lambda: jobs.create(**request))
    assert (code, f"transform-job/{request['TransformJobName']}" in message) == ("ResourceInUse", True)
    code, message = error_of(lambda: jobs.describe("no-such-job"))
    assert (code, "Could not find requested job" in message) == ("ValidationException", True)


def test_jobs_are_listed(jobs: Transforms) -> None:
    stem, model = Hosting.name("listed"), lines_model(jobs)
    for number, text in enumerate(("poison", "x")):
        jobs.run(model, jobs.folder(a=text), name=f"{stem}-{number}")

    def listed(**members: Any) -> list[dict[str, Any]]:
        found = jobs.sagemaker.list_transform_jobs(NameContains=stem, SortBy="Name", **members)
        return list(found["TransformJobSummaries"])

    assert [each["TransformJobName"] for each in listed()] == [f"{stem}-1", f"{stem}-0"]
    (failed,) = listed(StatusEquals="Failed")
    assert failed.keys() == {
        "TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime", "LastModifiedTime",
        "TransformJobStatus", "FailureReason",
    }  # fmt: skip


def test_the_states_of_a_job_are_events(jobs: Transforms) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}
    queue = event_queue(jobs.aws, Hosting.name("states"), pattern)
    model = lines_model(jobs)
    good = jobs.run(model, jobs.folder(a="x"), Tags=[{"Key": "team", "Value": "fraud"}])
    bad = jobs.run(model, jobs.folder(a="poison"))
    seen: list[dict[str, Any]] = []
    until(lambda: seen.extend(received(jobs.aws, queue)) or len(seen) >= 4, what="the events")
    mine = (good["TransformJobName"], bad["TransformJobName"])
    details = [each["detail"] for each in seen if each["detail"]["TransformJobName"] in mine]
    assert [each["TransformJobStatus"] for each in details] == [
        "InProgress", "Completed", "InProgress", "Failed",
    ]  # fmt: skip
    assert details[1]["ModelName"] == model
    assert details[1]["Tags"] == {"team": "fraud"}
    assert details[1]["TransformEndTime"] == round(good["TransformEndTime"].timestamp() * 1000)
    assert details[3]["FailureReason"] == bad["FailureReason"]


def test_a_test_can_have_the_next_jobs_fail(jobs: Transforms, aws: LocalAws) -> None:
    model, source = lines_model(jobs), jobs.folder(a="x")
    fail_next(aws, 2, "CapacityError")
    for _ in range(2):
        described = jobs.run(model, source)
        assert described["FailureReason"].startswith(
            "CapacityError: Unable to provision requested ML compute capacity."
        )
        assert jobs.outputs(described) == {}
        assert "TransformStartTime" not in described
    assert jobs.run(model, source)["TransformJobStatus"] == "Completed"
    fail_next(aws, 1, "InternalServerError: a text of one's own")
    assert jobs.run(model, source)["FailureReason"] == "InternalServerError: a text of one's own"
    fail_next(aws, 1, "CapacityError", "Processing")
    assert jobs.run(model, source)["TransformJobStatus"] == "Completed", "the other kind"
    fail_next(aws, 0, "", "Processing")
    for count, kind in ((1, "Training"), (-1, "Transform")):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            fail_next(aws, count, "x", kind)


def restarted(tmp_path: Path, then: Callable[[Transforms], None]) -> None:
    with local_aws(tmp_path, "--state-dir", str(tmp_path / "state"), settings=QUICK) as aws:
        then(Transforms(aws))


def test_jobs_end_with_their_server_and_names_stay_taken(tmp_path: Path) -> None:
    known: dict[str, Any] = {}

    def before(jobs: Transforms) -> None:
        make_bucket(jobs.aws)
        known["done"] = jobs.run(lines_model(jobs), jobs.folder(a="x"), name="done")
        known["running"], known["pid"] = sleeping(jobs)

    def after(jobs: Transforms) -> None:
        assert jobs.describe("done")["TransformEndTime"] == known["done"]["TransformEndTime"]
        failed = jobs.describe(known["running"])
        assert failed["TransformJobStatus"] == "Failed"
        assert failed["FailureReason"].startswith("InternalServerError: ")
        forget_everything(jobs.aws)
        assert jobs.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []

    restarted(tmp_path, before)
    until(lambda: gone([known["pid"]]), what="the process ends with its server")
    restarted(tmp_path, after)
