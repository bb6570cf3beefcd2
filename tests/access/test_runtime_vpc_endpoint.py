"""How callers in a VPC reach endpoints: those that were named, by those who were let in."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2

from constructs_lib import RealtimeEndpoint, RuntimeVpcEndpoint
from tests.support.endpoints import an_async_endpoint
from tests.support.synth import an_endpoint, flat, fresh_app, properties, resources, synthesized


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Stack")


@pytest.fixture
def vpc(stack: cdk.Stack) -> ec2.Vpc:
    return ec2.Vpc(stack, "Vpc", max_azs=1)


def test_only_the_named_endpoints_are_reached(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    imported = RealtimeEndpoint.from_endpoint_name(stack, "There", "Fraud")
    RuntimeVpcEndpoint(stack, "Door", vpc=vpc, endpoints=[an_endpoint(stack), imported])
    made = properties(synthesized(stack), "AWS::EC2::VPCEndpoint")

    assert flat(made["ServiceName"]) == "com.amazonaws.<AWS::Region>.sagemaker.runtime"
    assert (made["VpcEndpointType"], made["PrivateDnsEnabled"]) == ("Interface", True)
    (statement,) = made["PolicyDocument"]["Statement"]
    assert statement["Action"] == [
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointWithResponseStream",
    ]
    assert flat(statement["Condition"]["StringEquals"]["aws:PrincipalAccount"]) == "<AWS::AccountId>"
    # SageMaker checks names in lower case.
    assert [flat(each).rpartition("/")[2] for each in statement["Resource"]] == [
        "stack-endpoint",
        "Fraud",
        "fraud",
    ]


def test_asynchronous_requests_are_an_action_of_their_own(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    RuntimeVpcEndpoint(stack, "Door", vpc=vpc, endpoints=[an_async_endpoint(stack)], private_dns=False)
    made = properties(synthesized(stack), "AWS::EC2::VPCEndpoint")

    assert "sagemaker:InvokeEndpointAsync" in made["PolicyDocument"]["Statement"][0]["Action"]
    assert made["PrivateDnsEnabled"] is False


def test_who_is_not_let_in_cannot_connect(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    subnets = ec2.SubnetSelection(subnets=vpc.public_subnets)
    RuntimeVpcEndpoint(stack, "Door", vpc=vpc, endpoints=[an_endpoint(stack)], subnets=subnets)
    template = synthesized(stack)
    assert not resources(template, "AWS::EC2::SecurityGroupIngress")
    groups = resources(template, "AWS::EC2::SecurityGroup")
    assert all("SecurityGroupIngress" not in each["Properties"] for each in groups.values())
    assert "PublicSubnet" in flat(properties(template, "AWS::EC2::VPCEndpoint")["SubnetIds"][0])


def test_a_caller_that_is_let_in_connects_by_tls(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    caller = ec2.SecurityGroup(stack, "Caller", vpc=vpc)
    RuntimeVpcEndpoint(stack, "Door", vpc=vpc, endpoints=[an_endpoint(stack)]).allow_from(caller)

    ingress = properties(synthesized(stack), "AWS::EC2::SecurityGroupIngress")
    assert (ingress["IpProtocol"], ingress["FromPort"], ingress["ToPort"]) == ("tcp", 443, 443)
    assert "Caller" in flat(ingress["SourceSecurityGroupId"])
