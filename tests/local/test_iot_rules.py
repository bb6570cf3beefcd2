"""Topic rules: from a device's message to Firehose, S3 and SQS, and what becomes of one that fails."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .hosting import BUCKET
from .iot_devices import Client, over_tls, over_websocket, thing_with_certificate
from .test_iam import allow, create_role

_numbers = itertools.count(1)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Any"
SELECT = "SELECT *, topic(3) AS thing, timestamp() AS received FROM '{}'"


def trust(service: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


class Pipeline:
    """A rule on `dt/<name>/+/inference` to a delivery stream, with an error action to S3."""

    def __init__(self, aws: LocalAws, *, role: str = ROLE, delivery_role: str = ROLE, **action: Any) -> None:
        self.aws = aws
        self.name = f"fleet{next(_numbers)}"
        self.prefix = f"{self.name}/inference/"
        aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={
                "RoleARN": delivery_role,
                "BucketARN": f"arn:aws:s3:::{BUCKET}",
                "Prefix": f"{self.prefix}!{{timestamp:yyyy/MM/dd/HH}}/",
                "ErrorOutputPrefix": f"{self.name}/failed/!{{firehose:error-output-type}}/",
            },
        )
        firehose = {"roleArn": role, "deliveryStreamName": self.name, "separator": "\n", **action}
        undelivered = {
            "roleArn": role,
            "bucketName": BUCKET,
            "key": self.name
            + '/undelivered/${parse_time("yyyy/MM/dd", timestamp())}/${topic(3)}/${newuuid()}',
        }
        aws.client("iot").create_topic_rule(
            ruleName=self.name,
            topicRulePayload={
                "sql": SELECT.format(f"dt/{self.name}/+/inference"),
                "awsIotSqlVersion": "2016-03-23",
                "actions": [{"firehose": firehose}],
                "errorAction": {"s3": undelivered},
            },
        )

    def topic(self, thing: str = "press-1") -> str:
        return f"dt/{self.name}/{thing}/inference"

    def publish(self, message: Any) -> None:
        self.aws.client("iot-data").publish(topic=self.topic(), qos=1, payload=json.dumps(message))

    def objects(self, prefix: str) -> list[tuple[str, str]]:
        s3 = self.aws.client("s3")
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [
            (each["Key"], s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode())
            for each in found
        ]

    def delivered(self) -> list[tuple[str, str]]:
        return until(lambda: self.objects(self.prefix), what="an object")

    def undelivered(self) -> dict[str, Any]:
        """The document of the error action."""
        ((key, body),) = until(lambda: self.objects(f"{self.name}/undelivered/"), what="the failure")
        assert re.fullmatch(rf"{self.name}/undelivered/\d{{4}}/\d\d/\d\d/press-1/[0-9a-f-]{{36}}", key)
        return dict(json.loads(body))


def test_a_message_over_http_reaches_s3_through_the_stream(aws: LocalAws) -> None:
    pipeline = Pipeline(aws)
    pipeline.publish({"records": [1, 2]})
    ((key, body),) = pipeline.delivered()
    assert re.fullmatch(rf"{pipeline.prefix}\d{{4}}/\d\d/\d\d/\d\d/{pipeline.name}-1-.*", key)
    assert body.endswith("}\n")
    told = json.loads(body)
    assert (told["records"], told["thing"]) == ([1, 2], "press-1")
    assert isinstance(told["received"], int)


def test_a_message_over_websocket_does_too(aws: LocalAws) -> None:
    pipeline = Pipeline(aws)
    with over_websocket(aws, "press-1") as device:
        device.publish(pipeline.topic(), {"records": []})
    assert json.loads(pipeline.delivered()[0][1])["thing"] == "press-1"


def test_a_message_of_a_device_with_a_certificate_does_too(aws: LocalAws, tmp_path: Path) -> None:
    pipeline = Pipeline(aws)
    identity = thing_with_certificate(aws, tmp_path, f"{pipeline.name}-press")
    with over_tls(aws, identity, f"{pipeline.name}-press") as device:
        device.publish(pipeline.topic(), {"records": []})
    assert json.loads(pipeline.delivered()[0][1])["thing"] == "press-1"


def test_what_a_policy_does_not_let_a_device_publish_is_lost(strict: LocalAws, tmp_path: Path) -> None:
    """Where IAM is enforced the policies of certificates are too."""
    pipeline = roled(strict)
    thing = f"{pipeline.name}-press"
    own = f"arn:aws:iot:{REGION}:{ACCOUNT}:topic/dt/{pipeline.name}/${{iot:Connection.Thing.ThingName}}/*"
    policy = {
        "Version": "2012-10-17",
        "Statement": [allow("iot:Connect", "*"), allow("iot:Publish", own)],
    }
    identity = thing_with_certificate(strict, tmp_path, thing, policy)
    with over_tls(strict, identity, thing) as device:
        device.publish(pipeline.topic(thing), {"mine": True})
        until(lambda: pipeline.objects(pipeline.prefix), what="the own message")
    with over_tls(strict, identity, thing) as device:
        # AWS ends the connection over it, and says nothing.
        device.mqtt.publish(pipeline.topic("another"), "{}", qos=1)
        until(lambda: not device.mqtt.is_connected(), what="the end of the connection")
    assert len(pipeline.objects(pipeline.prefix)) == 1


def test_a_batch_is_a_record_for_each_item(aws: LocalAws) -> None:
    pipeline = Pipeline(aws, batchMode=True)
    # `SELECT *, …` of a list is no list: a rule in batch mode selects the list alone.
    aws.client("iot").replace_topic_rule(
        ruleName=pipeline.name,
        topicRulePayload={
            "sql": "SELECT * FROM 'dt/NAME/+/inference'".replace("NAME", pipeline.name),
            "actions": [
                {
                    "firehose": {
                        "roleArn": ROLE,
                        "deliveryStreamName": pipeline.name,
                        "separator": ",",
                        "batchMode": True,
                    }
                }
            ],
        },
    )
    pipeline.publish([{"a": 1}, {"a": 2}])
    found = until(lambda: len(pipeline.objects(pipeline.prefix)) == 2 and pipeline.delivered(), what="two")
    assert sorted(body for _key, body in found) == ['{"a": 1},', '{"a": 2},']


def test_a_stream_that_is_gone_is_told_to_the_error_action(aws: LocalAws) -> None:
    pipeline = Pipeline(aws)
    aws.client("firehose").delete_delivery_stream(DeliveryStreamName=pipeline.name)
    pipeline.publish({"records": [1]})
    told = pipeline.undelivered()
    assert (told["ruleName"], told["topic"]) == (pipeline.name, pipeline.topic())
    assert json.loads(base64.b64decode(told["base64OriginalPayload"])) == {"records": [1]}
    (failure,) = told["failures"]
    assert (failure["failedAction"], failure["failedResource"]) == ("FirehoseAction", pipeline.name)
    assert "ResourceNotFoundException" in failure["errorMessage"]


def test_a_summary_reaches_a_queue(aws: LocalAws) -> None:
    name = f"fleet{next(_numbers)}"
    queue = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    aws.client("iot").create_topic_rule(
        ruleName=name,
        topicRulePayload={
            "sql": "SELECT *, topic(3) AS thing FROM 'dt/NAME/+/summary' WHERE inferences > 0".replace(
                "NAME", name
            ),
            "actions": [{"sqs": {"roleArn": ROLE, "queueUrl": queue, "useBase64": False}}],
        },
    )

    def send(client: Client, inferences: int) -> None:
        client.publish(f"dt/{name}/press-1/summary", {"inferences": inferences})

    with over_websocket(aws, "press-1") as device:
        send(device, 0)
        send(device, 7)
    got = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)
    assert [json.loads(each["Body"]) for each in got["Messages"]] == [{"inferences": 7, "thing": "press-1"}]


# --- with the rights of roles -------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", "--mqtt-port", "0") as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield aws


def roled(strict: LocalAws, *less: str) -> Pipeline:
    """A pipeline whose roles have every right that it needs, but for these."""
    number = next(_numbers)
    stream = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/*"
    objects = f"arn:aws:s3:::{BUCKET}/*"
    rule_grants = [
        grant
        for grant in (allow("firehose:PutRecord", stream), allow("s3:PutObject", objects))
        if grant["Action"] not in less
    ]
    service = "sts.amazonaws.com" if "trust" in less else "iot.amazonaws.com"
    rule = create_role(strict, f"Rule{number}", trust(service), *rule_grants)
    grants = [] if "delivery" in less else [allow("s3:PutObject", objects)]
    delivery = create_role(strict, f"Delivery{number}", trust("firehose.amazonaws.com"), *grants)
    return Pipeline(strict, role=rule, delivery_role=delivery)


def test_with_its_rights_a_rule_delivers(strict: LocalAws) -> None:
    pipeline = roled(strict)
    pipeline.publish({"records": []})
    assert len(pipeline.delivered()) == 1


def test_without_the_right_on_the_stream_the_error_action_hears(strict: LocalAws) -> None:
    pipeline = roled(strict, "firehose:PutRecord")
    pipeline.publish({"records": []})
    (failure,) = pipeline.undelivered()["failures"]
    assert "is not authorized to perform: firehose:PutRecord" in failure["errorMessage"]
    assert pipeline.objects(pipeline.prefix) == []


def test_a_role_that_iot_may_not_assume_delivers_nothing(strict: LocalAws) -> None:
    pipeline = roled(strict, "trust")
    pipeline.publish({"records": []})
    until(lambda: "errorAction failed" in strict.log.read_text(), what="both failures in the log")
    assert pipeline.objects(f"{pipeline.name}/") == []


def test_a_stream_delivers_with_the_rights_of_its_own_role(strict: LocalAws) -> None:
    pipeline = roled(strict, "delivery")
    pipeline.publish({"records": []})
    until(
        lambda: "is not authorized to perform s3:PutObject" in strict.log.read_text(),
        what="the refusal in the log",
    )
    assert pipeline.objects(pipeline.prefix) == []
