"""Scaling policies: put, delete, describe; and the alarms of target tracking."""

from __future__ import annotations

import uuid
from typing import Any

from constructs_lib.local.autoscaling import lookup, metrics, neighbours, policy_rules, state
from constructs_lib.local.autoscaling.alarms import AlarmRule
from constructs_lib.local.autoscaling.decide import AlarmSide
from constructs_lib.local.autoscaling.errors import invalid
from constructs_lib.local.autoscaling.paging import page
from constructs_lib.local.autoscaling.state import Policy, Target, TargetKey
from constructs_lib.local.emulator import Scope

_TRACKING = "TargetTrackingScaling"
_STEP = "StepScaling"


def put(request: dict[str, Any]) -> dict[str, Any]:
    """PutScalingPolicy: create the policy, or give it a new configuration."""
    target = lookup.required(TargetKey.of(request))
    policy = _policy(target, request)
    others = [other for other in target.policies.values() if other.name != policy.name]
    policy_rules.check(target.key, policy.type, policy.configuration, others)
    with state.LOCK:
        policy.alarms = _put_alarms(target, policy)
        target.policies[policy.name] = policy
    return {"PolicyARN": policy.arn, "Alarms": _alarms(policy)}


def delete(request: dict[str, Any]) -> dict[str, Any]:
    """DeleteScalingPolicy."""
    key = TargetKey.of(request)
    target = lookup.required(key)
    policy = target.policies.get(request["PolicyName"])
    if policy is None:
        raise lookup.missing("scaling policy", key, request["PolicyName"])
    forget(target, policy)
    return {}


def forget(target: Target, policy: Policy) -> None:
    """Delete a policy and the alarms that were made for it."""
    with state.LOCK:
        target.policies.pop(policy.name, None)
        for alarm in policy.alarms:
            neighbours.delete_alarm(alarm["AlarmName"])


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeScalingPolicies."""
    wanted = request.get("PolicyNames")
    found = [
        _view(target, policy)
        for target in lookup.matching(request)
        for policy in target.policies.values()
        if wanted is None or policy.name in wanted
    ]
    return page("ScalingPolicies", found, request)


def find_by_arn(arn: str) -> tuple[Target, Policy] | None:
    """The policy of an ARN, with its target."""
    policies = ((target, policy) for target in state.targets() for policy in target.policies.values())
    return next(((target, policy) for target, policy in policies if policy.arn == arn), None)


def _policy(target: Target, request: dict[str, Any]) -> Policy:
    """The policy as the request wants it; nothing is stored yet."""
    existing = target.policies.get(request["PolicyName"])
    policy_type = request.get("PolicyType", existing.type if existing else _STEP)
    if policy_type not in (_TRACKING, _STEP):
        raise invalid(
            f"Policy type {policy_type} is not supported for service namespace {target.key.namespace}"
        )
    if existing is not None and existing.type != policy_type:
        raise invalid(f"The policy type of {existing.name} cannot be changed from {existing.type}")
    return Policy(
        name=request["PolicyName"],
        arn=existing.arn if existing else _arn(target.key, request["PolicyName"]),
        type=policy_type,
        configuration=_configuration(policy_type, existing, request),
        alarms=existing.alarms if existing else [],
        created=existing.created if existing else state.now(),
    )


def _configuration(policy_type: str, existing: Policy | None, request: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the policy's own type, and none of another type."""
    name = f"{policy_type}PolicyConfiguration"
    foreign = [key for key in request if key.endswith("PolicyConfiguration") and key != name]
    if foreign:
        raise invalid(f"{foreign[0]} does not go with policy type {policy_type}")
    given: dict[str, Any] | None = request.get(name, existing.configuration if existing else None)
    if given is None:
        raise invalid(f"{name} is required for policy type {policy_type}")
    return given


def _arn(key: TargetKey, name: str) -> str:
    resource = f"resource/{key.namespace}/{key.resource_id}:policyName/{name}"
    return Scope.current().arn("autoscaling", f"scalingPolicy:{uuid.uuid4()}:{resource}")


def _alarms(policy: Policy) -> list[dict[str, str]]:
    """Those made for the policy, or the user's own that call it."""
    if policy.type == _TRACKING:
        return policy.alarms
    found = neighbours.alarms_that_call(policy.arn)
    return [{"AlarmName": alarm["AlarmName"], "AlarmARN": alarm["AlarmArn"]} for alarm in found]


def _view(target: Target, policy: Policy) -> dict[str, Any]:
    return {
        **target.key.members(),
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "PolicyType": policy.type,
        policy.configuration_key: policy.configuration,
        "Alarms": _alarms(policy),
        "CreationTime": policy.created,
    }


# --- the alarms of target tracking --------------------------------------------------------------


def alarm_name(key: TargetKey, policy: Policy, side: str) -> str:
    """The name of one of a policy's two alarms: always the same for the same policy."""
    return f"TargetTracking-{key.resource_id}-{side}-{uuid.uuid5(uuid.NAMESPACE_URL, policy.arn + side)}"


def _put_alarms(target: Target, policy: Policy) -> list[dict[str, str]]:
    """Make the alarms anew: a policy that no longer scales in has no use for its lower one."""
    for alarm in policy.alarms:
        neighbours.delete_alarm(alarm["AlarmName"])
    if policy.type != _TRACKING:
        return []
    decided, query = policy_rules.tracking(target.key, policy)
    sides: list[tuple[AlarmSide, AlarmRule]] = [("AlarmHigh", decided.high)]
    if not decided.disable_scale_in:
        sides.append(("AlarmLow", decided.low))
    return [_put_alarm(target.key, policy, side, rule, query) for side, rule in sides]


def _put_alarm(
    key: TargetKey, policy: Policy, side: AlarmSide, rule: AlarmRule, query: metrics.Query
) -> dict[str, str]:
    name = alarm_name(key, policy, side)
    single = query.single
    members = {
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "AlarmActions": [policy.arn],
        "ComparisonOperator": rule.comparison,
        "Threshold": rule.threshold,
        "Period": rule.period,
        "EvaluationPeriods": rule.periods,
        **(single.alarm_members() if single else {}),
    }
    return {"AlarmName": name, "AlarmARN": neighbours.put_alarm(name, members)}
