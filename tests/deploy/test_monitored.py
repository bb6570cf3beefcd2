"""The whole chain on the embedded AWS: requests, capture, monitor, alarm, topic, and what follows; IAM is enforced.

A window is an hour, and no test waits for one: what was captured is aged instead. All else is as deployed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from examples.breast_cancer.train import LABELS, split
from tests.deploy.conftest import Account, early_in_an_hour
from tests.deploy.topics import queue_hearing
from tools.embedded_aws import REGION, until

pytestmark = pytest.mark.deploy

ENDPOINT = "watched"
BASELINE = Path("examples/breast_cancer/baseline.csv")
NAMES = [str(name) for name in load_breast_cancer().feature_names]
DRIFTED = {"mean radius": 1.5, "worst texture": 1.6, "area error": 3.0}
ROWS, TRUTH = [list(map(float, row)) for row in split()[1]], [LABELS[label] for label in split()[3]]
Rows = Sequence[Sequence[float]]


def drifted() -> Rows:
    factors = [DRIFTED.get(name, 1.0) for name in NAMES]
    return [[value * factor for value, factor in zip(row, factors, strict=True)] for row in ROWS]


class Watched:
    """The deployed stack."""

    def __init__(self, account: Account) -> None:
        self.aws = account.aws
        self.cdk = account.cdk("watched")
        self.told = account.aws.outputs("Watched")
        self._s3 = account.aws.client("s3")
        self.queue = queue_hearing(account.aws, self.told["Topic"], "on-call")

    def ask(self, rows: Rows) -> None:
        """Send rows, and wait until all are captured."""
        runtime = self.aws.client("sagemaker-runtime")
        for number, row in enumerate(rows):
            body = ",".join(map(str, row))
            runtime.invoke_endpoint(
                EndpointName=ENDPOINT, ContentType="text/csv", Body=body, InferenceId=f"patient-{number}"
            )
        until(lambda: len(self.captured()) == len(rows), seconds=30, what="the captured records")

    def captured(self) -> dict[str, bytes]:
        """The captured records of callers, by inference id."""
        found = {}
        for key in self._keys(f"data-capture/{ENDPOINT}/"):
            for line in self._s3.get_object(Bucket=self.told["Bucket"], Key=key)["Body"].read().splitlines():
                id = json.loads(line)["eventMetadata"].get("inferenceId", "")
                if id.startswith("patient-"):
                    found[id] = line
        return found

    def age(self, hours: int) -> datetime:
        """All that was captured is so many hours older; the time that it is of now."""
        for key in self._keys(f"data-capture/{ENDPOINT}/"):
            lines = self._s3.get_object(Bucket=self.told["Bucket"], Key=key)["Body"].read().splitlines()
            self._s3.delete_object(Bucket=self.told["Bucket"], Key=key)
            variant, name = key.split("/")[2], key.rpartition("/")[2]
            for index, line in enumerate(lines):
                record = json.loads(line)
                at = datetime.fromisoformat(record["eventMetadata"]["inferenceTime"]) - timedelta(hours=hours)
                record["eventMetadata"]["inferenceTime"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
                place = f"data-capture/{ENDPOINT}/{variant}/{at:%Y/%m/%d/%H}/{index}-{name}"
                self._s3.put_object(Bucket=self.told["Bucket"], Key=place, Body=json.dumps(record).encode())
        return at

    def _keys(self, prefix: str) -> list[str]:
        found = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.told["Bucket"], Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Contents", ())]

    def look(self, monitor: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call the deployed function, with no right but those of its role."""
        name = self.told[f"{monitor}Function"]
        called = self.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        answered = json.loads(called["Payload"].read())
        assert "FunctionError" not in called, answered
        return dict(answered)

    def result(self, monitor: str, at: datetime) -> dict[str, Any]:
        """What the window of a time has found."""
        key = f"monitoring/{ENDPOINT}/{monitor}/{at:%Y/%m/%d/%H}00/result.json"
        return dict(json.loads(self._s3.get_object(Bucket=self.told["Bucket"], Key=key)["Body"].read()))

    def forget_result(self, monitor: str, at: datetime) -> None:
        """The windows from the one of a time on were never looked at."""
        for hour in range(4):
            key = f"monitoring/{ENDPOINT}/{monitor}/{at + timedelta(hours=hour):%Y/%m/%d/%H}00/result.json"
            self._s3.delete_object(Bucket=self.told["Bucket"], Key=key)

    def messages(self) -> list[dict[str, Any]]:
        """What the topic was told since the last call."""
        received = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        found = received.get("Messages", [])
        for each in found:
            self.aws.client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(json.loads(each["Body"])["Message"]) for each in found]

    def alarm(self, metric: str) -> str:
        """The state of the alarm on a metric of the monitor of data."""
        (found,) = [
            each["StateValue"]
            for page in self.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
            for each in page["MetricAlarms"]
            if each.get("MetricName") == metric
            and {"Name": "Monitor", "Value": "DataQuality"} in each["Dimensions"]
        ]
        return str(found)

    def weights(self) -> dict[str, float]:
        described = self.aws.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        return {each["VariantName"]: each["CurrentWeight"] for each in described["ProductionVariants"]}

    def forget(self) -> None:
        """Nothing was ever captured."""
        for key in self._keys(f"data-capture/{ENDPOINT}/"):
            self._s3.delete_object(Bucket=self.told["Bucket"], Key=key)


@pytest.fixture(scope="module")
def watched(strict_account: Account) -> Iterator[Watched]:
    cdk = strict_account.cdk("watched")
    cdk.run("bootstrap")
    s3 = strict_account.aws.client("s3")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="watched-training", CreateBucketConfiguration=where)
    s3.put_object(Bucket="watched-training", Key="cancer.csv", Body=BASELINE.read_bytes())
    cdk.deploy("Watched")
    yield Watched(strict_account)
    cdk.run("destroy", "Watched", "--force")


def test_the_baseline_was_made_while_the_stack_deployed(watched: Watched) -> None:
    at = datetime.now(UTC)
    for monitor in ("DataQuality", "ModelQuality", "AttributionDrift"):
        answered = watched.look(monitor, {"at": (at - timedelta(hours=30)).isoformat()})
        assert answered["status"] == "no_data", answered


def test_without_drift_nothing_fires_and_with_it_everything_does(watched: Watched) -> None:
    early_in_an_hour()
    watched.ask(ROWS)
    found = watched.look("DataQuality", {"at": watched.age(hours=3).isoformat()})
    assert (found["status"], found["records"]) == ("passed", len(ROWS)), found["text"]

    watched.forget()
    watched.ask(drifted())
    at = watched.age(hours=2)
    # As the schedule calls it.
    watched.look("DataQuality", {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    result = watched.result("DataQuality", at)
    assert {name for name, told in result["features"].items() if told["drifted"]} == set(DRIFTED)

    until(lambda: watched.alarm("Violations") == "ALARM", seconds=60, what="the alarm")
    assert watched.alarm("Heartbeat") == "OK"

    def told_of_violations() -> list[dict[str, Any]]:
        return [
            each
            for each in watched.messages()
            if each["NewStateValue"] == "ALARM" and "Violations" in each["AlarmDescription"]
        ]

    (message,) = until(told_of_violations, seconds=60, what="the message of the alarm")
    assert "DataQuality of endpoint watched" in message["AlarmDescription"]
    until(lambda: watched.weights() == {"Before": 1.0, "Now": 0.0}, seconds=60, what="the traffic to go back")
    machine = watched.told["RetrainMachine"]
    executions = watched.aws.client("stepfunctions").list_executions
    (started,) = until(
        lambda: executions(stateMachineArn=machine)["executions"], seconds=30, what="the retraining"
    )
    given = watched.aws.client("stepfunctions").describe_execution(executionArn=started["executionArn"])
    assert json.loads(given["input"])["monitor"] == "DataQuality"


def test_the_same_code_runs_as_a_processing_job(watched: Watched) -> None:
    watched.cdk.deploy("Watched", context={"job": "true"})
    watched.told = watched.aws.outputs("Watched")
    watched.forget()
    watched.ask(drifted())
    at = watched.age(hours=2)
    states = watched.aws.client("stepfunctions")
    # The test before has looked at this window, and at the one before, from which on windows are made up for.
    watched.forget_result("DataQuality", at)
    started = states.start_execution(
        stateMachineArn=watched.told["DataQualityMachine"],
        input=json.dumps({"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}),
    )

    def over() -> dict[str, Any] | None:
        described = states.describe_execution(executionArn=started["executionArn"])
        return None if described["status"] == "RUNNING" else dict(described)

    described = until(over, seconds=120, what="the job")
    assert described["status"] == "SUCCEEDED", described
    result = watched.result("DataQuality", at)
    assert {name for name, told in result["features"].items() if told["drifted"]} == set(DRIFTED)
