"""What a batch transform asks of S3, and the custom resource that lets a bucket tell EventBridge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, BootstraplessSynthesizer, Stack, assertions, aws_s3

from tools.embedded_aws import LocalAws, until

from .hosting import BUCKET, Hosting, error_of


def test_a_key_is_written_once_under_a_condition(aws: LocalAws) -> None:
    s3, key = aws.client("s3"), f"{Hosting.name('run')}/failed.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"first", IfNoneMatch="*")

    def again() -> None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"second", IfNoneMatch="*")

    assert error_of(again)[0] == "PreconditionFailed"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"first"
    s3.delete_object(Bucket=BUCKET, Key=key)
    again()


def test_a_refused_condition_is_412(aws: LocalAws) -> None:
    s3, key = aws.client("s3"), f"{Hosting.name('run')}/failed.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"", IfNoneMatch="*")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


@pytest.mark.parametrize(
    ("asked", "text", "where"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_range_of_an_object_is_read(aws: LocalAws, asked: str, text: bytes, where: str) -> None:
    s3, key = aws.client("s3"), Hosting.name("object")
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    found = s3.get_object(Bucket=BUCKET, Key=key, Range=asked)
    assert found["Body"].read() == text
    assert (found["ContentRange"], found["ContentLength"]) == (where, len(text))
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_beyond_the_end_is_refused(aws: LocalAws) -> None:
    s3, key = aws.client("s3"), Hosting.name("object")
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    refused = error_of(lambda: s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=10-12"))
    assert refused[0] == "InvalidRange"


def test_a_list_begins_after_a_key_and_goes_on_in_pages(aws: LocalAws) -> None:
    s3, prefix = aws.client("s3"), Hosting.name("list")
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{number}", Body=b"")
    given = {"Bucket": BUCKET, "Prefix": f"{prefix}/"}

    def keys(page: dict[str, Any]) -> list[str]:
        return [each["Key"].rsplit("/", 1)[-1] for each in page["Contents"]]

    first = s3.list_objects_v2(**given, StartAfter=f"{prefix}/1", MaxKeys=2)
    assert (keys(first), first["IsTruncated"]) == (["2", "3"], True)
    second = s3.list_objects_v2(**given, ContinuationToken=first["NextContinuationToken"])
    assert (keys(second), second["IsTruncated"]) == (["4"], False)


def test_the_custom_resource_of_cdk_lets_a_bucket_tell_eventbridge(aws: LocalAws) -> None:
    stack = Stack(App(), "Inputs", synthesizer=BootstraplessSynthesizer())
    name = Hosting.name("cdk-inputs")
    aws_s3.Bucket(stack, "Bucket", bucket_name=name).enable_event_bridge_notification()
    template = json.dumps(assertions.Template.from_stack(stack).to_json())
    cloudformation, created = aws.client("cloudformation"), Hosting.name("stack")
    cloudformation.create_stack(
        StackName=created, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )

    def settled() -> str | None:
        (found,) = cloudformation.describe_stacks(StackName=created)["Stacks"]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else str(found["StackStatus"])

    assert until(settled, what="the stack") == "CREATE_COMPLETE"
    found = aws.client("s3").get_bucket_notification_configuration(Bucket=name)
    assert found["EventBridgeConfiguration"] == {}
