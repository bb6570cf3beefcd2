"""What callers reach: an HTTP API of API Gateway, its routes, its log."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
import constructs
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from ..core.place import environment_of
from ..core.roles import acknowledge, both_packs
from .authorization import ApiAuthorization
from .front import ApiFront
from .requests import Throttle

_LOGGED = "Who asked which route, and the status, no bodies; CloudWatch Logs encrypts it with its own key."
_ACCESS = {
    "request": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes_out": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "function_milliseconds": "$context.integrationLatency",
    "function_status": "$context.integrationStatus",
    "error": "$context.error.message",
    "function_error": "$context.integrationErrorMessage",
    "authorizer_error": "$context.authorizer.error",
    "principal": "$context.identity.userArn",
    "subject": "$context.authorizer.claims.sub",
}
_HEADERS = [
    "Authorization",
    "Content-Type",
    "Accept",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amzn-SageMaker-Inference-Id",
    "X-Amzn-SageMaker-Target-Model",
    "X-Amzn-SageMaker-Target-Variant",
    "X-Amzn-SageMaker-Target-Container-Hostname",
    "X-Amzn-SageMaker-Inference-Component",
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-InputLocation",
    "X-Unit-Id",
]
_EXPOSED = [
    "X-Amzn-SageMaker-Inference-Id",
    "X-Amzn-SageMaker-Custom-Attributes",
    "x-Amzn-Invoked-Production-Variant",
    "Location",
    "Retry-After",
]


class HttpFront(constructs.Construct):
    """An HTTP API with its stage, its routes to one function, and its access log."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        front: ApiFront,
        routes: Sequence[str],
        function: lambda_.IFunction,
        authorization: ApiAuthorization,
        throttle: Throttle,
        api_name: str,
        description: str,
    ) -> None:
        """Make it.

        :param routes: ``POST /invocations``.
        """
        super().__init__(scope, id)
        self._domain, self._path = front.domain, front.path
        self.http_api = gateway.HttpApi(
            self,
            "Api",
            api_name=api_name,
            description=description,
            create_default_stage=False,
            cors_preflight=_cors(front.cors_origins),
            # Callers who come by the name would else find a way around what stands before it.
            disable_execute_api_endpoint=True if front.domain is not None else None,
        )
        """The API, for what this library does not offer."""
        self.access_log = self._log()
        """A line for each request."""
        self.stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.http_api,
            stage_name="$default",
            auto_deploy=True,
            throttle=gateway.ThrottleSettings(rate_limit=throttle.rate, burst_limit=throttle.burst),
        )
        """The one stage."""
        cast(
            gateway.CfnStage, self.stage.node.default_child
        ).access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=self.access_log.log_group_arn, format=json.dumps(_ACCESS)
        )
        self._route(routes, function, authorization)
        if front.domain is not None:
            gateway.ApiMapping(
                self,
                "Mapping",
                api=self.http_api,
                domain_name=front.domain,
                stage=self.stage,
                api_mapping_key=front.path,
            )

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        if self._domain is None:
            return self.http_api.api_endpoint
        below = "" if self._path is None else f"/{self._path}"
        return f"https://{self._domain.name}{below}"

    def arn(self, route: str) -> str:
        """What IAM calls a route: ``GET /results/{id}`` → ``…/$default/GET/results/*``."""
        method, _, path = route.partition(" ")
        below = re.sub(r"\{[^}]+\}", "*", path)
        resource = f"{self.http_api.api_id}/$default/{method}{below}"
        return environment_of(self).arn("execute-api", resource)

    def _log(self) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            "AccessLog",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(group, dict.fromkeys(both_packs("CloudWatchLogGroupEncrypted"), _LOGGED))
        return group

    def _route(
        self, routes: Sequence[str], function: lambda_.IFunction, authorization: ApiAuthorization
    ) -> None:
        integration = integrations.HttpLambdaIntegration(
            "Function", function, scope_permission_to_route=False
        )
        authorizer = _authorizer(authorization)
        for route in routes:
            method, _, path = route.partition(" ")
            self.http_api.add_routes(
                path=path,
                methods=[gateway.HttpMethod(method)],
                integration=integration,
                authorizer=authorizer,
                authorization_scopes=list(authorization.scopes) or None,
            )


def _authorizer(authorization: ApiAuthorization) -> gateway.IHttpRouteAuthorizer:
    if authorization.issuer is None:
        return authorizers.HttpIamAuthorizer()
    return authorizers.HttpJwtAuthorizer(
        "Tokens", authorization.issuer, jwt_audience=list(authorization.audience)
    )


def _cors(origins: Sequence[str]) -> gateway.CorsPreflightOptions | None:
    if not origins:
        return None
    return gateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[gateway.CorsHttpMethod.GET, gateway.CorsHttpMethod.POST],
        allow_headers=_HEADERS,
        expose_headers=_EXPOSED,
        max_age=cdk.Duration.hours(1),
    )
