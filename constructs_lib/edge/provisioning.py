"""How a device joins: with a claim certificate that all share it asks for one of its own, and is let in or not."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot

from ..core.place import environment_of
from ..core.roles import Permissions
from .devices import EdgeDevices
from .functions import EdgeFunction
from .names import FleetNames

_HOOK_PAYLOAD = "2020-04-01"
_HOOK_SECONDS = 5
"""AWS IoT waits no longer for a verdict."""
_NOT_YET = "Devices, their certificates and their groups' members are not there yet."


class Provisioning(constructs.Construct):
    """Fleet provisioning by claim: the template, what it may do, who decides, and the policy of the claim.

    The claim certificate itself is made outside (its private key would lie in the template): create it, attach
    `claim_policy_name`, and put it into the image of the devices.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/fleet-provisioning-setup.html
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        names: FleetNames,
        devices: EdgeDevices,
        canary_percent: float,
        device_policy: iot.CfnPolicy,
    ) -> None:
        """Let `devices` in, `canary_percent` of them into the canary group."""
        super().__init__(scope, id)
        self.hook = self._hook(names, devices, canary_percent)
        """Decides whether a device may join, and into which group it goes."""
        self.role = self._role(names)
        """What AWS IoT does it by."""
        arn = environment_of(self).arn
        template_arn = arn("iot", f"provisioningtemplate/{names.fleet}")
        invoked = self.hook.function.add_permission
        invoked("Provisioning", principal=iam.ServicePrincipal("iot.amazonaws.com"), source_arn=template_arn)
        self.cfn_template = iot.CfnProvisioningTemplate(
            self,
            "Template",
            template_name=names.fleet,
            description=f"Devices of fleet {names.fleet}",
            enabled=True,
            provisioning_role_arn=self.role.role_arn,
            pre_provisioning_hook=iot.CfnProvisioningTemplate.ProvisioningHookProperty(
                target_arn=self.hook.function.function_arn, payload_version=_HOOK_PAYLOAD
            ),
            template_body=json.dumps(_template(names.device_policy), sort_keys=True),
        )
        """Its name is the fleet's."""
        # The hook's right to be called, and what the template names, are looked at when it is made.
        self.cfn_template.node.add_dependency(self.hook, self.role, device_policy)
        self.claim_policy_name = names.claim_policy
        """To be attached to claim certificates."""
        self.cfn_claim_policy = iot.CfnPolicy(
            self,
            "ClaimPolicy",
            policy_name=self.claim_policy_name,
            policy_document=self._claim_policy(names.fleet),
        )

    def _hook(self, names: FleetNames, devices: EdgeDevices, canary_percent: float) -> EdgeFunction:
        hook = EdgeFunction(
            self,
            "Hook",
            module="hook",
            description=f"Decides which devices may join fleet {names.fleet}",
            timeout=cdk.Duration.seconds(_HOOK_SECONDS),
            # The more memory, the more of a core, and the sooner it has started.
            memory_mb=512,
        )
        hook.tell(
            "EDGE",
            {
                "fleet": names.fleet,
                "devices": devices.bind(hook.permissions),
                "canary_percent": canary_percent,
                "canary_group": names.canary_group,
                "fleet_group": names.fleet_group,
            },
        )
        hook.attach()
        return hook

    def _role(self, names: FleetNames) -> iam.Role:
        """The role that applies the template: what AWS's managed policy allows on all resources, on those of the fleet.

        Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSIoTThingsRegistration.html
        """
        environment = environment_of(self)
        role = iam.Role(
            self,
            "Role",
            description=f"Registers the devices of fleet {names.fleet}",
            assumed_by=iam.ServicePrincipal(
                "iot.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": environment.account}}
            ),
        )
        permissions = Permissions(role)
        things, certificates = environment.arn("iot", "thing/*"), environment.arn("iot", "cert/*")
        permissions.allow(
            "iot:CreateThing",
            "iot:DescribeThing",
            "iot:UpdateThing",
            "iot:AttachThingPrincipal",
            "iot:ListThingPrincipals",
            "iot:ListThingGroupsForThing",
            "iot:AddThingToThingGroup",
            "iot:RemoveThingFromThingGroup",
            on=things,
            wildcard=_NOT_YET,
        )
        permissions.allow(
            "iot:DescribeCertificate",
            "iot:UpdateCertificate",
            "iot:AttachPolicy",
            "iot:ListPrincipalPolicies",
            on=certificates,
            wildcard=_NOT_YET,
        )
        for group in (names.canary_group, names.fleet_group):
            on = environment.arn("iot", f"thinggroup/{group}")
            permissions.allow("iot:AddThingToThingGroup", "iot:RemoveThingFromThingGroup", on=on)
        permissions.allow("iot:GetPolicy", on=environment.arn("iot", f"policy/{names.device_policy}"))
        permissions.attach(self, "RolePolicy")
        return role

    def _claim_policy(self, template: str) -> dict[str, Any]:
        """As AWS documents it: who holds the claim may ask for a certificate by this template, and nothing else.

        Source: https://docs.aws.amazon.com/iot/latest/developerguide/provision-wo-cert.html
        """
        arn = environment_of(self).arn
        asked = ["$aws/certificates/create/*", f"$aws/provisioning-templates/{template}/provision/*"]
        return {
            "Version": "2012-10-17",
            "Statement": [
                # Devices choose their client id: they are nobody yet.
                {"Effect": "Allow", "Action": "iot:Connect", "Resource": arn("iot", "client/*")},
                {
                    "Effect": "Allow",
                    "Action": ["iot:Publish", "iot:Receive"],
                    "Resource": [arn("iot", f"topic/{each}") for each in asked],
                },
                {
                    "Effect": "Allow",
                    "Action": "iot:Subscribe",
                    "Resource": [arn("iot", f"topicfilter/{each}") for each in asked],
                },
            ],
        }


def _template(policy_name: str) -> dict[str, Any]:
    """A thing of the serial number, in the group that the hook says, with an active certificate and the policy.

    A device that joins anew (its disk was lost) gets another certificate, and the group that it had.
    """
    return {
        "Parameters": {"SerialNumber": {"Type": "String"}, "Group": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "OverrideSettings": {"AttributePayload": "MERGE", "ThingGroups": "DO_NOTHING"},
                "Properties": {
                    "ThingName": {"Ref": "SerialNumber"},
                    "AttributePayload": {},
                    "ThingGroups": [{"Ref": "Group"}],
                },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                    "Status": "ACTIVE",
                },
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy_name}},
        },
    }
