"""Data capture: what is written to S3, where, and in which form."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from tools.embedded_aws import until

from .hosting import BUCKET, Hosting

KEY = re.compile(
    r"captured/(?P<endpoint>[^/]+)/main/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl"
)


def capture(**members: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
        **members,
    }


def records(hosting: Hosting, endpoint: str, count: int) -> list[dict[str, Any]]:
    """The captured records, once there are so many."""
    s3 = hosting.aws.client("s3")

    def read() -> list[dict[str, Any]]:
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{endpoint}/").get("Contents", [])
        assert all(KEY.fullmatch(each["Key"]) for each in found)
        bodies = [s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found]
        return [json.loads(line) for body in bodies for line in body.decode().splitlines()]

    return until(lambda: len(got := read()) >= count and got, what="captured records")


def test_requests_and_answers_are_captured(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=capture()))
    assert hosting.describe(name)["DataCaptureConfig"]["CaptureStatus"] == "Started"
    hosting.invoke(name, "1,2", ContentType="text/csv", InferenceId="inference-7", CustomAttributes="a=b")
    (record,) = records(hosting, name, 1)
    assert record["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "1,2",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/plain",
            "mode": "OUTPUT",
            "data": base64.b64encode(b"puppet").decode(),
            "encoding": "BASE64",
        },
    }
    metadata = record["eventMetadata"]
    assert re.fullmatch(r"[0-9a-f-]{36}", metadata["eventId"])
    assert metadata["inferenceId"] == "inference-7"
    assert metadata["customAttributes"] == ["a=b"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert record["eventVersion"] == "0"


def test_encodings_follow_the_content_type_headers(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=capture()))
    hosting.invoke(name, "echo {}", ContentType="application/json", Accept="text/csv; charset=utf-8")
    (record,) = records(hosting, name, 1)
    sides = record["captureData"]
    assert (sides["endpointInput"]["encoding"], sides["endpointInput"]["data"]) == ("JSON", "echo {}")
    assert (sides["endpointOutput"]["encoding"], sides["endpointOutput"]["data"]) == ("CSV", "{}")


def test_only_the_chosen_side_is_captured_and_the_key_is_used(hosting: Hosting) -> None:
    key = hosting.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    chosen = capture(CaptureOptions=[{"CaptureMode": "Output"}], KmsKeyId=key)
    name = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=chosen))
    for _ in range(5):
        hosting.invoke(name)
    assert all(set(each["captureData"]) == {"endpointOutput"} for each in records(hosting, name, 5))
    s3 = hosting.aws.client("s3")
    (first, *_) = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{name}/")["Contents"]
    head = s3.head_object(Bucket=BUCKET, Key=first["Key"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_sampling(hosting: Hosting) -> None:
    none = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=capture(InitialSamplingPercentage=0)))
    some = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=capture(InitialSamplingPercentage=50)))
    for _ in range(60):
        hosting.invoke(none)
        hosting.invoke(some)
    marker = hosting.endpoint(hosting.puppet_config(DataCaptureConfig=capture()))
    hosting.invoke(marker)
    # Written in the same flush or later than the others.
    records(hosting, marker, 1)
    assert 10 < len(records(hosting, some, 1)) < 50
    listed = hosting.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{none}/")
    assert listed["KeyCount"] == 0
