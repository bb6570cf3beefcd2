"""Which resource an action of Application Auto Scaling is on, for IAM enforcement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_lib.local.autoscaling import state
from constructs_lib.local.autoscaling.state import TargetKey
from constructs_lib.local.emulator import Scope

_IDENTITY = frozenset({"ServiceNamespace", "ResourceId", "ScalableDimension"})


def resource_arn(_path: str, headers: Mapping[str, str], body: bytes, scope: Scope) -> str:
    """The ARN of the target that a request is on; ``*`` for the Describe actions, which know no resources."""
    if ".Describe" in headers.get("x-amz-target", ""):
        return "*"
    request = _parsed(body)
    named = request.get("ResourceARN")
    if isinstance(named, str):
        return named
    target = state.find(TargetKey.of(request)) if request.keys() >= _IDENTITY else None
    return target.arn if target else scope.arn("application-autoscaling", "scalable-target/*")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
