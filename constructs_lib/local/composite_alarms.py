"""The CloudFormation type AWS::CloudWatch::CompositeAlarm, which ministack has as an API only."""

from __future__ import annotations

from typing import Any

from . import emulator
from . import emulator_cloudwatch as cloudwatch
from .emulator import Provisioned, ResourceType
from .registry import checked_properties, create_only_properties

_TYPE = "AWS::CloudWatch::CompositeAlarm"
_LONGEST_NAME = 255
_SUPPRESSION = ("ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod")

Properties = dict[str, Any]


def install() -> None:
    """Let CloudFormation make composite alarms, and let their changes be events."""
    cloudwatch.announce_composite_alarms()
    emulator.add_resource_type(
        ResourceType(
            name=_TYPE,
            create=_create,
            update=_update,
            delete=_delete,
            replaced_by=create_only_properties(_TYPE),
            name_property="AlarmName",
        )
    )


def _create(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
    given = checked_properties(_TYPE, properties)
    name = given.get("AlarmName") or emulator.generated_name(stack_name, logical_id, max_length=_LONGEST_NAME)
    return _put(name, given)


def _update(name: str, _old: Properties, new: Properties, _stack_name: str) -> Provisioned:
    """Put the alarm anew: it keeps its state, and a new rule is judged at once."""
    return _put(name, checked_properties(_TYPE, new))


def _delete(name: str, _properties: Properties) -> None:
    emulator.on_loop(cloudwatch.delete_composite_alarm, name)


def _put(name: str, given: Properties) -> Provisioned:
    suppressed = [member for member in _SUPPRESSION if member in given]
    if suppressed:
        raise ValueError(f"{suppressed[0]} is not emulated by constructs_lib.local (see docs/local.md)")
    arn = emulator.on_loop(cloudwatch.put_composite_alarm, {**given, "AlarmName": name})
    return name, {"Arn": arn}
