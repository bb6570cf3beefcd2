"""What a device may do: exactly that, in every partition, and within the 2,048 characters of a policy."""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib.core.s3_prefix import S3Prefix
from constructs_lib.edge.identity import DeviceIdentity
from constructs_lib.edge.names import LONGEST_FLEET_NAME, FleetNames
from tests.support.synth import (
    ACCOUNT,
    Template,
    a_bucket,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    statements,
    synthesized,
)

THING = "${iot:Connection.Thing.ThingName}"
LARGEST_POLICY = 2048
"""Characters without white space: https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""
REGIONS = ["eu-west-1", "ap-southeast-1", "us-gov-west-1", "cn-northwest-1", "us-isob-east-1"]


def an_identity(stack: cdk.Stack, fleet: str = "cameras", bucket: s3.IBucket | None = None) -> DeviceIdentity:
    artefacts = S3Prefix(bucket=bucket or a_bucket(stack), prefix="components")
    return DeviceIdentity(stack, "Identity", names=FleetNames(fleet=fleet), artefacts=artefacts)


def policy(template: Template, **known: str) -> dict[str, Any]:
    """The document, with what only deployment knows."""
    found = _filled(properties(template, "AWS::IoT::Policy")["PolicyDocument"], known)
    assert not re.search(r"Fn::|<AWS::", json.dumps(found))
    return dict(found)


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("Ref", "Fn::Join", "Fn::Sub"):
        text = flat(value)
        for name, each in known.items():
            text = text.replace(f"<AWS::{name}>", each)
        return text
    if isinstance(value, dict):
        return {name: _filled(each, known) for name, each in value.items()}
    return [_filled(each, known) for each in value] if isinstance(value, list) else value


HERE = {"Partition": "aws", "Region": "eu-west-1", "AccountId": ACCOUNT}
IOT = f"arn:aws:iot:eu-west-1:{ACCOUNT}"


def test_a_device_connects_as_itself_and_speaks_for_itself_only(stack: cdk.Stack) -> None:
    an_identity(stack)
    own = f"$aws/things/{THING}"
    jobs_and_shadows = [f"{own}/jobs/*", f"{own}/shadow/*"]
    assert policy(synthesized(stack), **HERE) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["iot:Connect"], "Resource": [f"{IOT}:client/{THING}"]},
            {
                "Effect": "Allow",
                "Action": ["iot:Publish"],
                "Resource": [
                    f"{IOT}:topic/{each}"
                    for each in (
                        f"dt/cameras/{THING}/inference",
                        f"dt/cameras/{THING}/summary",
                        f"{own}/greengrass/health/json",
                        f"{own}/greengrassv2/health/json",
                        *jobs_and_shadows,
                    )
                ],
            },
            {
                "Effect": "Allow",
                "Action": ["iot:Receive"],
                "Resource": [f"{IOT}:topic/{each}" for each in jobs_and_shadows],
            },
            {
                "Effect": "Allow",
                "Action": ["iot:Subscribe"],
                "Resource": [f"{IOT}:topicfilter/{each}" for each in jobs_and_shadows],
            },
            {
                "Effect": "Allow",
                "Action": ["iot:AssumeRoleWithCertificate"],
                "Resource": [f"{IOT}:rolealias/cameras-devices"],
            },
            {
                "Effect": "Allow",
                "Action": [
                    "greengrass:GetComponentVersionArtifact",
                    "greengrass:ResolveComponentCandidates",
                    "greengrass:GetDeploymentConfiguration",
                    "greengrass:ListThingGroupsForCoreDevice",
                ],
                "Resource": ["*"],
            },
        ],
    }


@pytest.mark.parametrize("fleet", ["a", "a" * LONGEST_FLEET_NAME])
@pytest.mark.parametrize("region", REGIONS)
def test_the_policy_fits_in_every_partition(fleet: str, region: str) -> None:
    environment = cdk.Environment(account=ACCOUNT, region=region)
    stack = cdk.Stack(fresh_app(), "Stack", env=environment)
    an_identity(stack, fleet)
    partition = {"us-gov": "aws-us-gov", "cn-nor": "aws-cn", "us-iso": "aws-iso-b"}.get(region[:6], "aws")
    document = policy(synthesized(stack), Partition=partition, Region=region, AccountId=ACCOUNT)
    assert len(json.dumps(document, separators=(",", ":"))) <= LARGEST_POLICY
    if region != "eu-west-1":
        assert f"arn:{partition}:iot:{region}:{ACCOUNT}:client/" in json.dumps(document)


def test_a_stack_for_no_place_in_particular_fits_the_longest_as_well(stack: cdk.Stack) -> None:
    an_identity(stack, "a" * LONGEST_FLEET_NAME)
    told = policy(synthesized(stack), Partition="aws-us-gov", Region="ap-southeast-1", AccountId=ACCOUNT)
    assert len(json.dumps(told, separators=(",", ":"))) <= LARGEST_POLICY


def test_the_role_is_taken_on_by_devices_alone_and_fetches_components_alone(stack: cdk.Stack) -> None:
    an_identity(stack)
    template = synthesized(stack)
    (trusted,) = properties(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "credentials.iot.amazonaws.com"}
    (allowed,) = statements(template)
    assert allowed["Action"] == "s3:GetObject"
    assert flat(allowed["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts/components/*"


def test_of_an_encrypted_bucket_devices_may_use_the_key_to_read(stack: cdk.Stack) -> None:
    bucket = s3.Bucket(stack, "Bucket", encryption_key=kms.Key(stack, "Key"))
    an_identity(stack, bucket=bucket)
    found = {each["Action"] for each in statements(synthesized(stack), "Identity")}
    assert found == {"s3:GetObject", "kms:Decrypt"}


def test_the_alias_is_what_the_policy_names(stack: cdk.Stack) -> None:
    made = an_identity(stack)
    template = synthesized(stack)
    alias = properties(template, "AWS::IoT::RoleAlias")
    assert alias["RoleAlias"] == made.alias == "cameras-devices"
    assert alias["CredentialDurationSeconds"] == 3600
    (role,) = resources(template, "AWS::IAM::Role")
    assert alias["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    # A certificate that has the policy before there is an alias would be refused its first credentials.
    assert resource(template, "AWS::IoT::Policy")["DependsOn"] == list(
        resources(template, "AWS::IoT::RoleAlias")
    )
