"""The metrics of a look, as CloudWatch takes them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.run.metrics import metric_name, put, put_heartbeat, values_of
from tests.support.monitored import ENDPOINT, FakeMonitored


def result(**told: Any) -> dict[str, Any]:
    base = {"endpoint": ENDPOINT, "monitor": "M", "status": "passed", "records": 9, "unread": 1}
    return {**base, "violations": 0, **told}


def test_what_every_look_tells() -> None:
    assert values_of(result()) == {"Heartbeat": 1, "Records": 9, "Unread": 1, "Skipped": 0, "Violations": 0}


@pytest.mark.parametrize("status", ["too_few", "no_data", "no_baseline"])
def test_a_window_that_is_not_judged_has_no_violations(status: str) -> None:
    told = values_of(result(status=status, violations=3, features={"a": {"distance": 0.5}}))
    assert told == {"Heartbeat": 1, "Records": 9, "Unread": 1, "Skipped": 1}


def test_the_largest_distance_is_one_of_those_that_are_judged() -> None:
    """An order's number drifts from day to day: it is ignored."""
    features = {
        "a": {"distance": 0.1},
        "b": {"distance": None},
        "c": {},
        "id": {"distance": 9, "ignored": True},
    }
    assert values_of(result(features=features))["LargestDistance"] == 0.1
    assert "LargestDistance" not in values_of(result(features={"id": {"distance": 9, "ignored": True}}))


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (0, True),
        (-1.5, True),
        (2.0**360, True),
        (-(2.0**360), True),
        (2.1e108 * 1.2, False),
        (-1e200, False),
        (math.nan, False),
        (math.inf, False),
        (-math.inf, False),
        (10**400, False),
        (None, False),
        ("0.5", False),
    ],
)
def test_only_numbers_that_cloudwatch_takes(value: Any, taken: bool) -> None:
    """Of one it does not take it would refuse the whole call: so no alarm would hear of anything."""
    assert ("mse" in values_of(result(values={"mse": value}))) == taken


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("auc", "auc"),
        ("DPL.sex.F", "DPL.sex.F"),
        ("DPL.sex.ü", "DPL.sex.\\xfc"),
        ("DPL.sex.女", "DPL.sex.\\u5973"),
        ("a\tb\x7f", "a\\x09b\\x7f"),
        ("\ud800", "\\ud800"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_name_is_ascii(name: str, plain: str) -> None:
    assert metric_name(name) == plain


@given(st.lists(st.text(st.characters(exclude_characters="\\"), min_size=1, max_size=300), unique=True))
def test_names_fit_and_stay_different(names: list[str]) -> None:
    plain = [metric_name(name) for name in names]
    assert len(set(plain)) == len(names)
    assert all(each.isascii() and each.isprintable() and 1 <= len(each) <= 255 for each in plain)


def test_long_names_stay_different() -> None:
    first, second = metric_name("x" * 255 + "a"), metric_name("x" * 255 + "b")
    assert first != second
    assert len(first) == len(second) == 255


def test_cloudwatch_is_told_in_calls_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeMonitored()
    put(aws.client("cloudwatch"), result(values={f"m{number}.ü": number for number in range(1200)}), 1.8e9)
    assert aws.calls == ["PutMetricData"] * 3
    assert len(aws.metrics) == 1205
    assert aws.values("m7.\\xfc") == [7]


def test_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeMonitored()
    put_heartbeat(aws.client("cloudwatch"), ENDPOINT, "M", 1.8e9)
    (datum,) = aws.metrics
    assert (datum["MetricName"], datum["Value"], datum["Timestamp"].timestamp()) == ("Heartbeat", 1, 1.8e9)
