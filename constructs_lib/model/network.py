"""Where containers stand in a VPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import constructs
from aws_cdk import aws_ec2 as ec2

from ..core.limits import MAX_SECURITY_GROUPS, MAX_SUBNETS
from ..core.rules import Broken

Config = TypeVar("Config")


class NetworkProps(Protocol):
    """The props that place containers in a VPC."""

    @property
    def vpc(self) -> ec2.IVpc | None:
        """The VPC; none: SageMaker's own network."""

    @property
    def vpc_subnets(self) -> ec2.SubnetSelection | None:
        """Where in the VPC."""

    @property
    def security_groups(self) -> Sequence[ec2.ISecurityGroup] | None:
        """What the containers may reach."""


@dataclass(frozen=True, slots=True)
class BoundNetwork:
    """Subnets and security groups, as models and endpoint configurations carry them."""

    connections: ec2.Connections
    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]

    def config(self, property: Callable[..., Config]) -> Config:
        """As the ``VpcConfigProperty`` of a model or of an endpoint configuration, which have one each."""
        return property(subnets=list(self.subnet_ids), security_group_ids=list(self.security_group_ids))


def bound_network(scope: constructs.Construct, props: NetworkProps) -> BoundNetwork | None:
    """The network that `props` ask for; a security group is made under `scope` where none is given."""
    if props.vpc is None:
        return None
    groups = list(props.security_groups or [ec2.SecurityGroup(scope, "SecurityGroup", vpc=props.vpc)])
    return BoundNetwork(
        connections=ec2.Connections(security_groups=groups),
        subnet_ids=_subnet_ids(props.vpc, props.vpc_subnets or ec2.SubnetSelection()),
        security_group_ids=[group.security_group_id for group in groups],
    )


def _subnet_ids(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> list[str]:
    return vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    ).subnet_ids


def network_props_go_together(props: NetworkProps) -> Iterator[Broken]:
    """Subnets (1–16) and security groups (1–5) go with a VPC."""
    groups = props.security_groups
    if props.vpc is None:
        for name, value in (("vpc_subnets", props.vpc_subnets), ("security_groups", groups)):
            if value is not None:
                yield Broken(name, value, "nothing without a vpc", "give vpc=… too")
        return
    if groups is not None and not 1 <= len(groups) <= MAX_SECURITY_GROUPS:
        yield Broken(
            "security_groups",
            f"{len(groups)} groups",
            f"1–{MAX_SECURITY_GROUPS} groups",
            "leave it out for a new group",
        )
    subnets = props.vpc_subnets.subnets if props.vpc_subnets is not None else None
    if subnets is not None and not 1 <= len(subnets) <= MAX_SUBNETS:
        yield Broken("vpc_subnets", f"{len(subnets)} subnets", f"1–{MAX_SUBNETS} subnets")
