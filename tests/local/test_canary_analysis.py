"""Canary analysis on guarded updates: its function against the embedded AWS, called as EventBridge calls it.

In seconds instead of minutes: what the function is handed says how long bakes and intervals are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support import guard
from tools.embedded_aws import REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import BUCKET, Hosting

BAKE = 8
SLOW_CODE = """
import os, time

def model_fn(model_dir):
    return float(os.environ["SECONDS"])

def transform_fn(model, data, content_type, accept, context):
    time.sleep(model)
    return "answered", "text/plain"
"""
NEW, OLD = "{new-endpoint-config}", "{old-endpoint-config}"


@pytest.fixture(scope="module")
def real_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS whose bakes last as long as they say, and whose alarms forget soon."""
    settings = {
        **QUICK,
        "CONSTRUCTS_LOCAL_TIME_SCALE": "1",
        "CONSTRUCTS_LOCAL_MAX_WAIT": str(BAKE),
        "CONSTRUCTS_LOCAL_ALARM_PERIOD_CAP": "2",
    }
    with local_aws(tmp_path_factory.mktemp("aws"), settings=settings) as running:
        running.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield running


@pytest.fixture
def hosting(real_time: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Hosting:
    """SageMaker, which the function calls too."""
    monkeypatch.setattr(guard.module("canary_analysis").boto3, "client", real_time.client)
    return Hosting(real_time)


def latency(endpoint: str, config: str, *, id: str) -> dict[str, Any]:
    dimensions = {"EndpointName": endpoint, "VariantName": "main", "EndpointConfigName": config}
    return stat("ModelLatency", dimensions, id=id, namespace="AWS/SageMaker")


def stat(metric: str, dimensions: Mapping[str, str], *, id: str, namespace: str = "Test") -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {
        "Id": id,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named},
            "Period": 1,
            "Stat": "Average",
        },
        "ReturnData": id == "constructs_value",
    }


def check(queries: Sequence[Mapping[str, Any]], **bound: float) -> dict[str, Any]:
    return {"Name": "check", "Margin": 0, "MinimumSamples": 1, "Queries": list(queries), **bound}


def analysis(endpoint: str, *checks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "EndpointName": endpoint,
        "BakeSeconds": BAKE,
        "IntervalSeconds": 1,
        "SettleSeconds": 0.5,
        "DecideSecondsBefore": 2,
        "FailureLimit": 2,
        "SuccessLimit": 2,
        "OnInconclusive": "ROLL_BACK",
        "Checks": list(checks),
        **more,
    }


@contextmanager
def repeated(call: Any, *, every: float) -> Iterator[None]:
    """Call again and again, meanwhile; an error is raised at the end."""
    over, errors = threading.Event(), []

    def work() -> None:
        while not over.wait(every):
            try:
                call()
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not errors, errors


def watched(hosting: Hosting, **environment: str) -> tuple[str, str]:
    """An endpoint with the alarm that our construct makes for it; its name and its configuration."""
    old = config(hosting, **environment)
    name = hosting.endpoint(old)
    hosting.aws.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{name}-analysis",
        Namespace="ConstructsLib/Rollouts",
        MetricName="RollBack",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return name, old


def config(hosting: Hosting, **environment: str) -> str:
    return hosting.config({"VariantName": "main", "ModelName": hosting.model(SLOW_CODE, **environment)})


def update(
    hosting: Hosting, name: str, new: str, kind: str = "CANARY", size: str = "CanarySize", bake: int = BAKE
) -> None:
    routing = {
        "Type": kind,
        "WaitIntervalInSeconds": bake,
        size: {"Type": "CAPACITY_PERCENT", "Value": 50},
    }
    hosting.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=new,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"{name}-analysis"}]},
        },
    )


def verdicts(hosting: Hosting, name: str) -> set[str]:
    """What was ever put as a verdict on the endpoint."""
    cloudwatch = hosting.aws.client("cloudwatch")
    found = set()
    for metric in ("Success", "Failure", "Inconclusive"):
        points = cloudwatch.get_metric_statistics(
            Namespace="ConstructsLib/Rollouts",
            MetricName=metric,
            Dimensions=[{"Name": "EndpointName", "Value": name}],
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Maximum"],
        )["Datapoints"]
        if any(point["Maximum"] > 0 for point in points):
            found.add(metric)
    return found


def analysed(hosting: Hosting, event: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint when its update is over, with the function called all the while."""
    handle = guard.module("canary_analysis").handle
    with repeated(lambda: handle(dict(event), None), every=0.4):
        return until(
            lambda: (
                (found := hosting.describe(event["EndpointName"]))["EndpointStatus"] == "InService" and found
            ),
            seconds=4 * BAKE,
            what="the update is over",
        )


def test_a_new_model_slower_than_the_old_one_is_rolled_back(hosting: Hosting) -> None:
    """By SageMaker's own metrics of each fleet and metric math: no alarm knows what the old one takes."""
    name, old = watched(hosting, SECONDS="0.01")
    ratio = [
        latency(name, NEW, id="new"),
        latency(name, OLD, id="old"),
        {"Id": "constructs_value", "Expression": "new / old", "Period": 1},
    ]
    with repeated(lambda: hosting.invoke(name), every=0.02):
        update(hosting, name, config(hosting, SECONDS="0.1"))
        described = analysed(hosting, analysis(name, check(ratio, AtMost=2)))
    assert described["EndpointConfigName"] == old
    assert f"{name}-analysis" in described["FailureReason"]
    assert verdicts(hosting, name) == {"Failure"}


def test_a_new_model_as_good_goes_into_service(hosting: Hosting) -> None:
    name, _ = watched(hosting, SECONDS="0.01")
    new = config(hosting, SECONDS="0.01")
    ratio = [
        latency(name, NEW, id="new"),
        latency(name, OLD, id="old"),
        {"Id": "constructs_value", "Expression": "new / old", "Period": 1},
    ]
    # When all traffic is on the new fleet there is nothing to compare it with: no reason to go back.
    with repeated(lambda: hosting.invoke(name), every=0.02):
        update(hosting, name, new)
        described = analysed(hosting, analysis(name, check(ratio, AtMost=3)))
    assert described["EndpointConfigName"] == new
    assert "FailureReason" not in described
    assert verdicts(hosting, name) == {"Success"}


@pytest.mark.parametrize(
    "kind", [("CANARY", "CanarySize"), ("LINEAR", "LinearStepSize")], ids=lambda kind: kind[0]
)
def test_without_data_the_update_is_inconclusive_and_goes_back(
    hosting: Hosting, kind: tuple[str, str]
) -> None:
    name, old = watched(hosting, SECONDS="0")
    nothing = [stat("Accuracy", {"Model": name}, id="constructs_value")]
    update(hosting, name, config(hosting, SECONDS="0"), *kind)
    described = analysed(hosting, analysis(name, check(nothing, AtLeast=0.9)))
    assert described["EndpointConfigName"] == old
    assert verdicts(hosting, name) == {"Inconclusive"}


def test_a_later_step_that_turns_bad_is_rolled_back_too(hosting: Hosting) -> None:
    """Each step bakes, and is analysed, from its own start."""
    name, old = watched(hosting, SECONDS="0")
    dimensions = [{"Name": "Model", "Value": name}]
    began = time.time()

    def put() -> None:
        accuracy = 0.95 if time.time() - began < BAKE + 1 else 0.5
        datum = {"MetricName": "Accuracy", "Dimensions": dimensions, "Value": accuracy}
        hosting.aws.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=[datum])

    good = [stat("Accuracy", {"Model": name}, id="constructs_value")]
    with repeated(put, every=0.2):
        update(hosting, name, config(hosting, SECONDS="0"), "LINEAR", "LinearStepSize")
        described = analysed(hosting, analysis(name, check(good, AtLeast=0.9)))
    assert time.time() - began > BAKE, "the first step was left alone"
    assert described["EndpointConfigName"] == old
    assert verdicts(hosting, name) == {"Success", "Failure"}


def test_outside_of_an_update_nothing_is_measured_and_nothing_put(hosting: Hosting) -> None:
    name, old = watched(hosting, SECONDS="0")
    handle = guard.module("canary_analysis").handle
    handle(analysis(name, check([], AtLeast=1)), None)
    handle(analysis("no-such-endpoint", check([], AtLeast=1)), None)
    # The weights of what runs move: an update, but of nothing new.
    weights = [{"VariantName": "main", "DesiredWeight": 2}]
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=weights
    )
    described = analysed(hosting, analysis(name, check([], AtLeast=1)))
    assert described["EndpointConfigName"] == old
    assert verdicts(hosting, name) == set()


def test_what_runs_already_is_not_judged_again(hosting: Hosting) -> None:
    """CloudFormation may deploy it in a rollback, without traffic; going back from there would strand the stack."""
    name, old = watched(hosting, SECONDS="0")
    nothing = [stat("Accuracy", {"Model": name}, id="constructs_value")]
    update(hosting, name, old, bake=3)
    described = analysed(hosting, analysis(name, check(nothing, AtLeast=0.9), BakeSeconds=3))
    assert "FailureReason" not in described
    assert verdicts(hosting, name) == set()
