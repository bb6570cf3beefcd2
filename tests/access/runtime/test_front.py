"""The function behind an API, from API Gateway's event to its answer: real boto3 clients, an endpoint in memory."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from constructs_lib.access.runtime.refusals import RETRY_AFTER, STATUS
from constructs_lib.access.runtime.settings import Settings
from tests.support.fake_aws import Refused
from tests.support.served import FakeEndpoint, Fronted, settings

ID = "X-Amzn-SageMaker-Inference-Id"


def fronted(endpoint: FakeEndpoint | None = None, **given: Any) -> Fronted:
    return Fronted(FakeEndpoint() if endpoint is None else endpoint, settings(**given))


def test_a_request_is_handed_on_and_its_answer_back() -> None:
    front = fronted(targets={"TargetModel": ("team-a/*",)}, required=("TargetModel",))

    came = front.post(
        b"1,2",
        headers={
            ID: "patient-7",
            "Accept": "application/json",
            "X-Amzn-SageMaker-Custom-Attributes": "trace=1",
            "X-Amzn-SageMaker-Target-Model": "team-a/churn",
        },
    )

    assert front.endpoint.asked == [
        {
            "EndpointName": "fraud",
            "Body": b"1,2",
            "InferenceId": "patient-7",
            "ContentType": "text/csv",
            "Accept": "application/json",
            "CustomAttributes": "trace=1",
            "TargetModel": "team-a/churn",
        }
    ]
    assert (came.status, came.body) == (200, b'{"labels": ["benign"]}')
    assert came.headers == {
        "Content-Type": "application/json",
        ID: "patient-7",
        "x-Amzn-Invoked-Production-Variant": "AllTraffic",
        "X-Amzn-SageMaker-Custom-Attributes": "model=7",
    }


def test_who_gives_no_id_gets_one() -> None:
    front = fronted()

    ids = [front.post().headers[ID] for _ in range(2)]

    assert ids == [each["InferenceId"] for each in front.endpoint.asked]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("given", ["x" * 65, "a b", "../x", "ä"])
def test_an_id_that_cannot_be_written_anywhere_is_refused(given: str) -> None:
    front = fronted()
    came = front.post(headers={ID: given})

    assert (came.status, came.error["code"]) == (400, "InvalidRequest")
    assert given not in json.dumps(front.told)
    assert front.endpoint.asked == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "InvalidRequest"),
        ({"X-Amzn-SageMaker-Target-Model": "team-b/churn"}, "TargetNotAllowed"),
        (
            {"X-Amzn-SageMaker-Target-Model": "team-a/x", "X-Amzn-SageMaker-Target-Variant": "B"},
            "InvalidRequest",
        ),
        ({"X-Amzn-SageMaker-Target-Model": "team-a/x", "Accept": "x" * 1025}, "InvalidRequest"),
    ],
)
def test_only_what_may_be_named_is(headers: dict[str, str], code: str) -> None:
    front = fronted(targets={"TargetModel": ("team-a/*",)}, required=("TargetModel",))
    came = front.post(headers=headers)

    assert came.error["code"] == code
    assert front.endpoint.asked == []


MODEL = {"OriginalStatusCode": 500, "OriginalMessage": "division by zero", "LogStreamArn": "arn:aws:logs:x"}
UNKNOWN = "Endpoint fraud of account 123456789012 not found."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("ModelError", "Received server error", **MODEL), "ModelError"),
        (
            Refused(
                "ModelError",
                "Received server error (0) from primary: Your invocation timed out while waiting",
            ),
            "Timeout",
        ),
        (Refused("ThrottlingException", "Rate exceeded"), "Throttled"),
        (Refused("ModelNotReadyException", "loading"), "ModelNotReady"),
        (Refused("ServiceUnavailable", "try again"), "Unavailable"),
        (Refused("InternalFailure", "oh"), "Unavailable"),
        (Refused("ValidationError", "Inference Component has no capacity to process"), "NoCapacity"),
        (Refused("ValidationError", UNKNOWN), "Unavailable"),
        (Refused("ValidationError", "Failed to download model data(bucket: s3://b/k)"), "NotFound"),
        (Refused("ValidationError", "Variant B of arn:aws:sagemaker:x not known"), "InvalidRequest"),
        (Refused("AccessDeniedException", "User: arn:aws:sts::1:x is not authorized"), "InternalError"),
        (ReadTimeoutError(endpoint_url="https://x"), "Timeout"),
        (EndpointConnectionError(endpoint_url="https://x"), "Unavailable"),
        (NoCredentialsError(), "Unavailable"),
        (RuntimeError("arn:aws:iam::123456789012:role/secret"), "InternalError"),
    ],
)
def test_what_goes_wrong_has_a_code_a_status_and_no_secret(error: Exception, code: str) -> None:
    front = fronted(FakeEndpoint(error=error))

    came = front.post(headers={ID: "one"})

    assert (came.error["code"], came.status) == (code, STATUS[code])  # type: ignore[index]
    assert came.error["inference_id"] == came.headers[ID] == "one"
    assert came.headers.get("Retry-After") == (
        str(RETRY_AFTER[code]) if code in RETRY_AFTER else None  # type: ignore[index]
    )
    for secret in ("arn:", "s3://", "123456789012"):
        assert secret not in came.body.decode()
    (line,) = front.told
    assert (line["Code"], line["status"]) == (code, came.status)


def test_the_model_is_quoted_with_its_own_status() -> None:
    front = fronted(FakeEndpoint(error=Refused("ModelError", "Received server error", **MODEL)))

    error = front.post().error

    assert (error["message"], error["original_status"]) == ("division by zero", 500)


def test_of_what_was_asked_and_answered_the_log_has_sizes_only() -> None:
    front = fronted(FakeEndpoint(answer=b"secret answer"))
    front.post(b"secret question", headers={ID: "one"})

    (line,) = front.told
    assert "secret" not in json.dumps(line)
    assert {name: line[name] for name in ("inference_id", "variant", "bytes_in", "bytes_out", "request")} == {
        "inference_id": "one",
        "variant": "AllTraffic",
        "bytes_in": 15,
        "bytes_out": 13,
        "request": "r-1",
    }
    described = line["_aws"]["CloudWatchMetrics"][0]
    assert described["Namespace"] == "ConstructsLib/Access"
    assert all(name in line for dimensions in described["Dimensions"] for name in dimensions)


@pytest.mark.parametrize("answer", [os.urandom(1000), b"\xff", b"", b'"' * 999, "ä".encode()])
def test_any_answer_comes_back_as_it_was(answer: bytes) -> None:
    assert fronted(FakeEndpoint(answer=answer)).post().body == answer


def test_an_answer_that_does_not_fit_is_told_and_not_cut() -> None:
    most = 6 * 1024 * 1024
    fits, does_not = os.urandom(4_600_000), os.urandom(4_720_000)

    assert fronted(FakeEndpoint(answer=fits), most_answer_bytes=most).post().body == fits
    came = fronted(FakeEndpoint(answer=does_not), most_answer_bytes=most).post()
    assert (came.status, came.error["code"]) == (502, "AnswerTooLarge")


def test_another_route_is_not_there_and_ping_is() -> None:
    front = fronted()

    assert front.get("GET /elsewhere").status == 404
    assert json.loads(front.get("GET /ping").body) == {"status": "ok"}
    assert front.endpoint.asked == []


def test_settings_are_read_as_the_construct_writes_them() -> None:
    told = {
        "api": "a",
        "endpoint": "e",
        "timeout": 28,
        "most_bytes": 1,
        "most_answer_bytes": 2,
        "content_types": ["text/csv"],
        "most_rows": None,
        "columns": 3,
        "well_formed": False,
        "targets": {"TargetModel": ["a/*"]},
        "required": ["TargetModel"],
        "places": {"input": "s3://b/i", "output": "s3://b/o", "failures": "s3://b/f"},
    }

    found = Settings.from_environment({"API": json.dumps(told)})

    assert (found.targets, found.required) == ({"TargetModel": ("a/*",)}, ("TargetModel",))
    assert found.places is not None
    assert (found.places.failures, found.columns) == ("s3://b/f", 3)
