"""What is worth another try, and what the error is called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.batch.runtime.causes import explained
from constructs_lib.batch.runtime.verdict import verdict


def of_job(reason: str, **more: Any) -> dict[str, str]:
    """As Step Functions tells of a job that failed: the answer of DescribeTransformJob."""
    told = {
        "TransformJobName": "nightly-0123-t1",
        "TransformJobStatus": "Failed",
        "FailureReason": reason,
        "ModelName": "fraud",
        "CreationTime": 1_795_917_600_000,
        **more,
    }
    return {"Error": "States.TaskFailed", "Cause": json.dumps(told)}


def of_call(code: str, message: str) -> dict[str, str]:
    """As Step Functions tells of a job that could not be created."""
    cause = f"{message} (Service: AmazonSageMaker; Status Code: 400; Error Code: {code}; Request ID: 1-2; Proxy: null)"
    return {"Error": "SageMaker.AmazonSageMakerException", "Cause": cause}


QUOTA = "The account-level service limit 'ml.m5.xlarge for transform job usage' is 2 Instances"

RETRIED = [
    (
        of_job("CapacityError: Unable to provision requested ML compute capacity. Please retry"),
        "CapacityError",
        60,
    ),
    (
        of_job("InternalServerError: We encountered an internal error. Please try again."),
        "InternalServerError",
        60,
    ),
    (of_job("Unable to provision requested ML compute capacity"), "TaskFailed", 60),
    (of_call("ThrottlingException", "Rate exceeded"), "ThrottlingException", 60),
    (of_call("ResourceLimitExceeded", QUOTA), "ResourceLimitExceeded", 300),
    (
        {"Error": "SageMaker.ResourceLimitExceededException", "Cause": QUOTA},
        "ResourceLimitExceededException",
        300,
    ),
    (
        {"Error": "SageMaker.AmazonSageMakerException", "Cause": "Service Unavailable"},
        "AmazonSageMakerException",
        60,
    ),
    (
        {"Error": "SageMaker.SdkClientException", "Cause": "Unable to execute HTTP request"},
        "SdkClientException",
        60,
    ),
    ({"Error": "States.TaskFailed", "Cause": "Rate exceeded"}, "TaskFailed", 60),
]
FINAL = [
    (of_job("AlgorithmError: See job logs for more information, exit code: 1"), "AlgorithmError"),
    (
        of_job("ClientError: See job logs. Rate exceeded"),
        "ClientError",
    ),  # what the model says of its own calls
    (of_job("AlgorithmError: ThrottlingException, InternalServerError"), "AlgorithmError"),
    (of_job("", TransformJobStatus="Stopped"), "Stopped"),
    (of_call("ValidationException", 'Could not find model "fraud"'), "ValidationException"),
    (
        of_call("AccessDeniedException", "not authorized to perform: sagemaker:CreateTransformJob"),
        "AccessDeniedException",
    ),
    ({"Error": "States.Timeout", "Cause": ""}, "Timeout"),
    ({"Error": "States.Timeout"}, "Timeout"),
    ({"Error": "States.Permissions", "Cause": "Rate exceeded"}, "Permissions"),
    ({}, "Unknown"),
    (of_job("a reason like no other"), "TaskFailed"),
]


@pytest.mark.parametrize(("failure", "error", "wait"), RETRIED)
def test_what_may_pass_is_tried_again(failure: dict[str, str], error: str, wait: int) -> None:
    found = verdict(failure, 1, 3)
    assert (found.retry, found.error, found.wait) == (True, error, wait)


@pytest.mark.parametrize(("failure", "error"), FINAL)
def test_what_would_fail_again_is_not(failure: dict[str, str], error: str) -> None:
    found = verdict(failure, 1, 3)
    assert (found.retry, found.error, found.wait) == (False, error, 0)
    assert found.reason
    assert "tried" not in found.reason


@pytest.mark.parametrize("failure", [each[0] for each in RETRIED])
def test_no_more_often_than_it_may(failure: dict[str, str]) -> None:
    assert verdict(failure, 2, 3).retry
    last = verdict(failure, 3, 3)
    assert not last.retry
    assert last.reason.endswith("It was tried 3 times.")
    assert not verdict(failure, 1, 1).retry


def test_waits_double_up_to_half_an_hour() -> None:
    throttled, limited = of_call("ThrottlingException", "x"), of_call("ResourceLimitExceeded", "x")
    assert [verdict(throttled, n, 99).wait for n in (1, 2, 3, 4, 5, 6, 98)] == [
        60,
        120,
        240,
        480,
        960,
        1800,
        1800,
    ]
    assert [verdict(limited, n, 99).wait for n in (1, 2, 3, 4, 98)] == [300, 600, 1200, 1800, 1800]


def test_the_state_machine_gets_the_next_attempt() -> None:
    told = verdict(of_job("CapacityError: none"), 2, 3).told()
    assert told == {
        "retry": True,
        "wait": 120,
        "attempt": 3,
        "error": "CapacityError",
        "reason": "CapacityError: none (job nightly-0123-t1)",
    }


def test_a_reason_is_short_and_in_one_line() -> None:
    found = verdict(of_job("AlgorithmError: " + "long\n" * 9999), 1, 3)
    assert len(found.reason) == 900
    assert "\n" not in found.reason
    assert len(verdict(of_job("CapacityError: " + "long " * 9999), 3, 3).reason) <= 900


# --- causes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "cause", "known", "reason"),
    [
        ("CountMismatch", "1,000 in, 998 out", "CountMismatch", "1,000 in, 998 out"),
        (None, None, "Unknown", ""),
        ("BadRecord", '{"errorType":"BadRecord","errorMessage":"byte 5: é"}', "BadRecord", "byte 5: é"),
        ("States.TaskFailed", '{"errorType":"OSError","errorMessage":"full"}', "OSError", "full"),
        ("Lambda.Unknown", '{"errorMessage":"RequestId: 1 Error: Runtime exited"}', "Lambda.Unknown", None),
        ("X", '{"errorType":"KeyError"}', "X", "KeyError"),
        (
            "States.BranchFailed",
            '{"Error":"SinkMismatch","Cause":"{\\"errorMessage\\":\\"5 of 6\\"}"}',
            "SinkMismatch",
            "5 of 6",
        ),
        ("States.TaskFailed", '{"some":"thing"}', "States.TaskFailed", '{"some": "thing"}'),
        ("X", "{not json", "X", "{not json"),
        ("X", "[1]", "X", "[1]"),
        # A cause that was cut off.
        (
            "States.TaskFailed",
            '{"A":"b","FailureReason":"AlgorithmError: see \\"log\\" \\u00e9","Inp',
            "AlgorithmError",
            'AlgorithmError: see "log" é',
        ),
        ("X", '{"errorMessage":"half of \\', "X", "half of "),
        ("X", '{"errorMessage":"no \\x escape', "X", "no \\x escape"),
    ],
)
def test_a_cause_is_what_a_person_wants_of_it(
    error: str | None, cause: str | None, known: str, reason: str | None
) -> None:
    found = explained(error, cause)
    if reason is None:
        assert "Runtime exited" in found.reason
    else:
        assert (found.error, found.reason) == (known, " ".join(reason.split()))


def test_what_a_processing_job_says_as_it_ends_is_told_too() -> None:
    told = {
        "ProcessingJobName": "j",
        "ProcessingJobStatus": "Failed",
        "FailureReason": "AlgorithmError: 1",
        "ExitMessage": "no column x",
    }
    found = explained("States.TaskFailed", json.dumps(told))
    assert (found.error, found.reason) == ("AlgorithmError", "AlgorithmError: 1 no column x (job j)")


def test_a_cause_may_be_deep() -> None:
    cause = "the end"
    for _ in range(50):
        cause = json.dumps({"Error": "States.TaskFailed", "Cause": cause})
        if len(cause) > 100_000:
            break
    assert explained("States.TaskFailed", cause).reason
    assert explained("X", "{" * 100_000).error == "X"
