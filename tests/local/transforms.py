"""Transform jobs for the tests of the embedded AWS."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tools.embedded_aws import REGION, LocalAws

from .hosting import BUCKET, Hosting
from .processing import AnyJobs

# Answers each line with itself and the number of lines that came with it; some lines are commands.
LINES_CODE = """
import json, os, time
from sagemaker_inference.errors import GenericInferenceToolkitError

def model_fn(model_dir):
    return os.environ.get("NAME", "model")

def obey(line):
    word, _, rest = line.partition(" ")
    if word == "poison":
        raise GenericInferenceToolkitError(400, "I cannot read this")
    if word == "boom":
        raise RuntimeError("the model broke")
    if word == "die":
        os._exit(3)
    if word == "sleep":
        print("pid", os.getpid(), "sleeps", rest)
        time.sleep(float(rest))
    if word == "once":
        if not os.path.exists(rest):
            open(rest, "w").close()
            raise RuntimeError("only the first time")
    if word == "slow" and rest:
        if not os.path.exists(rest):
            open(rest, "w").close()
            time.sleep(30)
    if word == "environment":
        return json.dumps(dict(os.environ))

def transform_fn(name, data, content_type, accept):
    text = data.decode() if isinstance(data, bytes) else data
    lines = text.split("\\n")
    print("a request of", len(lines), "lines as", content_type, "for", accept)
    return "\\n".join(obey(line) or f"{line}/{len(lines)}" for line in lines), accept
"""
# Scores each CSV row, or each JSON line, by what it is given of it.
SCORE_CODE = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    text = data.decode() if isinstance(data, bytes) else data
    scored = []
    for line in text.splitlines():
        if content_type.startswith("text/csv"):
            numbers = [float(each) for each in line.split(",")]
        else:
            document = json.loads(line)
            numbers = document["x"] if isinstance(document, dict) else document
        if numbers == [13]:
            continue
        score = {"score": sum(numbers), "n": len(numbers)}
        scored.append(f"{score['score']:g},{score['n']}" if accept == "text/csv" else json.dumps(score))
    return "\\n".join(scored), accept
"""


class Transforms(AnyJobs):
    """Transform jobs, with the names made up."""

    noun = "Transform"

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self.hosting = Hosting(aws)

    def folder(self, **files: str | bytes) -> str:
        """The URL of a new folder with these objects, named without their `.csv`."""
        url = self.hosting.name("s3://" + BUCKET + "/data")
        for name, content in files.items():
            self.put(f"{url.removeprefix(f's3://{BUCKET}/')}/{name}.csv", content)
        return url

    def request(self, model: str, source: str, **members: Any) -> dict[str, Any]:
        """A request; `data`, `given` and `made` go into TransformInput and TransformOutput, others as they are."""
        data = {"S3DataType": "S3Prefix", "S3Uri": source, **members.pop("data", {})}
        return {
            "TransformJobName": members.pop("name", None) or self.hosting.name("transform"),
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": data},
                "ContentType": "text/csv",
                **members.pop("given", {}),
            },
            "TransformOutput": {
                "S3OutputPath": members.pop("target", None) or self.folder(),
                "Accept": "text/csv",
                **members.pop("made", {}),
            },
            "TransformResources": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": members.pop("instances", 1),
            },
            **members,
        }

    def run(self, model: str, source: str, **members: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        request = self.request(model, source, **members)
        self.create(**request)
        return self.ended(request["TransformJobName"])

    def outputs(self, described: dict[str, Any]) -> dict[str, str]:
        """What a job has written, by path."""
        url = described["TransformOutput"]["S3OutputPath"]
        return {key: self.get(f"{url}/{key}").decode() for key in self.keys(url)}


def by_line(**members: str) -> dict[str, Any]:
    """The members of a job on lines."""
    return {"given": {"SplitType": "Line", **members}, "made": {"AssembleWith": "Line"}}


def fail_next(aws: LocalAws, count: int, reason: str, job: str = "Transform") -> None:
    """Let the next jobs fail, through no fault of theirs."""
    request = AWSRequest(
        "POST",
        f"{aws.url}/",
        data=json.dumps({"Job": job, "Count": count, "Reason": reason}).encode(),
        headers={"X-Amz-Target": "SageMaker.LocalFailNextJobs", "Content-Type": "application/x-amz-json-1.1"},
    )
    SigV4Auth(aws.session().get_credentials(), "sagemaker", REGION).add_auth(request)
    prepared = request.prepare()
    asked = urllib.request.Request(  # noqa: S310  # our own server
        prepared.url, data=prepared.body, headers=dict(prepared.headers)
    )
    urllib.request.urlopen(asked).close()  # noqa: S310
