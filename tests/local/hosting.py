"""Models, and endpoints that serve them, for the tests of the embedded AWS."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Mapping
from functools import cache
from typing import Any

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tools.embedded_aws import ACCOUNT, LocalAws, until

BUCKET = "models"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Execution"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/sklearn:1"
SETOSA = "5.1,3.5,1.4,0.2"
VIRGINICA = "6.5,3.0,5.8,2.2"

IRIS_CODE = """
import io, os
import joblib, numpy

def model_fn(model_dir):
    print("loading the iris model")
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def input_fn(data, content_type):
    return numpy.loadtxt(io.StringIO(data), delimiter=",", ndmin=2)

def predict_fn(data, model):
    return model.predict(data)

def output_fn(prediction, accept):
    return "\\n".join(str(each) for each in prediction), "text/csv"
"""

# Answers what it is told to: its own name, an error, its headers, its death.
PUPPET_CODE = """
import json, os, time

def model_fn(model_dir):
    return os.environ.get("NAME", "puppet")

def transform_fn(model, data, content_type, accept, context):
    text = data.decode() if isinstance(data, bytes) else data
    if text == "raise":
        raise RuntimeError("the puppet was told to raise")
    if text == "die":
        os._exit(3)
    if text == "pid":
        return str(os.getpid()), "text/plain"
    if text == "environment":
        return json.dumps(dict(os.environ)), "application/json"
    if text == "headers":
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "from-the-model")
        return json.dumps(context.get_all_request_header()), "application/json"
    if text == "refuse":
        from sagemaker_inference.errors import GenericInferenceToolkitError
        raise GenericInferenceToolkitError(415, "cannot read " + content_type)
    if text.startswith("sleep "):
        time.sleep(float(text.split()[1]))
    if text.startswith("echo "):
        return text[5:], accept
    return model, "text/plain"
"""

BROKEN_CODE = """
def model_fn(model_dir):
    raise OSError("the weights are torn")
"""

_numbers = itertools.count(1)


def archive(files: Mapping[str, bytes]) -> bytes:
    """A model.tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@cache
def iris_archive() -> bytes:
    """A trained scikit-learn model with its inference code."""
    features, classes = load_iris(return_X_y=True)
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression(max_iter=500).fit(features, classes), buffer)
    return archive({"model.joblib": buffer.getvalue(), "code/inference.py": IRIS_CODE.encode()})


class Hosting:
    """SageMaker through boto3, with the names made up."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-runtime")

    @staticmethod
    def name(stem: str) -> str:
        """A name that no other test has."""
        return f"{stem}-{next(_numbers)}"

    def upload(self, content: bytes) -> str:
        """Put a model archive into S3; its URL."""
        key = f"{self.name('model')}/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def model(
        self,
        code: str | None = PUPPET_CODE,
        *,
        data: bytes | None = None,
        role: str = ROLE,
        **environment: str,
    ) -> str:
        """Create a model of inference code, or of a whole archive; its name."""
        name = self.name("model")
        container: dict[str, Any] = {"Image": IMAGE, "Environment": environment}
        if data is None and code is not None:
            data = archive({"code/inference.py": code.encode()})
        if data is not None:
            container["ModelDataUrl"] = self.upload(data)
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        return name

    def config(self, *variants: Mapping[str, Any], **members: Any) -> str:
        """Create an endpoint configuration; its name."""
        name = self.name("config")
        complete = [{"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **each} for each in variants]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=complete, **members)
        return name

    def puppet_config(self, name: str = "puppet", **members: Any) -> str:
        """The configuration of one variant that answers its own name."""
        return self.config({"VariantName": "main", "ModelName": self.model(NAME=name)}, **members)

    def endpoint(self, config: str, **members: Any) -> str:
        """Create an endpoint and wait until it is in service; its name."""
        name = self.name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **members)
        assert self.settled(name)["EndpointStatus"] == "InService", self.describe(name)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeEndpoint."""
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def settled(self, name: str) -> dict[str, Any]:
        """DescribeEndpoint, once nothing is in progress."""
        return until(
            lambda: (found := self.describe(name))["EndpointStatus"] in ("InService", "Failed") and found,
            what=f"endpoint {name} settles",
        )

    def invoke(self, name: str, body: str | bytes = "", **members: Any) -> tuple[str, dict[str, Any]]:
        """InvokeEndpoint: the text of the answer, and the answer."""
        members.setdefault("ContentType", "text/plain")
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, **members)
        return answer["Body"].read().decode(), dict(answer)

    def delete(self, name: str) -> None:
        """Delete an endpoint and wait until it is gone."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        until(lambda: name not in self.names(), what=f"endpoint {name} is gone")

    def names(self) -> list[str]:
        """The endpoints there are."""
        return [each["EndpointName"] for each in self.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]]


def error_of(call: Any) -> tuple[str, str]:
    """The code and the message of the ClientError that a call raises."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("the call was accepted")


def as_template(resources: Mapping[str, Any], **sections: Any) -> str:
    """A CloudFormation template."""
    return json.dumps({"Resources": resources, **sections})
