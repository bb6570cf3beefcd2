"""Scoring in bulk on the embedded AWS, IAM enforced: a marker arrives, and predictions are where they belong.

The real CLI deploys; the deployed functions, the state machine and a real model do the rest.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from constructs_lib import Column, ColumnType, PredictionSink
from examples.breast_cancer.train import LABELS, split
from tests.deploy.batches import DeployedBatch
from tests.deploy.conftest import Account
from tests.deploy.topics import queue_hearing
from tests.local.transforms import fail_next
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

pytestmark = pytest.mark.deploy

BASELINE = Path("examples/breast_cancer/baseline.csv")
ROWS, TRUTH = split()[1], [LABELS[label] for label in split()[3]]
NAMES = [str(name) for name in load_breast_cancer().feature_names]


def lines(first: int, last: int) -> bytes:
    """Patients by number, as CSV."""
    return "".join(
        f"patient-{number},{','.join(map(str, ROWS[number]))}\n" for number in range(first, last)
    ).encode()


class Scored(DeployedBatch):
    """The deployed stack."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.aws, account.aws.outputs("Scored"), "scored")

    def rows(self) -> dict[str, tuple[str, float]]:
        """Label and probability in the database, by patient."""
        found = sql(self.aws, 'SELECT patient, label, probability FROM "public"."scores"')
        return {patient: (label, probability) for patient, label, probability in found}

    def partition(self, run: str) -> list[dict[str, Any]]:
        """The rows of a run's partition, as Athena would read them."""
        (place,) = [where for values, where in self.partitions().items() if values[1] == run]
        prefix = place.removeprefix(f"s3://{self.told['Output']}/")
        found = []
        for key in self.keys(prefix):
            body = self.aws.client("s3").get_object(Bucket=self.told["Output"], Key=key)["Body"].read()
            found += [json.loads(line) for line in gzip.decompress(body).splitlines()]
        return found

    def notices(self, run: str) -> list[dict[str, Any]]:
        """What the topic has told of a run."""
        answer = self.aws.client("sqs").receive_message(
            QueueUrl=self.on_call, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        told = [json.loads(each["Body"]) for each in answer.get("Messages", ())]
        return [each for each in told if run in each["Message"]]

    def subscribe(self) -> None:
        """Let a queue hear what the topic is told."""
        self.on_call = queue_hearing(self.aws, self.told["Topic"], "batch-on-call")


def a_database(aws: LocalAws) -> None:
    """A cluster with the table, as its owner makes it."""
    aws.client("secretsmanager").create_secret(
        Name="scores-user", SecretString=json.dumps({"username": "scorer", "password": "a long password"})
    )
    aws.client("rds").create_db_cluster(
        DBClusterIdentifier="scores",
        Engine="aurora-postgresql",
        DatabaseName="crm",
        EnableHttpEndpoint=True,
        MasterUsername="scorer",
        MasterUserPassword="a long password",
    )
    aws.client("rds").create_db_instance(
        DBInstanceIdentifier="scores-writer",
        DBClusterIdentifier="scores",
        DBInstanceClass="db.serverless",
        Engine="aurora-postgresql",
    )
    columns = [
        Column.key("patient"),
        *(Column.feature(name.replace(" ", "_")) for name in NAMES),
        Column.prediction("label", ColumnType.STRING),
        Column.prediction("probability"),
    ]
    sql(aws, PredictionSink.create_table_statement(columns, table="scores"))


def sql(aws: LocalAws, statement: str) -> list[list[Any]]:
    """The rows that a statement answers."""
    answer = aws.client("rds-data").execute_statement(
        resourceArn=f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:scores",
        secretArn="scores-user",
        database="crm",
        sql=statement,
    )
    return [[next(iter(field.values())) for field in row] for row in answer.get("records", ())]


@pytest.fixture(scope="module")
def scored(strict_account: Account) -> Iterator[Scored]:
    aws = strict_account.aws
    aws.client("s3").create_bucket(
        Bucket="scored-training", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    rows = [line.rsplit(",", 3)[0] for line in BASELINE.read_text("ascii").splitlines()]
    aws.client("s3").put_object(Bucket="scored-training", Key="train.csv", Body="\n".join(rows).encode())
    a_database(aws)
    cdk = strict_account.cdk("scored")
    cdk.bootstrap(ACCOUNT, REGION)
    cdk.deploy("Scored")
    deployed = Scored(strict_account)
    deployed.subscribe()
    yield deployed
    cdk.run("destroy", "Scored", "--force")


FIRST = "patients/2026-11-28"


@pytest.fixture(scope="module")
def first(scored: Scored) -> str:
    """The run that a marker has started, which is over."""
    scored.put(f"{FIRST}/part-1.csv", lines(0, 100))
    scored.put(f"{FIRST}/deeper/part-2.csv", lines(100, len(ROWS)))
    scored.put(f"{FIRST}/_SUCCESS", b"")
    run = until(lambda: next(iter(scored.executions()), ""), seconds=30, what="a run")
    assert scored.ended(run) == "SUCCEEDED", scored.why(run)
    return run


def test_a_marker_starts_a_run_and_the_report_tells_it(scored: Scored, first: str) -> None:
    report = scored.file(first, "report.json")
    assert report["status"] == "SUCCEEDED"
    assert report["records"] == {"in": len(ROWS), "out": len(ROWS), "nulls": 0}
    every = {"written": len(ROWS), "stale": 0}
    assert report["sinks"] == {"dynamodb": every, "table": every, "rds": every, "capture": every}
    assert scored.keys(f"batch/scored/{first}/_SUCCESS")
    output = report["output"].removeprefix(f"s3://{scored.told['Output']}/")
    assert [key.removeprefix(output) for key in scored.keys(output)] == [
        "deeper/part-2.csv.out",
        "part-1.csv.out",
    ]
    job = scored.aws.client("sagemaker").describe_transform_job(TransformJobName=report["jobs"]["transform"])
    assert job["TransformJobStatus"] == "Completed"
    tags = scored.aws.client("sagemaker").list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert {each["Key"]: each["Value"] for each in tags} == {
        "BatchTransform": "scored",
        "CostCenter": "clinic",
    }


def test_the_predictions_are_the_models_in_every_sink(scored: Scored, first: str) -> None:
    items = scored.items()
    assert set(items) == {f"patient-{number}" for number in range(len(ROWS))}
    right = [items[f"patient-{number}"]["label"]["S"] == label for number, label in enumerate(TRUTH)]
    assert sum(right) >= 0.9 * len(ROWS)
    told = {name: (item["label"]["S"], float(item["probability"]["N"])) for name, item in items.items()}
    assert scored.rows() == told
    assert {row["patient"]: (row["label"], row["probability"]) for row in scored.partition(first)} == told


def test_the_partition_is_registered(scored: Scored, first: str) -> None:
    found = scored.partitions()
    (values,) = [each for each in found if each[1] == first]
    assert found[values].startswith(f"s3://{scored.told['Output']}/tables/scored/scored_on={values[0]}/")


def test_the_same_input_runs_once_unless_it_is_forced(scored: Scored, first: str) -> None:
    place = f"s3://{scored.told['Input']}/{FIRST}/"
    again = scored.start({"input": place})
    assert (again["outcome"], again["run"], again["status"]) == ("duplicate", first, "SUCCEEDED")
    before = scored.items()["patient-0"]["scored_at"]["N"]

    forced = scored.start({"input": place, "force": "the labels were swapped"})
    assert scored.ended(forced["run"]) == "SUCCEEDED", scored.why(forced["run"])
    assert scored.file(forced["run"], "report.json")["forced"] == "the labels were swapped"
    assert int(scored.items()["patient-0"]["scored_at"]["N"]) > int(before)
    assert {row[0] for row in sql(scored.aws, 'SELECT DISTINCT run FROM "public"."scores"')} == {
        forced["run"]
    }


@pytest.mark.usefixtures("first")
def test_a_poisoned_record_fails_the_run_whose_letter_is_run_again_once_it_is_mended(scored: Scored) -> None:
    place = "patients/poisoned"
    scored.put(f"{place}/good.csv", lines(0, 10))
    scored.put(f"{place}/bad.csv", lines(10, 20) + b"patient-x,not a number\n")
    run = scored.start({"input": f"s3://{scored.told['Input']}/{place}/"})["run"]
    assert scored.ended(run) == "FAILED"

    letter = scored.letter(run)
    assert letter["attempt"] == 2
    assert "ClientError" in letter["failed"]["error"] or "AlgorithmError" in letter["failed"]["error"]
    told = until(lambda: scored.notices(run), seconds=20, what="the notice")
    assert "Batch scored failed" in told[0]["Subject"]
    assert "start-message-move-task" in told[0]["Message"]
    # The answers of the good object are kept; nothing says that they are all.
    assert [key.rsplit("/", 1)[1] for key in scored.keys(f"batch/scored/{run}/output/1/")] == ["good.csv.out"]
    assert not scored.keys(f"batch/scored/{run}/_SUCCESS")
    assert run not in {values[1] for values in scored.partitions()}
    assert scored.start({"input": f"s3://{scored.told['Input']}/{place}/"})["status"] == "FAILED"

    scored.put(f"{place}/bad.csv", lines(10, 20))
    before = set(scored.executions())
    scored.redrive()
    again = until(lambda: next(iter(set(scored.executions()) - before), ""), seconds=30, what="another run")
    assert scored.ended(again) == "SUCCEEDED", scored.why(again)
    assert scored.file(again, "report.json")["records"]["out"] == 20


@pytest.mark.usefixtures("first")
def test_a_killed_run_is_told_and_runs_again_from_its_letter(scored: Scored) -> None:
    place = "patients/killed"
    scored.put(f"{place}/part.csv", lines(20, 40))
    run = scored.start({"input": f"s3://{scored.told['Input']}/{place}/"})["run"]
    scored.aws.client("stepfunctions").stop_execution(
        executionArn=scored.execution(run), error="Impatience", cause="it took too long"
    )
    assert scored.ended(run) == "ABORTED"
    letter = scored.letter(run)
    assert (letter["failed"]["error"], letter["failed"]["reason"]) == ("Impatience", "it took too long")
    assert not scored.keys(f"batch/scored/{run}/_SUCCESS")

    scored.redrive()
    assert scored.ended(f"{run}-r2") == "SUCCEEDED", scored.why(f"{run}-r2")
    assert scored.file(f"{run}-r2", "report.json")["attempt"] == 2


@pytest.mark.usefixtures("first")
def test_a_lack_of_capacity_is_tried_again_with_another_name(scored: Scored) -> None:
    place = "patients/crowded"
    scored.put(f"{place}/part.csv", lines(40, 60))
    fail_next(scored.aws, 1, "CapacityError")
    run = scored.start({"input": f"s3://{scored.told['Input']}/{place}/"})["run"]
    assert scored.ended(run) == "SUCCEEDED", scored.why(run)
    report = scored.file(run, "report.json")
    assert (report["retries"], report["jobs"]["transform"][-3:]) == (1, "-t2")
    assert report["output"].endswith("/output/2/")


@pytest.mark.usefixtures("first")
def test_a_capacity_that_never_comes_ends_in_a_letter_with_the_reason(scored: Scored) -> None:
    place = "patients/full"
    scored.put(f"{place}/part.csv", lines(60, 80))
    fail_next(scored.aws, 2, "CapacityError")
    run = scored.start({"input": f"s3://{scored.told['Input']}/{place}/"})["run"]
    assert scored.ended(run) == "FAILED"
    assert "CapacityError" in scored.letter(run)["failed"]["reason"]
    scored.drain()


@pytest.mark.usefixtures("first")
def test_a_bad_request_is_a_dead_letter_at_once(scored: Scored) -> None:
    scored.aws.client("sqs").send_message(QueueUrl=scored.told["Requests"], MessageBody='{"inputs": 1}')
    letters = until(scored.letters, seconds=30, what="the dead letter")
    assert [each["Body"] for each in letters] == ['{"inputs": 1}']
    assert "inputs" in letters[0]["MessageAttributes"]["reason"]["StringValue"]
    scored.drain()


def test_a_monitor_reads_what_was_captured(scored: Scored, first: str) -> None:
    key, *_ = [each for each in scored.keys("data-capture/scored/batch/") if f"/{first}-0" in each]
    year, month, day, hour = key.split("/")[3:7]
    answer = scored.call("Monitor", {"at": f"{year}-{month}-{day}T{hour}:00:00Z"})
    assert answer["records"] >= len(ROWS)
    assert answer["unread"] == 0
    assert answer["violations"] == 0, answer
