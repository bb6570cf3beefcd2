"""Actions of topic rules: Firehose and S3, which ministack has not, and the rights of all that have a role.

Where IAM is enforced, the role of an action must let IoT assume it and be allowed what the action does; a function
must let IoT invoke it for the rule. What fails is told to the rule's error action.

Sources: https://docs.aws.amazon.com/iot/latest/developerguide/kinesis-firehose-rule-action.html,
.../s3-rule-action.html, .../rule-error-handling.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import emulator, emulator_iot_rules, emulator_targets
from ..emulator import Scope
from ..emulator_iot_rules import AmazonServiceException, Message
from .templates import filled

_SERVICE = "iot.amazonaws.com"
_SEPARATORS = ("\n", "\t", "\r\n", ",")
_MOST_IN_A_BATCH = 500
_FAILED_ON = {"firehose": ("deliveryStreamName",), "s3": ("bucketName",)}
Action = Mapping[str, Any]


def install() -> None:
    """Let rules have these actions, and delivery streams their roles' rights."""
    emulator_iot_rules.take_actions(_dispatch, _FAILED_ON)
    emulator_iot_rules.guard_deliveries(_refused_delivery)


def _dispatch(rule: str, kind: str, action: Action, event: Any, message: Message) -> bool:
    """Carry out an action, where it is one of ours; whether it was. AmazonServiceException when it fails."""
    if kind == "lambda":
        _require_invocation(str(action.get("functionArn")), rule)
    for needed, resource in _needed(kind, action, event, message):
        _require(str(action.get("roleArn")), needed, resource)
    if kind == "firehose":
        _to_stream(action, event)
    elif kind == "s3":
        key = filled(str(action["key"]), message.value)
        emulator_iot_rules.put_to_bucket(str(action["bucketName"]), key, _text(event).encode())
    return kind in ("firehose", "s3")


def _needed(kind: str, action: Action, event: Any, message: Message) -> list[tuple[str, str]]:
    """The rights that an action needs, by what it does and on what."""
    scope = Scope.current()
    if kind == "firehose":
        batch = action.get("batchMode") and isinstance(event, list)
        stream = scope.arn("firehose", f"deliverystream/{action.get('deliveryStreamName')}")
        return [("firehose:PutRecordBatch" if batch else "firehose:PutRecord", stream)]
    if kind == "s3":
        key = filled(str(action.get("key")), message.value)
        return [("s3:PutObject", f"arn:aws:s3:::{action.get('bucketName')}/{key}")]
    if kind == "sqs":
        return [("sqs:SendMessage", emulator_iot_rules.queue_arn(str(action.get("queueUrl"))))]
    if kind == "sns":
        return [("sns:Publish", str(action.get("targetArn")))]
    if kind == "dynamoDBv2":
        table = (action.get("putItem") or {}).get("tableName")
        return [("dynamodb:PutItem", scope.arn("dynamodb", f"table/{table}"))]
    if kind == "republish":
        return [("iot:Publish", scope.arn("iot", f"topic/{action.get('topic')}"))]
    return []


def _require(role: str, action: str, resource: str) -> None:
    if not emulator.iam_is_enforced():
        return
    if not emulator.role_trusts(role, _SERVICE):
        raise AmazonServiceException(f"Unable to assume role {role} (Service: AWSSecurityTokenService)")
    if not emulator.role_allows(role, action, resource):
        raise AmazonServiceException(
            f"User: {role} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )


def _require_invocation(function: str, rule: str) -> None:
    source = Scope.current().arn("iot", f"rule/{rule}")
    if emulator.iam_is_enforced() and not emulator_targets.function_lets(function, _SERVICE, source):
        raise AmazonServiceException(f"The function {function} has no policy that lets {_SERVICE} invoke it")


def _to_stream(action: Action, event: Any) -> None:
    separator = str(action.get("separator") or "")
    if separator and separator not in _SEPARATORS:
        raise AmazonServiceException(f"The separator {separator!r} is none of {_SEPARATORS}")
    batch = event if action.get("batchMode") and isinstance(event, list) else [event]
    records = [(_text(each) + separator).encode() for each in batch]
    for start in range(0, len(records), _MOST_IN_A_BATCH):
        part = records[start : start + _MOST_IN_A_BATCH]
        emulator_iot_rules.put_to_stream(str(action["deliveryStreamName"]), part)


def _text(event: Any) -> str:
    return event if isinstance(event, str) else json.dumps(event)


def _refused_delivery(role: str, bucket: str, prefix: str) -> str | None:
    """Why a delivery stream may not write; None: it may."""
    if not emulator.iam_is_enforced():
        return None
    if not emulator.role_trusts(role, "firehose.amazonaws.com"):
        return f"Firehose is unable to assume role {role}"
    arn = f"arn:aws:s3:::{bucket}/{prefix}any"
    if not emulator.role_allows(role, "s3:PutObject", arn):
        return f"{role} is not authorized to perform s3:PutObject on {arn}"
    return None
