"""Reference stacks of APIs: every route, every way to guard them, with a function behind and without."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_ec2 as ec2

from constructs_lib import (
    ABTest,
    ApiAuthorization,
    ApiFront,
    AsyncEndpoint,
    Container,
    DirectApi,
    InferenceApi,
    Model,
    RealtimeEndpoint,
    Reward,
    RuntimeVpcEndpoint,
    Variant,
)

from .reference_kinds import IMAGE


class EveryApi(cdk.Stack):
    """An API of an asynchronous endpoint that tokens guard, and one of an experiment at a name of its own."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id)
        model = Model(self, "Model", container=Container(image=IMAGE))
        queued = AsyncEndpoint(self, "Async", model=model, instance_type="ml.m5.large")
        tokens = ApiAuthorization.jwt(issuer="https://login.example.com", audience=["fraud"])
        InferenceApi(self, "Tokens", endpoint=queued, authorization=tokens)
        test = ABTest(
            self,
            "Test",
            variants=[Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("A", "B")],
            reward=Reward.binary(window=cdk.Duration.hours(1)),
        )
        domain = gateway.DomainName.from_domain_name_attributes(
            self, "Domain", name="api.example.com", regional_domain_name="d", regional_hosted_zone_id="z"
        )
        InferenceApi(self, "Own", endpoint=test.endpoint, experiment=test, front=ApiFront.http(domain=domain))


class EveryDirectApi(cdk.Stack):
    """APIs without a function: one with a schema behind WAF, one that is private; and a way from a VPC."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id)
        endpoint = RealtimeEndpoint.from_endpoint_name(self, "There", "fraud")
        acl = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/a/0a1b2c3d-0000-4000-8000-000000000000"
        DirectApi(
            self,
            "Guarded",
            endpoint=endpoint,
            content_types=["application/json"],
            json_schema=rest.JsonSchema(type=rest.JsonSchemaType.ARRAY),
            web_acl=acl,
            account_logs=True,
        )
        door = ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
            self, "Door", port=443, vpc_endpoint_id="vpce-1"
        )
        DirectApi(self, "Private", endpoint=endpoint, vpc_endpoints=[door])
        vpc = ec2.Vpc.from_vpc_attributes(
            self, "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=["subnet-1"]
        )
        RuntimeVpcEndpoint(self, "Inside", vpc=vpc, endpoints=[endpoint])
