"""What a template allows that it should not: statements, networks, buckets, managed policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .audit import Template

# AWS defines no resource for these; each entry with the page that says so.
WITHOUT_RESOURCE = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    "cloudwatch:PutMetricData",
    # With a narrower scope, composite alarms are not told of:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html
    "greengrass:CreateComponentVersion",
    "greengrass:CreateDeployment",
    "greengrass:ListDeployments",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    "ecr:GetAuthorizationToken",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_applicationautoscaling.html
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html: what SageMaker checks for a VPC
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html: what a state machine that logs must have
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

_EVERYONE = {"0.0.0.0/0", "::/0"}


def problems(template: Template) -> list[str]:
    """All of them, each with the resource it is in."""
    return [
        f"{id}: {problem}"
        for id, resource in template["Resources"].items()
        for check in (_managed_policies, _identity_statements, _resource_statements, _networks)
        for problem in check(resource)
    ] + _buckets(template)


def _managed_policies(resource: dict[str, Any]) -> Iterator[str]:
    for arn in resource.get("Properties", {}).get("ManagedPolicyArns", ()):
        if any(word in str(arn) for word in ("FullAccess", "AdministratorAccess", "PowerUser")):
            yield f"the managed policy {arn}"


def _identity_statements(resource: dict[str, Any]) -> Iterator[str]:
    properties = resource.get("Properties", {})
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
    if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        documents.append(properties["PolicyDocument"])
    for statement in (each for document in documents for each in document["Statement"]):
        if statement["Effect"] != "Allow":
            continue
        actions = _listed(statement.get("Action"))
        if not actions or any(action == "*" or action.endswith(":*") for action in actions):
            yield f"allows {actions or 'all but some actions'}"
        unbound = {action for action in actions if action not in WITHOUT_RESOURCE}
        if "*" in _listed(statement.get("Resource", "*")) and unbound:
            yield f"allows {sorted(unbound)} on every resource"


def _resource_statements(resource: dict[str, Any]) -> Iterator[str]:
    properties = resource.get("Properties", {})
    for name in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument", "ResourcePolicy"):
        for statement in properties.get(name, {}).get("Statement", ()):
            principal = statement.get("Principal")
            everyone = principal == "*" or (
                isinstance(principal, dict) and "*" in _listed(principal.get("AWS"))
            )
            # Of an endpoint's policy: everyone of one account.
            bound = "aws:PrincipalAccount" in statement.get("Condition", {}).get("StringEquals", {})
            if statement["Effect"] == "Allow" and everyone and not bound:
                yield f"{name} allows everyone"


def _networks(resource: dict[str, Any]) -> Iterator[str]:
    properties = resource.get("Properties", {})
    ingress = [*properties.get("SecurityGroupIngress", ())]
    if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
        ingress.append(properties)
    for rule in ingress:
        if _EVERYONE & {rule.get("CidrIp"), rule.get("CidrIpv6")}:
            yield "a security group lets the world in"


def _buckets(template: Template) -> list[str]:
    resources = template["Resources"]
    policies = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::S3::BucketPolicy"]
    found = []
    for id, bucket in resources.items():
        if bucket["Type"] != "AWS::S3::Bucket":
            continue
        if "BucketEncryption" not in bucket.get("Properties", {}):
            found.append(f"{id}: not encrypted")
        if not any(each["Bucket"] == {"Ref": id} and _refuses_plain_http(each) for each in policies):
            found.append(f"{id}: not TLS only")
    return found


def _refuses_plain_http(policy: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for statement in policy["PolicyDocument"]["Statement"]
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
