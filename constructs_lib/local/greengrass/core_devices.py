"""Core devices: what they say of themselves, and what is said of their deployments.

A nucleus publishes to `$aws/things/{thing}/greengrassv2/health/json` what it runs: everything after a deployment
(COMPLETE), or what has changed (PARTIAL). A device is a core device from its first report on.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/device-status.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from .. import emulator_iot
from ..emulator import Scope
from . import deployments, grants, tags
from .errors import MissingError
from .paging import page
from .request import Request
from .state import CoreDevice, Deployment, shelf

_HEALTH = re.compile(r"\$aws/things/(?P<thing>[^/]+)/greengrassv2/health/json")
_TOLD = {
    "coreVersion": "ggcVersion",
    "platform": "platform",
    "architecture": "architecture",
    "runtime": "runtime",
    "status": "overallDeviceStatus",
}


def hear(topic: str, payload: bytes) -> None:
    """Take what a device reports of itself; other messages are not ours."""
    match = _HEALTH.fullmatch(topic)
    if match is None:
        return
    try:
        report = json.loads(payload)
    except ValueError:
        return
    if isinstance(report, dict) and report.get("ggcVersion"):
        _take(match["thing"], report)


def _take(thing: str, report: dict[str, Any]) -> None:
    now = time.time()
    told = {each["componentName"]: _component(each, now) for each in report.get("components") or ()}
    device = shelf().devices.get(thing)
    if device is None:
        device = CoreDevice(thing=thing, report={}, components={}, reported=now, changed=now)
        shelf().devices[thing] = device
    if device.report.get("overallDeviceStatus") != report.get("overallDeviceStatus"):
        device.changed = now
    for name, component in told.items():
        before = device.components.get(name)
        if before is not None and before["lifecycleState"] == component["lifecycleState"]:
            component["lastStatusChangeTimestamp"] = before["lastStatusChangeTimestamp"]
    whole = report.get("messageType", "COMPLETE") == "COMPLETE"
    device.components = told if whole else {**device.components, **told}
    device.report = report
    device.reported = now


def _component(told: Mapping[str, Any], now: float) -> dict[str, Any]:
    arns = told.get("fleetConfigArns") or []
    details = str(told.get("statusDetails") or "")[:1000]
    return {
        "componentName": told["componentName"],
        "componentVersion": told.get("version", ""),
        "lifecycleState": told.get("state", "NEW"),
        **({"lifecycleStateDetails": details} if details else {}),
        "isRoot": bool(told.get("isRoot")),
        "lastStatusChangeTimestamp": now,
        "lastReportedTimestamp": now,
        "lastInstallationSource": str(arns[0]) if arns else "LOCAL",
        "lifecycleStatusCodes": list(told.get("statusCodes") or []),
    }


async def list_all(request: Request) -> dict[str, Any]:
    """ListCoreDevices."""
    given = request.members
    members = None
    if "thingGroupArn" in given:
        members = emulator_iot.things_of_group(given["thingGroupArn"].rpartition("/")[2])
    found = [
        each
        for _thing, each in sorted(shelf().devices.items())
        if (members is None or each.thing in members)
        and given.get("status") in (None, each.report.get("overallDeviceStatus"))
        and given.get("runtime") in (None, each.report.get("runtime"))
    ]
    summaries = [_described(each) for each in found]
    for summary in summaries:
        summary.pop("coreVersion", None)
    return page("coreDevices", summaries, given)


async def get(request: Request) -> dict[str, Any]:
    """GetCoreDevice."""
    device = _found(request.members["coreDeviceThingName"])
    return tags.with_tags(_described(device), device.tags)


async def delete(request: Request) -> dict[str, Any]:
    """DeleteCoreDevice: the thing stays; a device that reports itself again is back."""
    del shelf().devices[_found(request.members["coreDeviceThingName"]).thing]
    return {}


async def installed(request: Request) -> dict[str, Any]:
    """ListInstalledComponents: those a deployment names (ROOT, the default), or all of them."""
    device = _found(request.members["coreDeviceThingName"])
    everything = request.members.get("topologyFilter", "ROOT") == "ALL"
    components = [each for _name, each in sorted(device.components.items()) if everything or each["isRoot"]]
    return page("installedComponents", components, request.members)


async def effective(request: Request) -> dict[str, Any]:
    """ListEffectiveDeployments: the latest deployments of the device's thing and of its groups."""
    device = _found(request.members["coreDeviceThingName"])
    told = []
    for deployment in sorted(shelf().deployments.values(), key=lambda each: each.created, reverse=True):
        state = _state_on(device.thing, deployment)
        if state is not None and deployments.latest(deployment.target) is deployment:
            grants.require(request.role, grants.needed_to_read(deployment.job_id, deployment.target))
            told.append(_effective(deployment, state))
    return page("effectiveDeployments", told, request.members)


def _state_on(thing: str, deployment: Deployment) -> dict[str, Any] | None:
    """How a device stands to a deployment; None when it is none of its own."""
    if deployment.job_id is None:
        if deployment.target.rpartition("/")[2] != thing:
            return None
        told = deployments.reported(deployment)
        return {"status": told.get("status", "QUEUED"), "details": told.get("statusDetails") or {}}
    execution = emulator_iot.job_execution(thing, deployment.job_id)
    if execution is None or execution["status"] == "REMOVED":
        return None
    return {
        "status": execution["status"],
        "details": execution.get("statusDetails") or {},
        "modified": execution["lastUpdatedAt"] / 1000,
    }


def _effective(deployment: Deployment, state: Mapping[str, Any]) -> dict[str, Any]:
    details = state["details"]
    reason = details.get("deployment-failure-cause") or details.get("failureCause")
    answer = {
        "deploymentId": deployment.id,
        "deploymentName": deployment.request.get("deploymentName", ""),
        "targetArn": deployment.target,
        "coreDeviceExecutionStatus": state["status"],
        "creationTimestamp": deployment.created,
        "modifiedTimestamp": state.get("modified", deployment.created),
        **({"reason": reason} if reason else {}),
    }
    if deployment.job_id is not None:
        answer["iotJobId"] = deployment.job_id
        answer["iotJobArn"] = Scope.current().arn("iot", f"job/{deployment.job_id}")
    return answer


def _described(device: CoreDevice) -> dict[str, Any]:
    return {
        "coreDeviceThingName": device.thing,
        "lastStatusUpdateTimestamp": device.reported,
        **{member: device.report[key] for member, key in _TOLD.items() if device.report.get(key)},
    }


def _found(thing: str) -> CoreDevice:
    device = shelf().devices.get(thing)
    if device is None:
        raise MissingError(f"Core device not found: {thing}", kind="coreDevice", name=thing)
    return device
