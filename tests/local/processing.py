"""Jobs, and processing jobs above all, for the tests of the embedded AWS."""

from __future__ import annotations

import json
from typing import Any

from tools.embedded_aws import LocalAws, until

from .hosting import BUCKET, IMAGE, ROLE, Hosting

CODE = "/opt/ml/processing/input/code"
OUTPUT = "/opt/ml/processing/output"

# Tells what it sees: its arguments, its environment, its files.
REPORT_CODE = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
seen = {
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "folder": os.environ["DATA"],
    "files": {str(each.relative_to(os.environ["DATA"])): each.read_text()
              for each in sorted(pathlib.Path(os.environ["DATA"]).rglob("*")) if each.is_file()},
    "job": json.loads((base / "config/processingjobconfig.json").read_text()),
    "resources": json.loads((base / "config/resourceconfig.json").read_text()),
}
host = seen["resources"]["current_host"]
print("hello from", host)
out = pathlib.Path(os.environ["OUT"]) / "deep"
out.mkdir()
(out / f"{host}.json").write_text(json.dumps(seen))
(base / "output/message").write_text(f"done on {host}. ")
"""


class AnyJobs:
    """Jobs of one kind through boto3, and their data."""

    noun: str
    """`Processing`, as in CreateProcessingJob."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.s3 = aws.client("s3")

    def put(self, key: str, content: str | bytes) -> str:
        """Put an object; its URL."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def get(self, url: str) -> bytes:
        """An object's content."""
        key = url.removeprefix(f"s3://{BUCKET}/")
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def keys(self, url: str) -> list[str]:
        """The keys below a URL, without it."""
        prefix = url.removeprefix(f"s3://{BUCKET}/") + "/"
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [each["Key"].removeprefix(prefix) for each in found]

    def create(self, **request: Any) -> dict[str, Any]:
        """The kind's Create operation."""
        return dict(self._call("create", **request))

    def stop(self, name: str) -> None:
        """The kind's Stop operation."""
        self._call("stop", **self._named(name))

    def describe(self, name: str) -> dict[str, Any]:
        """The kind's Describe operation."""
        return dict(self._call("describe", **self._named(name)))

    def status(self, described: dict[str, Any]) -> str:
        """The status in a description."""
        return str(described[f"{self.noun}JobStatus"])

    def ended(self, name: str) -> dict[str, Any]:
        """The description, once the job has ended."""
        return until(
            lambda: self.status(found := self.describe(name)) not in ("InProgress", "Stopping") and found,
            what=f"job {name} ends",
        )

    def _call(self, verb: str, **request: Any) -> Any:
        return getattr(self.sagemaker, f"{verb}_{self.noun.lower()}_job")(**request)

    def _named(self, name: str) -> dict[str, str]:
        return {f"{self.noun}JobName": name}

    def lines(self, name: str, ending: str = "") -> list[str]:
        """What the job has written to its logs, or to those with that ending."""
        logs = self.aws.client("logs")
        group = f"/aws/sagemaker/{self.noun}Jobs"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            if stream["logStreamName"].endswith(ending)
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
                "events"
            ]
        ]


class Jobs(AnyJobs):
    """Processing jobs, with the names made up."""

    noun = "Processing"

    def request(self, code: str, *arguments: str, **members: Any) -> dict[str, Any]:
        """The request for a job that runs Python code; `inputs`, `outputs`, `environment`, others as they are."""
        name = members.pop("name", None) or Hosting.name("job")
        url = self.put(f"code/{name}/job.py", code)
        inputs = members.pop("inputs", [])
        outputs = members.pop("outputs", [])
        request = {
            "ProcessingJobName": name,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", f"{CODE}/job.py"]},
            "ProcessingInputs": [s3_input("code", url, CODE), *inputs],
            "ProcessingResources": cluster(members.pop("instances", 1)),
            "RoleArn": members.pop("role", ROLE),
            "Environment": members.pop("environment", {}),
            **members,
        }
        if arguments:
            request["AppSpecification"]["ContainerArguments"] = list(arguments)
        if outputs:
            request["ProcessingOutputConfig"] = {"Outputs": outputs}
        return request

    def start(self, code: str, *arguments: str, **members: Any) -> str:
        """Create a job; its name."""
        request = self.request(code, *arguments, **members)
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def run(self, code: str, *arguments: str, **members: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        return self.ended(self.start(code, *arguments, **members))


def cluster(instances: int = 1) -> dict[str, Any]:
    """ProcessingResources."""
    return {
        "ClusterConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    }


def s3_input(name: str, url: str, path: str, **members: Any) -> dict[str, Any]:
    """An input, of a prefix unless it says otherwise."""
    source = {"S3Uri": url, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File", **members}
    return {"InputName": name, "S3Input": source}


def s3_output(url: str, path: str = OUTPUT, mode: str = "EndOfJob", *, name: str = "out") -> dict[str, Any]:
    """An output."""
    return {"OutputName": name, "S3Output": {"S3Uri": url, "LocalPath": path, "S3UploadMode": mode}}


def event_queue(aws: LocalAws, name: str, pattern: dict[str, Any]) -> str:
    """A queue that hears of the events that match; its URL."""
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)


def received(aws: LocalAws, url: str) -> list[dict[str, Any]]:
    """The bodies of the messages that are in a queue now, which are taken out of it."""
    sqs = aws.client("sqs")
    found = []
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found
