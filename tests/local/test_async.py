"""Asynchronous endpoints: requests wait in a queue, results are in S3 and told by SNS."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .async_endpoint import FAILURES, OUTPUT, Queue, stored
from .hosting import BUCKET, SETOSA, Hosting, error_of, iris_archive
from .processes import model_processes


@pytest.fixture
def queue(hosting: Hosting) -> Queue:
    return Queue(hosting)


def test_a_real_model_answers_into_s3_and_tells(hosting: Hosting) -> None:
    queue = Queue(hosting, hosting.model(data=iris_archive()))
    location = queue.upload(SETOSA)
    answer = queue.send(
        None, InputLocation=location, ContentType="text/csv", Accept="text/csv", CustomAttributes="trace=7"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["OutputLocation"].startswith(f"{OUTPUT}/")
    assert answer["OutputLocation"].endswith(".out")
    assert answer["FailureLocation"].startswith(f"{FAILURES}/")
    message = queue.told(answer)
    assert stored(hosting, answer["OutputLocation"]) == b"0"
    assert stored(hosting, answer["FailureLocation"]) is None
    assert message.pop("topic") == queue.inbox.topics["SuccessTopic"]
    assert message.pop("receivedTime") <= message.pop("eventTime")
    assert message == {
        "awsRegion": REGION,
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "text/csv",
            "contentType": "text/csv",
            "customAttributes": "trace=7",
            "endpointName": queue.name,
            "inputLocation": location,
        },
        "responseParameters": {"contentType": "text/csv", "outputLocation": answer["OutputLocation"]},
        "inferenceId": answer["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def test_the_request_reaches_the_model_with_its_head(queue: Queue) -> None:
    answer = queue.send(
        "headers", InferenceId="mine", CustomAttributes="trace=7", ContentType="a/b", Accept="c/d"
    )
    assert answer["InferenceId"] == "mine"
    queue.told(answer)
    seen = json.loads(stored(queue.hosting, answer["OutputLocation"]) or b"")
    assert seen["X-Amzn-Sagemaker-Inference-Id"] == "mine"
    assert seen["X-Amzn-Sagemaker-Custom-Attributes"] == "trace=7"
    assert (seen["Content-Type"], seen["Accept"]) == ("a/b", "c/d")


def test_the_input_may_come_with_the_request(queue: Queue) -> None:
    answer = queue.send(None, Body=b"echo inline")
    assert "inputLocation" not in queue.told(answer)["requestParameters"]
    assert stored(queue.hosting, answer["OutputLocation"]) == b"inline"


def test_the_output_may_be_named(queue: Queue) -> None:
    answer = queue.send(S3OutputPathExtension="a/b", Filename="mine.txt")
    assert answer["OutputLocation"] == f"{OUTPUT}/a/b/mine.txt"
    queue.told(answer)
    assert stored(queue.hosting, answer["OutputLocation"]) == b"puppet"


@pytest.mark.parametrize(("body", "side", "status"), [("raise", "server", 500), ("refuse", "client", 415)])
def test_an_error_of_the_model_is_a_failure(queue: Queue, body: str, side: str, status: int) -> None:
    answer = queue.send(body)
    message = queue.told(answer)
    assert message["topic"] == queue.inbox.topics["ErrorTopic"]
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith(f"ClientError: Received {side} error ({status}) from model.")
    assert "responseBody" not in message
    assert stored(queue.hosting, answer["OutputLocation"]) is None
    failure = stored(queue.hosting, answer["FailureLocation"])
    assert failure
    assert b"told to raise" in failure or b"cannot read" in failure
    until(lambda: queue.metric("InvocationFailures") == 1, what="the metrics")
    assert queue.metric("Invocation5XXErrors") == (status == 500)
    assert queue.metric("Invocation4XXErrors") == (status == 415)


def test_the_response_is_told_when_asked_for(hosting: Hosting) -> None:
    included = ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]
    queue = Queue(hosting, NotificationConfig={"IncludeInferenceResponseIn": included})
    success = queue.told(queue.send("echo hello"))
    assert success["responseBody"]["encoding"] == "BASE64"
    assert base64.b64decode(success["responseBody"]["content"]) == b"hello"
    failure = queue.told(queue.send("raise"))
    assert b"told to raise" in base64.b64decode(failure["responseBody"]["content"])
    too_long = queue.told(queue.send("echo " + "x" * (128 * 1024 + 1)))
    assert too_long["invocationStatus"] == "Completed"
    assert "responseBody" not in too_long


def test_an_input_that_is_not_there_is_a_failure(queue: Queue) -> None:
    lost = f"s3://{BUCKET}/lost"
    answer = queue.send(None, InputLocation=lost)
    message = queue.told(answer)
    assert message["invocationStatus"] == "Failed"
    assert f"Unable to download the request from {lost}" in message["failureReason"]
    assert stored(queue.hosting, answer["FailureLocation"]) == message["failureReason"].encode()
    until(lambda: queue.metric("RequestDownloadFailures") == 1, what="the metric")


def test_an_output_that_cannot_be_written_is_a_failure(hosting: Hosting) -> None:
    queue = Queue(hosting, S3OutputPath="s3://no-such-bucket/results")
    message = queue.told(queue.send())
    assert "Unable to upload the response" in message["failureReason"]
    until(lambda: queue.metric("ResponseUploadFailures") == 1, what="the metric")


def test_a_topic_that_is_not_there_is_counted(hosting: Hosting) -> None:
    missing = f"arn:aws:sns:{REGION}:{ACCOUNT}:missing"
    queue = Queue(hosting, NotificationConfig={"SuccessTopic": missing})
    answer = queue.send()
    until(lambda: stored(hosting, answer["OutputLocation"]), what="the result")
    until(lambda: queue.metric("NotificationFailures") == 1, what="the metric")


def test_a_model_that_takes_longer_than_allowed_is_a_failure(queue: Queue) -> None:
    """And a model may take longer than one of a real-time endpoint: 2 seconds in these tests."""
    slow = queue.send("sleep 2.5")
    assert queue.told(slow)["invocationStatus"] == "Completed"
    message = queue.told(queue.send("sleep 1.5", InvocationTimeoutSeconds=1))
    assert "did not answer within 1 seconds" in message["failureReason"]


def test_a_hundred_requests_are_answered_exactly_once(hosting: Hosting) -> None:
    queue = Queue(hosting, count=2, concurrency=4)
    answers = [queue.send(f"echo {number}") for number in range(100)]
    until(lambda: len(queue.inbox.listen()) >= 100, what="100 messages")
    queue.hosting.delete(queue.name)
    told = Counter(each["inferenceId"] for each in queue.inbox.listen())
    assert told == Counter(answer["InferenceId"] for answer in answers)
    assert {each["invocationStatus"] for each in queue.inbox.heard} == {"Completed"}
    for number, answer in enumerate(answers):
        assert stored(hosting, answer["OutputLocation"]) == str(number).encode()


def test_an_instance_gets_so_many_requests_at_once(hosting: Hosting) -> None:
    """The process answers one at a time, so that those it has got are counted in its log of arrivals."""
    queue = Queue(hosting, concurrency=1)
    answers = [queue.send("sleep 0.4") for _ in range(3)]
    until(lambda: queue.backlog("ApproximateBacklogSize") == 3, what="the backlog")
    times = [datetime.fromisoformat(queue.told(each)["eventTime"]) for each in answers]
    assert times == sorted(times), "the oldest request is answered first"
    until(lambda: queue.metric("InvocationsProcessed") == 3, what="the metrics")
    assert (
        queue.metric("TimeInBacklog", "Minimum")
        < 300_000
        < 700_000
        < queue.metric("TimeInBacklog", "Maximum")
    )
    assert queue.metric("TotalProcessingTime", "Minimum") >= 400
    assert 1200 <= queue.metric("TotalProcessingTime", "Maximum") < 20_000
    assert queue.metric("ModelLatency", "Minimum") >= 400_000
    assert queue.metric("RequestDownloadLatency", "SampleCount") == 3
    assert queue.metric("ResponseUploadLatency", "SampleCount") == 3
    for metric in ("Invocations", "OverheadLatency", "InvocationsPerInstance"):
        assert queue.metric(metric, "SampleCount") == 0, f"AWS does not publish {metric} here"


def test_a_request_whose_process_is_killed_is_answered_by_the_next(queue: Queue) -> None:
    (before,) = model_processes(queue.hosting.aws)
    answer = queue.send("sleep 1")
    time.sleep(0.4)
    os.kill(before, signal.SIGKILL)
    assert queue.told(answer)["invocationStatus"] == "Completed"
    assert stored(queue.hosting, answer["OutputLocation"]) == b"puppet"
    assert model_processes(queue.hosting.aws) - {before}
    assert [each["inferenceId"] for each in queue.inbox.listen()] == [answer["InferenceId"]]


def test_a_poisoned_request_is_given_up_and_the_others_are_answered(queue: Queue) -> None:
    poison, after = queue.send("die"), queue.send("echo well")
    message = queue.told(poison)
    assert message["invocationStatus"] == "Failed"
    assert "The model process ended while it was answering, 3 times" in message["failureReason"]
    assert queue.told(after)["invocationStatus"] == "Completed"


def test_without_instances_requests_wait(queue: Queue) -> None:
    queue.instances(0)
    assert model_processes(queue.hosting.aws) == set()
    answers = [queue.send(f"echo {number}") for number in range(3)]
    until(lambda: queue.backlog("HasBacklogWithoutCapacity") == 1, what="the alarm's metric")
    assert queue.backlog("ApproximateBacklogSize") == 3
    assert queue.backlog("ApproximateBacklogSizePerInstance") == 3
    until(lambda: (queue.backlog("ApproximateAgeOfOldestRequest") or 0) > 0, what="the age")
    assert queue.inbox.listen() == []
    queue.instances(1)
    for answer in answers:
        assert queue.told(answer)["invocationStatus"] == "Completed"


def test_an_idle_queue_tells_zeros(queue: Queue) -> None:
    until(lambda: (queue.backlog("ApproximateBacklogSize", "SampleCount") or 0) >= 2, what="the metrics")
    for name in ("Size", "SizePerInstance"):
        assert queue.backlog(f"ApproximateBacklog{name}") == 0
    assert queue.backlog("HasBacklogWithoutCapacity") == 0


def test_a_request_expires_in_the_queue(queue: Queue) -> None:
    """An AWS second of a time to live lasts 20 ms in these tests."""
    queue.instances(0)
    short, long = queue.send(RequestTTLSeconds=60), queue.send(RequestTTLSeconds=21600)
    message = queue.told(short)
    assert message["invocationStatus"] == "Failed"
    assert "expired after 60 seconds" in message["failureReason"]
    until(lambda: queue.metric("ExpiredRequests") == 1, what="the metric")
    queue.instances(1)
    assert queue.told(long)["invocationStatus"] == "Completed"


def test_the_queue_outlives_an_update(queue: Queue) -> None:
    queue.instances(0)
    answer = queue.send("who are you")
    new = queue.configured(queue.hosting.model(NAME="newer"), KmsKeyId="alias/mine")
    queue.hosting.sagemaker.update_endpoint(EndpointName=queue.name, EndpointConfigName=new)
    queue.told(answer)
    assert stored(queue.hosting, answer["OutputLocation"]) == b"newer"
    url = urlsplit(answer["OutputLocation"])
    head = queue.hosting.aws.client("s3").head_object(Bucket=url.netloc, Key=url.path.lstrip("/"))
    assert head["ServerSideEncryption"] == "aws:kms"
    described = queue.hosting.settled(queue.name)
    assert described["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] == OUTPUT


def test_each_operation_has_its_endpoints(queue: Queue) -> None:
    hosting = queue.hosting
    code, message = error_of(lambda: hosting.invoke(queue.name))
    assert (code, "InvokeEndpointAsync" in message) == ("ValidationError", True)
    real_time_config = hosting.puppet_config()
    real_time = hosting.endpoint(real_time_config)
    call = {"EndpointName": real_time, "InputLocation": queue.upload("")}
    code, message = error_of(lambda: hosting.runtime.invoke_endpoint_async(**call))
    assert (code, "AsyncInferenceConfig" in message) == ("ValidationError", True)
    refused = error_of(
        lambda: hosting.sagemaker.update_endpoint(
            EndpointName=queue.name, EndpointConfigName=real_time_config
        )
    )
    assert "not emulated" in refused[1]
    assert (
        "at least 1"
        in error_of(
            lambda: hosting.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=real_time,
                DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 0}],
            )
        )[1]
    )


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "Exactly one of Body and InputLocation"),
        ({"InputLocation": "s3://b/k", "Body": b"x"}, "Exactly one of Body and InputLocation"),
        ({"InputLocation": "ftp://b/k"}, "'inputLocation' failed to satisfy constraint"),
        ({"InputLocation": "s3://b/k", "RequestTTLSeconds": 59}, "'requestTTLSeconds'"),
        ({"InputLocation": "s3://b/k", "RequestTTLSeconds": 21601}, "'requestTTLSeconds'"),
        ({"InputLocation": "s3://b/k", "InvocationTimeoutSeconds": 3601}, "'invocationTimeoutSeconds'"),
        ({"InputLocation": "s3://b/k", "Filename": "a.b.c"}, "'filename'"),
        ({"Body": b"x" * 128_001}, "less than or equal to 128000"),
    ],
)
def test_requests_that_are_refused(aws: LocalAws, endpoint: Queue, members: Any, said: str) -> None:
    """boto3 checks only some of it by itself."""
    unchecked = aws.session().client(
        "sagemaker-runtime", endpoint_url=aws.url, config=Config(parameter_validation=False)
    )
    code, message = error_of(lambda: unchecked.invoke_endpoint_async(EndpointName=endpoint.name, **members))
    assert (code, said in message) == ("ValidationError", True), message


@pytest.fixture(scope="module")
def endpoint(aws: LocalAws) -> Iterator[Queue]:
    """One that nothing is asked of."""
    hosting = Hosting(aws)
    queue = Queue(hosting)
    yield queue
    hosting.delete(queue.name)
