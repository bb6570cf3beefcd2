"""What a device is, and may do: the role it takes on, and the policy of its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot

from ..core.place import environment_of
from ..core.roles import Permissions
from ..core.s3_prefix import S3Prefix
from .names import FleetNames

THING = "${iot:Connection.Thing.ThingName}"
"""The name of the thing that the certificate is of and that is the client's id: AWS IoT fills it in."""
_ONE_HOUR = 3600


class DeviceIdentity(constructs.Construct):
    """Token-exchange role, role alias, and device policy.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html
    """

    def __init__(
        self, scope: constructs.Construct, id: str, *, names: FleetNames, artefacts: S3Prefix
    ) -> None:
        """Let devices fetch `artefacts`, and speak for themselves only."""
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            description=f"What devices of fleet {names.fleet} may do in AWS: fetch their components",
            assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"),
        )
        """The token-exchange role: what a device's credentials stand for. Grant it what your own components need."""
        self._let_fetch(artefacts)
        self.cfn_role_alias = iot.CfnRoleAlias(
            self,
            "Alias",
            role_alias=names.role_alias,
            role_arn=self.role.role_arn,
            credential_duration_seconds=_ONE_HOUR,
        )
        """By which devices ask for the role."""
        self.alias = names.role_alias
        """Its name, for the configuration of the nucleus (``iotRoleAlias``)."""
        self.cfn_policy = iot.CfnPolicy(
            self,
            "Policy",
            policy_name=names.device_policy,
            policy_document=self._policy(names),
        )
        """Of every device's certificate."""
        self.cfn_policy.node.add_dependency(self.cfn_role_alias)

    def _let_fetch(self, artefacts: S3Prefix) -> None:
        permissions = Permissions(self.role)
        permissions.allow(
            "s3:GetObject",
            on=artefacts.arn_of("*"),
            wildcard="Components of versions to come; the prefix has artefacts of this fleet alone.",
        )
        for key in artefacts.keys:
            permissions.allow_key(key, "kms:Decrypt")
        permissions.attach(self, "ArtefactPolicy")

    def _policy(self, names: FleetNames) -> dict[str, Any]:
        """Within the 2,048 characters that AWS IoT allows, white space not counted, whatever fleet and region."""
        arn = environment_of(self).arn

        def below(kind: str, topics: Sequence[str]) -> list[str]:
            return [arn("iot", f"{kind}/{each}") for each in topics]

        own = f"$aws/things/{THING}"
        # Jobs are how deployments reach a device; the classic shadow of a nucleus is Greengrass's own.
        conversations = [f"{own}/jobs/*", f"{own}/shadow/*"]
        told = [
            *(names.topic(kind, THING) for kind in ("inference", "summary")),
            f"{own}/greengrass/health/json",
            f"{own}/greengrassv2/health/json",
        ]
        return {
            "Version": "2012-10-17",
            "Statement": [
                _allow("iot:Connect", on=[arn("iot", f"client/{THING}")]),
                _allow("iot:Publish", on=below("topic", [*told, *conversations])),
                _allow("iot:Receive", on=below("topic", conversations)),
                _allow("iot:Subscribe", on=below("topicfilter", conversations)),
                _allow("iot:AssumeRoleWithCertificate", on=[arn("iot", f"rolealias/{names.role_alias}")]),
                # Over HTTPS, where AWS IoT knows no thing's name: the certificate alone says which device asks.
                _allow(
                    "greengrass:GetComponentVersionArtifact",
                    "greengrass:ResolveComponentCandidates",
                    "greengrass:GetDeploymentConfiguration",
                    "greengrass:ListThingGroupsForCoreDevice",
                    on=["*"],
                ),
            ],
        }


def _allow(*actions: str, on: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}
