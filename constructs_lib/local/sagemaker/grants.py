"""What IAM asks for beside the action itself, of those who create jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import emulator
from ..emulator import Scope
from .errors import AccessDeniedError
from .job import COMPILATION, PROCESSING, TRANSFORM

_PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}
_JOBS = {kind.operation("Create"): kind for kind in (PROCESSING, TRANSFORM, COMPILATION)}


@dataclass(frozen=True, slots=True)
class Grant:
    """Something that a policy must allow."""

    action: str
    resource: str
    condition_keys: Mapping[str, str]


def needed_beside(operation: str, request: Mapping[str, Any]) -> Iterator[Grant]:
    """Passing the role, and tagging, where the operation creates a job. Others are not looked at."""
    if operation not in _JOBS:
        return
    kind = _JOBS[operation]
    # A transform job has the role of its model, which was passed when that was created.
    if kind is not TRANSFORM:
        yield Grant("iam:PassRole", str(request.get("RoleArn")), _PASSED_TO)
    if request.get("Tags"):
        arn = Scope.current().arn("sagemaker", f"{kind.arn_kind}/{request.get(kind.member('Name'))}")
        yield Grant("sagemaker:AddTags", arn, {})


def require(role: str | None, grant: Grant) -> None:
    """AccessDeniedError when IAM is enforced and the role may not. None: nobody whose policies are known."""
    if role is None or not emulator.iam_is_enforced():
        return
    if not emulator.role_allows(role, grant.action, grant.resource, grant.condition_keys):
        raise AccessDeniedError(
            f"User: {role} is not authorized to perform: {grant.action} on resource: {grant.resource} "
            f"because no identity-based policy allows the {grant.action} action"
        )
