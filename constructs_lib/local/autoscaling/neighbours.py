"""The parts of ministack that Application Auto Scaling works with: CloudWatch and CloudFormation.

Beside those of :mod:`constructs_lib.local.emulator` and :mod:`constructs_lib.local.emulator_cloudwatch`, every
private name of ministack that this package stands on is here; tests/local/autoscaling/test_contract.py pins
them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners, stacks

from constructs_lib.local.autoscaling.alarms import State
from constructs_lib.local.emulator import Provisioned, Scope
from constructs_lib.local.emulator_cloudwatch import Alarm

_SAGEMAKER_TIMEOUT = 30.0


# --- SageMaker ----------------------------------------------------------------------------------


def call_sagemaker(operation: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Call SageMaker as an SDK would (AWS JSON): the status and the answer.

    Only from a worker thread, since it waits for the server's event loop. The account and region in force are
    handed on. A server without SageMaker answers as if it had no endpoint.
    """
    handler = app.SERVICE_HANDLERS.get("sagemaker")
    if handler is None:
        return 400, {"__type": "ValidationException", "message": "Could not find SageMaker on this server"}
    headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
    body = json.dumps(request).encode()
    status, _, answer = app.call_service_handler_sync(
        handler, "POST", "/", headers, body, {}, _SAGEMAKER_TIMEOUT
    )
    return status, json.loads(answer or b"{}")


# --- CloudWatch ---------------------------------------------------------------------------------


def put_alarm(name: str, members: Mapping[str, Any]) -> str:
    """Create or overwrite a metric alarm, given the members of PutMetricAlarm; its ARN."""
    previous = cloudwatch._alarms.get(name) or {}
    arn = Scope.current().arn("cloudwatch", f"alarm:{name}")
    now = int(time.time())
    cloudwatch.cloudformation_put_metric_alarm(
        {
            "AlarmName": name,
            "AlarmArn": arn,
            "ActionsEnabled": True,
            "OKActions": [],
            "InsufficientDataActions": [],
            "TreatMissingData": "missing",
            "StateValue": previous.get("StateValue", State.INSUFFICIENT_DATA.value),
            "StateReason": previous.get("StateReason", "Unchecked: Initial alarm creation"),
            "StateUpdatedTimestamp": previous.get("StateUpdatedTimestamp", now),
            "AlarmConfigurationUpdatedTimestamp": now,
            **members,
        }
    )
    return arn


def delete_alarm(name: str) -> None:
    """Delete an alarm; one that is gone is not missed."""
    cloudwatch.cloudformation_delete_metric_alarm(name)


def find_alarm(name: str) -> Alarm | None:
    """The metric alarm of this name."""
    alarm: Alarm | None = cloudwatch._alarms.get(name)
    return alarm


def alarms_that_call(policy_arn: str) -> list[Alarm]:
    """The metric alarms that have this scaling policy among their alarm actions."""
    return [alarm for alarm in cloudwatch._alarms.values() if policy_arn in alarm.get("AlarmActions", ())]


def keep_hands_off_alarms(is_ours: Callable[[Alarm], bool]) -> None:
    """Let nobody but the scaling loop evaluate certain alarms: two judges would toss them to and fro."""
    original = cloudwatch._evaluate_alarm

    def evaluate(alarm: Alarm) -> None:
        if not is_ours(alarm):
            original(alarm)

    cloudwatch._evaluate_alarm = evaluate


# --- CloudFormation -----------------------------------------------------------------------------

Create = Callable[[str, dict[str, Any], str], Provisioned]
Update = Callable[[str, dict[str, Any], dict[str, Any], str], Provisioned]
Delete = Callable[[str, dict[str, Any]], None]


def add_resource_type(
    name: str, *, create: Create, update: Update, delete: Delete, replaced_by: frozenset[str], tagged: bool
) -> None:
    """Let CloudFormation provision a type, on a worker thread: its handlers call SageMaker."""
    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[name] = tuple(sorted(replaced_by))
    if tagged:
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")
    original = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda other: other == name or original(other)
