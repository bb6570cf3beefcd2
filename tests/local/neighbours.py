"""Functions and queues for the tests of what a batch transform stands among."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .hosting import Hosting

FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Function"
INVOKE = "arn:aws:states:::lambda:invoke"
# Errors by name, numbers doubled, and attempts counted in a file that its tests name.
WORKER = """
import json, pathlib, time

class BadRecord(Exception): pass
class Busy(Exception): pass

def handle(event, context):
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "count" in event:
        attempts = pathlib.Path(event["count"])
        seen = int(attempts.read_text()) + 1 if attempts.exists() else 1
        attempts.write_text(str(seen))
        if seen < event["until"]:
            raise Busy(f"attempt {seen}")
        return {"attempts": seen}
    if "raise" in event:
        raise BadRecord(event["raise"])
    if "size" in event:
        return {"text": "x" * event["size"]}
    return {"doubled": 2 * event.get("n", 0), "given": event}
"""


def function(aws: LocalAws, code: str = WORKER, *, role: str = FUNCTION_ROLE, **environment: str) -> str:
    """A Lambda function of this code, whose handler is `handle`; its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", code)
    made = aws.client("lambda").create_function(
        FunctionName=Hosting.name("function"),
        Runtime="python3.11",
        Role=role,
        Handler="index.handle",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": environment},
    )
    return str(made["FunctionArn"])


class Queue:
    """An SQS queue."""

    def __init__(self, aws: LocalAws, **attributes: str) -> None:
        self.sqs = aws.client("sqs")
        self.name = Hosting.name("queue")
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"

    def send(self, body: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return str(self.sqs.send_message(QueueUrl=self.url, MessageBody=text)["MessageId"])

    def take(self, *, most: int = 10) -> list[dict[str, Any]]:
        """The messages there are, now deleted."""
        asked = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"]
        )
        found = asked.get("Messages", [])
        for each in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return list(found)

    def one(self, *, seconds: float = 20) -> str:
        """The body of the next message, once it has come; what comes after it stays in the queue."""
        (found,) = until(lambda: self.take(most=1), seconds=seconds, what=f"a message in {self.name}")
        return str(found["Body"])

    def stays_empty(self, seconds: float = 1.5) -> bool:
        time.sleep(seconds)
        return not self.take()


def redriven(aws: LocalAws, *, most: int, **attributes: str) -> tuple[Queue, Queue]:
    """A queue and its dead-letter queue."""
    dead = Queue(aws)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": most})
    return Queue(aws, RedrivePolicy=policy, **attributes), dead
