"""Objects that arrive: S3 tells EventBridge, a rule sends to a queue, and the queue calls a function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import Hosting
from .neighbours import Queue, function, redriven
from .test_batch_neighbours_grants import LAMBDA_TRUST
from .test_batch_neighbours_redrive import count
from .test_iam import allow, create_role

# Fails the messages that say so, and notes the others in its folder.
CONSUMER = """
import json, os, pathlib
def handle(event, context):
    failed = []
    for record in event["Records"]:
        if "bad" in record["body"]:
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        (pathlib.Path(os.environ["FOLDER"]) / record["messageId"]).write_text(record["body"])
    return {"batchItemFailures": failed}
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server that enforces IAM."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        create_role(aws, "Function", LAMBDA_TRUST, allow("sqs:*", "*"))
        yield aws


class Arrivals:
    """A bucket whose objects below `in/` that end in `_SUCCESS` are told to a queue."""

    def __init__(self, aws: LocalAws, queue: Queue) -> None:
        self.s3, self.events = aws.client("s3"), aws.client("events")
        self.bucket, self.rule, self.queue = Hosting.name("inputs"), Hosting.name("rule"), queue
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        # What the custom resource behind CDK's `enable_event_bridge_notification()` does.
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [self.bucket]},
                "object": {"key": [{"wildcard": "in/*_SUCCESS"}]},
            },
        }
        made = self.events.put_rule(Name=self.rule, EventPattern=json.dumps(pattern))
        self.rule_arn = made["RuleArn"]
        self.events.put_targets(Rule=self.rule, Targets=[{"Id": "queue", "Arn": queue.arn}])

    def put(self, key: str, body: bytes = b"") -> str:
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"])

    def let_send(self, source: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.queue.sqs.set_queue_attributes(QueueUrl=self.queue.url, Attributes={"Policy": policy})


def test_an_object_that_arrives_is_told_and_others_are_not(aws: LocalAws) -> None:
    arrivals = Arrivals(aws, Queue(aws))
    for other in ("in/2026/part-0.csv", "out/_SUCCESS", "in/_SUCCESS.tmp"):
        arrivals.put(other, b"x")
    etag = arrivals.put("in/2026/11/_SUCCESS")
    event = json.loads(arrivals.queue.one())
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{arrivals.bucket}"]
    detail = event["detail"]
    assert detail["bucket"] == {"name": arrivals.bucket}
    found = detail["object"]
    assert (found["key"], found["size"], found["etag"]) == ("in/2026/11/_SUCCESS", 0, etag.strip('"'))
    assert found["sequencer"]
    assert "version-id" not in found
    assert detail["reason"] == "PutObject"
    assert arrivals.queue.stays_empty(0.5)


def test_an_object_of_a_versioned_bucket_has_its_version(aws: LocalAws) -> None:
    arrivals = Arrivals(aws, Queue(aws))
    arrivals.s3.put_bucket_versioning(Bucket=arrivals.bucket, VersioningConfiguration={"Status": "Enabled"})
    put = arrivals.s3.put_object(Bucket=arrivals.bucket, Key="in/a b_SUCCESS", Body=b"12")
    found = json.loads(arrivals.queue.one())["detail"]["object"]
    assert found["version-id"] == put["VersionId"]
    assert (found["key"], found["size"]) == ("in/a b_SUCCESS", 2)


def test_a_rule_needs_the_policy_of_its_queue(strict: LocalAws) -> None:
    arrivals = Arrivals(strict, Queue(strict))
    arrivals.put("in/1_SUCCESS")
    assert arrivals.queue.stays_empty()
    arrivals.let_send(arrivals.rule_arn.replace(arrivals.rule, "another"))
    arrivals.put("in/2_SUCCESS")
    assert arrivals.queue.stays_empty()
    arrivals.let_send(arrivals.rule_arn)
    arrivals.put("in/3_SUCCESS")
    assert json.loads(arrivals.queue.one())["detail"]["object"]["key"] == "in/3_SUCCESS"


def test_a_rule_needs_the_policy_of_its_function(strict: LocalAws, tmp_path: Path) -> None:
    events, functions, rule = strict.client("events"), strict.client("lambda"), Hosting.name("rule")
    code = "import os, pathlib\ndef handle(event, context): pathlib.Path(os.environ['FILE']).write_text('x')"
    target, file = function(strict, code, FILE=str(tmp_path / "called")), tmp_path / "called"
    arn = events.put_rule(Name=rule, EventPattern='{"source": ["mine"]}')["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "function", "Arn": target}])

    def happen() -> None:
        events.put_events(Entries=[{"Source": "mine", "DetailType": "x", "Detail": "{}"}])

    happen()
    denial = f"{target} has no policy that lets events.amazonaws.com deliver for {arn}"
    until(lambda: denial in strict.log.read_text(), what="the refusal in the log")
    functions.add_permission(
        FunctionName=target,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    assert not file.exists()
    happen()
    until(file.exists, what="the call")


def consumed(aws: LocalAws, queue: Queue, folder: Path) -> dict[str, Any]:
    """Let a function consume a queue, as a batch transform does."""
    return dict(
        aws.client("lambda").create_event_source_mapping(
            EventSourceArn=queue.arn,
            FunctionName=function(aws, CONSUMER, FOLDER=str(folder)),
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    )


def test_only_the_messages_that_failed_come_again_and_end_as_dead_letters(
    aws: LocalAws, tmp_path: Path
) -> None:
    queue, dead = redriven(aws, most=2, VisibilityTimeout="1")
    bad = queue.send("bad")
    good = queue.send("good")
    mapping = consumed(aws, queue, tmp_path)
    until(lambda: count(dead) == 1, what="the dead letter")
    assert [each.name for each in tmp_path.iterdir()] == [good]
    (letter,) = dead.take()
    assert (letter["MessageId"], letter["Body"]) == (bad, "bad")
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    assert int(letter["Attributes"]["ApproximateReceiveCount"]) >= 2
    assert count(queue) == 0
    aws.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_an_arrival_reaches_the_function(strict: LocalAws, tmp_path: Path) -> None:
    arrivals = Arrivals(strict, Queue(strict))
    arrivals.let_send(arrivals.rule_arn)
    consumed(strict, arrivals.queue, tmp_path)
    arrivals.put("in/_SUCCESS")
    (file,) = until(lambda: list(tmp_path.iterdir()), what="the call")
    event = json.loads(until(file.read_text, what="the message"))
    assert event["detail"]["object"]["key"] == "in/_SUCCESS"
    assert event["account"] == ACCOUNT
