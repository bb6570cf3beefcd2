"""Redriving a dead-letter queue."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import error_of
from .neighbours import Queue, redriven
from .test_iam import allow, as_role


def died(queue: Queue, dead: Queue, body: str) -> None:
    """Send a message and let it be received once too often."""
    queue.send(body)

    def received() -> bool:
        asked = queue.sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=0)
        return not asked.get("Messages") and count(dead) > 0

    until(received, what="the dead letter")


def count(queue: Queue) -> int:
    name = "ApproximateNumberOfMessages"
    found = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=[name])
    return int(found["Attributes"][name])


def task_of(dead: Queue, sqs: Any = None) -> dict[str, Any]:
    """The newest task, once it has ended."""
    client = sqs or dead.sqs

    def ended() -> dict[str, Any] | None:
        (found,) = client.list_message_move_tasks(SourceArn=dead.arn)["Results"]
        return None if found["Status"] == "RUNNING" else dict(found)

    return dict(until(ended, what="the task") or {})


def test_a_dead_letter_goes_back_to_where_it_came_from_as_a_new_message(aws: LocalAws) -> None:
    queue, dead = redriven(aws, most=1)
    died(queue, dead, "one")
    handle = aws.client("sqs").start_message_move_task(SourceArn=dead.arn)["TaskHandle"]
    assert handle
    task = task_of(dead)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert "DestinationArn" not in task
    (message,) = queue.take()
    assert message["Body"] == "one"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert count(dead) == 0


def test_what_was_sent_to_a_dead_letter_queue_needs_a_destination(aws: LocalAws) -> None:
    queue, dead = redriven(aws, most=1)
    dead.sqs.send_message(
        QueueUrl=dead.url,
        MessageBody="by the fail function",
        MessageAttributes={"run": {"DataType": "String", "StringValue": "r1"}},
    )
    aws.client("sqs").start_message_move_task(SourceArn=dead.arn)
    task = task_of(dead)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert count(dead) == 1
    aws.client("sqs").start_message_move_task(SourceArn=dead.arn, DestinationArn=queue.arn)
    assert task_of(dead)["Status"] == "COMPLETED"
    asked = queue.sqs.receive_message(QueueUrl=queue.url, MessageAttributeNames=["All"])
    (message,) = asked["Messages"]
    assert message["MessageAttributes"]["run"]["StringValue"] == "r1"


def test_only_a_dead_letter_queue_is_redriven_and_only_to_a_queue(aws: LocalAws) -> None:
    queue, dead = redriven(aws, most=1)
    sqs = aws.client("sqs")

    def refusal(source: str, **more: Any) -> str:
        return error_of(lambda: sqs.start_message_move_task(SourceArn=source, **more))[0]

    assert refusal(queue.arn) == "InvalidParameterValue"
    assert refusal(f"{dead.arn}-no") == "ResourceNotFoundException"
    assert refusal(dead.arn, DestinationArn=f"{dead.arn}-no") == "ResourceNotFoundException"
    assert refusal(dead.arn, MaxNumberOfMessagesPerSecond=501) == "InvalidParameterValue"
    assert sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"] == []


def test_the_query_protocol_knows_it_too(aws: LocalAws) -> None:
    queue, dead = redriven(aws, most=1)
    dead.send("one")

    def asked(**members: str) -> str:
        credential = f"{ACCOUNT}/20261129/{REGION}/sqs/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"
        data = urllib.parse.urlencode({"Version": "2012-11-05", **members}).encode()
        request = urllib.request.Request(aws.url, data, {"Authorization": signed})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())

    move = {"SourceArn": dead.arn, "DestinationArn": queue.arn}
    assert "<StartMessageMoveTaskResult><TaskHandle>" in asked(Action="StartMessageMoveTask", **move)
    listed = asked(Action="ListMessageMoveTasks", SourceArn=dead.arn)
    assert "<ListMessageMoveTasksResultEntry><Status>COMPLETED</Status>" in listed
    assert queue.one() == "one"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server that enforces IAM."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        yield aws


OF_DEAD = (
    "StartMessageMoveTask",
    "ListMessageMoveTasks",
    "ReceiveMessage",
    "DeleteMessage",
    "GetQueueAttributes",
)


@pytest.mark.parametrize("missing", [None, "SendMessage", *OF_DEAD])
def test_who_redrives_needs_the_rights_that_aws_lists(strict: LocalAws, missing: str | None) -> None:
    queue, dead = redriven(strict, most=1)
    dead.send("one")
    granted = [allow(f"sqs:{name}", dead.arn) for name in OF_DEAD if name != missing]
    if missing != "SendMessage":
        granted.append(allow("sqs:SendMessage", queue.arn))
    sqs = strict.client("sqs", as_role(strict, f"Redriver-{missing}", *granted))

    def redrive() -> None:
        sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=queue.arn)
        task_of(dead, sqs)

    if missing is None:
        redrive()
        assert queue.one() == "one"
    else:
        code, message = error_of(redrive)
        assert code.startswith("AccessDenied")
        assert f"sqs:{missing}".lower() in message.lower()


def test_a_policy_names_the_dead_letter_queue_of_the_task(strict: LocalAws) -> None:
    _queue, dead = redriven(strict, most=1)
    _other_queue, other = redriven(strict, most=1)
    sqs = strict.client("sqs", as_role(strict, "Reader", allow("sqs:*", dead.arn)))
    assert sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"] == []
    assert error_of(lambda: sqs.list_message_move_tasks(SourceArn=other.arn))[0].startswith("AccessDenied")
