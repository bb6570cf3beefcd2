"""Baselines as the other engine takes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.model_monitor.for_model_monitor import plainly_written, without_ours

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_plainly_written_is_the_same(value: object) -> None:
    assert json.loads(plainly_written(value)) == value


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-7, "0.0000001"), (1.5e22, "15000000000000000000000.0"), (-2e-300, None), (0.25, "0.25")],
)
def test_numbers_have_no_exponents(number: float, text: str | None) -> None:
    written = plainly_written(number)
    assert "e" not in written
    assert float(written) == number
    assert text is None or written == text


def test_texts_stay_as_they_are() -> None:
    assert json.loads(plainly_written({"1e-7": 'say "1e-7" \\', "x": [1e-9]})) == {
        "1e-7": 'say "1e-7" \\',
        "x": [1e-9],
    }


def test_only_what_is_ours_goes() -> None:
    constraints = {
        "version": 0.0,
        "features": [
            {"name": "a", "num_constraints": {"is_non_negative": True, "range": {"low": 0, "high": 1}}},
            {"name": "id", "ignored": True},
        ],
        "monitoring_config": {
            "distribution_constraints": {"comparison_threshold": 0.1, "comparison_method": "Robust"},
            "drift": {"numeric": {"threshold": 0.3}, "categorical": {"threshold": 0.4}, "alpha": 0.01},
        },
        "noise": {"auc": 0.1},
    }
    assert without_ours(constraints) == {
        "version": 0.0,
        "features": [{"name": "a", "num_constraints": {"is_non_negative": True}}],
        "monitoring_config": {
            "distribution_constraints": {
                "comparison_threshold": 0.3,
                "categorical_comparison_threshold": 0.4,
                "comparison_method": "Robust",
            }
        },
    }
