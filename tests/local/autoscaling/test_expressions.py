"""Metric math."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.local.autoscaling.expressions import MetricMathError, check, evaluate, in_order

GRID = (0.0, 60.0, 120.0)
METRICS = {"a": {0.0: 10.0, 60.0: 20.0, 120.0: 30.0}, "b": {0.0: 2.0, 120.0: 0.0}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", [10, 20, 30]),
        ("b", [2, None, 0]),
        ("a * 2 + 1", [21, 41, 61]),
        ("-a", [-10, -20, -30]),
        ("a + b", [12, None, 30]),
        ("a / b", [5, None, None]),
        ("a + FILL(b, 0)", [12, 20, 30]),
        ("FILL(b, REPEAT)", [2, 2, 0]),
        ("SUM([a, b])", [12, 20, 30]),
        ("MAX(METRICS())", [10, 20, 30]),
        ("MIN([a, b])", [2, 20, 0]),
        ("a / MAX(a)", [1 / 3, 2 / 3, 1]),
        ("AVG(a)", [20, 20, 20]),
        ("IF(a > 15, a, 0)", [0, 20, 30]),
        ("IF(a > 15, a)", [None, 20, 30]),
        ("FLOOR(a / b + 0.5)", [5, None, None]),
        ("FILL(a / b, 7)", [5, 7, 7]),
        ("CEIL(a / 3)", [4, 7, 10]),
        ("ABS(0 - a)", [10, 20, 30]),
        ("7", [7, 7, 7]),
    ],
)
def test_values(expression: str, expected: list[float | None]) -> None:
    result = evaluate(expression, METRICS, GRID)
    assert [result.get(start) for start in GRID] == [
        pytest.approx(value) if value is not None else None for value in expected
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "c",
        "a +",
        "a ^ 2",
        "a ** 2",
        "a.b",
        "a[0]",
        "True",
        "'text'",
        "STDDEV(a)",
        "FILL(a)",
        "SUM(a, b)",
        "a if a else b",
        "__import__('os')",
        "(lambda: 1)()",
        "SEARCH('x', 'Average', 60)",
        "a && b",
    ],
)
def test_what_is_not_supported_is_refused(expression: str) -> None:
    with pytest.raises(MetricMathError):
        check(expression, frozenset(METRICS))


@given(st.text(alphabet="ab+-*/(),.0123456789 FILSUMAX<>=[]", max_size=40))
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    try:
        check(text, frozenset(METRICS))
    except MetricMathError:
        return
    assert set(evaluate(text, METRICS, GRID)) <= set(GRID)


def expression(id: str, text: str) -> dict[str, str]:
    return {"Id": id, "Expression": text}


def test_expressions_follow_what_they_name_however_they_are_written() -> None:
    queries = [
        expression("rate", "IF(calls > 0, 100 * errors / calls, 0)"),
        {"Id": "a_errors"},
        expression("errors", "SUM([FILL(a_errors, 0), FILL(b_errors, 0)])"),
        {"Id": "b_errors"},
        expression("calls", "errors + 1"),
    ]
    found = [query["Id"] for query in in_order(queries)]
    assert sorted(found) == sorted(query["Id"] for query in queries)
    assert found.index("b_errors") < found.index("errors") < found.index("calls") < found.index("rate")


def test_expressions_in_a_circle_are_refused() -> None:
    with pytest.raises(MetricMathError, match="circle"):
        in_order([expression("a", "b + 1"), expression("b", "a + 1")])
