"""Deployments: what a thing, or a group of things, shall run.

That of a group is a continuous IoT job, which never completes and which things that join the group later get too;
that of a single thing is a document in a shadow of it, as the nucleus reads it.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/manage-deployments.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from .. import emulator_iot
from ..emulator import Scope
from . import deployment_request, grants, tags
from .documents import SHADOW, document_of, job_request, shadow_state
from .errors import ConflictError, InvalidError, MissingError
from .paging import page
from .request import Request
from .state import Deployment, shelf

_REPLACED = "This deployment has been replaced by a later revision of it"


async def create(request: Request) -> dict[str, Any]:
    """CreateDeployment: the next revision for the target; the one before is inactive from then on."""
    given = request.members
    deployment_request.check(given)
    target: str = given["targetArn"]
    _require_target(target)
    of_group = ":thinggroup/" in target
    before = latest(target)
    deployment = Deployment(
        id=str(uuid.uuid4()),
        target=target,
        revision=before.revision + 1 if before else 1,
        request=given,
        job_id=str(uuid.uuid4()) if of_group else None,
        tags=dict(given.get("tags") or {}),
    )
    grants.require(request.role, grants.needed_to_create(deployment.job_id, target))
    if before is not None and status_of(before) == "ACTIVE":
        grants.require(request.role, grants.needed_to_end(before.job_id, target))
    await _begin(deployment)
    if before is not None:
        await _replace(before)
    shelf().deployments[deployment.id] = deployment
    return {"deploymentId": deployment.id, **_job(deployment)}


def _require_target(target: str) -> None:
    scope = Scope.current()
    kind, _, name = target.rpartition(":")[2].partition("/")
    there = emulator_iot.thing_exists if kind == "thing" else emulator_iot.thing_group_exists
    if target != scope.arn("iot", f"{kind}/{name}") or not there(name):
        raise MissingError(f"The target {target} does not exist", kind=kind, name=name)


async def _begin(deployment: Deployment) -> None:
    document = document_of(deployment)
    try:
        if deployment.job_id is None:
            thing = deployment.target.rpartition("/")[2]
            await emulator_iot.write_shadow(thing, SHADOW, shadow_state(deployment, document))
        else:
            await emulator_iot.create_job(deployment.job_id, job_request(deployment, document))
    except emulator_iot.IoTError as error:
        raise InvalidError(f"Invalid Input: {error}") from None


async def _replace(before: Deployment) -> None:
    if before.job_id is not None:
        await emulator_iot.cancel_job(before.job_id, _REPLACED)
    if before.ended is None:
        before.ended = "INACTIVE" if status_of(before) in ("ACTIVE", "CANCELED") else None


async def cancel(request: Request) -> dict[str, Any]:
    """CancelDeployment: things that have it already are left as they are."""
    deployment = _found(request.members["deploymentId"])
    if status_of(deployment) != "ACTIVE":
        raise ConflictError(
            f"Deployment {deployment.id} is {status_of(deployment)} and cannot be canceled",
            kind="deployment",
            name=deployment.id,
        )
    grants.require(request.role, grants.needed_to_end(deployment.job_id, deployment.target))
    if deployment.job_id is not None:
        await emulator_iot.cancel_job(deployment.job_id, "The deployment was canceled")
    else:
        canceled = {"desired": {"desiredStatus": "CANCELED"}}
        await emulator_iot.write_shadow(deployment.target.rpartition("/")[2], SHADOW, canceled)
    deployment.ended = "CANCELED"
    return {"message": "SUCCESS"}


async def delete(request: Request) -> dict[str, Any]:
    """DeleteDeployment: of one that is no longer active."""
    deployment = _found(request.members["deploymentId"])
    if status_of(deployment) == "ACTIVE":
        raise ConflictError(
            f"Deployment {deployment.id} is active: cancel it first", kind="deployment", name=deployment.id
        )
    del shelf().deployments[deployment.id]
    return {}


async def get(request: Request) -> dict[str, Any]:
    """GetDeployment."""
    deployment = _found(request.members["deploymentId"])
    grants.require(request.role, grants.needed_to_read(deployment.job_id, deployment.target))
    given = deployment.request
    answer = {
        **_summary(deployment),
        **_job(deployment),
        "components": given.get("components") or {},
        "deploymentPolicies": deployment_request.policies(given),
        "iotJobConfiguration": given.get("iotJobConfiguration") or {},
    }
    return tags.with_tags(answer, deployment.tags)


async def list_all(request: Request) -> dict[str, Any]:
    """ListDeployments: the newest first; without historyFilter only the latest of each target."""
    given = request.members
    newest = sorted(shelf().deployments.values(), key=lambda each: each.created, reverse=True)
    wanted = [
        each
        for each in newest
        if given.get("targetArn") in (None, each.target)
        and given.get("parentTargetArn") in (None, each.request.get("parentTargetArn"))
        and (given.get("historyFilter") == "ALL" or latest(each.target) is each)
    ]
    for each in wanted:
        grants.require(request.role, grants.needed_to_read(each.job_id, each.target))
    return page("deployments", [_summary(each) for each in wanted], given)


def latest(target: str) -> Deployment | None:
    """The newest revision for a target, whatever became of it."""
    revisions = (each for each in shelf().deployments.values() if each.target == target)
    return max(revisions, key=lambda each: each.revision, default=None)


def status_of(deployment: Deployment) -> str:
    """ACTIVE, COMPLETED, CANCELED, FAILED or INACTIVE.

    Of a group it is ACTIVE until it is replaced, canceled, or aborted by its own criteria: more things may join.
    """
    if deployment.ended is not None:
        return deployment.ended
    if deployment.job_id is not None:
        return "ACTIVE" if emulator_iot.job_status(deployment.job_id) == "IN_PROGRESS" else "CANCELED"
    told = reported(deployment)
    return {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED"}.get(str(told.get("status")), "ACTIVE")


def reported(deployment: Deployment) -> Mapping[str, Any]:
    """What the thing of a deployment has reported of it; empty as long as it has not."""
    state = emulator_iot.shadow(deployment.target.rpartition("/")[2], SHADOW).get("reported") or {}
    return state if state.get("fleetConfigurationArnForStatus") == deployment.configuration_arn else {}


def _found(deployment_id: str) -> Deployment:
    deployment = shelf().deployments.get(deployment_id)
    if deployment is None:
        raise MissingError(f"Deployment not found: {deployment_id}", kind="deployment", name=deployment_id)
    return deployment


def _summary(deployment: Deployment) -> dict[str, Any]:
    named = {
        name: deployment.request[name]
        for name in ("deploymentName", "parentTargetArn")
        if name in deployment.request
    }
    return {
        "targetArn": deployment.target,
        "revisionId": str(deployment.revision),
        "deploymentId": deployment.id,
        "deploymentStatus": status_of(deployment),
        "creationTimestamp": deployment.created,
        "isLatestForTarget": latest(deployment.target) is deployment,
        **named,
    }


def _job(deployment: Deployment) -> dict[str, str]:
    """The job behind it; a deployment to a single thing has none."""
    if deployment.job_id is None:
        return {}
    arn = Scope.current().arn("iot", f"job/{deployment.job_id}")
    return {"iotJobId": deployment.job_id, "iotJobArn": arn}
