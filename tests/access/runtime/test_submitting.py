"""Requests to an asynchronous endpoint: submitted once, found again by their id."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support.fake_aws import Refused
from tests.support.served import PLACES, Came, FakeEndpoint, Fronted, settings

ID = "X-Amzn-SageMaker-Inference-Id"
INPUT = "X-Amzn-SageMaker-InputLocation"
RESULT = "GET /results/{inferenceId}"


def queued(**given: Any) -> Fronted:
    return Fronted(FakeEndpoint(), settings(places=PLACES, **given))


def result(front: Fronted, id: str = "one") -> Came:
    return front.get(RESULT, inferenceId=id)


def test_a_request_is_put_where_the_endpoint_reads_and_its_answer_found() -> None:
    front = queued()

    accepted = front.post(b"1,2", headers={ID: "one"})

    assert (accepted.status, accepted.headers["Location"]) == (202, "/results/one")
    assert json.loads(accepted.body) == {"inference_id": "one", "result": "/results/one"}
    (asked,) = front.endpoint.asked
    assert asked["InputLocation"] == "s3://data/in/one/request"
    assert (asked["ContentType"], front.endpoint.objects["in/one/request"]) == ("text/csv", b"1,2")
    waiting = result(front)
    assert (waiting.status, waiting.headers["Retry-After"]) == (202, "2")

    front.endpoint.objects["out/1.out"] = b"benign"
    found = result(front)
    assert (found.status, found.body, found.headers[ID]) == (200, b"benign", "one")
    assert found.headers["Content-Type"] == "text/csv"


def test_a_request_that_is_sent_twice_is_worked_on_once() -> None:
    front = queued()
    first, second = (front.post(b"1,2", headers={ID: "one"}) for _ in range(2))

    assert first.body == second.body
    assert len(front.endpoint.asked) == 1


def test_a_request_that_was_not_taken_may_be_sent_again() -> None:
    front = queued()
    front.endpoint.error = Refused("ThrottlingException", "Rate exceeded")
    assert front.post(headers={ID: "one"}).status == 429
    front.endpoint.error = None

    assert front.post(headers={ID: "one"}).status == 202
    assert result(front).status == 202


def test_why_a_request_failed_is_told() -> None:
    front = queued()
    front.post(headers={ID: "one"})
    front.endpoint.objects["failed/1-error.out"] = b"no number"

    came = result(front)

    assert (came.status, came.error["code"], came.error["message"]) == (424, "ModelError", "no number")


def test_an_answer_too_large_to_hand_over_is_linked_to() -> None:
    front = queued(most_bytes=1000)
    front.post(headers={ID: "one"})
    front.endpoint.objects["out/1.out"] = os.urandom(1001)

    came = result(front)

    assert (came.status, came.body) == (303, b"")
    assert "/out/1.out?" in came.headers["Location"]
    assert "Signature" in came.headers["Location"]


def test_what_lies_under_the_prefix_already_is_not_sent_again() -> None:
    front = queued(well_formed=True)

    came = front.post(b"", headers={INPUT: "s3://data/in/large.csv", ID: "one"})

    assert came.status == 202
    assert front.endpoint.asked[0]["InputLocation"] == "s3://data/in/large.csv"


@pytest.mark.parametrize("elsewhere", ["s3://data/out/1.out", "s3://data/in", "s3://data/input/x"])
def test_nothing_else_can_be_read_through_the_endpoint(elsewhere: str) -> None:
    front = queued()

    assert front.post(b"", headers={INPUT: elsewhere}).error["code"] == "TargetNotAllowed"
    assert front.endpoint.asked == []


@pytest.mark.parametrize(("id", "status"), [("nobody", 404), ("..", 400), ("a/b", 400), ("", 400)])
def test_who_asked_nothing_gets_nothing(id: str, status: int) -> None:
    assert result(queued(), id).status == status
