"""The private names of ministack's rules engine of IoT; emulator.py's companion."""

from __future__ import annotations

import base64
import contextvars
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import firehose, iot, s3, sqs

from .emulator import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The message that a rule works on."""

    topic: str
    payload: bytes
    client_id: str | None

    def value(self, expression: str) -> Any:
        """What an expression of the rules' SQL is for it; None where that is undefined."""
        found = iot._eval_select_expr(
            expression, self.topic, self.payload, iot._rule_message(self.payload), self.client_id
        )
        return None if found is iot._MISSING else found


class AmazonServiceException(Exception):  # noqa: N818  # the error action's document tells the class by its name
    """What the target of an action answers when it refuses."""


_message: contextvars.ContextVar[Message] = contextvars.ContextVar("iot_rule_message")
Dispatch = Callable[[str, str, Mapping[str, Any], Any, Message], bool]


def take_actions(dispatch: Dispatch, resources: Mapping[str, tuple[str, ...]]) -> None:
    """Ask `dispatch` (rule, kind of action, the action, the selected event, the message) about each action first.

    Where it answers False the action goes ministack's way. `resources` says which member of a kind of action names
    what it failed on.
    """
    iot._RULE_ACTION_RESOURCE_KEYS.update(resources)
    run, plain = iot._run_rule_actions, iot._dispatch_rule_action

    async def run_with_message(
        account_id: str, region: str, rule: dict[str, Any], payload: bytes, topic: str = "",
        client_id: str | None = None,
    ) -> None:  # fmt: skip
        token = _message.set(Message(topic=topic, payload=payload or b"", client_id=client_id))
        try:
            await run(account_id, region, rule, payload, topic, client_id)
        finally:
            _message.reset(token)

    async def act(account_id: str, region: str, rule: str, action: dict[str, Any], event: Any) -> None:
        kind = next(iter(action), "")
        with Scope(account_id, region).active():
            done = dispatch(rule, kind, action.get(kind) or {}, event, _message.get())
        if not done:
            await plain(account_id, region, rule, action, event)

    iot._run_rule_actions = run_with_message
    iot._dispatch_rule_action = act


def put_to_stream(name: str, records: list[bytes]) -> None:
    """PutRecord or PutRecordBatch. AmazonServiceException when Firehose refuses."""
    encoded = [{"Data": base64.b64encode(record).decode()} for record in records]
    if len(encoded) == 1:
        answer = firehose._put_record({"DeliveryStreamName": name, "Record": encoded[0]})
    else:
        answer = firehose._put_record_batch({"DeliveryStreamName": name, "Records": encoded})
    if answer[0] >= 300:
        told = json.loads(answer[2])
        raise AmazonServiceException(
            f"{told.get('message') or told.get('Message')} (Service: AmazonKinesisFirehose; "
            f"Status Code: {answer[0]}; Error Code: {told.get('__type')})"
        )


def put_to_bucket(bucket: str, key: str, body: bytes) -> None:
    """PutObject. AmazonServiceException when S3 refuses."""
    if s3._buckets.get(bucket) is None:
        raise AmazonServiceException(
            "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)"
        )
    status, _headers, answer = s3._put_object(bucket, key, body, {"content-type": "application/json"})
    if status >= 300:
        raise AmazonServiceException(answer.decode("utf-8", "replace"))


def queue_arn(url: str) -> str:
    """The ARN of a queue, by its URL; empty when there is none."""
    try:
        return str(sqs._get_q(url)["attributes"]["QueueArn"])
    except (sqs._Err, KeyError):
        return ""


Stream = Mapping[str, Any]


def guard_deliveries(allowed: Callable[[str, str, str], str | None]) -> None:
    """Let `allowed` (role, bucket, key prefix) say why a delivery stream may not write to S3; None: it may."""
    plain = firehose._deliver_to_s3

    def deliver(stream: Stream, dest: dict[str, Any], record_data: bytes, lambda_keys: Any = None) -> Any:
        config = dest["config"]
        bucket = firehose._s3_bucket_from_arn(config.get("BucketARN", ""))
        why = allowed(config.get("RoleARN", ""), bucket, config.get("Prefix", "").partition("!{")[0])
        if why is not None:
            firehose.logger.warning("%s: %s", stream.get("name"), why)
            return None
        return plain(stream, dest, record_data, lambda_keys)

    firehose._deliver_to_s3 = deliver
