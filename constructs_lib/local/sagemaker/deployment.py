"""How an update moves its traffic: a DeploymentConfig, checked and turned into steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .errors import RefusedError

_MOST_CANARY_PERCENT = 50
_LINEAR_PERCENT = range(10, 51)
_ROLLING_PERCENT = range(5, 51)


@dataclass(frozen=True, slots=True)
class Step:
    """The new fleet takes this many percent of the traffic, for this long at least."""

    percent: float
    wait_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An update, step by step."""

    steps: tuple[Step, ...] = (Step(100, 0),)
    rolling: bool = False
    """Whether instances are exchanged batch by batch, rather than two whole fleets being run."""
    termination_wait_seconds: float = 0
    alarms: tuple[str, ...] = ()


def plan_of(config: dict[str, Any] | None, instance_count: int) -> Plan:
    """The plan for an endpoint with so many instances; RefusedError for what AWS refuses."""
    if config is None:
        return Plan()
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if (blue_green is None) == (rolling is None):
        raise RefusedError(
            "DeploymentConfig must contain exactly one of BlueGreenUpdatePolicy and RollingUpdatePolicy."
        )
    rollback = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    alarms = tuple(alarm["AlarmName"] for alarm in rollback if alarm.get("AlarmName"))
    if rolling is not None:
        return _rolling_plan(rolling, instance_count, alarms)
    return _blue_green_plan(blue_green or {}, instance_count, alarms)


def _blue_green_plan(policy: dict[str, Any], instance_count: int, alarms: tuple[str, ...]) -> Plan:
    routing = policy["TrafficRoutingConfiguration"]
    wait = routing["WaitIntervalInSeconds"]
    percents = _TRAFFIC[routing["Type"]](routing, instance_count)
    termination = policy.get("TerminationWaitInSeconds", 0)
    _check_duration(policy, wait * len(percents) + termination)
    steps = tuple(Step(percent, wait) for percent in percents)
    return Plan(steps=steps, termination_wait_seconds=termination, alarms=alarms)


def _all_at_once(routing: dict[str, Any], _instance_count: int) -> list[float]:
    _refuse_sizes(routing, "CanarySize", "LinearStepSize")
    return [100.0]


def _canary(routing: dict[str, Any], instance_count: int) -> list[float]:
    _refuse_sizes(routing, "LinearStepSize")
    first = _percent_of(routing, "CanarySize", instance_count)
    if first > _MOST_CANARY_PERCENT:
        raise RefusedError(
            f"CanarySize must be at most {_MOST_CANARY_PERCENT}% of the capacity of the endpoint, not {first:g}%."
        )
    return [first, 100.0]


def _linear(routing: dict[str, Any], instance_count: int) -> list[float]:
    _refuse_sizes(routing, "CanarySize")
    step = _percent_of(routing, "LinearStepSize", instance_count)
    if not _LINEAR_PERCENT.start <= step < _LINEAR_PERCENT.stop:
        raise RefusedError(f"LinearStepSize must be 10% to 50% of the capacity, not {step:g}%.")
    return _cumulative(step)


_TRAFFIC = {"ALL_AT_ONCE": _all_at_once, "CANARY": _canary, "LINEAR": _linear}


def _rolling_plan(policy: dict[str, Any], instance_count: int, alarms: tuple[str, ...]) -> Plan:
    wait = policy["WaitIntervalInSeconds"]
    size = policy["MaximumBatchSize"]
    percent = _percent_of(policy, "MaximumBatchSize", instance_count)
    if size["Type"] == "CAPACITY_PERCENT" and size["Value"] not in _ROLLING_PERCENT:
        raise RefusedError(f"MaximumBatchSize must be 5% to 50% of the capacity, not {percent:g}%.")
    # A batch is whole instances, one at least.
    batch = max(1, math.floor(instance_count * percent / 100))
    percents = _cumulative(100 * batch / instance_count)
    _check_duration(policy, wait * len(percents))
    return Plan(steps=tuple(Step(share, wait) for share in percents), rolling=True, alarms=alarms)


def _cumulative(step: float) -> list[float]:
    return [min(100.0, step * number) for number in range(1, math.ceil(100 / step - 1e-9) + 1)]


def _percent_of(owner: dict[str, Any], member: str, instance_count: int) -> float:
    size = owner.get(member)
    if size is None:
        raise RefusedError(f"{member} is required for traffic routing of type {owner.get('Type')}.")
    if size["Type"] == "CAPACITY_PERCENT":
        return float(size["Value"])
    return 100.0 * int(size["Value"]) / instance_count


def _refuse_sizes(routing: dict[str, Any], *members: str) -> None:
    for member in members:
        if routing.get(member) is not None:
            raise RefusedError(f"{member} must not be given for traffic routing of type {routing['Type']}.")


def _check_duration(policy: dict[str, Any], waits: float) -> None:
    longest = policy.get("MaximumExecutionTimeoutInSeconds")
    if longest is not None and longest <= waits:
        raise RefusedError(
            f"MaximumExecutionTimeoutInSeconds ({longest}) must be greater than the sum of the waits ({waits:g})."
        )
