"""RuntimeVpcEndpoint: how callers in a VPC ask endpoints of SageMaker's, and those alone, without the internet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from ..core.checks import items_of
from ..core.place import construct_path, environment_of, note_place
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules, enforce_together
from ..core.tokens import is_token
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.endpoint import EndpointBase

_HTTPS = 443
_ACTIONS = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeVpcEndpointProps:
    """The props of a `RuntimeVpcEndpoint`, for its rules."""

    vpc: ec2.IVpc
    endpoints: Sequence[EndpointBase]
    subnets: ec2.SubnetSelection | None
    private_dns: bool


vpc_endpoint_rules = Rules[RuntimeVpcEndpointProps]()


@vpc_endpoint_rules.rule("SM-API-018", source=DEVELOPER_GUIDE + "interface-vpc-endpoint.html")
def some_endpoints_are_reached(props: RuntimeVpcEndpointProps) -> Iterator[Broken]:
    """An interface endpoint leads to at least one endpoint of SageMaker's."""
    yield from items_of("endpoints", props.endpoints, EndpointBase)
    if isinstance(props.endpoints, list | tuple) and not props.endpoints:
        yield Broken("endpoints", props.endpoints, "at least one")


class RuntimeVpcEndpoint(constructs.Construct):
    """An interface endpoint of ``sagemaker.runtime`` in a VPC, through which these endpoints answer and no other.

    The SDK's address resolves to it in the whole VPC (private DNS, which the VPC must have on): there is one such
    endpoint to a VPC, and callers in it reach other endpoints of SageMaker's no more. Who may connect is said
    of its `connections`; nobody may at first. Callers need ``endpoint.grants.invoke`` all the same. Costs by the
    hour for each availability zone, and by the gigabyte.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/interface-vpc-endpoint.html

    Example::

        door = RuntimeVpcEndpoint(self, "Door", vpc=vpc, endpoints=[endpoint])
        door.allow_from(ec2.SecurityGroup(self, "Callers", vpc=vpc))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        endpoints: Sequence[EndpointBase],
        subnets: ec2.SubnetSelection | None = None,
        private_dns: bool = True,
    ) -> None:
        """Make the endpoint.

        :param vpc: where the callers are.
        :param endpoints: that are reached through it, made here or imported.
        :param subnets: where it has an address each. Default: the private ones.
        :param private_dns: whether the SDK's own address leads here. Default: yes; without, callers name the
            endpoint's address.
        :raises ConstraintError: SM-API-018.
        """
        props = RuntimeVpcEndpointProps(
            vpc=vpc, endpoints=endpoints, subnets=subnets, private_dns=private_dns
        )
        enforce_together(vpc_endpoint_rules.violations(props), path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.security_group = ec2.SecurityGroup(
            self,
            "Callers",
            vpc=vpc,
            description="Who may ask endpoints of SageMaker from here",
            allow_all_outbound=False,
        )
        """Of its network interfaces: lets in whom `allow_from` named, and nothing out."""
        self.vpc_endpoint = ec2.InterfaceVpcEndpoint(
            self,
            "Endpoint",
            vpc=vpc,
            service=ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME,
            subnets=subnets,
            private_dns_enabled=private_dns,
            security_groups=[self.security_group],
            # CDK would let in the whole VPC.
            open=False,
        )
        """For what this library does not offer."""
        self.vpc_endpoint.add_to_policy(
            iam.PolicyStatement(
                # An account named as principal here would be its root user alone.
                principals=[iam.AnyPrincipal()],
                conditions={"StringEquals": {"aws:PrincipalAccount": environment_of(self).account}},
                actions=[*_ACTIONS, *_asynchronous(endpoints)],
                resources=[arn for each in endpoints for arn in _arns(each)],
            )
        )

    def allow_from(self, caller: ec2.IConnectable) -> None:
        """Let `caller` connect (TCP 443); what it may ask for then, IAM says."""
        self.vpc_endpoint.connections.allow_from(caller, ec2.Port.tcp(_HTTPS))


def _asynchronous(endpoints: Sequence[EndpointBase]) -> list[str]:
    some = any(isinstance(each, AsyncEndpoint) for each in endpoints)
    return ["sagemaker:InvokeEndpointAsync"] if some else []


def _arns(endpoint: EndpointBase) -> list[str]:
    """As the name is written and, where that differs, in the lower case SageMaker checks."""
    exact, name = endpoint.endpoint_arn, endpoint.endpoint_name
    if is_token(name) or name == name.lower():
        return [exact]
    return [exact, exact.removesuffix(name) + name.lower()]
