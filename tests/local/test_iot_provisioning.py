"""A fleet's stack, and a device that joins it by claim: certificate, thing, group, credentials of the role.

IAM and the policies of certificates are enforced.
"""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.core_devices import core_device
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .fleets import Fleet
from .hosting import BUCKET, as_template, error_of
from .iot_devices import Identity, over_tls, provisioned, stored
from .test_iam import allow, as_role

_numbers = itertools.count(1)
HOOK = """
def handler(event, context):
    serial = event["parameters"]["SerialNumber"]
    if not serial.startswith("press-"):
        return {"allowProvisioning": False}
    group = "plant-canary" if serial == "press-1" else "plant-fleet"
    return {"allowProvisioning": True, "parameterOverrides": {"ThingName": serial, "Group": group}}
"""


def iot_arn(resource: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:{resource}"


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(service: str, *grants: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policies = [{"PolicyName": "grants", "PolicyDocument": policy(*grants)}] if grants else []
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": policy(statement), "Policies": policies},
    }


CLAIM_TOPICS = ["$aws/certificates/create/*", "$aws/provisioning-templates/plant/provision/*"]
CLAIM = policy(
    allow("iot:Connect", "*"),
    {
        "Effect": "Allow",
        "Action": ["iot:Publish", "iot:Receive"],
        "Resource": [iot_arn(f"topic/{topic}") for topic in CLAIM_TOPICS],
    },
    {
        "Effect": "Allow",
        "Action": "iot:Subscribe",
        "Resource": [iot_arn(f"topicfilter/{topic}") for topic in CLAIM_TOPICS],
    },
)
DEVICE = policy(
    allow("iot:Connect", iot_arn("client/${iot:Connection.Thing.ThingName}")),
    allow("iot:AssumeRoleWithCertificate", iot_arn("rolealias/plant-exchange")),
)
BODY = {
    "Parameters": {
        "SerialNumber": {"Type": "String"},
        "ThingName": {"Type": "String"},
        "Group": {"Type": "String"},
        "AWS::IoT::Certificate::Id": {"Type": "String"},
    },
    "Resources": {
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
        },
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "plant-device"}},
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {"ThingName": {"Ref": "ThingName"}, "ThingGroups": [{"Ref": "Group"}]},
        },
    },
}


def fleet_template(seconds: Any = 3600) -> dict[str, Any]:
    """What a fleet's stack has; a number as a text, as parameters give them."""
    provisioning = allow("iot:*", "*")
    return {
        "Exchange": role(
            "credentials.iot.amazonaws.com", allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/components/*")
        ),
        "Alias": {
            "Type": "AWS::IoT::RoleAlias",
            "Properties": {
                "RoleAlias": "plant-exchange",
                "RoleArn": {"Fn::GetAtt": ["Exchange", "Arn"]},
                "CredentialDurationSeconds": seconds,
                "Tags": [{"Key": "fleet", "Value": "plant"}],
            },
        },
        "Canary": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": "plant-canary"}},
        "Fleet": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": "plant-fleet"}},
        "Device": {
            "Type": "AWS::IoT::Policy",
            "Properties": {"PolicyName": "plant-device", "PolicyDocument": DEVICE},
        },
        "Claim": {
            "Type": "AWS::IoT::Policy",
            "Properties": {"PolicyName": "plant-claim", "PolicyDocument": CLAIM},
        },
        "HookRole": role("lambda.amazonaws.com"),
        "Hook": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.14",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["HookRole", "Arn"]},
                "Code": {"ZipFile": HOOK},
            },
        },
        "MayAsk": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Hook"},
                "Action": "lambda:InvokeFunction",
                "Principal": "iot.amazonaws.com",
                "SourceArn": iot_arn("provisioningtemplate/plant"),
            },
        },
        "Provisioning": role("iot.amazonaws.com", provisioning),
        "Template": {
            "Type": "AWS::IoT::ProvisioningTemplate",
            "DependsOn": ["MayAsk", "Canary", "Fleet", "Device"],
            "Properties": {
                "TemplateName": "plant",
                "TemplateBody": json.dumps(BODY),
                "ProvisioningRoleArn": {"Fn::GetAtt": ["Provisioning", "Arn"]},
                "Enabled": "true",
                "PreProvisioningHook": {
                    "TargetArn": {"Fn::GetAtt": ["Hook", "Arn"]},
                    "PayloadVersion": "2020-04-01",
                },
            },
        },
    }


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", "--mqtt-port", "0") as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key="components/model.onnx", Body=b"weights")
        s3.put_object(Bucket=BUCKET, Key="secret", Body=b"not for devices")
        assert deployed(aws, "plant", fleet_template("900")) == "CREATE_COMPLETE", reasons(aws, "plant")
        yield aws


def deployed(aws: LocalAws, stack: str, resources: dict[str, Any], *, update: bool = False) -> str:
    """Deploy a stack; the status it comes to."""
    client = aws.client("cloudformation")
    act = client.update_stack if update else client.create_stack
    act(StackName=stack, TemplateBody=as_template(resources), Capabilities=["CAPABILITY_IAM"])

    def status() -> str:
        found = str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
        return "" if found.endswith("IN_PROGRESS") else found

    return until(status, what=f"stack {stack} settles")


def reasons(aws: LocalAws, stack: str) -> list[str]:
    """Why the resources of a stack failed."""
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [each["ResourceStatusReason"] for each in events if each["ResourceStatus"].endswith("FAILED")]


@pytest.fixture(scope="module")
def claim(strict: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The certificate that all devices leave the plant with."""
    iot = strict.client("iot")
    issued = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="plant-claim", target=issued["certificateArn"])
    return stored(strict, tmp_path_factory.mktemp("claim"), issued)


def credentials(
    aws: LocalAws, identity: Identity, thing: str, alias: str = "plant-exchange"
) -> tuple[int, Any]:
    """Ask IoT's credentials provider."""
    connection = http.client.HTTPSConnection(
        "localhost", aws.mqtt_port, context=identity.context(), timeout=10
    )
    connection.request("GET", f"/role-aliases/{alias}/credentials", headers={"x-amzn-iot-thingname": thing})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def press(strict: LocalAws, claim: Identity, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A device that has been provisioned."""
    with over_tls(strict, claim, "press-1") as device:
        certificate, answer = provisioned(device, "plant", "press-1")
    assert answer["thingName"] == "press-1"
    return stored(strict, tmp_path_factory.mktemp("press"), certificate)


def test_a_device_is_provisioned_into_the_group_that_the_hook_says(strict: LocalAws, press: Identity) -> None:
    del press
    iot = strict.client("iot")
    assert iot.list_things_in_thing_group(thingGroupName="plant-canary")["things"] == ["press-1"]
    assert iot.list_things_in_thing_group(thingGroupName="plant-fleet")["things"] == []
    (principal,) = iot.list_thing_principals(thingName="press-1")["principals"]
    attached = iot.list_attached_policies(target=principal)["policies"]
    assert [each["policyName"] for each in attached] == ["plant-device"]


def test_a_device_that_the_hook_refuses_gets_nothing(strict: LocalAws, claim: Identity) -> None:
    with over_tls(strict, claim, "stranger") as device:
        _certificate, answer = provisioned(device, "plant", "stranger-1")
    assert (answer["statusCode"], answer["errorCode"]) == (403, "AccessDenied")
    things = strict.client("iot").list_things()["things"]
    assert "stranger-1" not in {each["thingName"] for each in things}


def test_a_claim_certificate_may_do_nothing_else(strict: LocalAws, claim: Identity) -> None:
    with over_tls(strict, claim, "press-9") as device:
        device.mqtt.publish("dt/plant/press-9/inference", "{}", qos=1)
        until(lambda: not device.mqtt.is_connected(), what="the end of the connection")
    assert credentials(strict, claim, "")[0] == 403


def test_a_certificate_is_worth_the_rights_of_the_role(strict: LocalAws, press: Identity) -> None:
    status, answer = credentials(strict, press, "press-1")
    assert status == 200
    issued = answer["credentials"]
    session = strict.session(issued["accessKeyId"], issued["secretAccessKey"], issued["sessionToken"])
    s3 = strict.client("s3", session)
    assert s3.get_object(Bucket=BUCKET, Key="components/model.onnx")["Body"].read() == b"weights"
    assert error_of(lambda: s3.get_object(Bucket=BUCKET, Key="secret"))[0] == "AccessDenied"


def test_credentials_are_for_the_thing_of_the_certificate_and_an_alias_that_is_there(
    strict: LocalAws, press: Identity
) -> None:
    assert credentials(strict, press, "press-2")[0] == 403
    assert credentials(strict, press, "press-1", alias="nothing")[0] == 404


def test_a_certificate_that_is_taken_back_is_worth_nothing(
    strict: LocalAws, claim: Identity, tmp_path: Path
) -> None:
    with over_tls(strict, claim, "press-2") as device:
        certificate, _answer = provisioned(device, "plant", "press-2")
    identity = stored(strict, tmp_path, certificate)
    assert credentials(strict, identity, "press-2")[0] == 200
    strict.client("iot").update_certificate(certificateId=certificate["certificateId"], newStatus="INACTIVE")
    assert credentials(strict, identity, "press-2")[0] == 403


def test_role_aliases_by_the_api(strict: LocalAws) -> None:
    iot = strict.client("iot")
    arn = f"arn:aws:iam::{ACCOUNT}:role/Any"
    made = iot.create_role_alias(roleAlias="other", roleArn=arn, credentialDurationSeconds=900)
    assert made["roleAliasArn"] == iot_arn("rolealias/other")
    code, _message = error_of(lambda: iot.create_role_alias(roleAlias="other", roleArn=arn))
    assert code == "ResourceAlreadyExistsException"
    iot.update_role_alias(roleAlias="other", credentialDurationSeconds=1800)
    told = iot.describe_role_alias(roleAlias="other")["roleAliasDescription"]
    assert (told["roleArn"], told["credentialDurationSeconds"]) == (arn, 1800)
    assert "other" in iot.list_role_aliases()["roleAliases"]
    short = error_of(lambda: iot.update_role_alias(roleAlias="other", credentialDurationSeconds=50_000))
    assert short[0] == "InvalidRequestException"
    reader = strict.client(
        "iot", as_role(strict, "AliasReader", allow("iot:DescribeRoleAlias", iot_arn("rolealias/other")))
    )
    assert reader.describe_role_alias(roleAlias="other")
    denied = error_of(lambda: reader.describe_role_alias(roleAlias="plant-exchange"))
    assert denied[0] in ("AccessDeniedException", "UnauthorizedException")
    iot.delete_role_alias(roleAlias="other")
    assert error_of(lambda: iot.describe_role_alias(roleAlias="other"))[0] == "ResourceNotFoundException"


def test_the_stack_changes_and_goes(strict: LocalAws) -> None:
    resources = {
        "Role": role("credentials.iot.amazonaws.com"),
        "Alias": {
            "Type": "AWS::IoT::RoleAlias",
            "Properties": {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "CredentialDurationSeconds": 900},
        },
    }
    assert deployed(strict, "changing", resources) == "CREATE_COMPLETE"
    iot = strict.client("iot")
    (name,) = [each for each in iot.list_role_aliases()["roleAliases"] if each.startswith("changing")]
    resources["Alias"]["Properties"]["CredentialDurationSeconds"] = 1800
    assert deployed(strict, "changing", resources, update=True) == "UPDATE_COMPLETE"
    told = iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]
    assert told["credentialDurationSeconds"] == 1800
    strict.client("cloudformation").delete_stack(StackName="changing")
    until(lambda: name not in iot.list_role_aliases()["roleAliases"], what="the alias is gone")


def test_a_core_device_fetches_its_artefacts_with_the_rights_of_its_certificate(
    strict: LocalAws, press: Identity, tmp_path: Path
) -> None:
    fleet = Fleet(strict)
    s3 = strict.client("s3")
    s3.put_object(Bucket=BUCKET, Key="elsewhere/x.txt", Body=b"x")
    whoami = 'python3 -c \'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])\''
    for stem, key in (("Open", "components/model.onnx"), ("Closed", "elsewhere/x.txt")):
        artifact = {"URI": f"s3://{BUCKET}/{key}"}
        fleet.publish(
            stem, "1.0.0", {"Install": f"cat {{artifacts:path}}/*; echo; {whoami}"}, artifacts=[artifact]
        )
    group = iot_arn("thinggroup/plant-canary")
    exchange = ("--certificates", str(press.certificate.parent), "--role-alias", "plant-exchange")
    mqtt = ("--mqtt-port", str(strict.mqtt_port))
    with core_device(strict, "press-1", tmp_path, *exchange, *mqtt) as device:
        fleet.wait_for(fleet.deploy(group, {"Open": "1.0.0"}), succeeded=1)
        weights, caller = fleet.said(device, "Open")
        assert weights == "weights"
        assert ":assumed-role/" in caller
        closed = fleet.deploy(group, {"Closed": "1.0.0"})
        fleet.wait_for(closed, failed=1)
        assert "AccessDenied" in fleet.reason("press-1", closed)
