"""The private names of ministack's REST APIs that integrations with services need; emulator.py's companion."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

Integration = Mapping[str, Any]
Properties = Mapping[str, Any]
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


def keep_validators() -> None:
    """Let CloudFormation make request validators, and give them to methods: ministack validates by the API only."""
    plain = provisioners._apigw_method_create

    def create(logical_id: str, props: Properties, stack_name: str) -> Any:
        created = plain(logical_id, props, stack_name)
        resource = apigateway_v1._resources[props["RestApiId"]][props["ResourceId"]]
        resource["resourceMethods"][props["HttpMethod"]]["requestValidatorId"] = props.get(
            "RequestValidatorId"
        )
        return created

    # Updates call it by its name, creations by the table.
    provisioners._apigw_method_create = create
    provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Method"]["create"] = create
    provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RequestValidator"] = {
        "create": _create_validator,
        "update": _update_validator,
        "delete": _delete_validator,
    }


def _create_validator(_logical_id: str, props: Properties, _stack_name: str) -> tuple[str, dict[str, str]]:
    told = {"name": props.get("Name", ""), **_checks(props)}
    status, _headers, body = apigateway_v1._create_request_validator(props["RestApiId"], told)
    if status != 201:
        raise ValueError(f"AWS::ApiGateway::RequestValidator create failed: {body!r}")
    id = str(json.loads(body)["id"])
    return id, {"RequestValidatorId": id}


def _update_validator(
    id: str, old: Properties, new: Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    if any(new.get(name) != old.get(name) for name in ("RestApiId", "Name")):
        return _create_validator(id, new, stack_name)
    changes = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in _checks(new).items()]
    apigateway_v1._update_request_validator(new["RestApiId"], id, {"patchOperations": changes})
    return id, {"RequestValidatorId": id}


def _delete_validator(id: str, props: Properties) -> None:
    apigateway_v1._delete_request_validator(props.get("RestApiId", ""), id)


def _checks(props: Properties) -> dict[str, bool]:
    """What is looked at; templates may have it as text."""
    names = ("ValidateRequestBody", "ValidateRequestParameters")
    return {name[0].lower() + name[1:]: str(props.get(name)).lower() == "true" for name in names}
