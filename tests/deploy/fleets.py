"""A deployed fleet, and its devices, as the tests ask them."""

from __future__ import annotations

import gzip
import http.client
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from constructs_lib.edge.runtime.optimise.archive import packed
from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tools.core_devices import CoreDevice, UnixConnection
from tools.embedded_aws import LocalAws, until

_, RECORDS, _, _ = split()


class Scope:
    """One device: its nucleus, and how to ask the program on it."""

    def __init__(self, device: CoreDevice) -> None:
        self.device = device
        self.thing = device.thing

    @property
    def socket(self) -> Path:
        """Of the program."""
        found = list(self.device.root.glob("work/scopes.Runtime/state/run/inference.sock"))
        return found[0] if found else Path("nowhere")

    def ask(self, records: Any, inference_id: str = "") -> tuple[int, dict[str, str], Any]:
        """Invoke; status, headers, answer."""
        connection = UnixConnection(self.socket)
        try:
            headers = {"Content-Type": "application/json"}
            if inference_id:
                headers["X-Amzn-SageMaker-Inference-Id"] = inference_id
            connection.request(
                "POST", "/invocations", json.dumps({"instances": np.asarray(records).tolist()}), headers
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), json.loads(answer.read())
        finally:
            connection.close()

    def serves(self) -> str:
        """The version that answers; empty while none does."""
        try:
            status, headers, _ = self.ask(RECORDS[:1])
        except (OSError, http.client.HTTPException):
            return ""
        return headers.get("X-Model-Version", "") if status == 200 else ""


class Fleet:
    """The deployed stack."""

    def __init__(self, account: Account, python: Path) -> None:
        self.aws: LocalAws = account.aws
        self.cdk = account.cdk("fleet")
        self.python = python
        self.states = self.aws.client("stepfunctions")
        self.deployed: set[str] = set()
        """The versions of the models that stacks had."""

    def deploy(self, model: Path) -> None:
        """Deploy with a model."""
        self.cdk.deploy("Fleet", context={"model": str(model.resolve()), "python": str(self.python)})
        self.told = self.aws.outputs("Fleet")
        self.deployed.add(self.told["ModelVersion"])

    def rollouts(self) -> list[dict[str, Any]]:
        """Executions of the machine, the latest first."""
        found = self.states.list_executions(stateMachineArn=self.told["Machine"])["executions"]
        return sorted(found, key=lambda each: each["startDate"], reverse=True)

    def rolled_out(self, count: int) -> dict[str, Any]:
        """The `count`-th rollout, once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.rollouts()
            if len(found) < count or found[0]["status"] == "RUNNING":
                return None
            return dict(self.states.describe_execution(executionArn=found[0]["executionArn"]))

        return until(over, seconds=240, what=f"rollout {count}")

    def start(self, **asked: Any) -> None:
        """Invoke the function that starts rollouts."""
        invoked = self.aws.client("lambda").invoke(
            FunctionName=self.told["Start"], Payload=json.dumps(asked).encode()
        )
        assert "FunctionError" not in invoked, invoked["Payload"].read()

    def put_model(self, name: str, folder: Path) -> dict[str, str]:
        """Bring a model to where rollouts take them from."""
        bucket, _, prefix = self.told["Models"].removeprefix("s3://").partition("/")
        key = f"{prefix}/{name}/model.tar.gz"
        body = packed({each.name: each.read_bytes() for each in folder.iterdir()})
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return {"bucket": bucket, "key": key}

    def results(self) -> list[dict[str, Any]]:
        """The records that have arrived in S3."""
        bucket, _, prefix = self.told["Results"].removeprefix("s3://").partition("/")
        s3 = self.aws.client("s3")
        found: list[dict[str, Any]] = []
        for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            # The embedded Firehose compresses nothing.
            plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
            for line in plain.decode().splitlines():
                message = json.loads(line)
                found += [{**record, "thing": message["thing"]} for record in message["records"]]
        return found

    def metric(self, name: str, statistic: str = "Sum", **dimensions: str) -> float:
        """Of the last hour."""
        now = datetime.now(UTC)
        found = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace="ConstructsLib/Edge",
            MetricName=name,
            Dimensions=[
                {"Name": key, "Value": value} for key, value in {"Fleet": "scopes", **dimensions}.items()
            ],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=5),
            Period=3600 * 2,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(each[statistic] for each in found))
