"""Tags of component versions, deployments and core devices."""

from __future__ import annotations

from typing import Any

from ..emulator import Scope
from .errors import MissingError
from .request import Request
from .state import NAMESPACE, shelf


def with_tags(answer: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """The answer, with the tags where there are any."""
    return {**answer, "tags": dict(tags)} if tags else answer


async def put(request: Request) -> dict[str, Any]:
    """TagResource."""
    _of(request.members["resourceArn"]).update(request.members["tags"])
    return {}


async def remove(request: Request) -> dict[str, Any]:
    """UntagResource."""
    tags = _of(request.members["resourceArn"])
    for key in request.members["tagKeys"]:
        tags.pop(key, None)
    return {}


async def list_all(request: Request) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"tags": dict(_of(request.members["resourceArn"]))}


def _of(arn: str) -> dict[str, str]:
    for versions in shelf().components.values():
        for version in versions.values():
            if version.arn == arn:
                return version.tags
    scope = Scope.current()
    for deployment in shelf().deployments.values():
        if scope.arn(NAMESPACE, f"deployments:{deployment.id}") == arn:
            return deployment.tags
    for device in shelf().devices.values():
        if scope.arn(NAMESPACE, f"coreDevices:{device.thing}") == arn:
            return device.tags
    raise MissingError(f"Resource not found: {arn}", kind="resource", name=arn)
