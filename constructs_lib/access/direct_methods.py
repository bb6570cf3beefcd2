"""The methods of a `DirectApi`: one that asks SageMaker, one that says that the API is there."""

from __future__ import annotations

import json

import constructs
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_iam as iam

from .direct_props import JSON, DirectApiProps
from .rest_front import RestFront
from .rest_mappings import FAILURES, Failure, Headers

_AS_TEXT = gateway.ContentHandling.CONVERT_TO_TEXT
"""For fixed texts: where bodies are passed on as bytes, API Gateway has no template for them otherwise."""


class DirectMethods(constructs.Construct):
    """Adds ``POST /invocations`` and ``GET /ping`` to a REST API; IAM guards both."""

    routes = ("POST /invocations", "GET /ping")
    """What is added."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        front: RestFront,
        props: DirectApiProps,
        role: iam.IRole,
    ) -> None:
        """Add them.

        :param role: as which SageMaker is asked.
        """
        super().__init__(scope, id)
        self._api = front.rest_api
        self._headers = Headers(props.served.named, props.target_variants, props.own_inference_ids)
        self._ask(props, role)
        self._ping()

    def _ask(self, props: DirectApiProps, role: iam.IRole) -> None:
        schema = props.json_schema
        validator = self._api.add_request_validator(
            "Validator", validate_request_parameters=True, validate_request_body=schema is not None
        )
        model = None if schema is None else self._api.add_model("Body", schema=schema, content_type=JSON)
        self._api.root.add_resource("invocations").add_method(
            "POST",
            self._integration(props, role),
            authorization_type=gateway.AuthorizationType.IAM,
            request_parameters=self._headers.taken,
            request_validator=validator,
            request_models=None if model is None else {JSON: model},
            method_responses=[_method_response("200", self._headers.handed_back), *self._failures()],
        )

    def _integration(self, props: DirectApiProps, role: iam.IRole) -> gateway.AwsIntegration:
        told_apart = bool(props.content_types)
        behavior = (
            gateway.PassthroughBehavior.NEVER if told_apart else gateway.PassthroughBehavior.WHEN_NO_TEMPLATES
        )
        return gateway.AwsIntegration(
            service="runtime.sagemaker",
            path=f"endpoints/{props.endpoint.endpoint_name}/invocations",
            integration_http_method="POST",
            options=gateway.IntegrationOptions(
                credentials_role=role,
                timeout=props.timeout,
                passthrough_behavior=behavior,
                # What has no template is answered 415.
                request_templates=dict.fromkeys(props.content_types, "$input.body") if told_apart else None,
                request_parameters=self._headers.handed_on,
                integration_responses=[
                    gateway.IntegrationResponse(
                        status_code="200", response_parameters=self._headers.handed_back
                    ),
                    *(self._failure(each, binary=not told_apart) for each in FAILURES),
                ],
            ),
        )

    def _failure(self, failure: Failure, *, binary: bool) -> gateway.IntegrationResponse:
        return gateway.IntegrationResponse(
            status_code=str(failure.status),
            selection_pattern=failure.pattern,
            content_handling=_AS_TEXT if binary else None,
            response_parameters=self._headers.of_failure(failure),
            response_templates={JSON: self._headers.body(failure)},
        )

    def _failures(self) -> list[gateway.MethodResponse]:
        return [_method_response(str(each.status), self._headers.of_failure(each)) for each in FAILURES]

    def _ping(self) -> None:
        self._api.root.add_resource("ping").add_method(
            "GET",
            gateway.MockIntegration(
                content_handling=_AS_TEXT,
                passthrough_behavior=gateway.PassthroughBehavior.NEVER,
                request_templates={JSON: json.dumps({"statusCode": 200})},
                integration_responses=[
                    gateway.IntegrationResponse(
                        status_code="200",
                        content_handling=_AS_TEXT,
                        response_templates={JSON: json.dumps({"status": "ok"})},
                    )
                ],
            ),
            authorization_type=gateway.AuthorizationType.IAM,
            method_responses=[gateway.MethodResponse(status_code="200")],
        )


def _method_response(status: str, headers: dict[str, str]) -> gateway.MethodResponse:
    return gateway.MethodResponse(status_code=status, response_parameters=dict.fromkeys(headers, True))
