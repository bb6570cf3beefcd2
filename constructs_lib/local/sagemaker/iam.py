"""Which resource an action of SageMaker is on, for IAM enforcement."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

from ..emulator import Scope
from .job import COMPILATION, PROCESSING, TRANSFORM

_INVOCATION = re.compile(r"/endpoints/([^/]+)/")
_MODEL = "x-amzn-sagemaker-target-model"
_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
# Of containers AWS's guide names one key in its text and the other in its examples, and IAM's list has
# only the first: both are filled.
_CONDITION_KEYS = (
    ("sagemaker:TargetModel", _MODEL),
    ("sagemaker:TargetModel", _CONTAINER),
    ("sagemaker:TargetContainerHostname", _CONTAINER),
)
# The member of the request that names the resource, and the kind of its ARN; the first that is
# there counts: CreateEndpoint names an endpoint and a configuration, CreateTransformJob a job and a model.
_NAMED_BY = (
    ("InferenceComponentName", "inference-component"),
    ("EndpointName", "endpoint"),
    ("EndpointConfigName", "endpoint-config"),
    *((kind.member("Name"), kind.arn_kind) for kind in (PROCESSING, TRANSFORM, COMPILATION)),
    ("ModelName", "model"),
)


def resource_arn(path: str, _headers: Mapping[str, str], body: bytes, scope: Scope) -> str:
    """The ARN of the resource that a request is on, or `*`."""
    invocation = _INVOCATION.match(path)
    if invocation is not None:
        return scope.arn("sagemaker", f"endpoint/{unquote(invocation[1])}")
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return "*"
    if not isinstance(request, dict):
        return "*"
    if isinstance(request.get("ResourceArn"), str):
        return str(request["ResourceArn"])
    for member, kind in _NAMED_BY:
        if isinstance(request.get(member), str):
            return scope.arn("sagemaker", f"{kind}/{request[member]}")
    return "*"


def condition_keys(headers: Mapping[str, str]) -> dict[str, str]:
    """What a policy may ask of an invocation: its condition keys with their values."""
    return {key: headers[header] for key, header in _CONDITION_KEYS if header in headers}
