"""Scoring in bulk on the embedded AWS, IAM enforced: jobs before and after, lists, a schedule, and what breaks.

Transforms of :mod:`tests.deploy.apps.chained`, with the scripts and the model that lie in ``in_bulk/``.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy
import pytest

from examples.breast_cancer.code.inference import Classifier
from examples.breast_cancer.train import split
from tests.deploy.batches import DeployedBatch, kill_workers
from tests.deploy.conftest import QUICK, Account, early_in_an_hour
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

pytestmark = pytest.mark.deploy

ROWS = split()[1]
NAMESPACE = "ConstructsLib/Batch"


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS of its own with the app: there, an hour of a schedule is a few seconds."""
    folder = tmp_path_factory.mktemp("hurried")
    settings = {**QUICK, "CONSTRUCTS_LOCAL_SCHEDULE_SCALE": "0.001"}
    with local_aws(folder, "--enforce-iam", settings=settings) as aws:
        cdk = Account(aws, folder).cdk("chained")
        cdk.bootstrap(ACCOUNT, REGION)
        cdk.deploy("Chained")
        yield aws


def deployed(aws: LocalAws, name: str) -> DeployedBatch:
    outputs = aws.outputs("Chained")
    told = {key.removeprefix(name): value for key, value in outputs.items() if key.startswith(name)}
    return DeployedBatch(aws, told, name.lower())


@pytest.fixture(scope="module")
def due(hurried: LocalAws) -> DeployedBatch:
    """The transform that is due every hour."""
    return deployed(hurried, "Due")


@pytest.fixture(scope="module")
def chained(hurried: LocalAws) -> DeployedBatch:
    """The transform between two jobs."""
    return deployed(hurried, "Chained")


@pytest.fixture(scope="module")
def listed(hurried: LocalAws) -> DeployedBatch:
    """The transform that manifests start."""
    return deployed(hurried, "Listed")


def numbered(name: str, count: int, note: str = "none") -> bytes:
    """So many records for the model that adds up."""
    return "".join(f"{name}-{number},{number},{note}\n" for number in range(count)).encode()


def of(batch: DeployedBatch, name: str) -> dict[str, dict[str, Any]]:
    """The items of the patients of a name."""
    return {key: item for key, item in batch.items().items() if key.startswith(f"{name}-")}


def total(batch: DeployedBatch, metric: str) -> float:
    """The sum of a metric of the transform, so far."""
    now = datetime.now(UTC)
    found = batch.aws.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": "Transform", "Value": batch.name}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(each["Sum"] for each in found))


# --- a schedule -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def until_disabled(aws: LocalAws) -> Iterator[None]:
    """The schedule of the account fires no more afterwards."""
    yield
    client = aws.client("scheduler")
    (found,) = client.list_schedules()["Schedules"]
    schedule = client.get_schedule(Name=found["Name"])
    kept = ("Name", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    client.update_schedule(**{name: schedule[name] for name in kept}, State="DISABLED")


@pytest.fixture(scope="module")
def hourly(due: DeployedBatch) -> str:
    """The run of what an hour of yesterday has, which the schedule has found more than once."""
    # It is due at once, when there is nothing yet.
    until(lambda: total(due, "EmptyInputs"), seconds=30, what="an input without data")
    before = due.executions()
    place = f"due/{early_in_an_hour() - timedelta(days=1):%Y/%m/%d/%H}"
    with until_disabled(due.aws):
        due.put(f"{place}/part.csv", numbered("hourly", 20))
        run = due.another(before)
        assert due.ended(run) == "SUCCEEDED", due.why(run)
        until(lambda: total(due, "Duplicates"), seconds=30, what="a second firing")
    assert set(due.executions()) == {*before, run}
    return run


def test_a_schedule_finds_the_data_of_its_hour_and_scores_it_once(due: DeployedBatch, hourly: str) -> None:
    plan = due.file(hourly, "plan.json")
    at = datetime.fromisoformat(plan["request"]["at"])
    # The time is the schedule's own, whole seconds; the transform lags a day behind it.
    assert at.microsecond == 0
    assert 0 <= plan["order"] / 1000 - at.timestamp() < 30
    place = f"due/{at - timedelta(days=1):%Y/%m/%d/%H}/"
    assert plan["request"]["input"] == f"s3://{due.told['Input']}/{place}"
    assert [key for key, *_ in plan["objects"]] == [f"{place}part.csv"]
    scores = {key: float(item["score"]["N"]) for key, item in of(due, "hourly").items()}
    assert scores == {f"hourly-{number}": number + 0.5 for number in range(20)}
    assert hourly in {values[1] for values in due.partitions()}


# --- what goes wrong in a sink --------------------------------------------------------------------------

MANY = 1200
WIDE = "x" * 900
"""Of so many records of so many bytes there are two chunks."""


def writer(batch: DeployedBatch) -> dict[str, Any]:
    """The function that writes to DynamoDB."""
    wanted = f"Writes predictions of batch transform {batch.name}: DynamoDb"
    pages = batch.aws.client("lambda").get_paginator("list_functions").paginate()
    (found,) = [each for page in pages for each in page["Functions"] if each.get("Description") == wanted]
    return dict(found)


def half_written(batch: DeployedBatch, name: str) -> str:
    """A run of many records, some of which are in the table."""
    batch.put(f"due/{name}/part.csv", numbered(name, MANY, WIDE))
    run = batch.begun(f"due/{name}")
    key = {"patient": {"S": f"{name}-0"}}
    client = batch.aws.client("dynamodb")
    until(
        lambda: client.get_item(TableName=batch.told["Table"], Key=key).get("Item"),
        seconds=60,
        what="the first record",
    )
    return run


def check_all_once(batch: DeployedBatch, name: str, run: str) -> None:
    """Each record of a run is in the sinks, once."""
    items = of(batch, name)
    assert set(items) == {f"{name}-{number}" for number in range(MANY)}
    assert {item["run"]["S"] for item in items.values()} == {run}
    assert len({item["record"]["S"] for item in items.values()}) == MANY
    report = batch.file(run, "report.json")
    assert report["records"] == {"in": MANY, "out": MANY, "nulls": 0}
    assert report["sinks"] == {name: {"written": MANY, "stale": 0} for name in ("dynamodb", "table")}


def test_a_worker_that_is_killed_is_followed_by_one_that_writes_the_same(due: DeployedBatch) -> None:
    run = half_written(due, "killed")
    assert kill_workers(due.aws, writer(due)["FunctionName"])
    assert 0 < len(of(due, "killed")) < MANY
    assert due.ended(run) == "SUCCEEDED", due.why(run)
    check_all_once(due, "killed", run)


def test_a_table_that_refuses_fails_the_run_whose_letter_writes_each_record_once(due: DeployedBatch) -> None:
    iam, role = due.aws.client("iam"), writer(due)["Role"].rpartition("/")[2]
    denied = {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    run = half_written(due, "refused")
    iam.put_role_policy(RoleName=role, PolicyName="Refuse", PolicyDocument=policy)
    assert due.ended(run) == "FAILED"
    assert 0 < len(of(due, "refused")) < MANY
    assert "dynamodb:PutItem" in due.letter(run)["failed"]["reason"]
    assert not due.written(run, "_SUCCESS")
    assert run not in {values[1] for values in due.partitions()}

    iam.delete_role_policy(RoleName=role, PolicyName="Refuse")
    due.redrive()
    assert due.ended(f"{run}-r2") == "SUCCEEDED", due.why(f"{run}-r2")
    check_all_once(due, "refused", f"{run}-r2")
    assert f"{run}-r2" in {values[1] for values in due.partitions()}


@pytest.fixture(scope="module")
def lost(due: DeployedBatch) -> str:
    """The run whose model has lost a record."""
    due.put("due/lost/good.csv", numbered("lost", 10))
    due.put("due/lost/bad.csv", b"lost-10,10,none\nlost-11,eleven,none\nlost-12,12,none\n")
    run = due.begun("due/lost")
    assert due.ended(run) == "FAILED"
    return run


def test_a_model_that_loses_a_record_fails_the_run_before_anything_is_written(
    due: DeployedBatch, lost: str
) -> None:
    failed = due.letter(lost)["failed"]
    assert failed["error"] == "CountMismatch"
    assert failed["reason"].startswith("13 records in, 12 out; in due/lost/bad.csv 3 in, 2 out")
    assert due.written(lost, "output/1/") == ["bad.csv.out", "good.csv.out"]
    assert not due.written(lost, "_SUCCESS")
    assert not of(due, "lost")
    assert lost not in {values[1] for values in due.partitions()}
    marked = until(lambda: due.written(lost, "failed.json"), seconds=10, what="failed.json")
    assert marked == [""]
    assert due.file(lost, "failed.json")["reason"] == failed["reason"]


# --- the dashboard --------------------------------------------------------------------------------------


Metric = tuple[str, frozenset[tuple[str, str]]]
"""A name, and dimensions."""


def shown(aws: LocalAws) -> set[Metric]:
    """The batch metrics of the account's dashboard, without CloudWatch's abbreviations."""
    (dashboard,) = aws.client("cloudwatch").list_dashboards()["DashboardEntries"]
    body = aws.client("cloudwatch").get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
    found = set()
    for widget in json.loads(body)["widgets"]:
        row: list[str] = []
        for each in widget["properties"].get("metrics", ()):
            given = [part for part in each if isinstance(part, str)]
            row = [row[at] if part == "." else part for at, part in enumerate(given)]
            if row[0] == NAMESPACE:
                found.add((row[1], frozenset(zip(row[2::2], row[3::2], strict=True))))
    return found


@pytest.mark.usefixtures("hourly", "lost")
def test_the_dashboard_shows_metrics_that_there_are(due: DeployedBatch) -> None:
    """After a good run, a failed one, one too many, one without input, and a message that is none."""
    due.aws.client("sqs").send_message(QueueUrl=due.told["Requests"], MessageBody="what is this")
    for name in ("RequestsRejected", "RunsFailed"):
        until(lambda name=name: total(due, name), seconds=30, what=name)  # type: ignore[misc]
    pages = due.aws.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
    found = [
        (each["MetricName"], frozenset((pair["Name"], pair["Value"]) for pair in each["Dimensions"]))
        for page in pages
        for each in page["Metrics"]
    ]
    put = {(name, dimensions) for name, dimensions in found if ("Transform", due.name) in dimensions}
    assert shown(due.aws) <= put
    # What is told by sink is told of all sinks together too.
    assert {name for name, _ in put} == {name for name, _ in shown(due.aws)}


# --- jobs before and after ------------------------------------------------------------------------------


def export(*patients: Any, version: int = 2) -> bytes:
    """What a clinic exports: a header, and patients, or lines that are none."""
    lines = [json.dumps({"export": version})]
    lines += [each if isinstance(each, str) else json.dumps(each) for each in patients]
    return "".join(f"{line}\n" for line in lines).encode()


def patient(name: str, row: int) -> dict[str, Any]:
    return {"patient": name, "measured": [float(each) for each in ROWS[row]]}


BAD = ("{", '{"patient": "nobody"}', '{"patient": "x", "measured": ["n/a"]}')


def test_a_chain_of_jobs_drops_what_is_bad_and_flags_what_is_left(chained: DeployedBatch) -> None:
    chained.put("exports/good/a.jsonl", export(*(patient(f"good-{n}", n) for n in range(40)), *BAD))
    chained.put("exports/good/b/b.jsonl", export(BAD[0], *(patient(f"good-{n}", n) for n in range(40, 60))))
    run = chained.begun("exports/good")
    assert chained.ended(run) == "SUCCEEDED", chained.why(run)
    report = chained.file(run, "report.json")
    assert report["records"] == {"in": 60, "out": 60, "finished": 60, "nulls": 0}
    assert report["sinks"] == {"dynamodb": {"written": 60, "stale": 0}}
    assert set(report["jobs"]) == {"prepare", "transform", "finish"}
    assert chained.written(run, "prepared/1/") == ["a.csv", "b/b.csv"]
    assert chained.written(run, "finished/1/") == ["a.jsonl", "b/b.jsonl"]

    model = Classifier(json.loads(Path("examples/breast_cancer/model/model.json").read_text("utf-8")))
    benign = [round(float(each), 6) for each in model.predict(numpy.array(ROWS[:60]))]
    items = of(chained, "good")
    assert {name: float(item["malignant"]["N"]) for name, item in items.items()} == {
        f"good-{n}": pytest.approx(1 - each, abs=1e-9) for n, each in enumerate(benign)
    }
    urgent = {name for name, item in items.items() if item["urgent"]["BOOL"]}
    assert urgent == {f"good-{n}" for n, each in enumerate(benign) if round(1 - each, 6) >= 0.2}
    assert 0 < len(urgent) < 60


def test_a_preparing_job_that_fails_is_told_with_its_own_words(chained: DeployedBatch) -> None:
    chained.put("exports/old/c.jsonl", export(patient("old-1", 1), version=1))
    run = chained.begun("exports/old")
    assert chained.ended(run) == "FAILED"
    failed = chained.letter(run)["failed"]
    assert failed["error"] == "AlgorithmError"
    assert "exit code: 1" in failed["reason"]
    assert "c.jsonl is an export of version 1, and this reads version 2" in failed["reason"]
    assert not chained.written(run, "prepared/")
    assert not chained.written(run, "output/")


def test_a_preparing_job_that_writes_nothing_fails_the_run(chained: DeployedBatch) -> None:
    chained.put("exports/empty/d.jsonl", export(*BAD))
    run = chained.begun("exports/empty")
    assert chained.ended(run) == "FAILED"
    failed = chained.letter(run)["failed"]
    assert failed["error"] == "NothingPrepared"
    assert f"batch/chained/{run}/prepared/1/" in failed["reason"]
    assert not chained.written(run, "output/")


def test_a_finishing_job_that_loses_records_fails_the_run(chained: DeployedBatch) -> None:
    chained.put("exports/twice/e.jsonl", export(*(patient(f"twice-{n % 4}", n) for n in range(5))))
    run = chained.begun("exports/twice")
    assert chained.ended(run) == "FAILED"
    failed = chained.letter(run)["failed"]
    assert failed["error"] == "CountMismatch"
    assert failed["reason"].startswith("5 records of output, 4 after the post-processing job")
    assert chained.written(run, "output/1/") == ["e.csv.out"]
    assert chained.written(run, "finished/1/") == ["e.jsonl"]
    assert not chained.written(run, "_SUCCESS")
    assert not of(chained, "twice")


# --- lists of compressed JSON Lines ---------------------------------------------------------------------


def compressed(name: str, first: int, last: int) -> bytes:
    lines = [
        json.dumps({"patient": f"{name}-{n}", "measured": [n, n + 1], "note": "ä\u2028"})
        for n in range(first, last)
    ]
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def manifest(batch: DeployedBatch, *names: str) -> bytes:
    return json.dumps([{"prefix": f"s3://{batch.told['Input']}/lists/"}, *names]).encode()


def test_a_manifest_that_arrives_starts_a_run_on_what_it_lists(listed: DeployedBatch) -> None:
    listed.put("lists/parts/a.jsonl.gz", compressed("listed", 0, 30))
    listed.put("lists/parts/deeper/b.jsonl.gz", compressed("listed", 30, 50))
    listed.put("lists/parts/c.jsonl.gz", compressed("listed", 50, 60))
    listed.put("lists/today.manifest", manifest(listed, "parts/a.jsonl.gz", "parts/deeper/b.jsonl.gz"))
    run = listed.another({})
    assert listed.ended(run) == "SUCCEEDED", listed.why(run)
    report = listed.file(run, "report.json")
    assert (report["objects"], report["records"]) == (2, {"in": 50, "out": 50, "nulls": 0})
    items = listed.items()
    assert {name: (float(each["score"]["N"]), int(each["second"]["N"])) for name, each in items.items()} == {
        f"listed-{n}": (2 * n + 1.5, n + 1) for n in range(50)
    }
    output = report["output"].removeprefix(f"s3://{listed.told['Output']}/")
    first, *_ = listed.body(f"{output}a.jsonl.gz.out").splitlines()
    assert json.loads(first) == {"patient": "listed-0", "SageMakerOutput": {"score": 1.5, "of": [0, 1]}}


def test_a_manifest_that_lists_what_is_missing_is_a_dead_letter_at_once(listed: DeployedBatch) -> None:
    before = listed.executions()
    listed.put("lists/parts/d.jsonl.gz", compressed("missing", 0, 3))
    listed.put("lists/wrong.manifest", manifest(listed, "parts/d.jsonl.gz", "parts/gone.jsonl.gz"))
    (letter,) = until(listed.letters, seconds=30, what="the dead letter")
    told = letter["MessageAttributes"]
    assert told["error"]["StringValue"] == "InputError"
    assert "parts/gone.jsonl.gz is not there" in told["reason"]["StringValue"]
    assert json.loads(letter["Body"])["detail"]["object"]["key"] == "lists/wrong.manifest"
    assert listed.executions() == before
