"""Models optimised on the embedded AWS, with its IAM enforced: one goes on to devices, one is refused and told of."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.deploy.conftest import Account
from tests.deploy.topics import queue_hearing
from tests.support.optimise import a_folded_network, a_network, a_table, an_archive, data, pickled
from tools.embedded_aws import REGION, until

pytestmark = pytest.mark.deploy

GIVEN = "optimised-given"
LABEL = "befund (ä)"
MODELS = {"good": a_network, "bad": lambda _: a_folded_network()}


class Optimised:
    """The deployed stack."""

    def __init__(self, account: Account) -> None:
        self.aws = account.aws
        self.told = account.aws.outputs("Optimised")
        self.s3 = account.aws.client("s3")
        self.queue = queue_hearing(account.aws, self.told["Topic"], "optimised-on-call")

    def run(self, name: str) -> dict[str, Any]:
        """An execution, once it is over."""
        states = self.aws.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.told[f"{name.title()}Machine"])

        def over() -> dict[str, Any] | None:
            described = states.describe_execution(executionArn=started["executionArn"])
            return None if described["status"] == "RUNNING" else dict(described)

        return until(over, seconds=120, what="the execution")

    def keys(self, prefix: str) -> list[str]:
        """What lies below a prefix of the bucket."""
        found = self.s3.list_objects_v2(Bucket=self.told["Bucket"], Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def read(self, place: dict[str, str]) -> bytes:
        """An object that an output names."""
        return bytes(self.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read())

    def messages(self) -> list[str]:
        """What the topic was told."""
        found = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(each["Body"])["Message"] for each in found.get("Messages", [])]


@pytest.fixture(scope="module")
def optimised(strict_account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Optimised]:
    cdk = strict_account.cdk("optimised")
    cdk.run("bootstrap")
    s3 = strict_account.aws.client("s3")
    s3.create_bucket(Bucket=GIVEN, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, model in MODELS.items():
        folder = tmp_path_factory.mktemp(name)
        put(s3, f"{name}/1.0.0/model.tar.gz", an_archive(folder, {"model.joblib": pickled(model("cancer"))}))
        put(s3, f"{name}/held-out.csv", a_table(folder, "cancer", label=LABEL))
    cdk.deploy("Optimised")
    yield Optimised(strict_account)
    cdk.run("destroy", "Optimised", "--force")


def put(s3: Any, key: str, path: Path) -> None:
    s3.put_object(Bucket=GIVEN, Key=key, Body=path.read_bytes())


def test_a_model_that_bears_8_bits_is_published_and_its_rollout_started(optimised: Optimised) -> None:
    described = optimised.run("good")
    assert described["status"] == "SUCCEEDED", described
    output = json.loads(described["output"])
    assert output["model"]["key"].startswith("models/good/")
    assert (
        output["rollout"]["execution"] == f"rollout of {output['model']['bucket']}/{output['model']['key']}"
    )
    figures = output["figures"]
    assert figures["quantised"] is True
    assert figures["before"] > 0.95
    assert figures["drop"] <= 0.01
    assert json.loads(optimised.read(output["report"]))["comparison"]["rows"] == figures["rows"]
    with tarfile.open(fileobj=io.BytesIO(optimised.read(output["model"]))) as archive:
        content = archive.extractfile("model.onnx")
        assert content is not None
        served = onnxruntime.InferenceSession(content.read())
    _, _, features, labels = data("cancer")
    said = [served.run(["label"], {"features": row[None].astype(np.float32)})[0][0] for row in features]
    assert float(np.mean(np.asarray(said) == labels)) == pytest.approx(figures["after"], abs=1e-5)


def test_a_model_that_does_not_is_refused_and_nothing_of_it_is_published(optimised: Optimised) -> None:
    described = optimised.run("bad")
    assert described["status"] == "FAILED", described
    assert described["error"] == "AccuracyDrop"
    assert "0.01 is the limit" in described["cause"]
    found = optimised.keys("models/bad/")
    assert [each.rpartition("/")[2] for each in found] == ["report.json", "report.md"]
    report = json.loads(optimised.read({"bucket": optimised.told["Bucket"], "key": found[0]}))
    assert report["comparison"]["drop"] > 0.2

    def told() -> list[str]:
        return [each for each in optimised.messages() if "optimise-bad" in each]

    (message,) = until(told, seconds=30, what="the message")
    assert described["cause"] in message
    assert described["executionArn"] in message
