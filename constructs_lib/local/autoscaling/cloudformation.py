"""AWS::ApplicationAutoScaling::ScalableTarget and ::ScalingPolicy, provisioned through the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from constructs_lib.local import registry
from constructs_lib.local.autoscaling import neighbours, policies, service, state, targets
from constructs_lib.local.autoscaling.errors import ApiError
from constructs_lib.local.autoscaling.state import TargetKey
from constructs_lib.local.emulator import Provisioned

TARGET_TYPE = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY_TYPE = "AWS::ApplicationAutoScaling::ScalingPolicy"

Properties = dict[str, Any]
_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_REGISTERED = (*_IDENTITY, "MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")


def install() -> None:
    """Let CloudFormation know both types."""
    neighbours.add_resource_type(
        TARGET_TYPE,
        create=_create_target,
        update=_update_target,
        delete=_delete_target,
        replaced_by=registry.create_only_properties(TARGET_TYPE),
        tagged=True,
    )
    neighbours.add_resource_type(
        POLICY_TYPE,
        create=_create_policy,
        update=_update_policy,
        delete=_delete_policy,
        replaced_by=registry.create_only_properties(POLICY_TYPE),
        tagged=False,
    )


# --- ScalableTarget -----------------------------------------------------------------------------


def _create_target(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    """Register the target. One that is registered already is taken over, as on AWS."""
    return _put_target({}, _checked_target(properties))


def _update_target(_physical_id: str, old: Properties, new: Properties, _stack: str) -> Provisioned:
    return _put_target(_checked_target(old), _checked_target(new))


def _delete_target(physical_id: str, _properties: Properties) -> None:
    """Deregister the target; one that is gone is not missed."""
    target = state.find(_key(physical_id))
    if target is not None:
        targets.forget(target)


def _checked_target(properties: Properties) -> Properties:
    """The properties, without the system tags that CloudFormation puts on everything (not on these)."""
    tags = [tag for tag in properties.get("Tags", ()) if not str(tag.get("Key", "")).startswith("aws:")]
    return registry.checked_properties(TARGET_TYPE, {**properties, "Tags": tags})


def _put_target(old: Properties, new: Properties) -> Provisioned:
    arn = _call("RegisterScalableTarget", _only(_REGISTERED, new))["ScalableTargetARN"]
    _put_tags(arn, old, new)
    _put_scheduled_actions(old, new)
    physical_id = "|".join((new["ResourceId"], new["ScalableDimension"], new["ServiceNamespace"]))
    return physical_id, {"Id": physical_id}


def _put_tags(arn: str, old: Properties, new: Properties) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in new["Tags"]}
    dropped = [tag["Key"] for tag in old.get("Tags", ()) if tag["Key"] not in tags]
    if dropped:
        _call("UntagResource", {"ResourceARN": arn, "TagKeys": dropped})
    if tags:
        _call("TagResource", {"ResourceARN": arn, "Tags": tags})


def _put_scheduled_actions(old: Properties, new: Properties) -> None:
    """Put those of the template, delete those that it has no longer. A changed one is made anew."""
    identity = _only(_IDENTITY, new)
    before = {action["ScheduledActionName"]: action for action in old.get("ScheduledActions", ())}
    after = {action["ScheduledActionName"]: action for action in new.get("ScheduledActions", ())}
    target = state.find(TargetKey.of(identity))
    there = target.scheduled.keys() if target else ()
    for name, action in before.items():
        if name in there and after.get(name) != action:
            _call("DeleteScheduledAction", {**identity, "ScheduledActionName": name})
    for name, action in after.items():
        if before.get(name) != action:
            _call("PutScheduledAction", {**identity, **_with_epoch_times(action)})


def _with_epoch_times(action: Properties) -> Properties:
    """The API takes times as numbers, a template as text."""
    timed = dict(action)
    timed.update((name, _epoch(action[name])) for name in ("StartTime", "EndTime") if name in action)
    return timed


def _epoch(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"Model validation failed (not a timestamp: {text})") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


# --- ScalingPolicy ------------------------------------------------------------------------------


def _create_policy(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    return _put_policy(properties)


def _update_policy(_physical_id: str, _old: Properties, new: Properties, _stack: str) -> Provisioned:
    return _put_policy(new)


def _delete_policy(physical_id: str, _properties: Properties) -> None:
    """Delete the policy; one that is gone, perhaps with its target, is not missed."""
    found = policies.find_by_arn(physical_id)
    if found is not None:
        policies.forget(*found)


def _put_policy(properties: Properties) -> Provisioned:
    given = registry.checked_properties(POLICY_TYPE, properties)
    _require_one_identity(given)
    if "ScalingTargetId" in given:
        given |= _key(given.pop("ScalingTargetId")).members()
    arn = _call("PutScalingPolicy", given)["PolicyARN"]
    return arn, {"Arn": arn}


def _require_one_identity(properties: Properties) -> None:
    """Either the target's id or the three members that make it up: a rule that the schema cannot express."""
    parts = [name for name in _IDENTITY if name in properties]
    if ("ScalingTargetId" in properties) == bool(parts) or 0 < len(parts) < len(_IDENTITY):
        names = ", ".join(_IDENTITY)
        raise ValueError(f"A scaling policy needs either ScalingTargetId or all of {names}")


# --- both ---------------------------------------------------------------------------------------


def _key(target_id: str) -> TargetKey:
    """The target that a ScalableTarget's Ref names."""
    parts = target_id.split("|")
    if len(parts) != 3:
        raise ValueError(f"Not the id of a scalable target: {target_id}")
    resource_id, dimension, namespace = parts
    return TargetKey(namespace, resource_id, dimension)


def _only(names: Iterable[str], properties: Properties) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def _call(operation: str, request: Properties) -> dict[str, Any]:
    """Call the API; a refusal fails the resource in CloudFormation's words."""
    try:
        return service.perform(operation, request)
    except ApiError as error:
        raise ValueError(
            f'Resource handler returned message: "{error.message} '
            f'(Service: ApplicationAutoScaling, Status Code: 400)" (HandlerErrorCode: {_handler_code(error)})'
        ) from error


def _handler_code(error: ApiError) -> str:
    return "NotFound" if error.code == "ObjectNotFoundException" else "InvalidRequest"
