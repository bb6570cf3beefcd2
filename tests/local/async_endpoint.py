"""An asynchronous endpoint for tests, with everybody whom it tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tools.embedded_aws import LocalAws, until

from .hosting import BUCKET, Hosting
from .test_telemetry import values

OUTPUT = f"s3://{BUCKET}/results"
FAILURES = f"s3://{BUCKET}/failures"


class Inbox:
    """Two topics, and a queue that hears both."""

    def __init__(self, aws: LocalAws, stem: str) -> None:
        self._sqs, sns = aws.client("sqs"), aws.client("sns")
        self._url = self._sqs.create_queue(QueueName=stem)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self.topics = {}
        for kind in ("SuccessTopic", "ErrorTopic"):
            self.topics[kind] = sns.create_topic(Name=f"{stem}-{kind}")["TopicArn"]
            sns.subscribe(TopicArn=self.topics[kind], Protocol="sqs", Endpoint=arn)
        self.heard: list[dict[str, Any]] = []

    def listen(self) -> list[dict[str, Any]]:
        """All messages so far."""
        while found := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                envelope = json.loads(each["Body"])
                self.heard.append({"topic": envelope["TopicArn"], **json.loads(envelope["Message"])})
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])
        return self.heard

    def about(self, inference_id: str) -> dict[str, Any]:
        """The message about a request, when it comes."""
        return until(
            lambda: next((each for each in self.listen() if each["inferenceId"] == inference_id), None),
            what=f"a message about {inference_id}",
        )


class Queue:
    """An asynchronous endpoint of one variant."""

    def __init__(
        self, hosting: Hosting, model: str | None = None, *, inbox: Inbox | None = None, **given: Any
    ) -> None:
        self.hosting = hosting
        self.inbox = inbox or Inbox(hosting.aws, hosting.name("inbox"))
        self.config = self.configured(model or hosting.model(), **given)
        self.name = hosting.endpoint(self.config)

    def configured(self, model: str, *, count: int = 1, concurrency: int | None = None, **output: Any) -> str:
        members = {"S3OutputPath": OUTPUT, "S3FailurePath": FAILURES} | output
        notification = {**self.inbox.topics, **members.pop("NotificationConfig", {})}
        config: dict[str, Any] = {"OutputConfig": {**members, "NotificationConfig": notification}}
        if concurrency is not None:
            config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
        variant = {"VariantName": "main", "ModelName": model, "InitialInstanceCount": count}
        return self.hosting.config(variant, AsyncInferenceConfig=config)

    def send(self, body: str | None = "", **members: Any) -> dict[str, Any]:
        """Put the input into S3 and call InvokeEndpointAsync."""
        if body is not None:
            members.setdefault("InputLocation", self.upload(body))
        members.setdefault("ContentType", "text/plain")
        return dict(self.hosting.runtime.invoke_endpoint_async(EndpointName=self.name, **members))

    def upload(self, body: str) -> str:
        key = f"inputs/{self.hosting.name('input')}"
        self.hosting.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())
        return f"s3://{BUCKET}/{key}"

    def told(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The message about a request that was accepted so."""
        return self.inbox.about(answer["InferenceId"])

    def instances(self, count: int) -> None:
        """Change how many there are, and wait."""
        self.hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": count}],
        )
        (variant,) = self.hosting.settled(self.name)["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == count

    def metric(self, name: str, statistic: str = "Sum") -> float:
        return values(self.hosting, self.name, name, statistic)

    def backlog(self, name: str, statistic: str = "Maximum") -> float | None:
        """A metric of the queue, which has the endpoint's dimension alone; None without data."""
        now = datetime.now(UTC)
        found = self.hosting.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": "EndpointName", "Value": self.name}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return max((point[statistic] for point in found), default=None)


def stored(hosting: Hosting, location: str) -> bytes | None:
    """The S3 object, if it is there."""
    s3, url = hosting.aws.client("s3"), urlsplit(location)
    try:
        return bytes(s3.get_object(Bucket=url.netloc, Key=url.path.lstrip("/"))["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
