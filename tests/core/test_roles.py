"""The execution role, and how what it may do is gathered."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs_lib.core import roles
from constructs_lib.core.roles import Permissions
from tests.support.synth import (
    ACCOUNT,
    Template,
    flat,
    properties,
    resources,
    statements,
    synthesized,
    types,
)


@pytest.fixture
def permissions(stack: cdk.Stack) -> Permissions:
    return Permissions(roles.execution_role(stack))


def attached(permissions: Permissions, stack: cdk.Stack) -> list[dict[str, object]]:
    permissions.attach(stack)
    return statements(synthesized(stack))


def test_only_sagemaker_for_this_account_may_assume_it_and_it_may_do_nothing_yet(stack: cdk.Stack) -> None:
    roles.execution_role(stack)
    template = synthesized(stack)
    assert types(template) == ["AWS::IAM::Role"]
    role = properties(template, "AWS::IAM::Role")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert "ManagedPolicyArns" not in role
    assert role["Description"] == "Runs the SageMaker model Test"


def test_telemetry_is_logs_beneath_one_prefix_and_metrics_of_two_namespaces(
    stack: cdk.Stack, permissions: Permissions
) -> None:
    roles.allow_telemetry(permissions, stack)
    logs, metrics = attached(permissions, stack)
    assert logs["Action"] == [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    ]
    assert flat(logs["Resource"]) == (
        "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/sagemaker/*"
    )
    assert metrics["Action"] == "cloudwatch:PutMetricData"
    assert metrics["Condition"] == {
        "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}
    }


def test_pulling_is_bound_to_the_repository(stack: cdk.Stack, permissions: Permissions) -> None:
    roles.allow_pull(permissions, "arn:aws:ecr:r:a:repository/x")
    token, pull = attached(permissions, stack)
    assert (token["Action"], token["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert pull["Resource"] == "arn:aws:ecr:r:a:repository/x"
    assert pull["Action"] == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]


def test_the_network_needs_no_service_but_ec2_and_no_wildcard_of_actions(
    stack: cdk.Stack, permissions: Permissions
) -> None:
    roles.allow_network(permissions)
    (network,) = attached(permissions, stack)
    assert all(action.startswith("ec2:") and "*" not in action for action in network["Action"])
    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeVpcs"} <= set(
        network["Action"]
    )


def test_what_is_allowed_twice_is_written_once(stack: cdk.Stack, permissions: Permissions) -> None:
    for repository in ("x", "y", "x"):
        roles.allow_pull(permissions, repository)
    assert [each["Resource"] for each in attached(permissions, stack)] == ["*", "x", "y"]


def test_conditions_are_kept(stack: cdk.Stack, permissions: Permissions) -> None:
    condition = {"StringLike": {"s3:prefix": ["a/*"]}}
    permissions.allow("s3:ListBucket", on="arn:aws:s3:::x", conditions=condition)
    assert attached(permissions, stack) == [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::x", "Condition": condition}
    ]


def test_what_is_allowed_with_a_key_is_one_statement_of_the_policy_also_through_an_alias(
    stack: cdk.Stack, permissions: Permissions
) -> None:
    key = kms.Key(stack, "Key")
    alias = key.add_alias("alias/mine")
    for given in (key, alias):
        permissions.allow_key(given, "kms:Decrypt")
        permissions.allow_key(given, "kms:Decrypt", "kms:GenerateDataKey")
    allowed = {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": {"Fn::GetAtt": ["Key961B73FD", "Arn"]},
    }
    assert attached(permissions, stack) == [allowed]


def test_an_immutable_role_keeps_what_it_has(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/mine", mutable=False)
    permissions = Permissions(role)
    permissions.allow("s3:GetObject", on="arn:aws:s3:::x/y")
    permissions.attach(stack)
    assert "Resources" not in synthesized(stack)


def acknowledged(construct: cdk.CfnElement | cdk.Resource | iam.Policy) -> str:
    return str([entry.data for entry in construct.node.metadata])


def test_a_wildcard_is_acknowledged_under_the_id_that_policy_packs_give_it(
    stack: cdk.Stack, permissions: Permissions
) -> None:
    bucket = cdk.CfnResource(stack, "Bucket", type="AWS::S3::Bucket")
    on = {
        f"{cdk.Token.as_string(bucket.get_att('Arn'))}/*": "Resource::<Bucket.Arn>/*",
        f"arn:{cdk.Aws.PARTITION}:s3:::x/*": "Resource::arn:<AWS::Partition>:s3:::x/*",
        "*": "Resource::*",
        cdk.Fn.import_value("Exported"): "Fn::ImportValue",
    }
    for resource in on:
        permissions.allow("s3:GetObject", on=resource, wildcard="All of them.")
    shown = acknowledged(permissions.attach(stack))
    for finding in (*on.values(), "IAMNoInlinePolicy"):
        assert finding in shown


def test_what_is_no_wildcard_is_not_acknowledged(stack: cdk.Stack, permissions: Permissions) -> None:
    permissions.allow("s3:GetObject", on="arn:aws:s3:::x/y")
    assert "IAM5" not in acknowledged(permissions.attach(stack))


def test_findings_of_your_own_may_be_acknowledged_one_by_one(stack: cdk.Stack) -> None:
    role = roles.execution_role(stack)
    roles.acknowledge_wildcard(role, "*", "On purpose.")
    roles.acknowledge_inline_policy(role)
    shown = acknowledged(role)
    assert "AwsSolutions-IAM5[Resource::*]" in shown
    assert "NIST.800.53.R5-IAMNoInlinePolicy" in shown
    assert "HIPAA.Security-IAMNoInlinePolicy" in shown


# --- permissions of one role, for another -----------------------------------------------------------------


@pytest.fixture
def other(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Other", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))


def policies_of(template: Template, role: str) -> list[dict[str, object]]:
    """The statements of the policies of the role whose logical id begins with `role`."""
    return [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"][0]["Ref"].startswith(role)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_a_key_is_let_once(stack: cdk.Stack, permissions: Permissions) -> None:
    key = kms.Key(stack, "Key")
    for _ in range(2):
        permissions.allow_key(key, "kms:Decrypt")
    permissions.allow_key(None, "kms:Decrypt")
    permissions.attach(stack)
    (statement,) = policies_of(synthesized(stack), "Role")
    assert statement["Action"] == "kms:Decrypt"
    assert statement["Resource"] == stack.resolve(key.key_arn)


def test_a_policy_that_allows_something_else_is_another_policy(stack: cdk.Stack, other: iam.Role) -> None:
    """What the old fleet may read stays allowed until CloudFormation cleans up, after the deployment."""

    def id_of(key: str, scope: str) -> str:
        permissions = Permissions(other)
        permissions.allow("s3:GetObject", on=f"arn:{cdk.Aws.PARTITION}:s3:::models/{key}")
        return permissions.attach(constructs.Construct(stack, scope)).node.id

    assert id_of("v1.tar.gz", "One") == id_of("v1.tar.gz", "Two")
    assert id_of("v1.tar.gz", "Three") != id_of("v2.tar.gz", "Four")
