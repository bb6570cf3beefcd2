"""The private names of ministack's REST APIs that integrations with services need; emulator.py's companion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

Integration = Mapping[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[Integration, str, Mapping[str, str], bytes], Awaitable[Answer]]


def serve_service(service: str, serve: Serve) -> None:
    """Let `serve` (integration, path, headers, body) answer integrations of type AWS with a service's path."""
    plain = apigateway_v1._invoke_lambda_custom_v1

    async def invoke(integration: Integration, *given: Any, **told: Any) -> Answer:
        found = apigateway_v1._parse_service_integration_uri(integration.get("uri", ""))
        if found is None or found[1:3] != (service, "path"):
            answered: Answer = await plain(integration, *given, **told)
            return answered
        headers, body = given[6], given[7]
        lower = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        return await serve(integration, "/" + found[3].lstrip("/"), lower, body or b"")

    apigateway_v1._invoke_lambda_custom_v1 = invoke


def response_of(integration: Integration, status: int) -> Mapping[str, Any] | None:
    """The integration response for a status of the service's; that without a pattern where none fits."""
    found: Mapping[str, Any] | None = apigateway_v1._select_service_integration_response(integration, status)
    return found


def rendered(template: str, body: bytes) -> bytes:
    """A mapping template's text, of a body in UTF-8."""
    text: str = apigateway_v1._render_request_template_v1(template, body.decode(errors="replace"), {}, {})
    return text.encode()
