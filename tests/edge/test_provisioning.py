"""How devices join: the template, who decides, what it is done by, and what a claim certificate is good for."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms

from constructs_lib import EdgeDevices, EdgeRollout
from tests.support.edge_fleets import HERE, LOGS, METRICS, a_fleet, told
from tests.support.rights import rights
from tests.support.synth import Template, flat, properties, resource, resources, synthesized

IOT = f"arn:<AWS::Partition>:iot:{HERE}"


def template_of(stack: cdk.Stack, **props: Any) -> Template:
    a_fleet(stack, **props)
    return synthesized(stack)


def claim_policy(template: Template) -> dict[str, Any]:
    (found,) = [
        each["Properties"]
        for each in resources(template, "AWS::IoT::Policy").values()
        if each["Properties"]["PolicyName"] == "cameras-claim"
    ]
    return dict(found)


# --- the template ------------------------------------------------------------------------------------------


def test_a_device_becomes_a_thing_of_its_serial_number_in_the_group_that_the_hook_says(
    stack: cdk.Stack,
) -> None:
    found = properties(template_of(stack), "AWS::IoT::ProvisioningTemplate")
    assert json.loads(found["TemplateBody"]) == {
        "Parameters": {"SerialNumber": {"Type": "String"}, "Group": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                # One that joins anew keeps its group: in two it would have two versions of one component.
                "OverrideSettings": {"AttributePayload": "MERGE", "ThingGroups": "DO_NOTHING"},
                "Properties": {
                    "ThingName": {"Ref": "SerialNumber"},
                    "AttributePayload": {},
                    "ThingGroups": [{"Ref": "Group"}],
                },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "cameras-device"}},
        },
    }
    assert found["TemplateName"] == "cameras"
    assert found["Enabled"] is True


def test_nobody_joins_without_the_hooks_word(stack: cdk.Stack) -> None:
    template = template_of(stack)
    hook = properties(template, "AWS::IoT::ProvisioningTemplate")["PreProvisioningHook"]
    assert hook["PayloadVersion"] == "2020-04-01"
    (function,) = [id for id in resources(template, "AWS::Lambda::Function") if "ProvisioningHook" in id]
    assert flat(hook["TargetArn"]) == f"<{function}.Arn>"
    assert resources(template, "AWS::Lambda::Function")[function]["Properties"]["Timeout"] == 5


def test_this_template_alone_may_ask_the_hook(stack: cdk.Stack) -> None:
    template = template_of(stack)
    (permission,) = [
        each["Properties"]
        for each in resources(template, "AWS::Lambda::Permission").values()
        if each["Properties"]["Principal"] == "iot.amazonaws.com"
    ]
    assert flat(permission["SourceArn"]) == f"{IOT}:provisioningtemplate/cameras"
    assert permission["Action"] == "lambda:InvokeFunction"


def test_what_the_template_names_is_there_before_it(stack: cdk.Stack) -> None:
    template = template_of(stack)
    after = set(resource(template, "AWS::IoT::ProvisioningTemplate")["DependsOn"])
    types = {template["Resources"][each]["Type"] for each in after}
    assert types >= {
        *("AWS::Lambda::Permission", "AWS::IoT::Policy", "AWS::IoT::ThingGroup"),
        *("AWS::IAM::Role", "AWS::IAM::Policy"),
    }
    assert set(resources(template, "AWS::IoT::ThingGroup")) <= after


# --- what it is done by ------------------------------------------------------------------------------------


def test_the_role_registers_devices_of_these_groups_with_this_policy(stack: cdk.Stack) -> None:
    template = template_of(stack)
    things = {
        *("iot:CreateThing", "iot:DescribeThing", "iot:UpdateThing", "iot:AttachThingPrincipal"),
        *("iot:ListThingPrincipals", "iot:ListThingGroupsForThing"),
    }
    grouped = {"iot:AddThingToThingGroup", "iot:RemoveThingFromThingGroup"}
    certificates = {
        *(
            "iot:DescribeCertificate",
            "iot:UpdateCertificate",
            "iot:AttachPolicy",
            "iot:ListPrincipalPolicies",
        ),
    }
    groups = {f"{IOT}:thinggroup/cameras-{each}" for each in ("canary", "fleet")}
    assert rights(template, "CamerasProvisioningRole") == {
        *((action, f"{IOT}:thing/*") for action in things | grouped),
        *((action, f"{IOT}:cert/*") for action in certificates),
        *((action, group) for action in grouped for group in groups),
        ("iot:GetPolicy", f"{IOT}:policy/cameras-device"),
    }


def test_aws_iot_takes_it_on_for_this_account_alone(stack: cdk.Stack) -> None:
    template = template_of(stack)
    (role,) = [each for id, each in resources(template, "AWS::IAM::Role").items() if "ProvisioningRole" in id]
    (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "iot.amazonaws.com"}
    assert flat(trusted["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"


# --- who decides -------------------------------------------------------------------------------------------


def test_the_hook_is_told_which_devices_there_are_and_how_they_are_divided(stack: cdk.Stack) -> None:
    template = template_of(
        stack, devices=EdgeDevices.listed("cam-1", "cam-2"), rollout=EdgeRollout(canary_percent=12.5)
    )
    assert told(template, "CamerasProvisioningHook") == {
        "fleet": "cameras",
        "devices": {"kind": "listed", "serials": ["cam-1", "cam-2"]},
        "canary_percent": 12.5,
        "canary_group": "cameras-canary",
        "fleet_group": "cameras-fleet",
    }


def test_a_pattern_reaches_it_as_it_was_written(stack: cdk.Stack) -> None:
    pattern = r"cam-\d{6}(\"|'|$|é)"
    template = template_of(stack, devices=EdgeDevices.matching(pattern))
    assert told(template, "CamerasProvisioningHook")["devices"] == {"kind": "matching", "pattern": pattern}
    assert rights(template, "CamerasProvisioningHook") == LOGS | {METRICS}


@pytest.mark.parametrize("encrypted", [False, True])
def test_of_registered_devices_it_may_read_one_by_one(stack: cdk.Stack, encrypted: bool) -> None:
    table = dynamodb.Table(
        stack,
        "Made",
        partition_key=dynamodb.Attribute(name="serial", type=dynamodb.AttributeType.STRING),
        encryption_key=kms.Key(stack, "Key") if encrypted else None,
    )
    template = template_of(stack, devices=EdgeDevices.registered(table))
    (id,) = [each for each in resources(template, "AWS::DynamoDB::Table") if each.startswith("Made")]
    found = rights(template, "CamerasProvisioningHook") - LOGS - {METRICS}
    keys = {each for each in found if each[0].startswith("kms:")}
    assert found - keys == {("dynamodb:GetItem", f"<{id}.Arn>")}
    assert {action for action, _ in keys} == ({"kms:Decrypt"} if encrypted else set())
    assert told(template, "CamerasProvisioningHook")["devices"] == {"kind": "registered", "table": f"<{id}>"}


# --- the claim ---------------------------------------------------------------------------------------------


def test_a_claim_certificate_is_good_for_asking_by_this_template_and_for_nothing_else(
    stack: cdk.Stack,
) -> None:
    asked = ["$aws/certificates/create/*", "$aws/provisioning-templates/cameras/provision/*"]
    found = claim_policy(template_of(stack))["PolicyDocument"]["Statement"]
    assert [(each["Effect"], each["Action"]) for each in found] == [
        ("Allow", "iot:Connect"),
        ("Allow", ["iot:Publish", "iot:Receive"]),
        ("Allow", "iot:Subscribe"),
    ]
    assert flat(found[0]["Resource"]) == f"{IOT}:client/*"
    assert [flat(each) for each in found[1]["Resource"]] == [f"{IOT}:topic/{each}" for each in asked]
    assert [flat(each) for each in found[2]["Resource"]] == [f"{IOT}:topicfilter/{each}" for each in asked]


def test_the_stack_makes_no_claim_certificate() -> None:
    """Its private key would lie in the template's outputs or in the function that made it."""
    stack = cdk.Stack(cdk.App(), "Stack")
    template = template_of(stack)
    assert not resources(template, "AWS::IoT::Certificate")
