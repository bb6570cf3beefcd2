"""The API: Application Auto Scaling's operations over AWS JSON 1.1, as ministack calls a service."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.concurrency import run_reentrant

from constructs_lib.local.autoscaling import activities, policies, scheduled, state, targets
from constructs_lib.local.autoscaling.errors import ApiError, invalid
from constructs_lib.local.shapes import Requests

NAME = "application-autoscaling"
TARGET_PREFIX = "AnyScaleFrontendService"
_JSON = {"Content-Type": "application/x-amz-json-1.1"}

_log = logging.getLogger("autoscaling")


def _unknown_member(path: str, name: str, _known: Iterable[str]) -> str:
    return f"Unknown parameter '{name}' at '{path or 'request'}'"


REQUESTS = Requests(service=NAME, unknown_member=_unknown_member)


def _no_forecast(_request: dict[str, Any]) -> dict[str, Any]:
    raise invalid("Predictive scaling is not supported for service namespace sagemaker")


OPERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "RegisterScalableTarget": targets.register,
    "DeregisterScalableTarget": targets.deregister,
    "DescribeScalableTargets": targets.describe,
    "PutScalingPolicy": policies.put,
    "DeleteScalingPolicy": policies.delete,
    "DescribeScalingPolicies": policies.describe,
    "PutScheduledAction": scheduled.put,
    "DeleteScheduledAction": scheduled.delete,
    "DescribeScheduledActions": scheduled.describe,
    "DescribeScalingActivities": activities.describe,
    "GetPredictiveScalingForecast": _no_forecast,
    "TagResource": targets.tag,
    "UntagResource": targets.untag,
    "ListTagsForResource": targets.list_tags,
}


class Service:
    """What ministack asks of the module behind a service."""

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one request, on a thread of its own: it may have to ask SageMaker."""
        del method, path, query
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        status, answer = await run_reentrant(_answer, operation, body)
        return status, dict(_JSON), json.dumps(answer).encode()

    def reset(self) -> None:
        """Forget everything: POST /_ministack/reset."""
        state.reset()


def perform(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Check a request and carry it out. Raises :class:`ApiError`. Not on the event loop."""
    complaint = REQUESTS.complaint(operation, request)
    if complaint is not None:
        raise invalid(complaint)
    return OPERATIONS[operation](request)


def _answer(operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        return 200, perform(operation, _parsed(operation, body))
    except ApiError as error:
        return 400, {"__type": error.code, "Message": error.message}
    except Exception:
        _log.exception("%s failed", operation)
        return 500, {
            "__type": "InternalServiceException",
            "Message": f"{operation} failed; see the server's log",
        }


def _parsed(operation: str, body: bytes) -> dict[str, Any]:
    if operation not in OPERATIONS:
        raise ApiError("UnknownOperationException", f"There is no operation {operation}")
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", "The request is not JSON") from error
    if not isinstance(parsed, dict):
        raise ApiError("SerializationException", "The request is not a JSON object")
    return parsed
