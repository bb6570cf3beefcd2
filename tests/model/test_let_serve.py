"""What a model lets another role do, so that an endpoint with a role of its own can serve it."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import Container, ContainerImage, Model, ModelData
from tests.support.synth import ACCOUNT, IMAGE_URI, a_model, allowing, resources, statements, synthesized


@pytest.fixture
def server(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Server", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))


def test_the_role_may_do_what_the_models_may_by_a_policy_in_the_scope(
    stack: cdk.Stack, server: iam.Role
) -> None:
    model = a_model(stack)
    scope = constructs.Construct(stack, "Scope")
    policy = model.let_serve(scope, server)
    template = synthesized(stack)
    assert policy.node.scope is scope
    assert statements(template, "ScopePolicy") == statements(template, "ModelPolicy") != []
    (made,) = (each for id, each in resources(template, "AWS::IAM::Policy").items() if id.startswith("Scope"))
    assert made["Properties"]["Roles"] == [stack.resolve({"Ref": stack.get_logical_id(_cfn(server))})]


def _cfn(role: iam.Role) -> cdk.CfnElement:
    default = role.node.default_child
    assert isinstance(default, cdk.CfnElement)
    return default


def test_several_may_serve_one_model(stack: cdk.Stack, server: iam.Role) -> None:
    model = a_model(stack)
    for id in ("One", "Two"):
        model.let_serve(constructs.Construct(stack, id), server)
    template = synthesized(stack)
    assert statements(template, "OnePolicy") == statements(template, "TwoPolicy") != []


def test_what_a_vpc_and_a_key_need_is_let_too(stack: cdk.Stack, server: iam.Role) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=["subnet-a"]
    )
    bucket = s3.Bucket(stack, "Bucket", encryption_key=kms.Key(stack, "Key"))
    data = ModelData.from_bucket(bucket, "fraud/1/model.tar.gz")
    container = Container(image=ContainerImage.from_uri(IMAGE_URI), data=data)
    Model(stack, "Model", container=container, vpc=vpc).let_serve(constructs.Construct(stack, "S"), server)
    template = synthesized(stack)
    assert len(allowing(template, "ec2:CreateNetworkInterface", "SPolicy")) == 1
    assert len(allowing(template, "s3:GetObject", "SPolicy")) == 1
    assert len(allowing(template, "kms:Decrypt", "SPolicy")) == 1


def test_an_immutable_role_keeps_what_it_has(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/mine", mutable=False)
    a_model(stack).let_serve(constructs.Construct(stack, "Scope"), role)
    assert all(id.startswith("Model") for id in resources(synthesized(stack), "AWS::IAM::Policy"))
