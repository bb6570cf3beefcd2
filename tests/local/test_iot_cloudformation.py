"""What a fleet's stack may say of IoT and Firehose, and a stack of telemetry that delivers."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .hosting import BUCKET, as_template, error_of
from .test_iam import allow
from .test_iot_provisioning import deployed, reasons, role, strict

__all__ = ["strict"]
_numbers = itertools.count(1)


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        (
            "IoT::RoleAlias",
            {"RoleArn": "arn:aws:iam::123456789012:role/a", "CredentialDurationSeconds": 60},
            "900",
        ),
        ("IoT::RoleAlias", {"RoleAlias": "x"}, "required key [RoleArn] not found"),
        ("IoT::Policy", {"PolicyName": "x"}, "required key [PolicyDocument] not found"),
        ("IoT::ThingGroup", {"GroupName": "x"}, "extraneous key [GroupName] is not permitted"),
        ("IoT::ProvisioningTemplate", {"TemplateBody": "{}"}, "required key [ProvisioningRoleArn] not found"),
        (
            "IoT::TopicRule",
            {"TopicRulePayload": {"Sql": "SELECT * FROM 'x'"}},
            "required key [Actions] not found",
        ),
        (
            "IoT::TopicRule",
            {
                "TopicRulePayload": {
                    "Sql": "SELECT * FROM 'x'",
                    "Actions": [{"Firehose": {"DeliveryStream": "x"}}],
                }
            },
            "extraneous key [DeliveryStream] is not permitted",
        ),
        (
            "KinesisFirehose::DeliveryStream",
            {"ExtendedS3DestinationConfiguration": {"BucketARN": "arn:aws:s3:::models"}},
            "required key [RoleARN] not found",
        ),
    ],
)
def test_a_template_that_the_registry_would_not_take_fails(
    strict: LocalAws, kind: str, properties: dict[str, Any], reason: str
) -> None:
    name = f"wrong-{next(_numbers)}"
    resources = {"Wrong": {"Type": f"AWS::{kind}", "Properties": properties}}
    assert deployed(strict, name, resources) == "ROLLBACK_COMPLETE"
    assert any(reason in each for each in reasons(strict, name)), reasons(strict, name)


@pytest.mark.parametrize("kind", ["Greengrass::Group", "SageMaker::DeviceFleet"])
def test_what_aws_has_ended_is_not_there(strict: LocalAws, kind: str) -> None:
    resources = {"Old": {"Type": f"AWS::{kind}", "Properties": {}}}
    client = strict.client("cloudformation")
    code, message = error_of(
        lambda: client.create_stack(StackName="old", TemplateBody=as_template(resources))
    )
    assert code == "ValidationError"
    assert f"AWS::{kind}" in message


def test_a_stack_of_telemetry_delivers(strict: LocalAws) -> None:
    delivery = role("firehose.amazonaws.com", allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*"))
    put = allow("firehose:PutRecord", f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/*")
    resources = {
        "DeliveryRole": delivery,
        "Stream": {
            "Type": "AWS::KinesisFirehose::DeliveryStream",
            "Properties": {
                "DeliveryStreamType": "DirectPut",
                "ExtendedS3DestinationConfiguration": {
                    "BucketARN": f"arn:aws:s3:::{BUCKET}",
                    "RoleARN": {"Fn::GetAtt": ["DeliveryRole", "Arn"]},
                    "Prefix": "inference/!{timestamp:yyyy/MM/dd/HH}/",
                    "ErrorOutputPrefix": "failed/!{firehose:error-output-type}/",
                    "BufferingHints": {"IntervalInSeconds": "60", "SizeInMBs": "5"},
                    "CompressionFormat": "UNCOMPRESSED",
                },
            },
        },
        "RuleRole": role("iot.amazonaws.com", put),
        "Rule": {
            "Type": "AWS::IoT::TopicRule",
            "Properties": {
                "TopicRulePayload": {
                    "Sql": "SELECT *, topic(3) AS thing, timestamp() AS received FROM 'dt/plant/+/inference'",
                    "AwsIotSqlVersion": "2016-03-23",
                    "RuleDisabled": False,
                    "Actions": [
                        {
                            "Firehose": {
                                "DeliveryStreamName": {"Ref": "Stream"},
                                "RoleArn": {"Fn::GetAtt": ["RuleRole", "Arn"]},
                                "Separator": "\n",
                            }
                        }
                    ],
                }
            },
        },
    }
    assert deployed(strict, "telemetry", resources) == "CREATE_COMPLETE", reasons(strict, "telemetry")
    strict.client("iot-data").publish(topic="dt/plant/press-1/inference", qos=1, payload='{"records": []}')
    s3 = strict.client("s3")
    found = until(
        lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="inference/").get("Contents"), what="the object"
    )
    body = json.loads(s3.get_object(Bucket=BUCKET, Key=found[0]["Key"])["Body"].read())
    assert body["thing"] == "press-1"
