"""The deploy guard's function: releases auto scaling where a deployment needs it, and settles up after.

Three callers, told apart by the event: the custom resources *Release* and *Settle* of CloudFormation, and
EventBridge when an endpoint comes to rest. Each step looks at what is there and does what is missing, so
any of them may run twice, or a rollback may run them again the other way round.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from ...core.runtime.custom_resource import answer
from .endpoint_state import describe

SNAPSHOT_PREFIX = "/constructs-lib/released-scaling"
SNAPSHOT_SECONDS = 24 * 3600
"""A deployment lasts at most 8 hours; what is older was left by one that is over."""

_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_SETTLING_SECONDS = 120
_POLL_SECONDS = 5

log = logging.getLogger()
log.setLevel(logging.INFO)


class SilentRollbackError(Exception):
    """The endpoint does not run the configuration it was deployed with."""


# --- decisions: pure functions --------------------------------------------------------------------------


def variants_to_release(current: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Variants whose instance type changes or which go; both mappings are variant → instance type."""
    return sorted(name for name, type in current.items() if wanted.get(name) != type)


def verdict(wanted: str, endpoint: Mapping[str, Any]) -> str | None:
    """Why the endpoint is not what was deployed, or None where it is."""
    actual, status = endpoint["EndpointConfigName"], endpoint["EndpointStatus"]
    if actual == wanted and status not in ("Failed", "UpdateRollbackFailed"):
        return None
    reason = endpoint.get("FailureReason", "SageMaker gives no reason; see the endpoint's CloudWatch logs")
    state = f"Endpoint {endpoint['EndpointName']} is {status} on configuration {actual}"
    if actual == wanted:
        return f"{state}, the one deployed. {reason}"
    return f"{state}, not on {wanted}: SageMaker rolled the deployment back. {reason}"


def is_fresh(snapshot: Mapping[str, Any], now: float) -> bool:
    """Whether a snapshot can still belong to a running deployment."""
    return now - float(snapshot["taken_at"]) < SNAPSHOT_SECONDS


def is_over(scheduled_action: Mapping[str, Any], now: float) -> bool:
    """Whether a scheduled action was for one time that has passed: registering it again would fail.

    A day's leeway for time zones: near its time, an action is rather tried and refused than lost.
    """
    schedule = scheduled_action["Schedule"]
    if not schedule.startswith("at("):
        return False
    at = datetime.fromisoformat(schedule[3:-1]).replace(tzinfo=UTC)
    return at.timestamp() < now - 24 * 3600


# --- what is registered, and what was -------------------------------------------------------------------


class Scaling:
    """The auto scaling of one endpoint, as registered and as remembered."""

    def __init__(self, endpoint_name: str) -> None:
        self._endpoint_name = endpoint_name
        self._api = boto3.client("application-autoscaling")
        self._ssm = boto3.client("ssm")

    def release(self, variants: Iterable[str]) -> list[str]:
        """Remember and deregister those of `variants` that are registered."""
        released = []
        for variant in variants:
            snapshot = self._snapshot(variant)
            if snapshot is None:
                continue
            unfinished = self._remembered(variant)
            if unfinished is not None and is_fresh(unfinished, time.time()):
                # What is registered is a part of it: a restoration was cut short.
                snapshot = {**unfinished, "taken_at": snapshot["taken_at"]}
            # Remembered first: were the function killed in between, nothing would be lost.
            self._ssm.put_parameter(
                Name=self._parameter(variant),
                Value=json.dumps(snapshot, default=datetime.isoformat),
                Type="String",
                Overwrite=True,
                Tier="Intelligent-Tiering",
            )
            self._api.deregister_scalable_target(**self._key(variant))
            released.append(variant)
        return released

    def restore(self, variants: Iterable[str], *, released_before: float = math.inf) -> list[str]:
        """Register again those of `variants` that were released, and forget them.

        A variant that is gone keeps its snapshot: a rollback may bring it back. So does one that was
        released after `released_before`: who asks does not know of that yet.
        """
        restored = []
        for variant in variants:
            snapshot = self._remembered(variant)
            if snapshot is None or snapshot["taken_at"] > released_before:
                continue
            if is_fresh(snapshot, time.time()):
                self._register(variant, snapshot)
                restored.append(variant)
            self._forget(variant)
        return restored

    def forget(self, variants: Iterable[str]) -> None:
        """Forget what was released of `variants`."""
        for variant in variants:
            self._forget(variant)

    def _forget(self, variant: str) -> None:
        # Settle and EventBridge may be at it at the same time: gone is gone.
        with contextlib.suppress(self._ssm.exceptions.ParameterNotFound):
            self._ssm.delete_parameter(Name=self._parameter(variant))

    def _snapshot(self, variant: str) -> dict[str, Any] | None:
        key = self._key(variant)
        found = self._api.describe_scalable_targets(
            ServiceNamespace=_NAMESPACE, ResourceIds=[key["ResourceId"]], ScalableDimension=_DIMENSION
        )["ScalableTargets"]
        if not found:
            return None
        policies = self._all("describe_scaling_policies", "ScalingPolicies", key)
        actions = self._all("describe_scheduled_actions", "ScheduledActions", key)
        return {
            "taken_at": time.time(),
            "target": _only(found[0], "MinCapacity", "MaxCapacity", "SuspendedState"),
            "policies": [
                _only(
                    policy,
                    "PolicyName",
                    "PolicyType",
                    "TargetTrackingScalingPolicyConfiguration",
                    "StepScalingPolicyConfiguration",
                )
                for policy in policies
            ],
            "scheduled_actions": [
                _only(
                    action,
                    "ScheduledActionName",
                    "Schedule",
                    "Timezone",
                    "StartTime",
                    "EndTime",
                    "ScalableTargetAction",
                )
                for action in actions
                if not is_over(action, time.time())
            ],
        }

    def _all(self, operation: str, result: str, key: Mapping[str, str]) -> list[dict[str, Any]]:
        pages = self._api.get_paginator(operation).paginate(**key)
        return [item for page in pages for item in page[result]]

    def _register(self, variant: str, snapshot: Mapping[str, Any]) -> None:
        key = self._key(variant)
        self._api.register_scalable_target(**key, **snapshot["target"])
        for policy in snapshot["policies"]:
            self._api.put_scaling_policy(**key, **policy)
        for action in snapshot["scheduled_actions"]:
            self._api.put_scheduled_action(**key, **action)

    def _remembered(self, variant: str) -> dict[str, Any] | None:
        try:
            parameter = self._ssm.get_parameter(Name=self._parameter(variant))["Parameter"]
        except self._ssm.exceptions.ParameterNotFound:
            return None
        return dict(json.loads(parameter["Value"]))

    def _parameter(self, variant: str) -> str:
        return f"{SNAPSHOT_PREFIX}/{self._endpoint_name}/{variant}"

    def _key(self, variant: str) -> dict[str, str]:
        return {
            "ServiceNamespace": _NAMESPACE,
            "ResourceId": f"endpoint/{self._endpoint_name}/variant/{variant}",
            "ScalableDimension": _DIMENSION,
        }


def _only(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


# --- what the endpoint runs -----------------------------------------------------------------------------


def instance_types(endpoint: Mapping[str, Any]) -> dict[str, str]:
    """Variant → instance type of the configuration the endpoint runs."""
    config = boto3.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    variants = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
    return {variant["VariantName"]: variant.get("InstanceType", "") for variant in variants}


# --- the three callers ----------------------------------------------------------------------------------


def release(properties: Mapping[str, Any]) -> None:
    """Before the endpoint changes: let go of the auto scaling that would refuse the change."""
    name = properties["EndpointName"]
    endpoint = describe(name)
    if endpoint is None:
        return
    current = instance_types(endpoint)
    going = variants_to_release(current, properties["InstanceTypes"])
    log.info("%s: released the auto scaling of %s", name, Scaling(name).release(going))
    # In a rollback nothing may change any more, and what the way there released is due.
    staying = set(current) - set(going)
    log.info("%s: restored the auto scaling of %s", name, Scaling(name).restore(staying))


def settle(properties: Mapping[str, Any]) -> None:
    """After the endpoint changed: restore its auto scaling, and check that it really changed."""
    name = properties["EndpointName"]
    endpoint = _at_rest(name)
    log.info("%s: restored the auto scaling of %s", name, Scaling(name).restore(instance_types(endpoint)))
    if problem := verdict(properties["ConfigName"], endpoint):
        raise SilentRollbackError(problem)


def at_rest(event: Mapping[str, Any]) -> None:
    """When EventBridge says that an endpoint is in service: restore its auto scaling."""
    name = event["detail"]["EndpointName"]
    endpoint = describe(name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return
    # Events tell the time in whole seconds, and may come late: after the next deployment has released
    # scaling for a change that is yet to come.
    happened = datetime.fromisoformat(event["time"]).timestamp()
    restored = Scaling(name).restore(instance_types(endpoint), released_before=happened + 1)
    log.info("%s: restored the auto scaling of %s", name, restored)


def forget(properties: Mapping[str, Any]) -> None:
    """When the endpoint is deleted, or no longer guarded: leave no snapshot behind."""
    Scaling(properties["EndpointName"]).forget(properties.get("InstanceTypes", {}))


def _at_rest(endpoint_name: str) -> dict[str, Any]:
    """The endpoint once nothing changes it, or as it is when patience ends."""
    deadline = time.monotonic() + _SETTLING_SECONDS
    while True:
        endpoint = describe(endpoint_name)
        if endpoint is None:
            raise SilentRollbackError(f"Endpoint {endpoint_name} is gone")
        if endpoint["EndpointStatus"] in ("InService", "Failed") or time.monotonic() > deadline:
            return endpoint
        time.sleep(_POLL_SECONDS)


_STEPS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "Custom::EndpointRelease": release,
    "Custom::EndpointSettle": settle,
}


def handle(event: dict[str, Any], _context: object) -> None:
    """Entry point of the function."""
    if "RequestType" not in event:
        at_rest(event)
        return
    reason = ""
    try:
        if event["RequestType"] == "Delete":
            # Never in the way of deleting a stack: what stays behind is a parameter.
            with contextlib.suppress(Exception):
                forget(event["ResourceProperties"])
        else:
            _STEPS[event["ResourceType"]](event["ResourceProperties"])
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        reason = f"{type(error).__name__}: {error}"
    logical_id = event["LogicalResourceId"]
    physical_id = event.get("PhysicalResourceId") or f"{logical_id}-of-endpoint"
    answer(event, physical_id=physical_id, failure=reason)
