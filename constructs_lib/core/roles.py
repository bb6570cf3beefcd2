"""The role a model's containers run under: only what the bound image, data, key and VPC need."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import cast

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from .place import environment_of, path_of, stack_of
from .tokens import is_token, offered_by

_DIGEST_LENGTH = 8
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")

LOG_GROUP_PREFIX = "/aws/sagemaker/"
"""Where SageMaker writes what containers print: Endpoints/…, and later TransformJobs and ProcessingJobs."""


def execution_role(
    scope: constructs.Construct, id: str = "Role", *, does: str = "Runs the SageMaker model"
) -> iam.Role:
    """A role that only SageMaker on behalf of this account may assume, and that may do nothing yet.

    The condition is the one SageMaker documents for inference against the confused deputy:
    https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    """
    return iam.Role(
        scope,
        id,
        description=f"{does} {path_of(scope)}",
        assumed_by=_sagemaker_for(environment_of(scope).account),
    )


@cache
def _sagemaker_for(account: str) -> iam.ServicePrincipal:
    """A principal is a value: one serves all roles."""
    return iam.ServicePrincipal(
        "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
    )


class Permissions:
    """What a model's role may do, gathered while image, data and network are bound, then attached at once.

    One policy made at the end costs a fraction of a grant each, and reads better in a diff.
    """

    def __init__(self, role: iam.IRole) -> None:
        """Gather for `role`."""
        self.role = role
        self._statements: list[dict[str, object]] = []
        self._wildcards: dict[str, str] = {}
        self._keys: dict[kms.IKey, list[str]] = {}

    def allow(
        self,
        *actions: str,
        on: str,
        conditions: Mapping[str, Mapping[str, object]] | None = None,
        wildcard: str | None = None,
    ) -> None:
        """Allow `actions` on the resource `on`; where that is a `wildcard`, say why it must be."""
        statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
        if conditions is not None:
            statement["Condition"] = conditions
        if statement not in self._statements:
            self._statements.append(statement)
        if wildcard is not None:
            self._wildcards[on] = wildcard

    def allow_key(self, key: kms.IKey | None, *actions: str) -> None:
        """Allow `actions` with `key`, where there is one."""
        if key is not None:
            allowed = self._keys.setdefault(key, [])
            allowed += [action for action in actions if action not in allowed]

    def _key_actions(self) -> list[tuple[kms.IKey, str]]:
        return [(key, action) for key, actions in self._keys.items() for action in actions]

    def __bool__(self) -> bool:
        """Whether anything is allowed."""
        return bool(self._statements or self._keys)

    def attach(self, scope: constructs.Construct, id: str = "Policy") -> iam.Policy:
        """The policy with all of it; an imported, immutable role keeps what it has.

        Its id ends with a digest of what it allows. So a model with another artefact gets a policy of its
        own, made before the endpoint changes, and the old one goes when CloudFormation cleans up: until
        then the old fleet can still fetch the old artefact, to scale out or to be rolled back to.
        """
        policy = iam.Policy(
            scope,
            f"{id}{self._digest()}",
            document=iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": self._statements}),
        )
        for key, actions in self._keys.items():
            # By the key, not a statement of ours: an alias knows the key behind it.
            key.grant(policy, *actions)
        # Not by `roles=`: that would also change roles imported as immutable, and those of other accounts.
        self.role.attach_inline_policy(policy)
        findings = wildcard_findings(scope, self._wildcards)
        wildcards = dict(zip(findings, self._wildcards.values(), strict=True))
        acknowledge(policy, {**wildcards, **_INLINE_FINDINGS})
        return policy

    def _digest(self) -> str:
        """Of the statements, the same on every synthesis: tokens are numbered as they come."""
        told = _TOKEN.sub("*", json.dumps(self._statements, sort_keys=True))
        return hashlib.sha256(told.encode()).hexdigest()[:_DIGEST_LENGTH]


class RolePolicies:
    """The policies that several constructs give to one role: each statement once.

    The inline policies of a role have 10,240 characters together.
    """

    LIMIT = 10_240

    def __init__(self, role: iam.IRole) -> None:
        """Gather for `role`, which has none of ours yet."""
        self.role = role
        self._statements: dict[str, iam.Policy] = {}
        self._keys: dict[tuple[kms.IKey, str], iam.Policy] = {}

    def attach(self, scope: constructs.Construct, wanted: Permissions) -> Sequence[iam.Policy]:
        """All policies that give what is `wanted`; one under `scope` gives what none gave before."""
        lacking = Permissions(self.role)
        lacking._statements = [each for each in wanted._statements if _told(each) not in self._statements]
        lacking._wildcards = {
            on: why
            for on, why in wanted._wildcards.items()
            if any(each["Resource"] == on for each in lacking._statements)
        }
        for key, action in wanted._key_actions():
            if (key, action) not in self._keys:
                lacking.allow_key(key, action)
        if lacking:
            policy = lacking.attach(scope)
            self._statements |= {_told(each): policy for each in lacking._statements}
            self._keys |= dict.fromkeys(lacking._key_actions(), policy)
        given = [
            *(self._statements[_told(each)] for each in wanted._statements),
            *(self._keys[each] for each in wanted._key_actions()),
        ]
        return list(dict.fromkeys(given))

    def size_with(self, wanted: Permissions) -> int:
        """About how many characters all of it takes, with what is `wanted` too."""
        statements = {*self._statements, *map(_told, wanted._statements)}
        keys = {*self._keys, *wanted._key_actions()}
        return sum(len(_TOKEN.sub("x" * _TOKEN_LENGTH, each)) for each in statements) + _KEY_LENGTH * len(
            keys
        )


# What AWS::Partition, a region or an account come to at most, and a statement on one key.
_TOKEN_LENGTH = 16
_KEY_LENGTH = 160


def _told(statement: Mapping[str, object]) -> str:
    return json.dumps(statement, sort_keys=True)


def allow_telemetry(permissions: Permissions, scope: constructs.Construct) -> None:
    """Let containers write their logs and metrics."""
    permissions.allow(
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        on=environment_of(scope).arn("logs", f"log-group:{LOG_GROUP_PREFIX}*"),
        wildcard="Log groups are named after endpoints that do not exist yet.",
    )
    permissions.allow(
        "cloudwatch:PutMetricData",
        on="*",
        conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
        wildcard=_NO_RESOURCE,
    )


def allow_metrics(permissions: Permissions, namespace: str) -> None:
    """Let a function of ours put metrics into `namespace`."""
    permissions.allow(
        "cloudwatch:PutMetricData",
        on="*",
        conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
        wildcard="PutMetricData knows no resource; the condition binds it to our namespace.",
    )


def allow_publish(permissions: Permissions, topic: sns.ITopic) -> None:
    """Publish to a topic, also to one that a key encrypts."""
    # CDK's own grant on the key would be for kms:GenerateDataKey*, more than publishing takes.
    permissions.allow("sns:Publish", on=topic.topic_arn)
    permissions.allow_key(topic.master_key, "kms:Decrypt", "kms:GenerateDataKey")


def allow_volumes(permissions: Permissions, key: kms.IKey | None) -> None:
    """What EBS needs to encrypt volumes under the role's name; grants only for AWS resources."""
    if key is None:
        return
    permissions.allow_key(key, "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")
    permissions.allow(
        "kms:CreateGrant", on=key.key_arn, conditions={"Bool": {"kms:GrantIsForAWSResource": True}}
    )


def allow_network(permissions: Permissions) -> None:
    """Let SageMaker put network interfaces into a VPC.

    EC2's Describe actions and the creation of an interface take no resource: AWS documents ``*`` for them
    (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html).
    """
    permissions.allow(
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        on="*",
        wildcard=_NO_RESOURCE,
    )


def allow_pull(permissions: Permissions, repository_arn: str, *, wildcard: str | None = None) -> None:
    """Let the role pull images from an ECR repository; the call for the token takes no resource."""
    permissions.allow("ecr:GetAuthorizationToken", on="*", wildcard=_NO_RESOURCE)
    permissions.allow(
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        on=repository_arn,
        wildcard=wildcard,
    )


_NO_RESOURCE = "AWS offers no resource for these actions; where a condition can bind them, it does."
_INLINE = (
    "The policy belongs to exactly this role, and lives and dies with it; CDK's grants are inline by design."
)


def both_packs(*rules: str) -> list[str]:
    """The ids of `rules` in the packs for NIST 800-53 and for HIPAA, which share them."""
    return [f"{pack}::{pack}-{rule}" for pack in ("NIST.800.53.R5", "HIPAA.Security") for rule in rules]


_INLINE_FINDINGS = dict.fromkeys(both_packs("IAMNoInlinePolicy"), _INLINE)


def acknowledge(scope: constructs.IConstruct, findings: Mapping[str, str]) -> None:
    """Acknowledge findings of policy packs (cdk-nag) below `scope`: id → the reason it stands."""
    cdk.Validations.of(scope).acknowledge(
        *(cdk.Acknowledgment(id=id, reason=reason) for id, reason in findings.items())
    )


def wildcard_findings(scope: constructs.IConstruct, resources: Iterable[str]) -> list[str]:
    """The ids under which policy packs report statements on the wildcards `resources`."""
    shown = _shown(stack_of(scope), tuple(resources))
    return [f"AwsSolutions::AwsSolutions-IAM5[Resource::{each}]" for each in shown]


def wildcard_actions(*actions: str) -> list[str]:
    """The ids under which policy packs report the wildcard `actions`, which only CDK's own grants have."""
    return [f"AwsSolutions::AwsSolutions-IAM5[Action::{each}]" for each in actions]


@cache
def _shown(stack: cdk.Stack, resources: tuple[str, ...]) -> list[str]:
    """All in one call into Node; most models have the same ones."""
    resolved = stack.resolve(list(resources)) if any(map(is_token, resources)) else resources
    return [_as_policy_packs_show(each) for each in resolved]


def acknowledge_wildcard(scope: constructs.IConstruct, resource: str, reason: str) -> None:
    """Acknowledge that a statement below `scope` names the wildcard `resource`, and why it must."""
    acknowledge(scope, dict.fromkeys(wildcard_findings(scope, [resource]), reason))


def acknowledge_on(grantee: iam.IGrantable, resource: str, reason: str) -> None:
    """The same for a statement of `grantee`, where that is a construct: services and accounts have no policy."""
    principal = grantee.grant_principal
    if "node" in offered_by(principal):
        acknowledge_wildcard(cast(constructs.IConstruct, principal), resource, reason)


def acknowledge_inline_policy(scope: constructs.IConstruct) -> None:
    """Acknowledge that a role's grants are an inline policy."""
    acknowledge(scope, _INLINE_FINDINGS)


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
    if function == "Fn::Sub" and isinstance(argument, str):
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", argument)
    return str(value)
