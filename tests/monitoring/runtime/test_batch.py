"""Looks at what a batch transform has captured: files as its sink writes them, real data, AWS in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest

from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.run.looking import Looker
from constructs_lib.monitoring.runtime.run.preparing import prepare
from tests.support.batch_monitored import TRANSFORM, captured_file
from tests.support.monitored import BASELINE, START, FakeMonitored, described, spec

from .test_looking import COLUMNS, DRIFTED, LABELS, OTHERS, TEST, answers, drifted

HOUR, DAY = 3600, 86_400
MIDNIGHT = START - 10 * HOUR
PUBLISHED = START + 40 * 60
"""When a run's predictions began to be published: the time of all of its records."""
KEYS = [f"customer-{number}" for number in range(len(TEST))]
NUMBERED = {"label": "0", "probability": "1"}
FOLDER = f"monitoring/{TRANSFORM}/M"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMonitored]:
    fake = FakeMonitored(objects={"train.csv": BASELINE.read_bytes()})
    monkeypatch.setattr(boto3, "client", fake.client)
    yield fake


def a_monitor(kind: str = "data_quality", options: Any = None, *, at: float = START, **props: Any) -> Any:
    """A monitor of the transform, with its baseline, since a time."""
    given = {
        "endpoint": TRANSFORM,
        "captured": {"bucket": "captured", "prefix": f"capture/{TRANSFORM}"},
        "results": {"bucket": "captured", "prefix": FOLDER},
        "options": options or {},
        **props,
    }
    made = described(kind, **given)
    columns = {} if kind == "data_quality" else COLUMNS
    prepare(made, spec(columns, not_features=OTHERS), at)
    return made


def run(
    aws: FakeMonitored,
    rows: Sequence[Sequence[object]],
    told: Sequence[dict[str, object]] | None = None,
    *,
    at: float = PUBLISHED,
    chunks: int = 3,
    **props: Any,
) -> None:
    """What a run leaves: a file a chunk."""
    predictions = (
        [(each["labels"], each["scores"]) for each in told] if told else [("benign", 0.9)] * len(rows)
    )
    size = -(-len(rows) // chunks)
    for n in range(chunks):
        part = slice(n * size, (n + 1) * size)
        key, body = captured_file(rows[part], predictions[part], at=at, n=n, first=n * size, **props)
        aws.objects[key] = body


def look(monitor: Any, at: float = START + HOUR + 900) -> dict[str, Any]:
    (result,) = Looker(monitor).all_due(at)
    return dict(result)


# --- data quality -----------------------------------------------------------------------------------------


def test_without_drift_nothing_fires(aws: FakeMonitored) -> None:
    monitor = a_monitor()
    run(aws, TEST)
    result = look(monitor)
    assert (result["status"], result["records"], result["unread"]) == ("passed", len(TEST), 0)
    assert aws.values("Violations") == [0]


def test_drift_is_found_where_it_is_and_nowhere_else(aws: FakeMonitored) -> None:
    monitor = a_monitor()
    run(aws, drifted())
    result = look(monitor)
    assert result["status"] == "violated"
    assert result["endpoint"] == TRANSFORM
    assert {name for name, told in result["features"].items() if told["drifted"]} == set(DRIFTED)
    assert {each["Value"] for each in aws.metrics[-1]["Dimensions"]} == {TRANSFORM, "M"}


def test_an_empty_field_is_a_missing_value(aws: FakeMonitored) -> None:
    monitor = a_monitor()
    run(aws, [[None, *row[1:]] for row in TEST])
    result = look(monitor)
    violations = aws.json(f"{FOLDER}/2026/11/28/1000/constraint_violations.json")["violations"]
    found = {(each["feature_name"], each["constraint_check_type"]) for each in violations}
    assert ("mean radius", "completeness_check") in found
    assert result["unread"] == 0


# --- time -------------------------------------------------------------------------------------------------


def test_windows_without_a_run_are_signs_of_life_and_say_nothing(aws: FakeMonitored) -> None:
    """So the alarm on silence is calm, and that on violations stays as it is until the next run."""
    monitor = a_monitor()
    run(aws, drifted())
    statuses = [look(monitor, START + hour * HOUR + 900)["status"] for hour in range(1, 6)]
    assert statuses == ["violated", *["no_data"] * 4]
    assert aws.values("Heartbeat") == [1] * 6, "that of the baseline too"
    assert len(aws.values("Violations")) == 1
    assert aws.values("Skipped") == [0, 1, 1, 1, 1]


def test_a_window_of_a_day_has_the_run_of_its_night(aws: FakeMonitored) -> None:
    """Looked at on the next tick of its schedule, whenever in the day that is."""
    monitor = a_monitor(at=MIDNIGHT - HOUR, every=DAY)
    run(aws, drifted(), at=MIDNIGHT + 2 * HOUR)
    for tick, status in ((1, "no_data"), (2, "violated"), (3, "no_data")):
        result = look(monitor, MIDNIGHT + 14 * HOUR + (tick - 1) * DAY)
        assert (result["status"], result["window"]["start"]) == (status, iso(MIDNIGHT + (tick - 2) * DAY))
    assert aws.values("Heartbeat") == [1] * 4


def test_what_is_written_until_the_window_settles_is_seen(aws: FakeMonitored) -> None:
    """A run that began to publish in the last second of a window may go on for `settle`."""
    monitor = a_monitor()
    run(aws, drifted(), at=START + HOUR - 1)
    before = Looker(monitor).all_due(START + HOUR + 899)
    assert iso(START) not in {each["window"]["start"] for each in before}, "it waits"
    assert look(monitor)["records"] == len(TEST)


def test_what_is_written_after_the_look_is_not_seen(aws: FakeMonitored) -> None:
    """Why records count to when they are published, not to when their run began, which may be hours before."""
    monitor = a_monitor()
    assert look(monitor)["status"] == "no_data"
    run(aws, drifted(), at=START + 60)
    assert look(monitor, START + 2 * HOUR + 900)["status"] == "no_data"
    assert aws.values("Violations") == []
    assert Looker(monitor).once_more(START, START + 3 * HOUR)["status"] == "violated", "where somebody asks"


def test_two_runs_in_a_window_are_judged_together(aws: FakeMonitored) -> None:
    monitor = a_monitor()
    run(aws, TEST)
    run(aws, TEST, run="0" * 32, at=PUBLISHED + 600)
    assert look(monitor)["records"] == 2 * len(TEST)


def test_a_run_counts_where_it_is_published_though_it_began_before(aws: FakeMonitored) -> None:
    monitor = a_monitor()
    run(aws, TEST, at=START + HOUR)
    assert look(monitor)["records"] == 0
    assert look(monitor, START + 2 * HOUR + 900)["records"] == len(TEST)


# --- model quality ----------------------------------------------------------------------------------------

QUALITY = {"problem": "binary", "prediction": NUMBERED, "positive": "benign"}
TRUTH = {"place": {"bucket": "captured", "prefix": "labels"}, "within": 7200}


def tell(aws: FakeMonitored, labels: dict[str, str], hour: str = "2026/11/28/11") -> None:
    """The truth, by key."""
    aws.objects[f"labels/{hour}/truth.jsonl"] = "\n".join(
        json.dumps(
            {
                "groundTruthData": {"data": label, "encoding": "CSV"},
                "eventMetadata": {"eventId": key},
                "eventVersion": "0",
            }
        )
        for key, label in labels.items()
    ).encode()


@pytest.mark.parametrize(("upside_down", "status"), [(False, "passed"), (True, "violated")])
def test_predictions_are_compared_with_labels_by_key(
    aws: FakeMonitored, upside_down: bool, status: str
) -> None:
    from sklearn.metrics import roc_auc_score

    monitor = a_monitor("model_quality", QUALITY, ground_truth=TRUTH)
    told = answers(upside_down=upside_down)
    run(aws, TEST, told)
    # In another order than the records, and with a key that nobody has scored.
    tell(aws, dict(reversed([*zip(KEYS, LABELS, strict=True), ("customer-x", "benign")])))
    result = Looker(monitor).once_more(START, START + HOUR + 7200)
    assert (result["status"], result["records"]) == (status, len(TEST)), result["text"]
    expected = roc_auc_score([label == "benign" for label in LABELS], [each["scores"] for each in told])
    assert result["values"]["auc"] == pytest.approx(expected, abs=1e-9)
    assert result["values"]["LabelledShare"] == 1


def test_a_label_is_that_of_each_run_it_is_in_time_for(aws: FakeMonitored) -> None:
    """Keys come again with every run: what is scored each hour is compared with what is told within two."""
    monitor = a_monitor("model_quality", QUALITY, ground_truth=TRUTH)
    for hour in range(3):
        run(aws, TEST, answers(), at=PUBLISHED + hour * HOUR, run=f"{hour:032}")
    tell(aws, dict(zip(KEYS, LABELS, strict=True)), "2026/11/28/11")
    records = [
        Looker(monitor).once_more(START + hour * HOUR, START + 9 * HOUR)["records"] for hour in range(3)
    ]
    assert records == [len(TEST), len(TEST), 0]


# --- bias -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unfair", "status"), [(False, "passed"), (True, "violated")])
def test_bias_is_judged_by_what_was_predicted(aws: FakeMonitored, unfair: bool, status: str) -> None:
    options = {
        "facets": [{"column": "mean texture", "above": 19.0}],
        "prediction": NUMBERED,
        "positive": ["benign"],
        "allowed_change": 0.1,
    }
    monitor = a_monitor("bias", options)
    told = answers()
    if unfair:
        refused = {"labels": "malignant", "scores": 0.1}
        told = [refused if row[1] > 19 else each for row, each in zip(TEST, told, strict=True)]
    run(aws, TEST, told)
    assert look(monitor)["status"] == status
