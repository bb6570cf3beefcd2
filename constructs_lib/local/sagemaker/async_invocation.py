"""InvokeEndpointAsync: a request, checked and made ready for the queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..emulator import Response
from ..shapes import Requests, below, service_model
from .async_backlog import AsyncRequest
from .async_config import AsyncSettings
from .errors import RoutingError

_OPERATION = "InvokeEndpointAsync"
_DEFAULT_TTL_SECONDS = 21600
_DEFAULT_TIMEOUT_SECONDS = 900
_MAX_BODY_BYTES = 128_000
# The members that reach the container, and its names for them.
_PASSED_ON = {
    "ContentType": "content-type",
    "Accept": "accept",
    "CustomAttributes": "x-amzn-sagemaker-custom-attributes",
    "InferenceId": "x-amzn-sagemaker-inference-id",
}


def _unknown_member(path: str, name: str, known: Iterable[str]) -> str:
    return f"Unknown parameter in input: '{below(path, name)}', must be one of: {', '.join(known)}"


_REQUESTS = Requests(service="sagemaker-runtime", unknown_member=_unknown_member)


def read_request(
    endpoint_name: str, headers: Mapping[str, str], body: bytes, settings: AsyncSettings
) -> AsyncRequest:
    """The request as the queue keeps it; RoutingError for what AWS refuses."""
    members = _members(endpoint_name, headers)
    _check(members, body)
    members.setdefault("InferenceId", str(uuid.uuid4()))
    output_location, failure_location = _locations(members, settings)
    return AsyncRequest(
        inference_id=members["InferenceId"],
        headers={name: members[member] for member, name in _PASSED_ON.items() if member in members},
        input_location=members.get("InputLocation"),
        body=body or None,
        output_location=output_location,
        failure_location=failure_location,
        ttl_seconds=members.get("RequestTTLSeconds", _DEFAULT_TTL_SECONDS),
        timeout_seconds=members.get("InvocationTimeoutSeconds", _DEFAULT_TIMEOUT_SECONDS),
    )


def accepted(request: AsyncRequest) -> Response:
    """The answer to the caller."""
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-OutputLocation": request.output_location,
    }
    if request.failure_location is not None:
        headers["X-Amzn-SageMaker-FailureLocation"] = request.failure_location
    return 202, headers, json.dumps({"InferenceId": request.inference_id}).encode()


def _members(endpoint_name: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The members of the request, which all but one travel as headers."""
    members: dict[str, Any] = {"EndpointName": endpoint_name}
    shape = service_model("sagemaker-runtime").operation_model(_OPERATION).input_shape
    for name, member in shape.members.items() if shape is not None else ():
        if member.serialization.get("location") != "header":
            continue
        text = headers.get(member.serialization["name"].lower())
        if text is not None:
            members[name] = _number(text) if member.type_name == "integer" else text
    return members


def _number(text: str) -> int | str:
    """The number in the text, or the text when there is none: the check then says what is wrong."""
    try:
        return int(text)
    except ValueError:
        return text


def _check(members: Mapping[str, Any], body: bytes) -> None:
    complaint = _REQUESTS.complaint(_OPERATION, members)
    if complaint is not None:
        raise RoutingError(complaint)
    if ("InputLocation" in members) == bool(body):
        raise RoutingError("Exactly one of Body and InputLocation must be provided.")
    if len(body) > _MAX_BODY_BYTES:
        raise RoutingError(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
            f"less than or equal to {_MAX_BODY_BYTES}"
        )


def _locations(members: Mapping[str, Any], settings: AsyncSettings) -> tuple[str, str | None]:
    """Where the result goes, and where an error goes, if anywhere.

    The form of a failure's name is that of AWS's examples; with a Filename it is inferred.
    """
    name = PurePosixPath(members.get("Filename", f"{uuid.uuid4()}.out"))
    extension = members.get("S3OutputPathExtension", "")
    output = _join(settings.output_path, extension, name.name)
    if settings.failure_path is None:
        return output, None
    return output, _join(settings.failure_path, extension, f"{name.stem}-error{name.suffix}")


def _join(path: str, *parts: str) -> str:
    return "/".join([path.rstrip("/"), *(part.strip("/") for part in parts if part)])
