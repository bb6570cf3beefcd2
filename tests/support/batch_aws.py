"""What batch runs start and fail with, in memory: buckets, Step Functions, SQS, SNS and CloudWatch.

Behind real boto3 clients, as all fakes on :mod:`.fake_aws`. Each call can be made to go wrong, before or after it
took effect; and others may do something before a call does.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from .fake_aws import EPOCH, Killed, Params, Refused, client_answered_by
from .faults import Fault

REGION, ACCOUNT = "eu-west-1", "111122223333"
MACHINE_NAME = "nightly-batch"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{MACHINE_NAME}"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/nightly-dead"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:failures"


@dataclass
class BatchAws:
    """What there is, and what was called."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By bucket and key."""
    unreadable: frozenset[str] = frozenset()
    """Keys that the caller may not read, or know of."""
    executions: dict[str, Params] = field(default_factory=dict)
    """By name; `status` may be changed, and one may be removed as if it were forgotten."""
    letters: list[Params] = field(default_factory=list)
    notices: list[Params] = field(default_factory=list)
    metrics: list[Params] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    page: int = 2
    """Objects that S3 lists at once."""
    spoiled: dict[int, Fault] = field(default_factory=dict)
    """What goes wrong, by the number of the call, from 0."""
    refused: dict[str, Refused] = field(default_factory=dict)
    """Operations that are refused, always."""
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    """What another does just before the next call of an operation takes effect, once."""
    _lock: Any = field(default_factory=threading.Lock)

    def client(self, service: str, **_: object) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let boto3 talk to this."""
        monkeypatch.setattr("boto3.client", self.client)

    def put(self, uri: str, body: bytes | str = b"1,2\n") -> None:
        """An object, by its address."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.objects[bucket, key] = body.encode() if isinstance(body, str) else body

    def counted(self) -> dict[str, float]:
        """The sums of the metrics."""
        sums: dict[str, float] = {}
        for each in self.metrics:
            sums[each["MetricName"]] = sums.get(each["MetricName"], 0) + each["Value"]
        return sums

    def _answer(self, operation: str, params: Params) -> Params:
        with self._lock:
            number = len(self.calls)
            self.calls.append(operation)
            fault = self.spoiled.get(number)
            other = self.meanwhile.pop(operation, None)
        if other is not None:
            other()
            client_answered_by(self._answer, "s3")
        if fault == "no connection":
            raise EndpointConnectionError(endpoint_url="spoiled")
        if fault == "killed before":
            raise Killed
        if fault == "throttled":
            raise Refused("ThrottlingException", "Rate exceeded")
        try:
            return self._effect(operation, params)
        finally:
            if fault == "answer lost":
                raise ReadTimeoutError(endpoint_url="spoiled")
            if fault == "killed after":
                raise Killed

    def _effect(self, operation: str, params: Params) -> Params:
        if operation in self.refused:
            raise self.refused[operation]
        answered: Params = getattr(self, f"_{operation}")(**params)
        return answered

    # --- S3 -------------------------------------------------------------------------------------------

    def _ListObjectsV2(self, Bucket: str, Prefix: str = "", **more: Any) -> Params:  # noqa: N802, N803
        keys = sorted(
            (key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix)),
            key=lambda key: key.encode(),
        )
        start = int(more.get("ContinuationToken", "0"))
        contents = [
            {
                "Key": key,
                "Size": len(self.objects[Bucket, key]),
                "ETag": _etag(self.objects[Bucket, key]),
                "LastModified": EPOCH,
            }
            for key in keys[start : start + self.page]
        ]
        is_more = start + self.page < len(keys)
        return {
            "IsTruncated": is_more,
            "Contents": contents,
            **({"NextContinuationToken": str(start + self.page)} if is_more else {}),
        }

    def _found(self, bucket: str, key: str, absent: str) -> bytes:
        if key in self.unreadable:
            raise Refused("AccessDenied" if absent == "NoSuchKey" else "403", "Forbidden")
        if (bucket, key) not in self.objects:
            raise Refused(absent, "Not Found")
        return self.objects[bucket, key]

    def _HeadObject(self, Bucket: str, Key: str) -> Params:  # noqa: N802, N803
        body = self._found(Bucket, Key, "404")
        return {"ContentLength": len(body), "ETag": _etag(body)}

    def _GetObject(self, Bucket: str, Key: str, **_: Any) -> Params:  # noqa: N802, N803
        body = self._found(Bucket, Key, "NoSuchKey")
        stream = StreamingBody(io.BytesIO(body), len(body))
        return {"Body": stream, "ETag": _etag(body), "ContentLength": len(body)}

    def _PutObject(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> Params:  # noqa: N802, N803
        if IfNoneMatch == "*" and (Bucket, Key) in self.objects:
            raise Refused(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
            )
        self.objects[Bucket, Key] = Body
        return {"ETag": _etag(Body)}

    # --- Step Functions -------------------------------------------------------------------------------

    def _StartExecution(self, stateMachineArn: str, name: str, input: str) -> Params:  # noqa: N802, N803
        assert stateMachineArn == MACHINE
        assert len(name) <= 80
        there = self.executions.get(name)
        if there is not None and (there["status"] != "RUNNING" or there["input"] != input):
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{name}'")
        self.executions.setdefault(name, {"status": "RUNNING", "input": input})
        return {"executionArn": _arn(name), "startDate": EPOCH}

    def _DescribeExecution(self, executionArn: str) -> Params:  # noqa: N802, N803
        there = self.executions.get(executionArn.rpartition(":")[2])
        if there is None or not executionArn.startswith(_arn("")):
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{executionArn}'")
        return {"executionArn": executionArn, "stateMachineArn": MACHINE, "startDate": EPOCH, **there}

    # --- who is told ----------------------------------------------------------------------------------

    def _SendMessage(self, QueueUrl: str, **message: Any) -> Params:  # noqa: N802, N803
        assert QueueUrl == QUEUE_URL
        values = [each["StringValue"] for each in message["MessageAttributes"].values()]
        assert all(values)
        assert len(message["MessageBody"].encode()) + sum(map(len, values)) < 262_144
        self.letters.append(message)
        return {"MessageId": f"letter-{len(self.letters)}", "MD5OfMessageBody": "x"}

    def _Publish(self, TopicArn: str, Subject: str, Message: str) -> Params:  # noqa: N802, N803
        assert TopicArn == TOPIC
        if not Subject.isascii() or not Subject.isprintable() or not 1 <= len(Subject) <= 100:
            raise Refused("InvalidParameter", "Invalid parameter: Subject")
        assert len(Message.encode()) <= 262_144
        self.notices.append({"Subject": Subject, "Message": Message})
        return {"MessageId": "notice"}

    def _PutMetricData(self, Namespace: str, MetricData: list[Params]) -> Params:  # noqa: N802, N803
        assert Namespace == "ConstructsLib/Batch"
        assert 0 < len(MetricData) <= 1000
        self.metrics += MetricData
        return {}


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{MACHINE_NAME}:{name}"


def context(seconds: float = 300.0, request_id: str = "call-1") -> Any:
    """What Lambda tells a function of its call."""
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: int(seconds * 1000), aws_request_id=request_id
    )


def message(body: str, id: str = "m-1", sent_at: float = 1_795_917_600.0) -> Params:
    """A message of a queue as Lambda gets it."""
    return {
        "messageId": id,
        "body": body,
        "attributes": {"SentTimestamp": str(int(sent_at * 1000))},
        "eventSource": "aws:sqs",
    }


def ended(name: str, status: str = "FAILED", stop: int = 1_795_920_000_000, **more: Any) -> Params:
    """EventBridge's event of an execution that ended."""
    detail = {
        "executionArn": _arn(name),
        "stateMachineArn": MACHINE,
        "name": name,
        "status": status,
        "startDate": 1_795_917_600_000,
        "stopDate": stop,
        **more,
    }
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
