"""One role serves several models: each statement once, and never more than a role has room for."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import Container, ContainerImage, Model, ModelData
from constructs_lib.core.roles import Permissions, RolePolicies
from tests.support.synth import ACCOUNT, IMAGE_URI, a_model, allowing, resources, statements, synthesized


@pytest.fixture
def server(stack: cdk.Stack) -> RolePolicies:
    role = iam.Role(stack, "Server", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    return RolePolicies(role)


def in_(stack: cdk.Stack, id: str) -> constructs.Construct:
    return constructs.Construct(stack, id)


def reading(server: RolePolicies, *keys: str) -> Permissions:
    permissions = Permissions(server.role)
    for key in keys:
        permissions.allow("s3:GetObject", on=f"arn:aws:s3:::models/{key}")
    return permissions


def test_the_role_may_do_what_the_model_may_by_a_policy_in_the_scope(
    stack: cdk.Stack, server: RolePolicies
) -> None:
    model, scope = a_model(stack), in_(stack, "Scope")
    (policy,) = server.attach(scope, model.permissions)
    template = synthesized(stack)
    assert policy.node.scope is scope
    assert statements(template, "ScopePolicy") == statements(template, "ModelPolicy") != []
    (made,) = (each for id, each in resources(template, "AWS::IAM::Policy").items() if id.startswith("Scope"))
    role = server.role.node.default_child
    assert isinstance(role, cdk.CfnElement)
    assert made["Properties"]["Roles"] == [{"Ref": stack.get_logical_id(role)}]


def test_what_is_given_is_not_given_again_but_waited_for(stack: cdk.Stack, server: RolePolicies) -> None:
    one = server.attach(in_(stack, "One"), reading(server, "a", "shared"))
    two = server.attach(in_(stack, "Two"), reading(server, "shared", "b"))
    three = server.attach(in_(stack, "Three"), reading(server, "a", "b"))
    template = synthesized(stack)
    assert [each["Resource"] for each in statements(template, "TwoPolicy")] == ["arn:aws:s3:::models/b"]
    assert not statements(template, "Three")
    assert [len(each) for each in (one, two, three)] == [1, 2, 2]
    assert set(three) == {*one, *two}


def test_what_a_vpc_and_a_key_need_is_let_too_and_once(stack: cdk.Stack, server: RolePolicies) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=["subnet-a"]
    )
    bucket = s3.Bucket(stack, "Bucket", encryption_key=kms.Key(stack, "Key"))
    for id in ("One", "Two"):
        data = ModelData.from_bucket(bucket, f"{id}/1/model.tar.gz")
        container = Container(image=ContainerImage.from_uri(IMAGE_URI), data=data)
        model = Model(stack, f"Model{id}", container=container, vpc=vpc)
        server.attach(in_(stack, id), model.permissions)
    template = synthesized(stack)
    assert len(allowing(template, "ec2:CreateNetworkInterface", "OnePolicy")) == 1
    assert len(allowing(template, "kms:Decrypt", "OnePolicy")) == 1
    (only,) = statements(template, "TwoPolicy")
    assert only["Action"] == "s3:GetObject"


def test_its_size_is_told_before_anything_is_made(stack: cdk.Stack, server: RolePolicies) -> None:
    empty = server.size_with(Permissions(server.role))
    wanted = reading(server, "a" * 500)
    told = server.size_with(wanted)
    assert empty == 0
    assert 500 < told < 700
    server.attach(in_(stack, "One"), wanted)
    assert server.size_with(wanted) == told
    assert server.size_with(reading(server, "b" * 500)) == 2 * told


def test_the_size_that_is_told_is_near_that_of_the_template(stack: cdk.Stack, server: RolePolicies) -> None:
    bucket = s3.Bucket(stack, "Bucket", encryption_key=kms.Key(stack, "Key"))
    data = ModelData.from_bucket(bucket, "fraud/1/model.tar.gz")
    model = Model(stack, "Model", container=Container(image=ContainerImage.from_uri(IMAGE_URI), data=data))
    told = server.size_with(model.permissions)
    server.attach(in_(stack, "One"), model.permissions)
    deployed = str(statements(synthesized(stack), "OnePolicy"))
    assert 0.6 * len(deployed) < told < 1.4 * len(deployed)


def test_an_immutable_role_keeps_what_it_has(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/mine", mutable=False)
    RolePolicies(role).attach(in_(stack, "Scope"), a_model(stack).permissions)
    assert all(id.startswith("Model") for id in resources(synthesized(stack), "AWS::IAM::Policy"))
