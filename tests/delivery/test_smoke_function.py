"""The smoke test's function, called as CloudFormation calls it: what it asks, repeats, fails and lets pass."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.support.receiver import Receiver
from tests.support.smoke import SmokeTested, body, model_error, refusal

RIGHT, WRONG = body(b'{"label": "benign"}'), body(b'{"label": "malignant"}')


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def tested(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> SmokeTested:
    return SmokeTested(receiver).installed(monkeypatch)


# --- what is asked, and what CloudFormation is told -------------------------------------------------------


def test_a_right_answer_passes_at_once_and_the_request_is_the_one_of_the_template(
    tested: SmokeTested,
) -> None:
    headers = {
        "ContentType": "text/csv",
        "Accept": "application/json",
        "CustomAttributes": "a=1",
        "TargetModel": "a/b.tar.gz",
        "TargetVariant": "A",
        "TargetContainerHostname": "first",
        "InferenceComponentName": "wine",
    }
    told = tested.call("Create", Request={"Body": "1,2", "Headers": headers})
    assert (told["Status"], told["Reason"]) == ("SUCCESS", "done")
    assert told["PhysicalResourceId"] == "smoke-test-of-fraud"
    assert tested.asked == [{"EndpointName": "fraud", "Body": b"1,2", **headers}]
    assert tested.clock.slept == []


def test_the_physical_id_stays_so_that_an_update_replaces_nothing(tested: SmokeTested) -> None:
    assert tested.call("Create")["PhysicalResourceId"] == tested.call("Update")["PhysicalResourceId"]


def test_a_body_that_is_no_text_comes_as_base64(tested: SmokeTested) -> None:
    raw = bytes(range(256))
    tested.call(Request={"BodyBase64": base64.b64encode(raw).decode(), "Headers": {"ContentType": "x/y"}})
    assert tested.asked[0]["Body"] == raw


def test_a_wrong_answer_fails_at_once_and_says_what_it_was(tested: SmokeTested) -> None:
    tested.says = [WRONG]
    told = tested.call()
    assert told["Status"] == "FAILED"
    assert told["Reason"] == (
        'Endpoint fraud failed its smoke test: $.label is "malignant" where "benign" was expected'
    )
    assert len(tested.asked) == 1


def test_when_the_test_goes_nothing_is_asked(tested: SmokeTested) -> None:
    tested.says = [WRONG]
    assert tested.call("Delete")["Status"] == "SUCCESS"
    assert tested.asked == []


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_a_rollback_is_never_failed(tested: SmokeTested, status: str) -> None:
    tested.says, tested.stack_status = [WRONG], status
    assert tested.call()["Status"] == "SUCCESS"
    assert tested.asked == []


def test_when_nobody_tells_the_state_of_the_stack_the_endpoint_is_tested(tested: SmokeTested) -> None:
    tested.says, tested.stack_status = [WRONG], None
    assert tested.call()["Status"] == "FAILED"


def test_a_mistake_of_ours_is_an_answer_too(tested: SmokeTested) -> None:
    told = tested.call(Expected="{")
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("JSONDecodeError")


# --- what passes by itself ----------------------------------------------------------------------------------


PASSING = [
    refusal("ThrottlingException"),
    refusal("ServiceUnavailable"),
    refusal("InternalFailure"),
    refusal("InternalDependencyException"),
    refusal("ModelNotReadyException"),
    refusal("ValidationError", "Inference Component has no capacity to process this request"),
]


@pytest.mark.parametrize("busy", PASSING)
def test_what_is_busy_or_asleep_is_asked_until_it_answers(tested: SmokeTested, busy: object) -> None:
    tested.says = [*[busy] * 20, RIGHT]
    assert tested.call()["Status"] == "SUCCESS"
    assert len(tested.asked) == 21


def test_a_request_that_gets_no_answer_in_time_is_repeated(tested: SmokeTested) -> None:
    def lost() -> dict[str, object]:
        raise ReadTimeoutError(endpoint_url="https://runtime.sagemaker")

    tested.says = [lost, RIGHT]
    assert tested.call()["Status"] == "SUCCESS"


def test_patience_ends(tested: SmokeTested) -> None:
    tested.says = [refusal("ThrottlingException", "Rate exceeded")]
    began = tested.clock.now
    told = tested.call(PatienceSeconds="60")
    assert told["Status"] == "FAILED"
    assert "no answer of the model: ThrottlingException: Rate exceeded" in told["Reason"]
    assert "requests in 60 s)" in told["Reason"]
    assert 60 <= tested.clock.now - began < 61


def test_cloudformation_is_told_before_lambda_ends_the_function(tested: SmokeTested) -> None:
    tested.says = [refusal("ThrottlingException")]
    began = tested.clock.now
    assert tested.call(seconds=50)["Status"] == "FAILED"
    assert tested.clock.now - began < 40


def test_rights_that_were_just_given_have_a_minute_to_be_known(tested: SmokeTested) -> None:
    denied = refusal("AccessDeniedException", "not authorized to perform: sagemaker:InvokeEndpoint")
    tested.says = [denied, denied, RIGHT]
    assert tested.call()["Status"] == "SUCCESS"
    tested.says, tested.asked = [denied], []
    began = tested.clock.now
    told = tested.call()
    assert "not authorized" in told["Reason"]
    assert 60 <= tested.clock.now - began < 70


@pytest.mark.parametrize("code", ["ValidationError", "ValidationException", "SomethingNew"])
def test_a_wrong_request_is_not_repeated(tested: SmokeTested, code: str) -> None:
    tested.says = [refusal(code, "Endpoint fraud not found.")]
    assert f"{code}: Endpoint fraud not found." in tested.call()["Reason"]
    assert len(tested.asked) == 1


# --- what gets a few tries ----------------------------------------------------------------------------------


def test_an_error_of_the_model_gets_four_tries_and_a_refusal_none(tested: SmokeTested) -> None:
    tested.says = [model_error(500), model_error(503), model_error(500), RIGHT]
    assert tested.call()["Status"] == "SUCCESS"
    for status, tries in ((500, 4), (400, 1)):
        tested.says, tested.asked = [model_error(status)], []
        told = tested.call()
        assert f"status {status} where 200 was expected: 'no such column'" in told["Reason"]
        assert len(tested.asked) == tries


def test_that_the_model_refuses_nonsense_can_be_expected(tested: SmokeTested) -> None:
    tested.says = [model_error(400)]
    assert tested.call(Expected=json.dumps({"Status": 400, "Contains": "column"}))["Status"] == "SUCCESS"
    tested.says, tested.asked = [RIGHT], []
    assert "status 200 where 400" in tested.call(Expected=json.dumps({"Status": 400}))["Reason"]


def test_a_first_answer_may_be_late_but_not_all_of_four(tested: SmokeTested) -> None:
    def cold() -> dict[str, object]:
        tested.clock.now += 20
        return RIGHT()

    expected = json.dumps({"Status": 200, "MaxLatencySeconds": 0.5})
    tested.says = [cold, RIGHT]
    assert tested.call(Expected=expected)["Status"] == "SUCCESS"
    tested.says, tested.asked = [cold], []
    told = tested.call(Expected=expected)
    assert "the answer took 20.100 s where at most 0.5 s was expected (4 requests" in told["Reason"]


# --- asynchronous endpoints ---------------------------------------------------------------------------------

ASYNC = {"Async": {"Bucket": "requests", "Prefix": "async-input"}}


def test_an_asynchronous_endpoint_finds_its_request_in_s3(tested: SmokeTested) -> None:
    tested.says = [lambda: {"s3://answers/out/1": b'{"label": "benign"}'}]
    assert tested.call(**ASYNC)["Status"] == "SUCCESS"
    (asked,) = tested.asked
    assert asked["ContentType"] == "text/csv"
    assert asked["InputLocation"].startswith("s3://requests/async-input/smoke-test/")
    assert tested.objects[asked["InputLocation"]] == b"1,2"


def test_its_answer_is_waited_for(tested: SmokeTested) -> None:
    tested.says = [dict]

    def wake() -> None:
        if len(tested.clock.slept) == 50:
            tested.objects["s3://answers/out/1"] = b'{"label": "malignant"}'

    tested.clock.meanwhile = wake
    assert '$.label is "malignant"' in tested.call(**ASYNC)["Reason"]
    assert len(tested.asked) == 1


def test_its_failure_is_one(tested: SmokeTested) -> None:
    tested.says = [lambda: {"s3://answers/failed/1": b"no such column"}]
    assert "status 500 where 200 was expected: 'no such column'" in tested.call(**ASYNC)["Reason"]


def test_an_answer_that_never_comes_fails_when_patience_ends(tested: SmokeTested) -> None:
    tested.says = [dict]
    began = tested.clock.now
    assert "no answer has come to lie in S3" in tested.call(**ASYNC)["Reason"]
    assert 300 <= tested.clock.now - began < 310
