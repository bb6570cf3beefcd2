"""Quality and bias from captured files and labels to verdicts: every problem, every way to write a label."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from sklearn.metrics import f1_score, mean_squared_error, r2_score

from constructs_lib.monitoring.runtime.run.looking import Looker
from constructs_lib.monitoring.runtime.run.metrics import metric_name
from constructs_lib.monitoring.runtime.run.preparing import prepare
from tests.support.fake_aws import Params
from tests.support.monitored import ENDPOINT, START, FakeMonitored, described, spec

BASELINE = f"monitoring/{ENDPOINT}/M/baseline/0123"
TRUTH = {"place": {"bucket": "captured", "prefix": "labels"}, "within": 7200}
COLUMNS = {"prediction": {"label": "predicted"}, "truth": "truth"}
LABEL = {"label": "label", "probability": None, "threshold": 0.5}
DRAW = random.Random(3)  # noqa: S311
COUNT = 400


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMonitored]:
    fake = FakeMonitored()
    monkeypatch.setattr(boto3, "client", fake.client)
    yield fake


def train(aws: FakeMonitored, names: str, rows: Sequence[Sequence[object]]) -> None:
    aws.objects["train.csv"] = "\n".join([names, *(",".join(map(str, row)) for row in rows)]).encode()


def tell(aws: FakeMonitored, labels: Sequence[object], encoding: str = "CSV", name: str = "a") -> None:
    lines = [
        {
            "groundTruthData": {
                "data": str(label) if encoding == "CSV" else json.dumps(label),
                "encoding": encoding,
            },
            "eventMetadata": {"eventId": f"o{number}"},
            "eventVersion": "0",
        }
        for number, label in enumerate(labels)
    ]
    aws.objects[f"labels/2026/11/28/11/{name}.jsonl"] = "\n".join(map(json.dumps, lines)).encode()


def capture(aws: FakeMonitored, rows: Sequence[Sequence[object]], said: Sequence[object]) -> None:
    aws.capture(rows, answers=[{"label": each} for each in said], ids=[f"o{n}" for n in range(len(rows))])


def look(monitor: Any) -> Params:
    return Looker(monitor).once_more(START, START + 3600 + 7200)


def quality(problem: str, **options: Any) -> Any:
    return described(
        "model_quality",
        options={"problem": problem, "prediction": LABEL, "positive": "1", **options},
        ground_truth=TRUTH,
    )


# --- quality ----------------------------------------------------------------------------------------------

NUMBERS = [DRAW.gauss(0, 1) for _ in range(COUNT)]
CLASSES = [DRAW.choice(["rot", "grün", "blau"]) for _ in range(COUNT)]


def near(scale: float) -> list[float]:
    return [each + DRAW.gauss(0, scale) for each in NUMBERS]


def mostly(right: float) -> list[str]:
    return [each if DRAW.random() < right else "blau" for each in CLASSES]


@pytest.mark.parametrize(("scale", "status"), [(0.1, "passed"), (0.5, "violated")])
@pytest.mark.parametrize("encoding", ["CSV", "JSON"])
def test_a_regression(aws: FakeMonitored, scale: float, status: str, encoding: str) -> None:
    train(aws, "truth,predicted", list(zip(NUMBERS, near(0.1), strict=True)))
    monitor = quality("regression")
    prepare(monitor, spec(COLUMNS), START)
    said = near(scale)
    capture(aws, [[1]] * COUNT, said)
    tell(aws, NUMBERS, encoding)
    result = look(monitor)
    assert result["status"] == status, result["text"]
    assert result["values"]["mse"] == pytest.approx(mean_squared_error(NUMBERS, said))
    assert result["values"]["r2"] == pytest.approx(r2_score(NUMBERS, said))


@pytest.mark.parametrize(("right", "status"), [(0.9, "passed"), (0.5, "violated")])
def test_several_classes(aws: FakeMonitored, right: float, status: str) -> None:
    train(aws, "truth,predicted", list(zip(CLASSES, mostly(0.9), strict=True)))
    monitor = quality("multiclass")
    prepare(monitor, spec(COLUMNS), START)
    said = mostly(right)
    capture(aws, [[1]] * COUNT, said)
    tell(aws, CLASSES)
    result = look(monitor)
    assert result["status"] == status, result["text"]
    assert result["values"]["weighted_f1"] == pytest.approx(f1_score(CLASSES, said, average="weighted"))


@pytest.mark.parametrize(
    ("said", "told", "encoding"),
    [
        ((1, 0), ("1", "0"), "CSV"),
        (("1", "0"), (1, 0), "JSON"),
        ((1.0, 0.0), (True, False), "JSON"),
        (([1], [0]), ("1.0", "0.0"), "CSV"),
        ((True, False), ([1], [0]), "JSON"),
    ],
)
def test_a_label_is_one_however_it_is_written(
    aws: FakeMonitored, said: tuple[object, object], told: tuple[object, object], encoding: str
) -> None:
    monitor = quality("binary", thresholds={"accuracy": 0.9})
    prepare(monitor, {"options": {}}, START)
    capture(aws, [[1]] * COUNT, [said[number % 2] for number in range(COUNT)])
    tell(aws, [told[number % 2] for number in range(COUNT)], encoding)
    result = look(monitor)
    assert (result["status"], result["records"]) == ("passed", COUNT)
    assert result["values"]["accuracy"] == 1


def test_without_label_files_there_is_no_data(aws: FakeMonitored) -> None:
    monitor = quality("binary", thresholds={"accuracy": 0.9})
    prepare(monitor, {"options": {}}, START)
    capture(aws, [[1]] * COUNT, [1] * COUNT)
    result = look(monitor)
    assert (result["status"], result["values"]) == ("no_data", {"LabelledShare": 0})
    assert result["notes"]["unlabelled"] == COUNT


def test_errors_that_cloudwatch_cannot_take_do_not_fail_the_look(aws: FakeMonitored) -> None:
    """The square of 1e100 is a number, and beyond what CloudWatch takes."""
    monitor = quality("regression", thresholds={"mae": 10})
    prepare(monitor, {"options": {}}, START)
    capture(aws, [[1]] * COUNT, [1e100] * COUNT)
    tell(aws, NUMBERS)
    assert look(monitor)["status"] == "violated"
    assert (aws.values("mse"), len(aws.values("mae"))) == ([], 1)


@pytest.mark.parametrize("confidence", [0.5, 0.9999])
def test_every_confidence_that_is_allowed(aws: FakeMonitored, confidence: float) -> None:
    monitor = quality("binary", thresholds={"accuracy": 0.9}, confidence=confidence)
    prepare(monitor, {"options": {}}, START)
    capture(aws, [[1]] * COUNT, [0] * COUNT)
    tell(aws, [1] * COUNT)
    assert look(monitor)["status"] == "violated"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({**COLUMNS, "truth": "is_fraud"}, "no column is_fraud: it has predicted, truth"),
        ({**COLUMNS, "prediction": {"label": "said"}}, "no column said"),
        ({**COLUMNS, "truth": "predicted", "prediction": {"label": "empty"}}, "no row has a label"),
    ],
)
def test_a_baseline_that_would_judge_nothing_is_refused(
    aws: FakeMonitored, columns: Params, reason: str
) -> None:
    names = "truth,predicted,empty" if "no row" in reason else "truth,predicted"
    train(aws, names, [(1, 1, "")[: names.count(",") + 1]] * 50)
    with pytest.raises(ValueError, match=reason):
        prepare(quality("binary"), spec(columns), START)


# --- bias -------------------------------------------------------------------------------------------------

PEOPLE: list[list[object]] = [
    [DRAW.choice("FM"), DRAW.randrange(20, 70), number % 7] for number in range(800)
]
FAIR = [int(DRAW.random() < 0.5) for _ in PEOPLE]
BIAS = {
    "facets": [{"column": "sex", "values": ["F"], "above": None}],
    "prediction": LABEL,
    "positive": ["1"],
    "group": None,
    "metrics": None,
    "allowed_change": 0.1,
}
NAMES = "sex,age,label,truth,predicted"
OTHERS = ["truth", "predicted"]


def people(aws: FakeMonitored, **options: Any) -> Any:
    """A monitor of bias. One of the features is called ``label``."""
    train(aws, NAMES, [[*row, said, said] for row, said in zip(PEOPLE, FAIR, strict=True)])
    monitor = described("bias", options={**BIAS, **options}, ground_truth=TRUTH)
    prepare(monitor, spec(COLUMNS, not_features=OTHERS), START)
    return monitor


@pytest.mark.parametrize(("unfair", "status"), [(False, "passed"), (True, "violated")])
def test_bias_with_labels(aws: FakeMonitored, unfair: bool, status: str) -> None:
    """The difference in accuracy (AD) takes both, prediction and label."""
    monitor = people(aws)
    said = [
        1 - right if unfair and row[0] == "F" and DRAW.random() < 0.5 else right
        for row, right in zip(PEOPLE, FAIR, strict=True)
    ]
    capture(aws, PEOPLE, said)
    tell(aws, FAIR)
    result = look(monitor)
    assert (result["status"], result["records"]) == (status, len(PEOPLE)), result["text"]
    women = [right == each for row, right, each in zip(PEOPLE, FAIR, said, strict=True) if row[0] == "F"]
    men = [right == each for row, right, each in zip(PEOPLE, FAIR, said, strict=True) if row[0] == "M"]
    expected = sum(men) / len(men) - sum(women) / len(women)
    assert result["values"]["AD.sex.F"] == pytest.approx(expected)


def test_bias_without_labels_yet_is_no_data(aws: FakeMonitored) -> None:
    monitor = people(aws)
    capture(aws, PEOPLE, FAIR)
    assert look(monitor)["status"] == "no_data"


def test_a_value_of_any_script_is_a_metric(aws: FakeMonitored) -> None:
    monitor = people(aws, facets=[{"column": "sex", "values": ["ü", "F"], "above": None}])
    capture(aws, PEOPLE, FAIR)
    tell(aws, FAIR)
    result = look(monitor)
    assert "DPL.sex.ü,F" in result["values"]
    assert aws.values(metric_name("DPL.sex.ü,F")) == [result["values"]["DPL.sex.ü,F"]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"facets": [*BIAS["facets"], {"column": "gender", "values": ["F"]}]}, "no feature gender"),  # type: ignore[misc]  # a list
        ({"facets": [{"column": "truth", "values": ["1"]}]}, "no feature truth"),
        ({"group": "branch"}, "no feature branch: it has age, label, sex"),
        ({"facets": [{"column": "sex", "values": None, "above": 3.0}]}, "no row has a facet"),
    ],
)
def test_what_requests_would_not_tell_is_refused(aws: FakeMonitored, options: Params, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        people(aws, **options)
