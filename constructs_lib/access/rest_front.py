"""A REST API of API Gateway that asks SageMaker itself, with its stage, its log, and what guards it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf

from ..core.place import environment_of, stack_of
from ..core.roles import acknowledge, both_packs
from .requests import Throttle
from .rest_mappings import REFUSALS

STAGE = "live"
_LOGGED = "Who asked which route, and the status, no bodies; CloudWatch Logs encrypts it with its own key."
_FORMAT = {
    "request": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "route": "$context.httpMethod $context.resourcePath",
    "status": "$context.status",
    "bytes_out": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "endpoint_milliseconds": "$context.integration.latency",
    "endpoint_status": "$context.integration.integrationStatus",
    "error": "$context.error.message",
    "principal": "$context.identity.userArn",
    "vpc_endpoint": "$context.identity.vpceId",
}


class RestFront(constructs.Construct):
    """A REST API without methods yet; what it refuses by itself is told in the form of all errors."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        api_name: str,
        description: str,
        throttle: Throttle,
        binary: bool,
        vpc_endpoints: Sequence[ec2.IInterfaceVpcEndpoint] | None,
        web_acl: str | None,
        account_logs: bool,
    ) -> None:
        """Make it.

        :param binary: whether bodies are passed on as bytes; else they are text.
        """
        super().__init__(scope, id)
        self.access_log = self._log()
        """A line for each request."""
        private = None if vpc_endpoints is None else list(vpc_endpoints)
        kind = gateway.EndpointType.REGIONAL if private is None else gateway.EndpointType.PRIVATE
        self.rest_api = gateway.RestApi(
            self,
            "Api",
            rest_api_name=api_name,
            description=description,
            endpoint_configuration=gateway.EndpointConfiguration(types=[kind], vpc_endpoints=private),
            policy=None if private is None else self._only_through(private),
            binary_media_types=["*/*"] if binary else None,
            cloud_watch_role=account_logs,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN if account_logs else None,
            deploy_options=gateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=throttle.rate,
                throttling_burst_limit=throttle.burst,
                access_log_destination=gateway.LogGroupLogDestination(self.access_log),
                access_log_format=gateway.AccessLogFormat.custom(json.dumps({"api": api_name, **_FORMAT})),
            ),
        )
        """The API, for what this library does not offer."""
        # CDK's own output of the address; whoever wants one makes it of `url`.
        self.rest_api.node.try_remove_child("Endpoint")
        self._tell_refusals()
        self._acknowledge(guarded=web_acl is not None, account_logs=account_logs)
        if web_acl is not None:
            waf.CfnWebACLAssociation(
                self, "WebAcl", resource_arn=self.rest_api.deployment_stage.stage_arn, web_acl_arn=web_acl
            )

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        stack = stack_of(self)
        host = f"{self.rest_api.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}"
        # Of the stage, by reference: who calls the address waits for it.
        return f"https://{host}/{self.rest_api.deployment_stage.stage_name}"

    def arn(self, route: str) -> str:
        """What IAM calls a route, such as ``POST /invocations``."""
        method, _, path = route.partition(" ")
        return environment_of(self).arn("execute-api", f"{self.rest_api.rest_api_id}/{STAGE}/{method}{path}")

    def _log(self) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            "AccessLog",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(group, dict.fromkeys(both_packs("CloudWatchLogGroupEncrypted"), _LOGGED))
        return group

    def _only_through(self, endpoints: list[ec2.IInterfaceVpcEndpoint]) -> iam.PolicyDocument:
        """Nobody by another way; by this one whom IAM lets, of this account."""
        ids = [each.vpc_endpoint_id for each in endpoints]
        everything = ["execute-api:/*"]
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    principals=[iam.AccountRootPrincipal()],
                    actions=["execute-api:Invoke"],
                    resources=everything,
                    conditions={"StringEquals": {"aws:SourceVpce": ids}},
                ),
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["execute-api:Invoke"],
                    resources=everything,
                    conditions={"StringNotEquals": {"aws:SourceVpce": ids}},
                ),
            ]
        )

    def _tell_refusals(self) -> None:
        for each in REFUSALS:
            self.rest_api.add_gateway_response(
                each.type,
                type=gateway.ResponseType.of(each.type),
                status_code=each.status,
                response_headers=dict(each.headers) or None,
                templates={"application/json": each.body},
            )

    def _acknowledge(self, *, guarded: bool, account_logs: bool) -> None:
        acknowledge(self, _STANDS)
        if not guarded:
            acknowledge(self, _UNGUARDED)
        if account_logs:
            acknowledge(self, _ACCOUNT)


_CHECKED = "A validator of the API holds requests to their headers, and to a schema where one is given."
_SIGNED = "IAM decides who calls: callers are applications with roles, not people of a user pool."
_UNCACHED = (
    "Each request is asked anew: what a model says is no copy of what it said, and is told to one caller."
)
_NO_CERTIFICATE = "SageMaker is called by API Gateway in AWS's own network, and checks a signature by IAM."
_UNTRACED = "Nothing of ours runs behind it that a trace could show; the access log has each part's time."
_UNLOGGED = "Execution logs can hold bodies, in a group that never expires; the access log has the rest."
_STANDS = {
    "AwsSolutions::AwsSolutions-APIG2": _CHECKED,
    "AwsSolutions::AwsSolutions-COG4": _SIGNED,
    "HIPAA.Security::HIPAA.Security-APIGWXrayEnabled": _UNTRACED,
    **dict.fromkeys(both_packs("APIGWCacheEnabledAndEncrypted"), _UNCACHED),
    **dict.fromkeys(both_packs("APIGWSSLEnabled"), _NO_CERTIFICATE),
    "AwsSolutions::AwsSolutions-APIG6": _UNLOGGED,
    **dict.fromkeys(both_packs("APIGWExecutionLoggingEnabled"), _UNLOGGED),
}
_NO_ACL = (
    "IAM lets in whom it knows, and the throttle so many of them; web_acl= puts an ACL of WAF's before it."
)
_UNGUARDED = {
    "AwsSolutions::AwsSolutions-APIG3": _NO_ACL,
    **dict.fromkeys(both_packs("APIGWAssociatedWithWAF"), _NO_ACL),
}
_PUSHES = "policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_ACCOUNT = {
    f"AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:{_PUSHES}]": (
        "AWS documents no other policy for API Gateway's role for logs."
    ),
}
