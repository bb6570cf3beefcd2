"""Looks at windows, from captured files to results, metrics and events: real data, AWS in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.reading.captured import OWN
from constructs_lib.monitoring.runtime.run.looking import Looker
from constructs_lib.monitoring.runtime.run.preparing import NoBaselineError, make_again, prepare
from examples.breast_cancer.train import split
from tests.support.fake_aws import Killed
from tests.support.monitored import BASELINE, ENDPOINT, START, FakeMonitored, described, spec

DUE = START + 3600 + 900
"""When the window that begins at START is looked at."""
OTHERS = ["diagnosis", "predicted", "probability"]
FOLDER = f"monitoring/{ENDPOINT}/M/2026/11/28/1000"
TEST = [list(map(float, row)) for row in split()[1]]
LABELS = ["malignant" if label == 0 else "benign" for label in split()[3]]
NAMES = [str(name) for name in load_breast_cancer().feature_names]
DRIFTED = {"mean radius": 1.5, "worst texture": 1.6, "area error": 3.0}


def drifted() -> list[list[float]]:
    """The same rows, three of their thirty features changed."""
    factors = [DRIFTED.get(name, 1.0) for name in NAMES]
    return [[value * factor for value, factor in zip(row, factors, strict=True)] for row in TEST]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMonitored]:
    fake = FakeMonitored(objects={"train.csv": BASELINE.read_bytes()})
    monkeypatch.setattr(boto3, "client", fake.client)
    yield fake


def look(monitor: Any, at: float = DUE) -> dict[str, Any]:
    (result,) = Looker(monitor).all_due(at)
    return dict(result)


# --- data quality -----------------------------------------------------------------------------------------


@pytest.fixture
def monitor(aws: FakeMonitored) -> Any:
    made = described("data_quality")
    prepare(made, spec(not_features=OTHERS), START)
    return made


def test_without_drift_nothing_fires(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(TEST)
    result = look(monitor)
    assert result["status"] == "passed", result["text"]
    assert (result["records"], result["violations"]) == (len(TEST), 0)
    assert aws.values("Violations") == [0]
    assert aws.values("Heartbeat") == [1, 1], "of the baseline, and of the look"


def test_drift_is_found_where_it_is_and_nowhere_else(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(drifted())
    result = look(monitor)
    assert result["status"] == "violated"
    assert {name for name, told in result["features"].items() if told["drifted"]} == set(DRIFTED)
    found = {each["feature_name"] for each in aws.json(f"{FOLDER}/constraint_violations.json")["violations"]}
    assert found == set(DRIFTED)
    assert aws.values("Violations") == [result["violations"]]
    assert aws.values("LargestDistance") == [max(each["distance"] for each in result["features"].values())]
    (event,) = aws.events
    assert set(event["features"]) == set(DRIFTED), "an event tells of what has drifted"


def test_files_lie_where_they_are_told_to(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(TEST)
    look(monitor)
    place = f"monitoring/{ENDPOINT}/M"
    made = {key.removeprefix(f"{place}/") for key in aws.objects if key.startswith(place)}
    assert made == {
        "monitor.json",
        "since.json",
        *(f"baseline/0123/{name}.json" for name in ("statistics", "constraints", "schema", "spec")),
        *(f"2026/11/28/1000/{name}.json" for name in ("statistics", "constraint_violations", "result")),
    }
    statistics = aws.json(f"{FOLDER}/statistics.json")
    assert statistics["dataset"]["item_count"] == len(TEST)
    assert [each["name"] for each in statistics["features"]] == NAMES


def test_metrics_are_of_the_time_of_the_look(aws: FakeMonitored, monitor: Any) -> None:
    """The window may be over for days: an alarm would never see what is told of then."""
    aws.capture(TEST)
    look(monitor)
    assert {iso(each["Timestamp"].timestamp()) for each in aws.metrics[1:]} == {iso(DUE)}
    told = {(each["Name"], each["Value"]) for each in aws.metrics[-1]["Dimensions"]}
    assert told == {("Endpoint", ENDPOINT), ("Monitor", "M")}


@pytest.mark.parametrize(("rows", "status"), [(0, "no_data"), (99, "too_few"), (100, "violated")])
def test_few_records_are_not_judged(aws: FakeMonitored, monitor: Any, rows: int, status: str) -> None:
    if rows:
        aws.capture(drifted()[:rows])
    result = look(monitor)
    assert (result["status"], result["records"]) == (status, rows)
    assert bool(aws.values("Violations")) == (status == "violated")
    assert aws.values("Skipped") == [0 if status == "violated" else 1]
    assert aws.values("Heartbeat")[1:] == [1]


def test_without_a_baseline_it_says_so_and_lives(aws: FakeMonitored) -> None:
    monitor = described("data_quality")
    prepare(monitor, {**spec(not_features=OTHERS), "at_deploy": False}, START)
    aws.capture(TEST)
    assert look(monitor)["status"] == "no_baseline"
    make_again(monitor)
    assert Looker(monitor).once_more(START, DUE)["status"] == "passed"


def test_a_window_is_looked_at_once(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(TEST)
    first = look(monitor)
    told = len(aws.metrics)
    assert Looker(monitor).all_due(DUE + 60) == []
    assert len(aws.metrics) == told
    aws.capture(drifted(), at=START + 3700, name="b.jsonl")
    second = look(monitor, DUE + 3600)
    assert (first["status"], second["status"]) == ("passed", "violated")


def test_windows_that_were_left_out_are_made_up_for(aws: FakeMonitored, monitor: Any) -> None:
    for hour in range(4):
        aws.capture(TEST, at=START + 3600 * hour + 60, name=f"{hour}.jsonl")
    look(monitor)
    late = Looker(monitor).all_due(DUE + 3 * 3600)
    assert [each["window"]["start"][11:16] for each in late] == ["11:00", "12:00", "13:00"]


@pytest.mark.parametrize("operation", ["PutMetricData", "PutEvents", "PutObject"])
def test_a_look_that_is_killed_is_done_again(aws: FakeMonitored, monitor: Any, operation: str) -> None:
    aws.capture(drifted())
    aws.kill_before = operation
    with pytest.raises(Killed):
        look(monitor)
    aws.kill_before = None
    assert look(monitor)["status"] == "violated"
    assert aws.json(f"{FOLDER}/result.json")["status"] == "violated"


def test_asked_before_its_time_it_tells_nobody(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(drifted())
    told = len(aws.metrics)
    assert Looker(monitor).once_more(START, START + 1800)["status"] == "violated"
    assert len(aws.metrics) == told
    assert f"monitoring/{ENDPOINT}/M/so-far/2026/11/28/1000/result.json" in aws.objects
    assert f"{FOLDER}/result.json" not in aws.objects


def test_one_variant_may_be_looked_at(aws: FakeMonitored) -> None:
    monitor = described("data_quality", variant="New")
    prepare(monitor, spec(not_features=OTHERS), START)
    aws.capture(TEST, variant="Old")
    aws.capture(drifted(), variant="New", name="b.jsonl")
    assert look(monitor)["records"] == len(TEST)


def test_what_cannot_be_read_is_counted(aws: FakeMonitored, monitor: Any) -> None:
    aws.capture(TEST)
    (key,) = [key for key in aws.objects if key.startswith("capture/")]
    aws.objects[key] += b"\n{broken\n"
    result = look(monitor)
    assert (result["records"], result["unread"]) == (len(TEST), 1)
    assert result["notes"]["reading"]["reasons"]


def test_several_processes_find_the_same(
    aws: FakeMonitored, monitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in range(3):
        aws.capture(drifted()[part::3], name=f"{part}.jsonl")
    alone = look(monitor)
    monkeypatch.setenv("MONITOR_WORKERS", "2")
    together = Looker(monitor).once_more(START, DUE)
    assert together["features"].keys() == alone["features"].keys()
    for name, told in alone["features"].items():
        assert together["features"][name]["distance"] == pytest.approx(told["distance"], rel=1e-9)


# --- baselines --------------------------------------------------------------------------------------------


def test_an_existing_baseline_must_be_there(aws: FakeMonitored) -> None:
    monitor = described("data_quality", baseline="s3://captured/theirs")
    with pytest.raises(NoBaselineError, match=r"theirs/statistics\.json is not there"):
        prepare(monitor, {"existing": True}, START)


def test_an_existing_baseline_is_used(aws: FakeMonitored) -> None:
    prepare(described("data_quality"), spec(not_features=OTHERS), START)
    for name in ("statistics", "constraints"):
        aws.objects[f"theirs/{name}.json"] = aws.objects[f"monitoring/{ENDPOINT}/M/baseline/0123/{name}.json"]
    monitor = described("data_quality", baseline="s3://captured/theirs")
    prepare(monitor, {"existing": True}, START)
    aws.capture(drifted())
    assert {name for name, told in look(monitor)["features"].items() if told["drifted"]} == set(DRIFTED)


@pytest.mark.parametrize(
    ("objects", "reason"),
    [({}, "there is no object s3://captured/train.csv"), ({"train.csv": b"a,b\n"}, "has no rows")],
)
def test_a_baseline_of_nothing_is_refused(aws: FakeMonitored, objects: dict[str, bytes], reason: str) -> None:
    aws.objects = objects
    with pytest.raises(NoBaselineError, match=reason):
        prepare(described("data_quality"), spec(), START)
    assert aws.metrics == [], "no sign of life"


# --- model quality ----------------------------------------------------------------------------------------

PREDICTION = {"label": "labels", "probability": "scores"}
QUALITY = {"problem": "binary", "prediction": PREDICTION, "positive": "benign"}
COLUMNS = {"prediction": {"label": "predicted", "probability": "probability"}, "truth": "diagnosis"}
TRUTH = {"place": {"bucket": "captured", "prefix": "labels"}, "within": 7200}


def answers(*, upside_down: bool = False) -> list[dict[str, object]]:
    """What a model says that was trained on the training data; or the contrary of it."""
    train_x, test_x, train_y, _ = split()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train_x, train_y)
    scores = [float(1 - p if upside_down else p) for p in model.predict_proba(test_x)[:, 1]]
    return [{"labels": "benign" if score >= 0.5 else "malignant", "scores": score} for score in scores]


def tell_the_truth(aws: FakeMonitored, ids: list[str], hour: str = "2026/11/28/11") -> None:
    aws.objects[f"labels/{hour}/truth.jsonl"] = "\n".join(
        json.dumps(
            {
                "groundTruthData": {"data": label, "encoding": "CSV"},
                "eventMetadata": {"eventId": id},
                "eventVersion": "0",
            }
        )
        for id, label in zip(ids, LABELS, strict=False)
    ).encode()


@pytest.mark.parametrize(("upside_down", "status"), [(False, "passed"), (True, "violated")])
def test_quality_is_that_of_the_labels(aws: FakeMonitored, upside_down: bool, status: str) -> None:
    from sklearn.metrics import roc_auc_score

    monitor = described("model_quality", options=QUALITY, ground_truth=TRUTH)
    prepare(monitor, spec(COLUMNS), START)
    ids = [f"order-{number}" for number in range(len(TEST))]
    told = answers(upside_down=upside_down)
    aws.capture(TEST, answers=told, ids=ids)
    tell_the_truth(aws, ids)
    assert Looker(monitor).all_due(START + 3600 + 7199)[-1]["window"]["start"] != iso(START), (
        "labels take time"
    )
    result = Looker(monitor).once_more(START, START + 3600 + 7200)
    assert result["status"] == status, result["text"]
    expected = roc_auc_score([label == "benign" for label in LABELS], [each["scores"] for each in told])
    assert result["values"]["auc"] == pytest.approx(expected, abs=1e-9)
    assert result["values"]["LabelledShare"] == 1
    assert aws.values("auc") == [result["values"]["auc"]]


def test_thresholds_alone_need_no_data(aws: FakeMonitored) -> None:
    options = {**QUALITY, "thresholds": {"auc": 0.999999}}
    monitor = described("model_quality", options=options, ground_truth=TRUTH)
    prepare(monitor, {"at_deploy": True, "options": {}}, START)
    ids = [f"order-{number}" for number in range(len(TEST))]
    aws.capture(TEST, answers=answers(upside_down=True), ids=ids)
    tell_the_truth(aws, ids)
    result = Looker(monitor).once_more(START, START + 3600 + 7200)
    violations = aws.json(f"{FOLDER}/constraint_violations.json")["violations"]
    assert (result["violations"], [each["metric_name"] for each in violations]) == (1, ["auc"])


def test_what_has_no_label_is_not_judged(aws: FakeMonitored) -> None:
    monitor = described("model_quality", options=QUALITY, ground_truth=TRUTH)
    prepare(monitor, spec(COLUMNS), START)
    ids = [f"order-{number}" for number in range(len(TEST))]
    aws.capture(TEST, answers=answers(upside_down=True), ids=ids)
    tell_the_truth(aws, ids[:50])
    result = Looker(monitor).once_more(START, START + 3600 + 7200)
    assert (result["status"], result["records"]) == ("too_few", 50)
    assert result["values"]["LabelledShare"] == pytest.approx(50 / len(TEST))


# --- bias -------------------------------------------------------------------------------------------------

BIAS = {
    "facets": [{"column": "mean texture", "above": 19.0}],
    "prediction": PREDICTION,
    "positive": ["benign"],
    "allowed_change": 0.1,
}


@pytest.mark.parametrize(("unfair", "status"), [(False, "passed"), (True, "violated")])
def test_bias_is_judged_by_what_is_answered(aws: FakeMonitored, unfair: bool, status: str) -> None:
    monitor = described("bias", options=BIAS)
    prepare(monitor, spec(COLUMNS, not_features=OTHERS), START)
    told = answers()
    if unfair:
        # All of the group are refused.
        told = [
            {"labels": "malignant", "scores": 0.1} if row[1] > 19 else each
            for row, each in zip(TEST, told, strict=True)
        ]
    aws.capture(TEST, answers=told)
    result = look(monitor)
    assert result["status"] == status, result["text"]
    named = {each["metric_name"] for each in aws.json(f"{FOLDER}/constraint_violations.json")["violations"]}
    assert ("DPPL" in named) == unfair


# --- attribution ------------------------------------------------------------------------------------------

ATTRIBUTION = {
    "prediction": {"probability": "scores"},
    "requests": "csv",
    "threshold": 0.9,
    "sample": 10,
    "background": 5,
    "permutations": 1,
    "rows_a_call": 100,
}


def weighing(*heavy: str) -> Any:
    """A model that decides by some of the features."""
    with BASELINE.open() as file:
        rows = list(csv.DictReader(file))
    spread = {name: max(float(row[name]) for row in rows) for name in NAMES}
    weights = [(10.0 if name in heavy else 0.1) / spread[name] for name in NAMES]
    return lambda rows: [sum(w * x for w, x in zip(weights, row, strict=True)) for row in rows]


def test_another_model_decides_by_other_features(aws: FakeMonitored) -> None:
    monitor = described("attribution", options=ATTRIBUTION)
    aws.model = weighing("mean radius", "mean area")
    prepare(monitor, spec(not_features=OTHERS), START)
    aws.capture(TEST)
    same = look(monitor)
    assert same["status"] == "passed"
    assert same["values"]["ndcg"] > 0.99
    aws.model = weighing("worst texture", "area error")
    other = Looker(monitor).once_more(START, DUE)
    assert other["status"] == "violated"
    assert other["values"]["ndcg"] < 0.9
    ranked = sorted(other["features"], key=lambda name: -other["features"][name]["importance"])
    assert set(ranked[:2]) == {"worst texture", "area error"}


def test_what_the_monitor_asks_is_known_by_its_id(aws: FakeMonitored) -> None:
    monitor = described("attribution", options=ATTRIBUTION)
    aws.model = weighing("mean radius")
    prepare(monitor, spec(not_features=OTHERS), START)
    assert aws.asked
    assert all(each["InferenceId"].startswith(OWN) for each in aws.asked)
    assert max(each["Body"].count(b"\n") for each in aws.asked) <= 100
