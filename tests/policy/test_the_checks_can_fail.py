"""A check that cannot fail checks nothing: each is shown what it is there to refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from . import privilege
from .audit import Audit, Template, audited, strict_context


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cdk.App:
    monkeypatch.setenv("CDK_CONTEXT_JSON", strict_context())
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


def audit_of_plain_bucket(app: cdk.App) -> Audit:
    s3.CfnBucket(cdk.Stack(app, "Plain"), "Bucket")
    return audited(app)


def test_the_packs_refuse_a_plain_bucket(app: cdk.App) -> None:
    found = {finding.split(" at ")[0] for finding in audit_of_plain_bucket(app).findings}
    assert {
        "AwsSolutions-S10",
        "NIST.800.53.R5-S3BucketSSLRequestsOnly",
        "HIPAA.Security-S3BucketSSLRequestsOnly",
    } <= found


def test_cloudformation_validate_is_on(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Broken")
    cdk.CfnResource(stack, "Bucket", type="AWS::S3::Bucket", properties={"NoSuchProperty": 1})
    assert any(
        "Broken" in finding and "S3" not in finding.split(" at ")[0] for finding in audited(app).findings
    )


def test_privilege_refuses_a_plain_bucket(app: cdk.App) -> None:
    (template,) = audit_of_plain_bucket(app).templates.values()
    assert privilege.problems(template) == ["Bucket: not encrypted", "Bucket: not TLS only"]


def role(statement: dict[str, Any]) -> Template:
    document = {"Statement": [{"Effect": "Allow", **statement}]}
    return {"Resources": {"Bad": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document}}}}


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "*", "Resource": "arn:aws:s3:::mine"},
        {"Action": ["s3:*"], "Resource": "arn:aws:s3:::mine"},
        {"NotAction": "iam:*", "Resource": "arn:aws:s3:::mine"},
        {"Action": "s3:GetObject", "Resource": "*"},
        {"Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "Resource": ["*"]},
    ],
    ids=json.dumps,
)
def test_privilege_refuses_wide_statements(statement: dict[str, Any]) -> None:
    assert privilege.problems(role(statement))


def test_privilege_lets_the_token_call_be() -> None:
    assert not privilege.problems(role({"Action": "ecr:GetAuthorizationToken", "Resource": "*"}))


def test_privilege_refuses_a_full_access_policy(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Wide")
    policy = iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSageMakerFullAccess")
    iam.Role(
        stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"), managed_policies=[policy]
    )
    assert any("AmazonSageMakerFullAccess" in each for each in problems_of(stack))


def test_privilege_refuses_an_open_network(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Open")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"])
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
    assert any("lets the world in" in each for each in problems_of(stack))


def test_privilege_refuses_a_policy_for_everyone(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Public")
    bucket = s3.Bucket(stack, "Bucket", enforce_ssl=True, encryption=s3.BucketEncryption.S3_MANAGED)
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:GetObject"], principals=[iam.AnyPrincipal()], resources=[bucket.arn_for_objects("*")]
        )
    )
    assert any("allows everyone" in each for each in problems_of(stack))


def problems_of(stack: cdk.Stack) -> list[str]:
    return privilege.problems(cdk.assertions.Template.from_stack(stack).to_json())
