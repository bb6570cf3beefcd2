"""The stacks of the app, deployed as they are with the real CDK CLI, answer as their pages say."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy
import pytest
from sklearn.datasets import load_digits

from examples.breast_cancer.code.inference import Classifier as Served
from examples.breast_cancer.train import split as cancer
from examples.digits import train as digits
from examples.wine import train as wine
from tests.deploy.conftest import Account, early_in_an_hour
from tools.cdk_cli import Cdk
from tools.embedded_aws import until

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="session")
def fifty_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty small models of handwritten digits, more than an instance has memory for."""
    folder = tmp_path_factory.mktemp("digits")
    for name in digits.names(50):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.json").write_text(json.dumps(digits.train(name)))
    return folder


@pytest.fixture(scope="session")
def app(account: Account, fifty_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    """The CLI for the app of this repository, synthesized once: what is deployed is the assembly."""
    folder = tmp_path_factory.mktemp("app")
    environment = {**account.aws.environment(), "PYTHONPATH": "."}
    Cdk(environment=environment, folder=folder, app=f"{sys.executable} app.py").run(
        "synth", "--quiet", context={"models": str(fifty_models)}
    )
    return Cdk(environment=environment, folder=account.folder, app=str(folder / "cdk.out"))


@pytest.fixture
def deployed(app: Cdk, request: pytest.FixtureRequest) -> Iterator[None]:
    """The stack that the test is parametrised with, deployed; gone afterwards."""
    app.deploy(request.param)
    yield
    app.run("destroy", request.param, "--force")


def csv(rows: Any) -> str:
    return "\n".join(",".join(str(value) for value in row) for row in rows)


def deploying(stack: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("deployed", [stack], indirect=True)


@deploying("Serverless")
@pytest.mark.usefixtures("deployed")
def test_a_serverless_endpoint_answers(account: Account) -> None:
    _, test_x, _, test_y = cancer()
    answer = account.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="serverless-endpoint", ContentType="text/csv", Body=csv(test_x[:50])
    )
    told = json.loads(answer["Body"].read())["labels"]
    right = [("malignant", "benign")[y] == label for y, label in zip(test_y[:50], told, strict=True)]
    assert sum(right) >= 45


@deploying("Async")
@pytest.mark.usefixtures("deployed")
def test_an_asynchronous_endpoint_sleeps_wakes_and_tells(account: Account) -> None:
    sagemaker, s3 = account.aws.client("sagemaker"), account.aws.client("s3")
    told = account.aws.outputs("Async")

    def instances() -> int:
        variant = sagemaker.describe_endpoint(EndpointName="async-endpoint")["ProductionVariants"][0]
        return int(variant["CurrentInstanceCount"])

    until(lambda: instances() == 0, seconds=60, what="no instance while nothing waits")

    queue = account.aws.client("sqs").create_queue(QueueName="answered")["QueueUrl"]
    arn = account.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    account.aws.client("sns").subscribe(
        TopicArn=told["AnsweredTopic"], Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
    )
    bucket, prefix = told["InputLocation"].removeprefix("s3://").split("/", 1)
    _, test_x, _, _ = cancer()
    s3.put_object(Bucket=bucket, Key=f"{prefix}/1.csv", Body=csv(test_x[:3]).encode(), ContentType="text/csv")
    accepted = account.aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="async-endpoint",
        InputLocation=f"s3://{bucket}/{prefix}/1.csv",
        ContentType="text/csv",
        InferenceId="first",
    )

    def messages() -> list[dict[str, Any]]:
        received = account.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=1)
        return [json.loads(json.loads(each["Body"])["Message"]) for each in received.get("Messages", ())]

    (message,) = until(messages, seconds=60, what="the notification of success")
    assert (message["invocationStatus"], message["inferenceId"]) == ("Completed", "first")
    assert message["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
    location = Path(accepted["OutputLocation"].removeprefix("s3://"))
    answer = s3.get_object(Bucket=location.parts[0], Key="/".join(location.parts[1:]))
    assert len(json.loads(answer["Body"].read())["labels"]) == 3


@deploying("MultiModel")
@pytest.mark.usefixtures("deployed")
def test_fifty_models_answer_behind_one_endpoint(account: Account) -> None:
    targets = json.loads(account.aws.outputs("MultiModel")["TargetModels"])
    assert len(targets) == 50
    client = account.aws.client("sagemaker-runtime")
    images, meant = load_digits(return_X_y=True)

    def ask(name: str) -> tuple[str, float, float]:
        digit = int(name[-1])
        body = csv([images[meant == digit][0], images[meant == (digit + 1) % 10][0]])
        answer = client.invoke_endpoint(
            EndpointName="multimodel-endpoint", TargetModel=targets[name], ContentType="text/csv", Body=body
        )
        told = json.loads(answer["Body"].read())
        return told["model"], *told["probabilities"]

    for name in targets:
        model, of_its_digit, of_another = ask(name)
        assert model == name
        assert of_its_digit > of_another
    # More than fit at once: those asked first were unloaded, and come back.
    loaded = until(
        lambda: latest(account, "LoadedModelCount", "multimodel-endpoint"), what="the count of models"
    )
    assert 0 < loaded < 50
    assert ask(next(iter(targets)))[0] == next(iter(targets))


@deploying("Batch")
@pytest.mark.usefixtures("deployed")
def test_a_day_of_patients_is_scored_when_it_has_arrived(account: Account) -> None:
    told = account.aws.outputs("Batch")
    bucket, _, prefix = told["Input"].removeprefix("s3://").partition("/")
    s3, (_, test_x, _, test_y) = account.aws.client("s3"), cancer()
    rows = [[f"patient-{number}", *row] for number, row in enumerate(test_x)]
    for name, part in (("1.csv", rows[:50]), ("more/2.csv", rows[50:]), ("_SUCCESS", [])):
        s3.put_object(Bucket=bucket, Key=f"{prefix}2026-11-28/{name}", Body=csv(part).encode())

    def partitions() -> list[str]:
        glue = account.aws.client("glue")
        (table,) = glue.get_tables(DatabaseName="batch_patients")["TableList"]
        found = glue.get_partitions(DatabaseName=table["DatabaseName"], TableName=table["Name"])
        return [each["StorageDescriptor"]["Location"] for each in found["Partitions"]]

    # It is registered after all else is written.
    (place,) = until(partitions, seconds=120, what="the partition")
    files, _, below = place.removeprefix("s3://").partition("/")
    written = [
        json.loads(line)
        for each in s3.list_objects_v2(Bucket=files, Prefix=below)["Contents"]
        for line in gzip.decompress(s3.get_object(Bucket=files, Key=each["Key"])["Body"].read()).splitlines()
    ]
    items = account.aws.client("dynamodb").scan(TableName=told["Predictions"])["Items"]
    labels = {item["patient"]["S"]: item["label"]["S"] for item in items}
    assert set(labels) == {row[0] for row in rows}
    assert {each["patient"]: each["label"] for each in written} == labels
    right = [labels[f"patient-{number}"] == ("malignant", "benign")[y] for number, y in enumerate(test_y)]
    assert sum(right) >= 0.9 * len(right)
    (run,) = account.aws.client("stepfunctions").list_executions(stateMachineArn=told["StateMachine"])[
        "executions"
    ]
    report = f"{run['name']}/report.json"
    output, _, runs = told["Output"].removeprefix("s3://").partition("/")
    body = until(lambda: read(s3, output, f"{runs.rstrip('/')}/{report}"), seconds=30, what="the report")
    assert json.loads(body)["records"] == {"in": len(rows), "out": len(rows), "nulls": 0}


def read(s3: Any, bucket: str, key: str) -> bytes | None:
    """An object, None while it is not there."""
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def latest(account: Account, metric: str, endpoint: str) -> float:
    """The newest value of an instance metric of an endpoint, 0 while there is none."""
    now = datetime.now(UTC)
    found = account.aws.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/Endpoints",
        MetricName=metric,
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max(found, key=lambda each: each["Timestamp"])["Maximum"] if found else 0.0


@deploying("Pipeline")
@pytest.mark.usefixtures("deployed")
def test_a_pipeline_scales_classifies_and_names(account: Account) -> None:
    _, test_x, _, test_y = wine.split()
    answer = account.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="pipeline-endpoint", ContentType="text/csv", Body=csv(test_x)
    )
    told = [each["label"] for each in json.loads(answer["Body"].read())]
    right = [wine.LABELS[y] == label for y, label in zip(test_y, told, strict=True)]
    assert sum(right) / len(right) > 0.95


@deploying("Components")
@pytest.mark.usefixtures("deployed")
def test_components_sleep_and_wake_on_a_fleet_they_share(account: Account) -> None:
    client = account.aws.client("sagemaker-runtime")
    told = account.aws.outputs("Components")
    _, cancer_x, _, _ = cancer()
    _, wine_x, _, _ = wine.split()

    def ask(component: str, rows: Any) -> bytes | None:
        try:
            answer = client.invoke_endpoint(
                EndpointName="components-endpoint",
                InferenceComponentName=told[component],
                ContentType="text/csv",
                Body=csv(rows),
            )
        except client.exceptions.ClientError as error:
            # Asleep: the call is refused, and wakes it.
            assert "no capacity" in str(error)  # noqa: PT017
            return None
        return bytes(answer["Body"].read())

    def instances() -> int:
        endpoint = account.aws.client("sagemaker").describe_endpoint(EndpointName="components-endpoint")
        return int(endpoint["ProductionVariants"][0]["CurrentInstanceCount"])

    assert json.loads(until(lambda: ask("CancerComponent", cancer_x[:2]), seconds=60))["version"] == "1"
    until(lambda: instances() == 0, seconds=90, what="no instance while nobody asks")
    scaled = until(lambda: ask("WineComponent", wine_x[:1]), seconds=90, what="an answer after waking up")
    assert len(scaled.decode().split(",")) == 13


@deploying("Shadow")
@pytest.mark.usefixtures("deployed")
def test_callers_see_production_only_and_the_challenger_is_compared_with_it(account: Account) -> None:
    client, endpoint = account.aws.client("sagemaker-runtime"), "shadow-endpoint"
    _, test_x, _, _ = cancer()
    rows, repeats = test_x[:120], 3
    few, many = (arm_answers(name, rows) for name in ("few", "many"))
    assert few != many
    began = early_in_an_hour()
    for number in range(repeats * len(rows)):
        answer = client.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="text/csv",
            Body=csv([rows[number % len(rows)]]),
            # Some callers give an id, some do not: their requests tell which answers belong together.
            **({"InferenceId": f"request-{number}"} if number % 2 else {}),
        )
        assert answer["InvokedProductionVariant"] == "Production"
        assert json.loads(answer["Body"].read())["labels"] == [few[number % len(rows)]]

    told = account.aws.outputs("Shadow")
    bucket, _, prefix = reports_of(told).removeprefix("s3://").partition("/")
    s3 = account.aws.client("s3")

    def report() -> dict[str, Any] | None:
        """What the function says, once every copy is captured."""
        called = account.aws.client("lambda").invoke(
            FunctionName=told["Comparison"], Payload=json.dumps({"at": began.isoformat()})
        )
        answered = json.loads(called["Payload"].read())
        assert "FunctionError" not in called, answered
        key = answered["reports"][0].removeprefix(f"s3://{bucket}/")
        assert key.startswith(f"{prefix}/so-far/")
        written = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        assert written == answered["last"]
        return written if written["pairing"]["pairs"] >= repeats * len(rows) else None

    found = until(report, seconds=60, what="the comparison of all answers")
    same = sum(one == other for one, other in zip(few, many, strict=True))
    assert found["answers"]["challenger"] == {"captured": repeats * len(rows), "unparsable": 0}
    assert found["comparison"]["agreement"] == pytest.approx(same / len(rows))
    assert found["comparison"]["differences"]["mean"] > 0
    assert (found["pairing"]["unpaired"], found["pairing"]["not_copied"]) == (0, 0)
    assert found["verdict"] == ("agrees" if same / len(rows) >= 0.95 else "differs")
    assert found["load"]["production"]["invocations"] == found["load"]["challenger"]["invocations"]


def arm_answers(arm: str, rows: Any) -> list[str]:
    """The labels that a model of the example gives, without an endpoint."""
    model = Served(json.loads(Path(f"examples/breast_cancer/arms/{arm}/model.json").read_text()))
    return [model.labels[int(probability >= 0.5)] for probability in model.predict(numpy.array(rows))]


def reports_of(told: dict[str, str]) -> str:
    return next(value for name, value in told.items() if "ReportsLocation" in name)
