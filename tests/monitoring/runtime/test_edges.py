"""What a monitor makes of what it should not be given: requests, labels, answers, and edited files."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest

from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.reading.captured import OWN
from constructs_lib.monitoring.runtime.run.looking import Looker, LookError
from constructs_lib.monitoring.runtime.run.preparing import prepare
from tests.support.fake_aws import Params
from tests.support.monitored import ENDPOINT, START, FakeMonitored, described, spec

DUE = START + 3600 + 900
PLACE = f"monitoring/{ENDPOINT}/M"
BASELINE = f"{PLACE}/baseline/0123"
DRAW = random.Random(7)  # noqa: S311
SAMPLE = [(round(DRAW.gauss(50, 10), 3), DRAW.choice(["DE", "FR", "IT"])) for _ in range(900)]
TRAIN = SAMPLE[:600]
ROWS: list[list[object]] = [list(each) for each in SAMPLE[600:]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMonitored]:
    fake = FakeMonitored(objects={"train.csv": table(["amount", "country"], TRAIN)})
    monkeypatch.setattr(boto3, "client", fake.client)
    yield fake


def table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in (names, *rows)).encode()


def prepared(aws: FakeMonitored, options: Params | None = None, **props: Any) -> Any:
    monitor = described("data_quality", **props)
    prepare(monitor, spec(options), START)
    return monitor


def look(monitor: Any, at: float = DUE) -> Params:
    return Looker(monitor).once_more(START, at)


def capture_json(
    aws: FakeMonitored, requests: Sequence[object], name: str = "a.jsonl", **metadata: str
) -> None:
    lines = [
        json.dumps(
            {
                "captureData": {
                    "endpointInput": {
                        "observedContentType": "application/json",
                        "data": each if isinstance(each, str) else json.dumps(each),
                        "encoding": "JSON",
                    }
                },
                "eventMetadata": {
                    "eventId": f"{name}-{number}",
                    "inferenceTime": iso(START + 60),
                    **metadata,
                },
            }
        )
        for number, each in enumerate(requests)
    ]
    aws.objects[f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/{name}"] = "\n".join(lines).encode()


# --- requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n  \n"])
def test_empty_files_are_no_data(aws: FakeMonitored, body: bytes) -> None:
    monitor = prepared(aws)
    aws.objects[f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/a.jsonl"] = body
    assert look(monitor)["text"] == "no records"


@pytest.mark.parametrize("body", [b"\x00\xff", b"[]", b"null", b'{"captureData": 3}', b"\x1f\x8b"])
def test_what_is_no_record_is_counted(aws: FakeMonitored, body: bytes) -> None:
    monitor = prepared(aws)
    aws.objects[f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/a.jsonl"] = body
    aws.objects[f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/b.jsonl.gz"] = body
    result = look(monitor)
    assert (result["status"], result["unread"]) == ("unreadable", 2)
    assert aws.values("Heartbeat") == [1], "of the baseline alone: nobody has looked"


NAMED = [{"amount": amount, "country": country} for amount, country in ROWS]


@pytest.mark.parametrize(
    ("path", "requests"),
    [
        ("", NAMED),
        ("", [NAMED]),
        ("", ["\n".join(map(json.dumps, NAMED))]),
        ("", ROWS),
        ("", [ROWS]),
        ("instances", [{"instances": NAMED}]),
        ("instances", [{"instances": ROWS}]),
        ("a.instances", [{"a": {"instances": ROWS}}]),
        ("instances.features", [{"instances": [{"features": row} for row in ROWS]}]),
        ("instances.*.features", [{"instances": [{"features": row} for row in ROWS]}]),
    ],
)
def test_json_of_every_shape_is_read(aws: FakeMonitored, path: str, requests: list[object]) -> None:
    monitor = described("data_quality", options={"path": path})
    prepare(monitor, spec(), START)
    capture_json(aws, requests)
    result = look(monitor)
    assert (result["status"], result["records"], result["unread"]) == ("passed", len(ROWS), 0), result["text"]


def test_a_column_that_json_lacks_is_missing(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    capture_json(aws, [{"amount": amount} for amount, _ in ROWS])
    result = look(monitor)
    assert result["features"]["country"]["missing"] == 1
    assert "country" in result["text"]


def test_a_window_of_the_monitors_own_questions_is_none(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    aws.capture(ROWS, ids=[f"{OWN}M-{number}" for number in range(len(ROWS))])
    result = look(monitor)
    assert (result["status"], result["unread"]) == ("no_data", 0)
    assert result["notes"]["reading"]["own"] == len(ROWS)


def test_all_variants_are_looked_at_together(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    aws.capture(ROWS[:150], variant="A")
    aws.capture(ROWS[150:], variant="B-2")
    assert look(monitor)["records"] == len(ROWS)


def test_a_window_without_any_value_says_so(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    aws.capture([["", ""]] * 300)
    result = look(monitor)
    assert (result["status"], result["violations"]) == ("violated", 2)
    assert result["features"]["amount"]["distance"] is None


def test_numbers_too_large_for_squares_do_no_harm(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    aws.capture([[value, "DE"] for value in (1e150, -1e150, 1e308, "inf", "nan", "1e999") for _ in range(60)])
    result = look(monitor)
    assert result["status"] == "violated"
    assert all(abs(value) < 2.0**360 for value in aws.values("LargestDistance"))


# --- training data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "window"),
    [
        ([(3, "DE")] * 500, [[3, "DE"]] * 300),
        ([("", "")] * 500, [["", ""]] * 300),
        ([("", "")] * 500, [[3, "DE"]] * 300),
        ([(3, "DE")], [[3, "DE"]] * 300),
        ([(3, "")] * 500, [[3, ""]] * 300),
    ],
)
def test_a_poor_baseline_raises_no_alarm(
    aws: FakeMonitored, rows: list[tuple[object, object]], window: list[list[object]]
) -> None:
    aws.objects["train.csv"] = table(["amount", "country"], rows)
    monitor = prepared(aws)
    aws.capture(window)
    result = look(monitor)
    assert result["status"] == "passed", result["text"]


def test_a_constant_that_changes_is_found(aws: FakeMonitored) -> None:
    aws.objects["train.csv"] = table(["amount", "country"], [(3, "DE")] * 500)
    monitor = prepared(aws)
    aws.capture([[4, "FR"]] * 300)
    assert look(monitor)["violations"] >= 2


def test_a_thousand_columns(aws: FakeMonitored) -> None:
    names = [f"f{number}" for number in range(1000)]
    draw = random.Random(1)  # noqa: S311
    rows = [[round(draw.random(), 3) for _ in names] for _ in range(200)]
    aws.objects["train.csv"] = table(names, rows[:100])
    monitor = prepared(aws)
    aws.capture([[value * (1 + 2 * (place == 7)) for place, value in enumerate(row)] for row in rows[100:]])
    result = look(monitor)
    assert {name for name, told in result["features"].items() if told["drifted"]} == {"f7"}


# --- edited files -----------------------------------------------------------------------------------------


def edited(aws: FakeMonitored, change: Any) -> None:
    constraints = aws.json(f"{BASELINE}/constraints.json")
    change(constraints)
    aws.objects[f"{BASELINE}/constraints.json"] = json.dumps(constraints).encode()


def test_a_threshold_may_be_changed(aws: FakeMonitored) -> None:
    monitor = prepared(aws)
    aws.capture([[float(str(amount)) + 5, country] for amount, country in ROWS])
    assert look(monitor)["features"]["amount"]["drifted"]

    def milder(constraints: Params) -> None:
        constraints["monitoring_config"]["drift"]["numeric"]["threshold"] = 0.9

    edited(aws, milder)
    assert not look(monitor)["features"]["amount"]["drifted"]


@pytest.mark.parametrize("schema", [True, False])
def test_a_feature_may_be_taken_out(aws: FakeMonitored, schema: bool) -> None:
    """It is looked at no more; CSV has it all the same."""
    monitor = prepared(aws)
    if not schema:
        del aws.objects[f"{BASELINE}/schema.json"]
    edited(aws, lambda constraints: constraints["features"].pop(0))
    aws.capture([[9000, country] for _, country in ROWS])
    result = look(monitor)
    assert (result["status"], result["records"]) == ("passed", len(ROWS)), result["text"]
    assert set(result["features"]) == {"country"}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("constraints", b"{broken"),
        ("constraints", b"[]"),
        ("constraints", b"\xff"),
        ("constraints", b"[" * 100_000),
        ("constraints", b"{}"),
        ("constraints", b'{"features": [{"name": "amount"}]}'),
        ("constraints", b'{"features": 3}'),
        ("statistics", b"{}"),
        ("statistics", b'{"dataset": {"item_count": "many"}, "features": []}'),
        ("schema", b"{broken"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(aws: FakeMonitored, name: str, body: bytes) -> None:
    monitor = prepared(aws)
    aws.capture(ROWS)
    aws.objects[f"{BASELINE}/{name}.json"] = body
    with pytest.raises((LookError, ValueError)) as failed:
        look(monitor)
    assert f"s3://captured/{BASELINE}" in str(failed.value)
    assert f"{name}.json" in str(failed.value)


def test_statistics_of_the_analyzer_serve(aws: FakeMonitored) -> None:
    """Model Monitor writes none of our own keys."""
    prepared(aws)
    statistics, constraints = (aws.json(f"{BASELINE}/{each}.json") for each in ("statistics", "constraints"))
    numeric, text = (
        each.get("numerical_statistics") or each["string_statistics"] for each in statistics["features"]
    )
    del numeric["common"]["num_unfit"], numeric["common"]["num_fractional"], text["free_text"]
    del constraints["monitoring_config"]["drift"]
    for feature in constraints["features"]:
        feature.get("num_constraints", {}).pop("range", None)
    aws.objects |= {
        "theirs/statistics.json": json.dumps(statistics).encode(),
        "theirs/constraints.json": json.dumps(constraints).encode(),
    }
    monitor = described("data_quality", name="N", baseline="s3://captured/theirs/")
    prepare(monitor, {"existing": True}, START)
    aws.capture([[float(str(amount)) + 15, country] for amount, country in ROWS])
    result = look(monitor)
    assert {name for name, told in result["features"].items() if told["drifted"]} == {"amount"}
