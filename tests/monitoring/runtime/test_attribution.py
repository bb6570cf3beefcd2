"""Shapley values against enumeration and closed forms, nDCG against scikit-learn."""

from __future__ import annotations

import json
import math
from itertools import permutations as all_orders

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ndcg_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from constructs_lib.monitoring.runtime.attribution.attribution import (
    Attribution,
    Predict,
    analysis,
    global_importance,
    judge,
    ndcg,
    predictions_needed,
    scores,
    shapley,
)

BACKGROUND = [[0.0, 1.0, "a", True], [2.0, -1.0, "b", False], [1.0, 0.5, "a", None]]
ROWS = [[3.0, 2.0, "b", True], [-1.0, 0.0, "a", False], [0.0, 1.0, "a", True]]


def _mixed(rows: list[list[object]]) -> list[float]:
    """Features of several types that act together."""
    return [
        x * y + (3.0 if kind == "b" else 0.0) * (2.0 if flag else 1.0) + math.sin(x)
        for x, y, kind, flag in rows
    ]  # type: ignore[operator, arg-type]  # the first two are numbers


def _enumerated(predict: Predict, row: list[object], background: list[list[object]]) -> list[float]:
    """By the definition: over all orders and the whole background."""
    values = [0.0] * len(row)
    orders = list(all_orders(range(len(row))))
    for start in background:
        for order in orders:
            mixed = list(start)
            for feature in order:
                before = predict([list(mixed)])[0]
                mixed[feature] = row[feature]
                values[feature] += predict([list(mixed)])[0] - before
    return [value / len(orders) / len(background) for value in values]


def test_many_orders_come_close_to_the_definition() -> None:
    found = shapley(_mixed, ROWS, BACKGROUND, permutations=2000)
    for row, values in zip(ROWS, found.values, strict=True):
        assert values == pytest.approx(_enumerated(_mixed, row, BACKGROUND), abs=0.06)


def test_a_feature_pair_that_acts_together_is_exact_already() -> None:
    """Each order is walked both ways: with interactions of two features, one pair of walks is the definition."""

    def product(rows: list[list[float]]) -> list[float]:
        return [x * y + y * z - 2 * z * x for x, y, z in rows]

    rows, background = [[1.0, 2.0, -3.0]], [[0.5, 0.0, 1.0], [2.0, -1.0, 0.0]]
    values = shapley(product, rows, background).values[0]
    assert values == pytest.approx(_enumerated(product, rows[0], background))


def test_the_closed_form_of_a_linear_model() -> None:
    weights = [0.5, -2.0, 0.0, 7.0]
    rows, background = [[1.0, 2.0, 3.0, 4.0]], [[0.0, 1.0, 5.0, -1.0], [2.0, 2.0, 2.0, 2.0]]
    found = shapley(
        lambda asked: [sum(w * x for w, x in zip(weights, row, strict=True)) for row in asked],
        rows,
        background,
    )
    means = [(a + b) / 2 for a, b in zip(*background, strict=True)]
    assert found.values[0] == pytest.approx(
        [w * (x - mean) for w, x, mean in zip(weights, rows[0], means, strict=True)]
    )


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_they_add_up_and_the_number_of_predictions_is_known(batch: int) -> None:
    asked: list[int] = []

    def counting(rows: list[list[object]]) -> list[float]:
        asked.append(len(rows))
        return _mixed(rows)

    found = shapley(counting, ROWS, BACKGROUND, permutations=3, seed=5, batch=batch)
    assert found == shapley(_mixed, ROWS, BACKGROUND, permutations=3, seed=5)
    assert sum(asked) == predictions_needed(len(ROWS), len(BACKGROUND), 4, permutations=3)
    assert max(asked) <= batch
    expected = sum(_mixed(BACKGROUND)) / len(BACKGROUND)
    assert found.expected == pytest.approx(expected)
    for row, values in zip(ROWS, found.values, strict=True):
        assert sum(values) == pytest.approx(_mixed([row])[0] - expected, abs=1e-12)


def test_the_seed_decides() -> None:
    one, same, other = (shapley(_mixed, ROWS, BACKGROUND, seed=seed).values for seed in (1, 1, 2))
    assert one == same != other


def test_one_feature_and_no_rows() -> None:
    assert shapley(lambda rows: [row[0] for row in rows], [[4.0]], [[1.0], [2.0]]).values == [[2.5]]
    assert shapley(_mixed, [], BACKGROUND).values == []
    assert predictions_needed(1, 2, 1) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=2, max_size=5), st.integers()
)
def test_efficiency_of_any_model(rows: list[list[float]], seed: int) -> None:
    def model(asked: list[list[float]]) -> list[float]:
        return [max(x, y) * (1 if z > 0 else -2) for x, y, z in asked]

    found = shapley(model, rows[:1], rows[1:], seed=seed)
    assert sum(found.values[0]) + found.expected == pytest.approx(model(rows[:1])[0], abs=1e-8)


@pytest.mark.parametrize(
    ("rows", "background"), [([[1]], []), ([[1, 2]], [[1]]), ([[1], [1, 2]], [[1]]), ([[]], [[]]), ([], [])]
)
def test_rows_fit_the_background(rows: list[list[int]], background: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="background"):
        shapley(lambda asked: [0.0] * len(asked), rows, background)


@pytest.mark.parametrize("answer", [[], [1.0] * 99, [math.nan], [math.inf]])
def test_a_model_that_does_not_answer_is_an_error(answer: list[float]) -> None:
    with pytest.raises(ValueError, match="model"):
        shapley(lambda _: answer, [[1]], [[1]], batch=1)


@pytest.mark.parametrize("options", [{"permutations": 0}, {"batch": 0}])
def test_at_least_one(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        shapley(_mixed, ROWS, BACKGROUND, **options)


def test_a_real_model_is_explained_by_its_weights() -> None:
    """Logistic regression is linear before its link, so its log-odds have a closed form."""
    data = load_breast_cancer()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(data.data, data.target)
    rows, background = data.data[:5].tolist(), data.data[100:110].tolist()
    found = shapley(lambda asked: model.decision_function(asked).tolist(), rows, background)
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    means = data.data[100:110].mean(axis=0)
    for row, values in zip(data.data[:5], found.values, strict=True):
        assert values == pytest.approx(list(weights * (row - means)), abs=1e-9)


def test_global_importance_is_the_mean_size() -> None:
    assert global_importance([[1, -2.0], [-3, 0]], ["a", "b"]) == {"a": 2.0, "b": 1.0}
    assert global_importance([], ["a"]) == {"a": 0.0}
    with pytest.raises(ValueError, match="1 features"):
        global_importance([[1, 2]], ["a"])


def test_the_example_of_clarifys_page() -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html."""
    training = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
    live = {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}
    gain = 0.05 / math.log2(2) + 0.50 / math.log2(3) + 0.70 / math.log2(4)
    best = 0.70 / math.log2(2) + 0.50 / math.log2(3) + 0.05 / math.log2(4)
    assert ndcg(training, live) == pytest.approx(gain / best)
    assert ndcg(training, live) < 0.9
    assert ndcg(training, training) == 1


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.one_of(st.floats(0, 10), st.sampled_from([0.0, 1.0]))),
        min_size=2,
        max_size=12,
    ).filter(lambda pairs: max(pair[0] for pair in pairs) > 1e-3)
)
def test_it_is_scikit_learns_also_with_ties(pairs: list[tuple[float, float]]) -> None:
    baseline = {f"f{place}": pair[0] for place, pair in enumerate(pairs)}
    current = {f"f{place}": pair[1] for place, pair in enumerate(pairs)}
    expected = ndcg_score([list(baseline.values())], [list(current.values())])
    assert ndcg(baseline, current) == pytest.approx(expected)


def test_features_come_and_go() -> None:
    assert ndcg({"a": 1.0, "b": 0.5}, {"a": 1.0}) == 1
    assert ndcg({"a": 1.0, "b": 0.5}, {"a": 1.0, "b": 0.4, "new": 2.0}) < 0.8
    assert ndcg({"a": 1.0}, {}) == 1
    assert ndcg({"a": 0.0}, {"a": 3.0}) == ndcg({}, {}) == 1


def test_the_files_are_clarifys() -> None:
    baseline = analysis({"a": 0.7, "b": 0.5, "c": 0.05}, 0.3)
    assert json.loads(json.dumps(baseline)) == {
        "version": "1.0",
        "explanations": {
            "kernel_shap": {
                "label0": {"global_shap_values": {"a": 0.7, "b": 0.5, "c": 0.05}, "expected_value": 0.3}
            }
        },
    }
    drifted = analysis({"a": 0.1, "b": 0.2, "c": 0.7}, 0.3)
    assert judge(baseline, baseline) == {"version": "1.0", "violations": []}
    score = scores(baseline, drifted)["label0"]
    assert judge(baseline, drifted) == {
        "version": "1.0",
        "violations": [
            {
                "label": "label0",
                "metric_name": "shap",
                "constraint_check_type": "feature_attribution_drift_check",
                "description": f"Feature attribution drift {score:.4f} exceeds threshold 0.9",
            }
        ],
    }
    assert judge(baseline, drifted, threshold=score)["violations"] == []
    assert judge(baseline, analysis({"a": 0.1}, 0.3, label="other"))["violations"] == []
    assert judge({}, drifted)["violations"] == []


def test_an_attribution_is_a_value() -> None:
    assert Attribution(values=[[1.0]], expected=0.5) == Attribution(values=[[1.0]], expected=0.5)
