"""Processing jobs really run: data from S3, a command, data to S3."""

from __future__ import annotations

import io
import json
import os
import signal
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import BUCKET, Hosting, error_of
from .processing import (
    CODE,
    OUTPUT,
    REPORT_CODE,
    Jobs,
    cluster,
    event_queue,
    received,
    s3_input,
    s3_output,
)

DATA = "/opt/ml/processing/input/data"
SLEEP_CODE = """
import os, pathlib, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
(pathlib.Path(os.environ["OUT"]) / "early.txt").write_text("written")
print("pids", os.getpid(), child.pid)
time.sleep(60)
"""


@pytest.fixture
def jobs(aws: LocalAws) -> Jobs:
    return Jobs(aws)


def where() -> str:
    return f"s3://{BUCKET}/{Hosting.name('where')}"


def reports(jobs: Jobs, url: str) -> list[dict[str, Any]]:
    """What the instances reported, in order."""
    return [json.loads(jobs.get(f"{url}/{key}")) for key in jobs.keys(url)]


def running_pids(jobs: Jobs, name: str) -> list[int]:
    """The processes of the job with the sleeping code, once they are there."""
    line = until(lambda: [each for each in jobs.lines(name) if each.startswith("pids")], what="the pids")[0]
    return [int(each) for each in line.split()[1:]]


def gone(pids: list[int]) -> bool:
    """Whether none of the processes runs; a zombie does not."""
    return not any(running(pid) for pid in pids)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_job_reads_runs_and_writes(jobs: Jobs) -> None:
    source, target = where(), where()
    jobs.put(source.removeprefix(f"s3://{BUCKET}/") + "/a.csv", "1,2")
    jobs.put(source.removeprefix(f"s3://{BUCKET}/") + "/deep/ü b.csv", "3")
    jobs.put(source.removeprefix(f"s3://{BUCKET}/") + "/deep/", "")
    described = jobs.run(
        REPORT_CODE,
        f"--data={DATA}",
        "s3://bucket/opt/ml/untouched",
        "/opt/mlflow",
        inputs=[s3_input("data", source, DATA)],
        outputs=[s3_output(target)],
        environment={"DATA": DATA, "OUT": OUTPUT, "BOTH": f"{DATA}:{OUTPUT}"},
        Tags=[{"Key": "team", "Value": "fraud"}],
    )
    assert described["ProcessingJobStatus"] == "Completed", described.get("FailureReason")
    assert described["ExitMessage"] == "done on algo-1. "
    assert described["CreationTime"] <= described["ProcessingStartTime"] <= described["ProcessingEndTime"]
    assert described["Environment"]["DATA"] == DATA, "described as it was asked for"
    (seen,) = reports(jobs, target)
    assert seen["files"] == {"a.csv": "1,2", "deep/ü b.csv": "3"}
    folder = Path(seen["folder"])
    assert folder.parts[-3:] == ("processing", "input", "data")
    assert seen["arguments"] == [f"--data={folder}", "s3://bucket/opt/ml/untouched", "/opt/mlflow"]
    base = folder.parents[2]
    assert seen["environment"]["BOTH"] == f"{folder}:{base}/processing/output"
    assert seen["environment"]["AWS_ENDPOINT_URL"] == jobs.aws.url
    assert seen["environment"]["AWS_ACCESS_KEY_ID"] == ACCOUNT
    assert not any("HYPERCORN" in name or name == "GATEWAY_PORT" for name in seen["environment"])
    assert seen["resources"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    name = described["ProcessingJobName"]
    assert seen["job"]["ProcessingJobName"] == name
    assert seen["job"]["ProcessingInputs"][1]["S3Input"]["LocalPath"] == str(folder)
    assert seen["job"]["ProcessingInputs"][1]["S3Input"]["S3Uri"] == source
    until(lambda: "hello from algo-1" in jobs.lines(name), what="the log")
    assert not base.exists(), "nothing is left behind"
    tags = jobs.sagemaker.list_tags(ResourceArn=described["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "fraud"}]


def test_a_module_in_an_archive_is_run_as_the_monitors_are(jobs: Jobs) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ours/__init__.py", "")
        archive.writestr("ours/job.py", REPORT_CODE)
    name, target = Hosting.name("job"), where()
    code = jobs.put(f"{name}/abc.zip", packed.getvalue())
    request = jobs.request("", name=name, outputs=[s3_output(target)])
    request["ProcessingInputs"] = [s3_input("code", code, CODE)]
    request["AppSpecification"]["ContainerEntrypoint"] = ["python3", "-m", "ours.job"]
    request["Environment"] = {"PYTHONPATH": f"{CODE}/abc.zip", "DATA": f"{CODE}", "OUT": OUTPUT}
    # Not as text: a zip is none.
    request["Environment"]["DATA"] = "/opt/ml/config"
    jobs.sagemaker.create_processing_job(**request)
    described = jobs.ended(name)
    assert described["ProcessingJobStatus"] == "Completed", jobs.lines(name)
    assert reports(jobs, target)[0]["files"].keys() == {"processingjobconfig.json", "resourceconfig.json"}


def test_each_instance_gets_all_or_its_share(jobs: Jobs) -> None:
    whole, shared, target = where(), where(), where()
    jobs.put(whole.removeprefix(f"s3://{BUCKET}/") + "/all.txt", "all")
    for letter in "abc":
        jobs.put(shared.removeprefix(f"s3://{BUCKET}/") + f"/{letter}.txt", letter)
    described = jobs.run(
        REPORT_CODE,
        instances=2,
        inputs=[
            s3_input("whole", whole, f"{DATA}/whole"),
            s3_input("share", shared, f"{DATA}/share", S3DataDistributionType="ShardedByS3Key"),
        ],
        outputs=[s3_output(target)],
        environment={"DATA": DATA, "OUT": OUTPUT},
    )
    assert described["ExitMessage"] == "done on algo-1. done on algo-2. "
    first, second = reports(jobs, target)
    assert first["files"] == {"share/a.txt": "a", "share/c.txt": "c", "whole/all.txt": "all"}
    assert second["files"] == {"share/b.txt": "b", "whole/all.txt": "all"}
    assert second["resources"] == {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}


def test_a_manifest_lists_the_data(jobs: Jobs) -> None:
    source, target = where(), where()
    prefix = source.removeprefix(f"s3://{BUCKET}/")
    for name in ("one.txt", "two/three.txt", "unlisted.txt"):
        jobs.put(f"{prefix}/{name}", name)
    listed = jobs.put(
        f"{prefix}.manifest", json.dumps([{"prefix": f"{source}/"}, "one.txt", "two/three.txt"])
    )
    jobs.run(
        REPORT_CODE,
        inputs=[s3_input("data", listed, DATA, S3DataType="ManifestFile")],
        outputs=[s3_output(target)],
        environment={"DATA": DATA, "OUT": OUTPUT},
    )
    assert reports(jobs, target)[0]["files"] == {"one.txt": "one.txt", "two/three.txt": "two/three.txt"}


@pytest.mark.parametrize("content", ["not json", "[]", '["no prefix"]', '[{"prefix": "s3://x/"}, 7]', "{}"])
def test_a_manifest_that_is_none_fails_the_job(jobs: Jobs, content: str) -> None:
    url = jobs.put(f"{Hosting.name('m')}.manifest", content)
    described = jobs.run("", inputs=[s3_input("data", url, DATA, S3DataType="ManifestFile")])
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("ClientError: ")
    assert url in described["FailureReason"]


def test_a_failure_says_so_and_uploads_only_what_is_continuous(jobs: Jobs) -> None:
    code = """
import os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
for each in ("end", "always"):
    (base / "processing" / each / "x").write_text(each)
(base / "output/message").write_text("ä" * 600)
print("the last words", file=sys.stderr)
sys.exit(7)
"""
    end, always = where(), where()
    described = jobs.run(
        code,
        outputs=[
            s3_output(end, "/opt/ml/processing/end", name="end"),
            s3_output(always, "/opt/ml/processing/always", "Continuous", name="always"),
        ],
    )
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError: ")
    assert "exit code: 7" in described["FailureReason"]
    assert described["ExitMessage"] == "ä" * 512, "the first kilobyte"
    assert (jobs.keys(end), jobs.keys(always)) == ([], ["x"])
    until(lambda: "the last words" in jobs.lines(described["ProcessingJobName"]), what="the log")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "exit code: 137"),
        ("import os; os.killpg(0, 9)", "exit code: 137"),
        (
            "import os, pathlib; p = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'], 'output/message'); "
            "p.write_bytes(b'\\xff')",
            "not UTF-8",
        ),
    ],
)
def test_how_a_job_can_fail(jobs: Jobs, code: str, reason: str) -> None:
    described = jobs.run(code)
    assert described["ProcessingJobStatus"] == "Failed"
    assert reason in described["FailureReason"]
    assert "ExitMessage" not in described


def test_a_program_that_is_not_there_fails_the_job(jobs: Jobs) -> None:
    request = jobs.request("")
    request["AppSpecification"]["ContainerEntrypoint"] = ["/opt/ml/processing/no-such-program"]
    jobs.sagemaker.create_processing_job(**request)
    assert "exit code: 127" in jobs.ended(request["ProcessingJobName"])["FailureReason"]


def test_one_failing_instance_fails_the_job_and_ends_the_others(jobs: Jobs) -> None:
    code = """
import json, os, pathlib, sys, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
if json.loads((base / "config/resourceconfig.json").read_text())["current_host"] == "algo-2":
    sys.exit(1)
time.sleep(60)
"""
    assert "(algo-2)" in jobs.run(code, instances=2)["FailureReason"]


def test_data_that_is_not_there_fails_the_job(jobs: Jobs) -> None:
    described = jobs.run("", inputs=[s3_input("data", f"s3://{BUCKET}/nothing/here", DATA)])
    assert f'No S3 objects found under S3 URL "s3://{BUCKET}/nothing/here"' in described["FailureReason"]
    described = jobs.run(
        "import os; open(os.environ['OUT'] + '/x', 'w').write('')",
        outputs=[s3_output("s3://no-such-bucket/x")],
        environment={"OUT": OUTPUT},
    )
    assert "Failed to upload" in described["FailureReason"]


def stop_again(jobs: Jobs, name: str) -> None:
    """A job that is stopping may be stopped again; one that was quick has ended by now, and says so."""
    refused = ""
    try:
        jobs.stop(name)
    except jobs.sagemaker.exceptions.ClientError as error:
        refused = str(error)
    assert not refused or "in status Stopped" in refused


@pytest.mark.parametrize("how", ["polite", "stubborn"])
def test_a_stop_ends_everything_that_the_job_started(jobs: Jobs, how: str) -> None:
    always = where()
    out = [s3_output(always, mode="Continuous")]
    name = jobs.start(SLEEP_CODE, how, outputs=out, environment={"OUT": OUTPUT})
    pids = running_pids(jobs, name)
    jobs.stop(name)
    stop_again(jobs, name)
    described = jobs.ended(name)
    assert described["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in described
    assert jobs.keys(always) == ["early.txt"]
    until(lambda: gone(pids), what="the processes are gone")
    code, message = error_of(lambda: jobs.sagemaker.stop_processing_job(ProcessingJobName=name))
    assert (code, "in status Stopped" in message) == ("ValidationException", True)


def test_a_job_has_its_time_and_no_more(jobs: Jobs) -> None:
    name = jobs.start(
        SLEEP_CODE,
        outputs=[s3_output(where())],
        environment={"OUT": OUTPUT},
        StoppingCondition={"MaxRuntimeInSeconds": 1},
    )
    pids = running_pids(jobs, name)
    described = jobs.ended(name)
    assert described["ProcessingJobStatus"] == "Failed"
    assert "MaxRuntimeInSeconds" in described["FailureReason"]
    until(lambda: gone(pids), what="the processes are gone")


def test_a_name_is_never_free_again(jobs: Jobs) -> None:
    request = jobs.request("")
    jobs.sagemaker.create_processing_job(**request)
    jobs.ended(request["ProcessingJobName"])
    code, message = error_of(lambda: jobs.sagemaker.create_processing_job(**request))
    assert code == "ResourceInUse"
    assert f"processing-job/{request['ProcessingJobName']}" in message
    other = jobs.aws.client("sagemaker", jobs.aws.session("210987654321"))
    code, _message = error_of(
        lambda: other.describe_processing_job(ProcessingJobName=request["ProcessingJobName"])
    )
    assert code == "ValidationException", "the names of another account"


def test_jobs_are_listed(jobs: Jobs) -> None:
    stem = Hosting.name("listed")
    for number in range(3):
        jobs.run("import sys; sys.exit(0)" if number else "import sys; sys.exit(1)", name=f"{stem}-{number}")

    def listed(**members: Any) -> list[str]:
        found = jobs.sagemaker.list_processing_jobs(NameContains=stem, SortBy="Name", **members)
        return [each["ProcessingJobName"] for each in found["ProcessingJobSummaries"]]

    assert listed(SortOrder="Ascending") == [f"{stem}-{number}" for number in range(3)]
    assert listed(StatusEquals="Failed") == [f"{stem}-0"]
    assert listed(MaxResults=2) == [f"{stem}-2", f"{stem}-1"]
    (failed,) = jobs.sagemaker.list_processing_jobs(NameContains=stem, StatusEquals="Failed")[
        "ProcessingJobSummaries"
    ]
    assert "FailureReason" in failed


def refused(jobs: Jobs, **members: Any) -> str:
    request = {**jobs.request(""), **members}
    code, message = error_of(lambda: jobs.sagemaker.create_processing_job(**request))
    assert code == "ValidationException"
    return message


@pytest.mark.parametrize(
    "path",
    ["", "/elsewhere/x", "/opt/ml/processing", "/opt/ml/processing/../x", "/opt/ml/processingx", "data"],
)
def test_data_lies_below_the_processing_folder(jobs: Jobs, path: str) -> None:
    given = s3_input("data", f"s3://{BUCKET}/x", path)
    assert "must be a folder below /opt/ml/processing" in refused(jobs, ProcessingInputs=[given])
    outputs = {"Outputs": [s3_output(f"s3://{BUCKET}/x", path)]}
    assert "must be a folder below" in refused(jobs, ProcessingOutputConfig=outputs)


def test_what_is_refused(jobs: Jobs) -> None:
    data = s3_input("data", f"s3://{BUCKET}/x", DATA)
    again = s3_input("again", f"s3://{BUCKET}/x", DATA)
    same = s3_input("data", f"s3://{BUCKET}/x", f"{DATA}/x")
    assert "LocalPath of an input must be unique" in refused(jobs, ProcessingInputs=[data, again])
    assert "InputName must be unique" in refused(jobs, ProcessingInputs=[data, same])
    assert "needs an S3Input" in refused(jobs, ProcessingInputs=[{"InputName": "x"}])
    for members, words in (
        ({"S3InputMode": "Pipe"}, "not emulated"),
        ({"S3CompressionType": "Gzip"}, "only be used if S3InputMode is Pipe"),
    ):
        assert words in refused(jobs, ProcessingInputs=[s3_input("x", f"s3://{BUCKET}/x", DATA, **members)])
    assert "not emulated" in refused(jobs, ProcessingInputs=[{**data, "AppManaged": True}])
    assert "not emulated" in refused(jobs, AppSpecification={"ImageUri": "image"})
    assert "not emulated" in refused(jobs, ExperimentConfig={"ExperimentName": "x"})
    features = {"OutputName": "x", "FeatureStoreOutput": {"FeatureGroupName": "group"}}
    assert "not emulated" in refused(jobs, ProcessingOutputConfig={"Outputs": [features]})
    untyped = {"ClusterConfig": {"InstanceCount": 1, "VolumeSizeInGB": 1}}
    assert "InstanceType is required" in refused(jobs, ProcessingResources=untyped)
    several = {"VolumeSizeInGB": 1, "InstancePreferences": [{"InstanceType": "ml.m5.large"}]}
    assert "not emulated" in refused(jobs, ProcessingResources={"ClusterConfig": several})
    assert "MaxRuntimeInSeconds" not in refused(jobs, ProcessingResources=untyped)
    code, message = error_of(
        lambda: jobs.sagemaker.create_processing_job(**jobs.request("", Environment={"LONG": "x" * 257}))
    )
    assert (code, "length less than or equal to 256" in message) == ("ValidationException", True)
    code, _message = error_of(
        lambda: jobs.sagemaker.create_processing_job(
            **{**jobs.request(""), "ProcessingResources": cluster(17)}
        )
    )
    assert code == "ResourceLimitExceeded"


def test_the_states_of_a_job_are_events(jobs: Jobs) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Processing Job State Change"]}
    queue = event_queue(jobs.aws, Hosting.name("states"), pattern)
    good = jobs.run("", environment={"KEY": "value"}, Tags=[{"Key": "team", "Value": "fraud"}])
    bad = jobs.run("import sys; sys.exit(1)")
    seen: list[dict[str, Any]] = []
    mine = (good["ProcessingJobName"], bad["ProcessingJobName"])

    def all_told() -> bool:
        seen.extend(each for each in received(jobs.aws, queue))
        return len(seen) >= 4

    until(all_told, what="the events")
    details = [each["detail"] for each in seen if each["detail"]["ProcessingJobName"] in mine]
    assert [each["ProcessingJobStatus"] for each in details] == [
        "InProgress", "Completed", "InProgress", "Failed",
    ]  # fmt: skip
    assert details[1]["Environment"] == {"KEY": "value"}
    assert details[1]["Tags"] == {"team": "fraud"}
    assert details[1]["ProcessingInputs"][0]["InputName"] == "code"
    assert details[1]["ProcessingEndTime"] == round(good["ProcessingEndTime"].timestamp() * 1000)
    assert details[3]["FailureReason"] == bad["FailureReason"]
    assert seen[1]["resources"] == [good["ProcessingJobArn"]]


def make_bucket(aws: LocalAws) -> None:
    where = {"LocationConstraint": REGION}
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)


def start_sleeping(jobs: Jobs) -> str:
    out = [s3_output(f"s3://{BUCKET}/out")]
    return jobs.start(SLEEP_CODE, "stubborn", outputs=out, environment={"OUT": OUTPUT})


def forget_everything(aws: LocalAws) -> None:
    request = urllib.request.Request(f"{aws.url}/_ministack/reset", method="POST")  # noqa: S310  # our own server
    urllib.request.urlopen(request).close()  # noqa: S310


def test_jobs_end_with_their_server_and_names_stay_taken(tmp_path: Path) -> None:
    kept = ("--state-dir", str(tmp_path / "state"))
    with local_aws(tmp_path, *kept, settings=QUICK) as aws:
        make_bucket(aws)
        jobs = Jobs(aws)
        done = jobs.run("", Tags=[{"Key": "team", "Value": "fraud"}])
        running = start_sleeping(jobs)
        pids = running_pids(jobs, running)
    until(lambda: gone(pids), what="the processes end with a server that is stopped")
    with local_aws(tmp_path, *kept, settings={**QUICK, "CONSTRUCTS_LOCAL_MAX_WORKERS": "1"}) as aws:
        jobs = Jobs(aws)
        assert jobs.describe(done["ProcessingJobName"])["ProcessingEndTime"] == done["ProcessingEndTime"]
        tags = aws.client("sagemaker").list_tags(ResourceArn=done["ProcessingJobArn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "fraud"}]
        stopped = jobs.describe(running)
        assert (stopped["ProcessingJobStatus"], "emulator" in stopped["FailureReason"]) == ("Failed", True)
        code, _message = error_of(lambda: jobs.start("", name=running))
        assert code == "ResourceInUse"
        # One after the other: there is room for one.
        pids = running_pids(jobs, start_sleeping(jobs))
        assert error_of(lambda: jobs.start(""))[0] == "ResourceLimitExceeded"
        forget_everything(aws)
        assert gone(pids), "a reset ends the jobs"
        make_bucket(aws)
        assert jobs.run("", name=running)["ProcessingJobStatus"] == "Completed", "and frees their names"
        pids = running_pids(jobs, start_sleeping(jobs))
        os.kill(aws.process.pid, signal.SIGKILL)
        until(lambda: gone(pids), what="the processes notice that the server is gone")
