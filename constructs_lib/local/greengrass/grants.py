"""What IAM asks for: the resource of each action, and what callers need beside it.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html
(the column of dependent actions). Only of roles is it asked what is needed beside: a caller that is root or a user
may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from .. import emulator
from ..emulator import Scope
from .errors import DeniedError
from .state import NAMESPACE

_READ = ("iot:DescribeJob", "iot:GetThingShadow")
_WRITE = ("iot:CancelJob", "iot:UpdateJob", "iot:DeleteThingShadow", "iot:UpdateThingShadow")
_PATHS = (
    (re.compile(r"/tags/(?P<arn>.+)"), "{arn}"),
    (
        re.compile(r"/greengrass/v2/components/(?P<arn>arn:.+?)(?:/metadata|/versions|/artifacts/.+)?"),
        "{arn}",
    ),
    (re.compile(r"/greengrass/v2/deployments/(?P<name>[^/]+)(?:/cancel)?"), "deployments:{name}"),
    (re.compile(r"/greengrass/v2/coreDevices/(?P<name>[^/]+)(?:/.*)?"), "coreDevices:{name}"),
)


def resource_arn(path: str, _headers: Mapping[str, str], _body: bytes, scope: Scope) -> str:
    """The ARN of the resource that a request is on, or `*`."""
    plain = unquote(path)
    for pattern, resource in _PATHS:
        match = pattern.fullmatch(plain)
        if match is not None:
            named = resource.format(**match.groupdict())
            return named if named.startswith("arn:") else scope.arn(NAMESPACE, named)
    return "*"


def needed_to_read(job_id: str | None, target: str) -> Iterable[tuple[str, str]]:
    """What Get and ListDeployments need beside their own action."""
    return _on_job_or_shadow(_READ, job_id, target)


def needed_to_end(job_id: str | None, target: str) -> Iterable[tuple[str, str]]:
    """What it takes to cancel a deployment, or to replace it."""
    return _on_job_or_shadow((*_READ, *_WRITE), job_id, target)


def needed_to_create(job_id: str | None, target: str) -> Iterable[tuple[str, str]]:
    """What it takes to create a deployment."""
    if job_id is None:
        return [(action, _thing_of(target)) for action in ("iot:GetThingShadow", "iot:UpdateThingShadow")]
    return [("iot:CreateJob", _job_arn(job_id)), ("iot:CreateJob", target)]


def _on_job_or_shadow(actions: Iterable[str], job_id: str | None, target: str) -> Iterable[tuple[str, str]]:
    kind = "DescribeThingGroup" if ":thinggroup/" in target else "DescribeThing"
    yield f"iot:{kind}", target
    for action in actions:
        if action.endswith("Job") and job_id is not None:
            yield action, _job_arn(job_id)
        if action.endswith("Shadow") and job_id is None:
            yield action, _thing_of(target)


def _job_arn(job_id: str) -> str:
    return Scope.current().arn("iot", f"job/{job_id}")


def _thing_of(target: str) -> str:
    # Of a shadow the resource is its thing.
    return target


def require(role: str | None, needed: Iterable[tuple[str, str]]) -> None:
    """DeniedError when IAM is enforced and the role may not."""
    if role is None or not emulator.iam_is_enforced():
        return
    for action, resource in needed:
        if not emulator.role_allows(role, action, resource):
            raise DeniedError(
                f"User: {role} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action"
            )
