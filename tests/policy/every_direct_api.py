"""A user's stack of APIs without functions, with every option that makes a resource or allows something."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from constructs_lib import (
    Container,
    ContainerImage,
    DirectApi,
    Model,
    MultiModelEndpoint,
    RealtimeEndpoint,
    RuntimeVpcEndpoint,
)

from .every_kind import ACCOUNT, KEYS, REGION, a_role

_WEB_ACL = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/front/0a1b2c3d-0000-4000-8000-000000000000"


class EveryDirectApi(cdk.Stack):
    """One that is public, one that is guarded by WAF, one that is private, and a way to endpoints from a VPC."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        container = Container(image=ContainerImage.framework("sklearn", version="1.2-1"))
        endpoint = RealtimeEndpoint(
            self,
            "One",
            model=Model(self, "Model", container=container),
            instance_type="ml.m5.large",
            encryption_key=key,
        )
        many = MultiModelEndpoint(
            self, "Many", container=container, instance_type="ml.m5.large", encryption_key=key
        )
        caller = a_role(self, "Caller", "lambda.amazonaws.com")
        DirectApi(self, "Public", endpoint=endpoint, account_logs=True).grants.invoke(caller)
        DirectApi(self, "Guarded", endpoint=many, targets=["team-a/*"], web_acl=_WEB_ACL)
        door = ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
            self, "Door", port=443, vpc_endpoint_id="vpce-0a1b2c3d"
        )
        DirectApi(self, "Private", endpoint=endpoint, vpc_endpoints=[door])
        self._from_inside([endpoint, many])

    def _from_inside(self, endpoints: list[RealtimeEndpoint | MultiModelEndpoint]) -> None:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Network",
            vpc_id="vpc-0a1b2c3d",
            availability_zones=[f"{REGION}a", f"{REGION}b"],
            private_subnet_ids=["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
        )
        door = RuntimeVpcEndpoint(self, "Inside", vpc=vpc, endpoints=endpoints)
        door.allow_from(ec2.SecurityGroup(self, "Callers", vpc=vpc, allow_all_outbound=False))
