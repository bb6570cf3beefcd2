"""The role a model's containers run under: only what the bound image, data, key and VPC need."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam

LOG_GROUP_PREFIX = "/aws/sagemaker/"
"""Where SageMaker writes what containers print: Endpoints/…, and later TransformJobs and ProcessingJobs."""


def execution_role(scope: constructs.Construct, id: str = "Role") -> iam.Role:
    """An execution role that may write its logs and metrics, and nothing else.

    Grants for image, data, key, VPC and capture bucket are added by those who bind them. Only SageMaker
    on behalf of this account may assume it (the confused-deputy condition SageMaker documents for
    inference: https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html).
    """
    account = cdk.Stack.of(scope).account
    role = iam.Role(
        scope,
        id,
        description=f"Runs the SageMaker model {scope.node.path}",
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
        ),
    )
    for statement in _telemetry(logs := _log_groups(scope)):
        role.add_to_principal_policy(statement)
    acknowledge_inline_policy(role)
    acknowledge_wildcard(role, logs, "Log groups are named after endpoints that do not exist yet.")
    acknowledge_wildcard(role, "*", "These actions take no resource; the namespace is bound by a condition.")
    return role


def _log_groups(scope: constructs.Construct) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{LOG_GROUP_PREFIX}*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def _telemetry(logs: str) -> tuple[iam.PolicyStatement, ...]:
    return (
        iam.PolicyStatement(
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[logs],
        ),
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
        ),
    )


def vpc_statements() -> tuple[iam.PolicyStatement, ...]:
    """What SageMaker needs to put network interfaces into a VPC.

    EC2's Describe actions and the creation of an interface take no resource: AWS documents ``*`` for them
    (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html).
    """
    return (
        iam.PolicyStatement(
            actions=[
                "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            resources=["*"],
        ),
    )


def pull_statements(repository_arns: Sequence[str]) -> tuple[iam.PolicyStatement, ...]:
    """What pulling images from ECR repositories needs; the token call takes no resource."""
    return (
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=list(repository_arns),
        ),
    )


def acknowledge(scope: constructs.IConstruct, reason: str, *ids: str) -> None:
    """Acknowledge findings of policy packs (cdk-nag) on `scope`, each with the reason it stands."""
    cdk.Validations.of(scope).acknowledge(*(cdk.Acknowledgment(id=id, reason=reason) for id in ids))


def acknowledge_wildcard(scope: constructs.IConstruct, resource: str, reason: str) -> None:
    """Acknowledge that a statement under `scope` names the wildcard `resource`, and why it must."""
    shown = _as_policy_packs_show(cdk.Stack.of(scope).resolve(resource))
    acknowledge(scope, reason, f"AwsSolutions::AwsSolutions-IAM5[Resource::{shown}]")


def acknowledge_inline_policy(scope: constructs.IConstruct) -> None:
    """Acknowledge that the role's grants are an inline policy."""
    acknowledge(
        scope,
        "The policy belongs to exactly this role and lives and dies with it; CDK grants are inline by design.",
        "NIST.800.53.R5::NIST.800.53.R5-IAMNoInlinePolicy",
        "HIPAA.Security::HIPAA.Security-IAMNoInlinePolicy",
    )


def _as_policy_packs_show(value: object) -> str:
    """A resolved value the way cdk-nag writes it in a finding: references in angle brackets."""
    if not isinstance(value, dict):
        return str(value)
    (function, argument), *_ = value.items()
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Fn::Join":
        separator, parts = argument
        return str(separator).join(_as_policy_packs_show(part) for part in parts)
    return str(value)
