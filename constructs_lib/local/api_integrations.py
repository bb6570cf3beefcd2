"""REST APIs that ask SageMaker's runtime themselves: integrations of type AWS, with their mappings.

ministack has those with SQS. Of mappings there are request headers (from the request's headers, the context's request
id, constants), templates, and response headers by the same; the role that the integration names has to trust API
Gateway and may ask, where IAM is enforced.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Protocol

from . import emulator, emulator_apigateway
from .emulator import Scope
from .emulator_apigateway import Answer, Integration
from .sagemaker import iam

_SERVICE = "runtime.sagemaker"
_ACTION = "sagemaker:InvokeEndpoint"
_REQUEST_ID = "context.requestId"
_SENT = "integration.request.header."
_GIVEN = "method.request.header."
_SAID = "integration.response.header."
_TOLD = "method.response.header."


class Runtime(Protocol):
    """What answers requests to endpoints."""

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Answer:  # fmt: skip
        """Answer one request."""


def install(runtime: Runtime) -> None:
    """Answer integrations with ``runtime.sagemaker``; requests are held to their methods' validators."""

    async def serve(integration: Integration, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        id = str(uuid.uuid4())
        sent = _mapped(integration.get("requestParameters"), _SENT, _GIVEN, headers, id)
        sent = {name.lower(): value for name, value in sent.items()}
        template = (integration.get("requestTemplates") or {}).get(_media_type(headers))
        body = body if template is None else emulator_apigateway.rendered(template, body)
        refused = _refused(str(integration.get("credentials", "")), path, sent)
        answer = refused or await runtime.handle_request("POST", path, sent, body, {})
        return _told(integration, answer, id)

    emulator_apigateway.serve_service(_SERVICE, serve)
    emulator_apigateway.keep_validators()


def _told(integration: Integration, answer: Answer, id: str) -> Answer:
    """What the caller gets of what the service said."""
    status, headers, body = answer
    response = emulator_apigateway.response_of(integration, status)
    if response is None:
        return 500, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'
    said = {name.lower(): value for name, value in headers.items()}
    told = _mapped(response.get("responseParameters"), _TOLD, _SAID, said, id)
    for template in (response.get("responseTemplates") or {}).values():
        # Known here alone, so it is written before the rest of the template is read.
        body = emulator_apigateway.rendered(template.replace(f"${_REQUEST_ID}", id), body)
    return int(response["statusCode"]), told, body


def _mapped(
    mapping: Mapping[str, str] | None, to: str, of: str, headers: Mapping[str, str], id: str
) -> dict[str, str]:
    found = {
        name.removeprefix(to): _value(source, of, headers, id)
        for name, source in (mapping or {}).items()
        if name.startswith(to)
    }
    return {name: value for name, value in found.items() if value is not None}


def _value(source: str, of: str, headers: Mapping[str, str], id: str) -> str | None:
    if source == _REQUEST_ID:
        return id
    if source.startswith("'"):
        return source.strip("'")
    return headers.get(source.removeprefix(of).lower())


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def _refused(role: str, path: str, headers: Mapping[str, str]) -> Answer | None:
    """What IAM has against it."""
    if not emulator.iam_is_enforced():
        return None
    endpoint = iam.resource_arn(path, headers, b"", Scope.current())
    trusted = emulator.role_trusts(role, "apigateway.amazonaws.com")
    if trusted and emulator.role_allows(role, _ACTION, endpoint, iam.condition_keys(headers)):
        return None
    told = {"Message": f"User: {role} is not authorized to perform: {_ACTION} on resource: {endpoint}"}
    return 403, {"x-amzn-ErrorType": "AccessDeniedException"}, json.dumps(told).encode()
