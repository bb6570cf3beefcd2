"""What AWS refuses is refused: unknown members, wrong types, broken constraints, unknown operations."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws

from .hosting import IMAGE, ROLE, Hosting, error_of

CONTAINER = {"Image": IMAGE}


def call(aws: LocalAws, operation: str, request: Any) -> tuple[int, dict[str, Any]]:
    """Call past boto3, which would refuse a bad request by itself."""
    headers = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/sagemaker/aws4_request",
    }
    sent = urllib.request.Request(aws.url, json.dumps(request).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(sent) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"ModelName": "m", "Nonsense": 1}, "Unknown parameter in input: 'nonsense'"),
        (
            {"ModelName": "m", "PrimaryContainer": {"Imagine": "x"}},
            "Unknown parameter in input: 'primaryContainer.imagine'",
        ),
        ({}, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"),
        ({"ModelName": 5}, "'modelName' failed to satisfy constraint: Member must be of type String"),
        (
            {"ModelName": "a b"},
            "Value 'a b' at 'modelName' failed to satisfy constraint: Member must satisfy regular",
        ),
        ({"ModelName": "m" * 64}, "Member must have length less than or equal to 63"),
        (
            {"ModelName": "m", "PrimaryContainer": {"Image": "i", "Mode": "Sometimes"}},
            "at 'primaryContainer.mode' failed to satisfy constraint: Member must satisfy enum value set",
        ),
    ],
)
def test_a_request_is_checked_against_the_service_model(aws: LocalAws, request_: Any, said: str) -> None:
    status, answer = call(aws, "CreateModel", request_)
    assert status == 400
    assert answer["__type"] == "ValidationException"
    assert said in answer["message"]


def test_all_problems_are_told_at_once(aws: LocalAws) -> None:
    variant = {
        "VariantName": "v",
        "InitialInstanceCount": 0,
        "VolumeSizeInGB": 513,
        "InstanceType": "ml.none",
    }
    _status, answer = call(aws, "CreateEndpointConfig", {"ProductionVariants": [variant]})
    assert answer["message"].startswith("4 validation errors detected: ")
    assert "'productionVariants.1.member.initialInstanceCount'" in answer["message"]


def test_unknown_operations_are_refused(aws: LocalAws) -> None:
    assert call(aws, "CreateMiracle", {})[1]["__type"] == "UnknownOperationException"
    status, answer = call(aws, "CreateTrainingJob", {})
    assert (status, "CreateTrainingJob is not emulated" in answer["message"]) == (400, True)


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"PrimaryContainer": {"ModelPackageName": "package"}}, "A model package is not emulated"),
        ({"PrimaryContainer": CONTAINER, "Containers": [CONTAINER]}, "Cannot specify both"),
        ({}, "either PrimaryContainer or Containers"),
    ],
)
def test_models_that_cannot_be_served_are_refused(hosting: Hosting, container: Any, said: str) -> None:
    refused = error_of(
        lambda: hosting.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, **container)
    )
    assert refused[0] == "ValidationException"
    assert said in refused[1]


@pytest.mark.parametrize(
    ("variants", "members", "said"),
    [
        ([{"VariantName": "v"}, {"VariantName": "v"}], {}, "must be unique"),
        ([{"VariantName": "v", "InitialVariantWeight": 0}], {}, "weight greater than 0"),
        ([{"VariantName": "v"}], {"AsyncInferenceConfig": {"OutputConfig": {}}}, "S3OutputPath is required"),
        (
            [{"VariantName": "v"}],
            {
                "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}},
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "s3://b/c",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                },
            },
            "Data capture of asynchronous inference is not emulated",
        ),
    ],
)
def test_configurations_that_cannot_be_served_are_refused(
    hosting: Hosting, variants: list[dict[str, Any]], members: dict[str, Any], said: str
) -> None:
    model = hosting.model()
    refused = error_of(
        lambda: hosting.config(*({"ModelName": model, **each} for each in variants), **members)
    )
    assert said in refused[1]
