"""What is said of a window."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.monitoring.runtime.run.result import Found, named, status_of, text_of


def found(records: int, violations: int = 0, **told: Any) -> Found:
    wrong = [{"feature_name": f"f{number}"} for number in range(violations)]
    return Found(**{"records": records, "statistics": {}, "violations": wrong, **told})


@pytest.mark.parametrize(
    ("records", "violations", "status"),
    [
        (0, 0, "no_data"),
        (0, 3, "no_data"),
        (1, 3, "too_few"),
        (199, 3, "too_few"),
        (200, 0, "passed"),
        (200, 1, "violated"),
    ],
)
def test_a_window_has_a_status(records: int, violations: int, status: str) -> None:
    assert status_of(found(records, violations), 200) == status


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (found(0), "no records"),
        (found(0, unread=7), "no records, and 7 that could not be read"),
        (found(5), "5 records, of which it takes 200 to judge"),
        (found(500), "500 records, nothing wrong"),
        (found(500, 2), "2 violations in 500 records: f0, f1"),
        (found(500, 7), "7 violations in 500 records: f0, f1, f2, f3, f4 and 2 more"),
    ],
)
def test_and_a_sentence(of: Found, text: str) -> None:
    assert text_of(status_of(of, 200), of, 200) == text


def test_a_feature_with_two_violations_is_named_once() -> None:
    twice = [{"feature_name": "a", "constraint_check_type": each} for each in ("x", "y")]
    of = Found(records=500, statistics={}, violations=twice)
    assert text_of("violated", of, 200) == "2 violations in 500 records: a"


@pytest.mark.parametrize(
    ("violation", "name"),
    [
        ({"feature_name": "a"}, "a"),
        ({"metric_name": "auc", "constraint_check_type": "LessThanThreshold"}, "auc"),
        ({"facet": "sex", "facet_value": "F", "metric_name": "DPL"}, "DPL of sex"),
        ({"label": "label0", "metric_name": "shap"}, "shap"),
        ({"constraint_check_type": "x"}, "x"),
        ({"feature_name": "", "constraint_check_type": "x"}, "x"),
        ({}, "?"),
    ],
)
def test_a_violation_of_any_kind_has_a_name(violation: dict[str, str], name: str) -> None:
    assert named(violation) == name


def test_names_are_short_and_can_be_written() -> None:
    """Clients choose those of columns in JSON."""
    wrong = [{"feature_name": f"\ud800{number}" * 100_000} for number in range(9)]
    text = text_of("violated", Found(records=500, statistics={}, violations=wrong), 200)
    assert len(text.encode()) < 1000
