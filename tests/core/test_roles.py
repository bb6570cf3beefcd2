"""The execution role: what it may do by itself, and who may assume it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib.core.roles import (
    acknowledge_wildcard,
    execution_role,
    pull_statements,
    vpc_statements,
)
from tests.support.synth import flat, properties, resource, statements, synthesized


def test_only_sagemaker_for_this_account_may_assume_it(stack: cdk.Stack) -> None:
    execution_role(stack)
    (trust,) = properties(synthesized(stack), "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_it_may_write_its_logs_and_metrics_and_nothing_else(stack: cdk.Stack) -> None:
    execution_role(stack)
    logs, metrics = statements(synthesized(stack))
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


def test_it_has_no_managed_policy(stack: cdk.Stack) -> None:
    execution_role(stack)
    assert "ManagedPolicyArns" not in properties(synthesized(stack), "AWS::IAM::Role")


def test_it_says_which_model_it_runs(stack: cdk.Stack) -> None:
    execution_role(stack, "MyRole")
    assert properties(synthesized(stack), "AWS::IAM::Role")["Description"] == "Runs the SageMaker model Test"


def test_pulling_is_bound_to_the_repositories(stack: cdk.Stack) -> None:
    token, pull = (each.to_statement_json() for each in pull_statements(["arn:aws:ecr:r:a:repository/x"]))
    assert (token["Action"], token["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert pull["Resource"] == "arn:aws:ecr:r:a:repository/x"
    assert pull["Action"] == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]


def test_network_statements_name_no_service_but_ec2() -> None:
    (statement,) = (each.to_statement_json() for each in vpc_statements())
    assert all(action.startswith("ec2:") and "*" not in action for action in statement["Action"])
    assert "ec2:CreateNetworkInterface" in statement["Action"]
    assert "ec2:DescribeVpcs" in statement["Action"]


def test_a_wildcard_is_acknowledged_under_the_id_that_policy_packs_give_it(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    bucket = cdk.CfnResource(stack, "Bucket", type="AWS::S3::Bucket")
    acknowledge_wildcard(role, f"{cdk.Token.as_string(bucket.get_att('Arn'))}/*", "All of them.")
    acknowledge_wildcard(role, f"arn:{cdk.Aws.PARTITION}:s3:::x/*", "All of them.")
    acknowledge_wildcard(role, cdk.Fn.import_value("Exported"), "Unknown.")
    shown = str(resource(synthesized(stack), "AWS::IAM::Role").get("Metadata")) + str(
        [entry.data for entry in role.node.metadata]
    )
    assert "AwsSolutions-IAM5[Resource::<Bucket.Arn>/*]" in shown
    assert "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::x/*]" in shown
    assert "Fn::ImportValue" in shown
