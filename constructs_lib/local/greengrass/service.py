"""Greengrass V2's control plane, as ministack calls a service."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .. import emulator
from ..emulator import Response
from ..shapes import Requests
from . import components, core_devices, deployments, faults, state, tags, wire
from .errors import ApiError, InvalidError, NotEmulatedError
from .request import Request

_log = logging.getLogger("greengrass")


def _unknown_member(path: str, name: str, _known: Iterable[str]) -> str:
    return f"Unknown parameter '{name}' at '{path or 'request'}'"


_REQUESTS = Requests(service=wire.MODEL, unknown_member=_unknown_member)

OPERATIONS: dict[str, Callable[[Request], Awaitable[dict[str, Any]]]] = {
    "CreateComponentVersion": components.create,
    "DescribeComponent": components.describe,
    "GetComponent": components.get,
    "DeleteComponent": components.delete,
    "ListComponents": components.list_all,
    "ListComponentVersions": components.list_versions,
    "ResolveComponentCandidates": components.resolve,
    "CreateDeployment": deployments.create,
    "GetDeployment": deployments.get,
    "ListDeployments": deployments.list_all,
    "CancelDeployment": deployments.cancel,
    "DeleteDeployment": deployments.delete,
    "ListCoreDevices": core_devices.list_all,
    "GetCoreDevice": core_devices.get,
    "DeleteCoreDevice": core_devices.delete,
    "ListInstalledComponents": core_devices.installed,
    "ListEffectiveDeployments": core_devices.effective,
    "TagResource": tags.put,
    "UntagResource": tags.remove,
    "ListTagsForResource": tags.list_all,
}


class Service:
    """What ministack asks of the module behind a service."""

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Response:
        """Answer one request."""
        try:
            if headers.get("x-amz-target", "") == faults.TARGET:
                return 200, {"Content-Type": "application/json"}, json.dumps(faults.ask(body)).encode()
            operation, members = wire.read(method, path, query, body)
            request = Request(operation=operation, members=members, role=emulator.calling_role(headers))
            return wire.answer(operation, await perform(request))
        except ApiError as error:
            return wire.refusal(error)
        except Exception:
            _log.exception("%s %s failed", method, path)
            return wire.refusal(ApiError(f"{method} {path} failed; see the server's log"))

    def reset(self) -> None:
        """Forget everything: POST /_ministack/reset."""
        state.reset()
        faults.clear()


async def perform(request: Request) -> dict[str, Any]:
    """Check a request and carry it out, once for each client token. Raises ApiError."""
    if request.operation not in OPERATIONS:
        raise NotEmulatedError(request.operation)
    complaint = _REQUESTS.complaint(request.operation, request.members)
    if complaint is not None:
        raise InvalidError(complaint)
    token = request.members.get("clientToken")
    if token is None:
        return await OPERATIONS[request.operation](request)
    answers = state.shelf().answers
    if (request.operation, token) not in answers:
        answers[request.operation, token] = await OPERATIONS[request.operation](request)
    return answers[request.operation, token]
