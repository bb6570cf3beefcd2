"""Roles and policies in raw L1s."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

Statement = dict[str, object]


def role(stack: cdk.Stack, id: str, *, runs: str) -> iam.CfnRole:
    """What containers of the model or endpoint at the path `runs` act as."""
    return iam.CfnRole(
        stack,
        id,
        description=f"Runs the SageMaker model {runs}",
        assume_role_policy_document=document(
            {
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
            }
        ),
    )


def policy(stack: cdk.Stack, id: str, of: iam.CfnRole, statements: Sequence[Statement]) -> iam.CfnPolicy:
    """An inline policy of the role `of`."""
    return iam.CfnPolicy(stack, id, policy_name=id, roles=[of.ref], policy_document=document(*statements))


def telemetry(stack: cdk.Stack) -> list[Statement]:
    """Logs and metrics."""
    return [
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/*",
        ),
        {
            **allow("cloudwatch:PutMetricData", "*"),
            "Condition": {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
        },
    ]


def pulling(stack: cdk.Stack) -> list[Statement]:
    """The image of the benchmark."""
    return [
        allow("ecr:GetAuthorizationToken", "*"),
        allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            f"arn:{stack.partition}:ecr:eu-west-1:111122223333:repository/fraud",
        ),
    ]


def listing(bucket_arn: str, prefix: str) -> Statement:
    """The keys under a prefix of a bucket."""
    return {
        **allow("s3:ListBucket", bucket_arn),
        "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*"]}},
    }


def document(*statements: Statement) -> Statement:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str) -> Statement:
    """A statement."""
    return {"Action": action, "Effect": "Allow", "Resource": resource}
