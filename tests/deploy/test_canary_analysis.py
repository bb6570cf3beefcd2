"""A canary that answers worse than it should is taken back by plain `cdk deploy`, though no error alarm goes off."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.breast_cancer.train import split
from tests.deploy.conftest import QUICK, Account
from tools.cdk_cli import CdkError
from tools.embedded_aws import local_aws, until

MODEL = Path("examples/breast_cancer/model/model.json")
CLOCK = {"interval": "1", "wait": "10"}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that bakes for ten seconds, where a minute of EventBridge's is a second; IAM is enforced."""
    folder = tmp_path_factory.mktemp("analysed")
    settings = {
        **QUICK,
        "CONSTRUCTS_LOCAL_TIME_SCALE": "1",
        "CONSTRUCTS_LOCAL_MAX_WAIT": CLOCK["wait"],
        "CONSTRUCTS_LOCAL_SCHEDULE_SCALE": str(1 / 60),
        "CONSTRUCTS_LOCAL_ALARM_PERIOD_CAP": "2",
    }
    with local_aws(folder, "--enforce-iam", settings=settings) as aws:
        account = Account(aws, folder)
        account.cdk("analysed").run("bootstrap", context=context(folder, "one"))
        yield account


def context(folder: Path, version: str, *, mirrored: bool = False) -> dict[str, str]:
    """What deploys a version of the model; a mirrored one takes each label for the other."""
    model = folder / version
    model.mkdir(exist_ok=True)
    parameters = json.loads(MODEL.read_text(encoding="utf-8"))
    if mirrored:
        parameters["coefficients"] = [-each for each in parameters["coefficients"]]
        parameters["intercept"] *= -1
    (model / "model.json").write_text(json.dumps({**parameters, "version": version}), encoding="utf-8")
    return {"model": str(model), "version": version, **CLOCK}


@contextmanager
def callers(account: Account) -> Iterator[Counter[str]]:
    """Call all the time, and tell CloudWatch which version was right how often; counts the versions."""
    rows, labels = split()[1], split()[3]
    runtime, cloudwatch = account.aws.client("sagemaker-runtime"), account.aws.client("cloudwatch")
    seen: Counter[str] = Counter()
    over = threading.Event()

    def call(index: int) -> None:
        answer = ask(runtime, rows[index % len(rows)])
        right = (answer["probabilities"][0] > 0.5) == bool(labels[index % len(rows)])
        seen[answer["version"]] += 1
        cloudwatch.put_metric_data(
            Namespace="Team",
            MetricData=[
                {
                    "MetricName": "Accuracy",
                    "Dimensions": [{"Name": "Version", "Value": answer["version"]}],
                    "Value": float(right),
                }
            ],
        )

    def work() -> None:
        index = 0
        while not over.wait(0.02):
            call(index)
            index += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def ask(runtime: Any, row: Any) -> dict[str, Any]:
    answer = runtime.invoke_endpoint(
        EndpointName="analysed", ContentType="text/csv", Body=",".join(map(str, row))
    )
    return dict(json.loads(answer["Body"].read()))


def failed_deployment(account: Account, **context: str) -> set[str]:
    """A deployment that SageMaker rolls back: the alarms that it names."""
    with pytest.raises(CdkError, match="ROLLBACK") as failed:
        account.cdk("analysed").deploy("Analysed", context=context)
    (named,) = set(re.findall(r"went to ALARM during the deployment: ([\w, -]+)", failed.value.output))
    return {re.sub(r".*-Endpoint(\w+?)[0-9A-F]{8}.*", r"\1", name) for name in named.split(", ")}


@pytest.mark.deploy
def test_a_canary_that_is_often_wrong_goes_back(account: Account) -> None:
    account.cdk("analysed").deploy("Analysed", context=context(account.folder, "one"))
    with callers(account) as seen:
        alarms = failed_deployment(account, **context(account.folder, "two", mirrored=True))
        assert alarms == {"AnalysisAlarm"}, "and none of errors or latency"
        assert seen["two"] > 0, "the canary did answer"
        seen.clear()
        until(lambda: seen["one"] > 20, what="the old model answers on")
    assert seen["two"] == 0
