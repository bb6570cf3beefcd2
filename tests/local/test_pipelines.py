"""Models of several containers: one after the other, or each alone."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tools.embedded_aws import until

from .hosting import BROKEN_CODE, IMAGE, ROLE, SETOSA, VIRGINICA, Hosting, archive, error_of
from .test_capture import capture, records
from .test_cloudformation import Stack

# Adds its name to what it is given, and says what it was told of the types.
LINK_CODE = """
import os, time

def model_fn(model_dir):
    return os.environ["NAME"]

def transform_fn(name, data, content_type, accept):
    text = data.decode() if isinstance(data, bytes) else data
    if text.endswith("die") and name == "b":
        os._exit(3)
    if text.endswith("fail") and name == "b":
        from sagemaker_inference.errors import GenericInferenceToolkitError
        raise GenericInferenceToolkitError(int(text.split()[1]), "told to")
    if text == "large" and name == "a":
        return "x" * (5 * 1024 * 1024 + 1), "text/plain"
    if text.endswith("slow") and name == "b":
        time.sleep(30)
    if text == "pid":
        return str(os.getpid()), "text/plain"
    return f"{text}>{name}[{content_type} {accept}]", f"text/from-{name}"
"""
SCALER_CODE = """
import io, os, joblib, numpy

def model_fn(d):
    return joblib.load(os.path.join(d, "scaler.joblib"))

def transform_fn(scaler, data, content_type, accept):
    assert content_type == "text/csv", content_type
    out = io.BytesIO()
    numpy.save(out, scaler.transform(numpy.loadtxt(io.StringIO(data), delimiter=",", ndmin=2)))
    return out.getvalue(), "application/x-npy"
"""
CLASSIFIER_CODE = """
import io, os, joblib, numpy

def model_fn(d):
    return joblib.load(os.path.join(d, "classifier.joblib"))

def transform_fn(classifier, data, content_type, accept):
    assert content_type == "application/x-npy", content_type
    found = classifier.predict(numpy.load(io.BytesIO(data)))
    return ",".join(str(each) for each in found), "text/csv"
"""
LABELS_CODE = """
import json, os

def model_fn(d):
    return json.load(open(os.path.join(d, "labels.json")))

def transform_fn(labels, data, content_type, accept):
    assert (content_type, accept) == ("text/csv", "application/json"), (content_type, accept)
    return json.dumps([labels[int(each)] for each in data.split(",")]), accept
"""


def dumped(value: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


def container(hosting: Hosting, code: str, files: dict[str, bytes] | None = None, **members: Any) -> Any:
    data = archive({"code/inference.py": code.encode(), **(files or {})})
    return {"Image": IMAGE, "ModelDataUrl": hosting.upload(data), **members}


def links(hosting: Hosting, *names: str, host_names: bool = False) -> list[dict[str, Any]]:
    """Containers that add their names."""
    return [
        {
            **container(hosting, LINK_CODE, Environment={"NAME": name}),
            "Image": f"{IMAGE}-{name}",
            **({"ContainerHostname": f"host-{name}"} if host_names else {}),
        }
        for name in names
    ]


def pipeline(hosting: Hosting, containers: list[dict[str, Any]], **members: Any) -> str:
    name = hosting.name("pipeline")
    hosting.sagemaker.create_model(ModelName=name, Containers=containers, ExecutionRoleArn=ROLE, **members)
    return name


def served(hosting: Hosting, containers: list[dict[str, Any]], count: int = 1, **members: Any) -> str:
    variant = {"VariantName": "main", "ModelName": pipeline(hosting, containers, **members)}
    return hosting.endpoint(hosting.config({**variant, "InitialInstanceCount": count}))


DIRECT = {"InferenceExecutionConfig": {"Mode": "Direct"}}


def test_three_models_answer_one_after_the_other(hosting: Hosting) -> None:
    features, classes = load_iris(return_X_y=True)
    scaler = StandardScaler().fit(features)
    classifier = LogisticRegression(max_iter=500).fit(scaler.transform(features), classes)
    labels = json.dumps(["setosa", "versicolor", "virginica"]).encode()
    name = served(
        hosting,
        [
            container(hosting, SCALER_CODE, {"scaler.joblib": dumped(scaler)}),
            container(hosting, CLASSIFIER_CODE, {"classifier.joblib": dumped(classifier)}),
            container(hosting, LABELS_CODE, {"labels.json": labels}),
        ],
    )
    text, answer = hosting.invoke(
        name, f"{SETOSA}\n{VIRGINICA}", ContentType="text/csv", Accept="application/json"
    )
    assert json.loads(text) == ["setosa", "virginica"]
    assert answer["ContentType"] == "application/json"


def test_what_goes_from_container_to_container(hosting: Hosting) -> None:
    """The type of an answer is the type of the next request; what the client accepts is for the last one."""
    name = served(hosting, links(hosting, "a", "b", "c"))
    text, answer = hosting.invoke(name, "in", ContentType="text/plain", Accept="text/wanted")
    default = "application/json"
    assert text == f"in>a[text/plain {default}]>b[text/from-a {default}]>c[text/from-b text/wanted]"
    assert answer["ContentType"] == "text/from-c"
    (variant,) = hosting.describe(name)["ProductionVariants"]
    images = [each["SpecifiedImage"] for each in variant["DeployedImages"]]
    assert images == [f"{IMAGE}-a", f"{IMAGE}-b", f"{IMAGE}-c"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("then 415 fail", 415, 'Received client error (415) from container-2 with message "told to'),
        ("then 503 fail", 503, 'Received server error (503) from container-2 with message "told to'),
        ("die", 500, 'from container-2 with message "The model process ended'),
        ("slow", 500, "while waiting for a response from container container-2"),
        ("large", 500, "payload from container-1 to container-2 is 5242881 bytes, which has exceeded"),
    ],
)
def test_a_failure_ends_the_chain_and_names_its_container(
    hosting: Hosting, body: str, status: int, said: str
) -> None:
    # The containers hand the text on as it is.
    code = LINK_CODE.replace('f"{text}>{name}[{content_type} {accept}]"', "text")
    containers = [{**each, **container(hosting, code)} for each in links(hosting, "a", "b", "c")]
    name = served(hosting, containers)
    with pytest.raises(hosting.runtime.exceptions.ModelError) as raised:
        hosting.invoke(name, body)
    answer = raised.value.response
    assert said in answer["Error"]["Message"]
    assert answer["OriginalStatusCode"] == status
    stream = answer["LogStreamArn"].split(":log-stream:")[1]
    assert stream.startswith("main/")
    assert stream.endswith("/container-1" if body == "large" else "/container-2")


def test_one_container_may_be_called_alone(hosting: Hosting) -> None:
    name = served(hosting, links(hosting, "a", "b", host_names=True), **DIRECT)
    for each in ("a", "b"):
        text, _answer = hosting.invoke(
            name, "in", TargetContainerHostname=f"host-{each}", Accept="text/wanted"
        )
        assert text == f"in>{each}[text/plain text/wanted]"
    with pytest.raises(hosting.runtime.exceptions.ModelError, match=r"client error \(404\) from host-b with"):
        hosting.invoke(name, "then 404 fail", TargetContainerHostname="host-b")
    missing = error_of(lambda: hosting.invoke(name, "in"))
    assert missing == (
        "ValidationError",
        f"Endpoint {name} requires a target container hostname header.",
    )
    unknown = error_of(lambda: hosting.invoke(name, "in", TargetContainerHostname="other"))
    assert (unknown[0], "does not exist" in unknown[1]) == ("ValidationError", True)


def test_a_serial_pipeline_has_no_target(hosting: Hosting) -> None:
    name = served(hosting, links(hosting, "a", "b", host_names=True))
    refused = error_of(lambda: hosting.invoke(name, "in", TargetContainerHostname="host-a"))
    assert (refused[0], "not configured for direct" in refused[1]) == ("ValidationError", True)
    refused = error_of(lambda: hosting.invoke(name, "in", TargetModel="a.tar.gz"))
    assert "is not a multi-model endpoint and does not support target model header" in refused[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda several: [{**several[0], "ContainerHostname": "x"}, several[1]],
            "for all containers or for none",
        ),
        (lambda several: [{**each, "ContainerHostname": "x"} for each in several], "must be unique"),
        (lambda several: several * 8, "less than or equal to 15"),
        (
            lambda several: [{**several[0], "Mode": "MultiModel"}] * 2,
            "More than one container in MultiModel mode",
        ),
    ],
)
def test_pipelines_that_aws_refuses(hosting: Hosting, change: Any, said: str) -> None:
    several = links(hosting, "a", "b")
    assert said in error_of(lambda: pipeline(hosting, change(several)))[1]


def test_direct_invocation_needs_every_host_name(hosting: Hosting) -> None:
    several = links(hosting, "a", "b")
    assert "required for every container" in error_of(lambda: pipeline(hosting, several, **DIRECT))[1]
    assert "at least two" in error_of(lambda: pipeline(hosting, several[:1], **DIRECT))[1]


def test_an_instance_is_replaced_when_one_of_its_processes_dies(hosting: Hosting) -> None:
    name = served(hosting, links(hosting, "a", "b", host_names=True), **DIRECT)

    def pids() -> set[int]:
        try:
            return {int(hosting.invoke(name, "pid", TargetContainerHostname=f"host-{c}")[0]) for c in "ab"}
        except (hosting.runtime.exceptions.ServiceUnavailable, hosting.runtime.exceptions.ModelError):
            return set()

    before = pids()
    os.kill(max(before), signal.SIGKILL)
    after = until(lambda: (found := pids()) and not (found & before) and found, what="both are new")
    hosting.delete(name)
    assert not [pid for pid in before | after if Path(f"/proc/{pid}").exists()]


def test_an_endpoint_is_in_service_only_with_all_of_its_containers(hosting: Hosting) -> None:
    broken = [*links(hosting, "a"), container(hosting, BROKEN_CODE)]
    config = hosting.config({"VariantName": "main", "ModelName": pipeline(hosting, broken)})
    name = hosting.name("endpoint")
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = hosting.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert "The container-2 container for production variant main" in described["FailureReason"]
    assert "the weights are torn" in described["FailureReason"]


def test_a_failing_update_keeps_the_pipeline(hosting: Hosting) -> None:
    name = served(hosting, links(hosting, "a", "b"))
    broken = [*links(hosting, "c"), container(hosting, BROKEN_CODE)]
    config = hosting.config({"VariantName": "main", "ModelName": pipeline(hosting, broken)})
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    assert "container-2" in hosting.settled(name)["FailureReason"]
    assert hosting.invoke(name, "in")[0].startswith("in>a")
    # Two processes an instance, of both: the capacity of the failed ones came back.
    new = hosting.config(
        {
            "VariantName": "main",
            "ModelName": pipeline(hosting, links(hosting, "c", "d")),
            "InitialInstanceCount": 3,
        }
    )
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=new)
    hosting.settled(name)
    assert hosting.invoke(name, "in")[0].startswith("in>c")


def test_every_process_counts(hosting: Hosting) -> None:
    code, message = error_of(lambda: served(hosting, links(hosting, "a", "b", "c"), count=6))
    assert (code, "request delta of 18 Instances" in message) == ("ResourceLimitExceeded", True)


def test_a_pipeline_is_captured_once_from_end_to_end(hosting: Hosting) -> None:
    capturing = capture(CaptureContentTypeHeader={"CsvContentTypes": ["text/plain", "text/from-b"]})
    variant = {"VariantName": "main", "ModelName": pipeline(hosting, links(hosting, "a", "b"))}
    name = hosting.endpoint(hosting.config(variant, DataCaptureConfig=capturing))
    text, _answer = hosting.invoke(name, "in")
    (record,) = records(hosting, name, 1)
    assert record["captureData"]["endpointInput"]["data"] == "in"
    assert record["captureData"]["endpointOutput"]["data"] == text
    assert text.count(">") == 2


def test_cloudformation_deploys_a_pipeline(hosting: Hosting) -> None:
    stack = Stack(hosting)
    resources = stack.resources()
    resources["Model"] = {
        "Type": "AWS::SageMaker::Model",
        "Properties": {
            "Containers": links(hosting, "a", "b", host_names=True),
            "InferenceExecutionConfig": {"Mode": "Serial"},
            "ExecutionRoleArn": ROLE,
        },
    }
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    assert hosting.invoke(f"{stack.name}-e", "in")[0].startswith("in>a")
    # Another mode is another model: the endpoint is updated to it.
    resources["Model"]["Properties"] |= DIRECT
    assert stack.deploy(resources, update=True) == "UPDATE_COMPLETE"
    assert hosting.invoke(f"{stack.name}-e", "in", TargetContainerHostname="host-b")[0].startswith("in>b")
    stack.delete()
