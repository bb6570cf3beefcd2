"""boto3 without AWS: calls are checked against AWS's models, and the examples' code answers them.

What is called is what the stacks of this repository make: endpoints, parameters and outputs are read from
their templates, so that a page that names something else fails.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import boto3
import botocore.response

import app

from .markdown import ROOT

EXAMPLES = ROOT / "examples"
_TARGET = "X-Amzn-SageMaker-"
Answer = tuple[bytes, str]


class OfflineAws:
    """Stands in for boto3's clients, with the stacks of `app.py` deployed."""

    def __init__(self, outdir: Path) -> None:
        self._templates = {
            stack.stack_name: stack.template for stack in app.build(str(outdir / "cdk.out")).synth().stacks
        }
        self._objects: dict[tuple[str, str], bytes] = {}
        self.called: list[str] = []
        """The endpoints that were called."""
        self._handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "cloudformation.DescribeStacks": self._stacks,
            "ssm.GetParameter": self._parameter,
            "s3.PutObject": self._put,
            "s3.GetObject": self._get,
            "s3.ListObjectsV2": self._list,
            "sagemaker-runtime.InvokeEndpoint": self._invoke,
            "sagemaker-runtime.InvokeEndpointAsync": self._invoke_async,
        }

    def client(self, service: str, **options: Any) -> Any:
        """A client that reaches nothing."""
        made = boto3.session.Session(
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
            region_name="eu-central-1",
        ).client(service, **options)
        for operation, answer in self._handlers.items():
            if operation.startswith(f"{service}."):
                made.meta.events.register(f"before-call.{operation}", _answering(answer))
                # The request as the model knows it; what `before-call` gets is serialized.
                made.meta.events.register(f"provide-client-params.{operation}", _keeping)
        return made

    # --- what the stacks made -----------------------------------------------------------------------------

    def _stacks(self, asked: dict[str, Any]) -> dict[str, Any]:
        outputs = self._templates[asked["StackName"]]["Outputs"]
        shown = [{"OutputKey": key, "OutputValue": _resolved(each["Value"])} for key, each in outputs.items()]
        return {"Stacks": [{"StackName": asked["StackName"], "Outputs": shown}]}

    def _parameter(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"Parameter": {"Value": self._parameters()[asked["Name"]]}}

    def _parameters(self) -> dict[str, str]:
        made = [
            resource["Properties"]
            for template in self._templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::SSM::Parameter"
        ]
        return {each["Name"]: each["Value"] for each in made}

    # --- S3 -----------------------------------------------------------------------------------------------

    def _put(self, asked: dict[str, Any]) -> dict[str, Any]:
        body = asked["Body"]
        self._objects[asked["Bucket"], asked["Key"]] = body if isinstance(body, bytes) else body.encode()
        return {}

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"Body": _stream(self._objects[asked["Bucket"], asked["Key"]])}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [key for bucket, key in self._objects if bucket == asked["Bucket"]]
        return {"KeyCount": sum(key.startswith(asked["Prefix"]) for key in found)}

    # --- SageMaker ----------------------------------------------------------------------------------------

    def _invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        body = asked["Body"] if isinstance(asked["Body"], bytes) else asked["Body"].encode()
        answer, content_type = self._answer(asked, body)
        return {
            "Body": _stream(answer),
            "ContentType": content_type,
            "InvokedProductionVariant": "AllTraffic",
        }

    def _invoke_async(self, asked: dict[str, Any]) -> dict[str, Any]:
        bucket, key = asked["InputLocation"].removeprefix("s3://").split("/", 1)
        answer, _ = self._answer(asked, self._objects[bucket, key])
        self._objects[bucket, "async-output/0.out"] = answer
        return {
            "InferenceId": "0",
            "OutputLocation": f"s3://{bucket}/async-output/0.out",
            "FailureLocation": f"s3://{bucket}/async-failures/0-error.out",
        }

    def _answer(self, asked: Mapping[str, Any], body: bytes) -> Answer:
        name, content_type = asked["EndpointName"], asked["ContentType"]
        assert name in self._parameters().values(), f"no stack makes the endpoint {name}"
        self.called.append(name)
        if name == "multimodel-endpoint":
            model = re.fullmatch(r"(.+)/[0-9a-f]{16}\.tar\.gz", asked["TargetModel"])
            assert model is not None, asked["TargetModel"]
            return _served(
                EXAMPLES / "digits/code", EXAMPLES / "digits/models" / model[1], body, content_type
            )
        if name == "pipeline-endpoint":
            return self._piped(asked, body, content_type)
        if name == "components-endpoint":
            component = asked["InferenceComponentName"]
            assert component in json.dumps(self._templates["Components"]["Outputs"]), component
            assert "cancer" in component, "the pages call the component Cancer"
        model = "arms/few" if name == "shadow-endpoint" else "model"
        return _served(
            EXAMPLES / "breast_cancer/code", EXAMPLES / "breast_cancer" / model, body, content_type
        )

    def _piped(self, asked: Mapping[str, Any], body: bytes, content_type: str) -> Answer:
        # The stack's pipeline is serial; a page that names one container has deployed it with direct invocation.
        steps = [asked.get("TargetContainerHostname")] if "TargetContainerHostname" in asked else _STEPS
        for step in steps:
            folder = EXAMPLES / "wine" / str(step)
            body, content_type = _served(folder / "code", folder / "model", body, content_type)
        return body, content_type


_STEPS = ("scale", "classify", "label")


def _keeping(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context["asked"] = dict(params)


def _answering(
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    def answered(context: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
        return _Ok(), answer(context["asked"])

    return answered


class _Ok:
    status_code = 200


def _stream(content: bytes) -> botocore.response.StreamingBody:
    return botocore.response.StreamingBody(io.BytesIO(content), len(content))


def _resolved(value: Any) -> str:
    """A value of a template as a deployment would show it, references by their logical ids."""
    if not isinstance(value, dict):
        return str(value)
    (function, argument), *_ = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(_resolved(part) for part in argument[1])
    return str(argument).lower()


def _served(code: Path, model: Path, body: bytes, content_type: str) -> Answer:
    """What an example's ``inference.py`` makes of a request."""
    inference = _loaded(code / "inference.py")
    prediction = inference.predict_fn(inference.input_fn(body, content_type), inference.model_fn(str(model)))
    text, answered = inference.output_fn(prediction, "application/json")
    return text.encode(), answered


def _loaded(file: Path) -> Any:
    spec = spec_from_file_location("example_inference", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
