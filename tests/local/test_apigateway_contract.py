"""The private names of ministack that emulator_apigateway.py stands on."""

from __future__ import annotations

import pytest

from .contract import check

REST = "ministack.services.apigateway_v1."
CONTRACT: dict[str, list[str] | None] = {
    f"{REST}_invoke_lambda_custom_v1": [
        "integration", "api_id", "stage_name", "stage", "resource", "request_path", "method", "headers", "body",
        "query_params", "path_params", "owner_account_id", "owner_region", "binary_media_types",
        "authorizer_context", "caller_identity",
    ],
    f"{REST}_parse_service_integration_uri": ["uri"],
    f"{REST}_select_service_integration_response": ["integration", "backend_status"],
    f"{REST}_render_request_template_v1": ["template", "body_str", "params_map", "context"],
    f"{REST}_resources": None,
    f"{REST}_create_request_validator": ["api_id", "data"],
    f"{REST}_update_request_validator": ["api_id", "validator_id", "data"],
    f"{REST}_delete_request_validator": ["api_id", "validator_id"],
    "ministack.services.cloudformation.provisioners._apigw_method_create": ["logical_id", "props", "stack_name"],
    "ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS": None,
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_a_name_we_stand_on_is_there(name: str) -> None:
    check(name, CONTRACT)
