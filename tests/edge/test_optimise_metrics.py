"""The measures are those of scikit-learn, and the decision is what the limit says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from constructs_lib.edge.runtime.optimise.comparison import Comparison, compared, require_alike, truth_of
from constructs_lib.edge.runtime.optimise.errors import (
    AccuracyDrop,
    BadModel,
    ConversionMismatch,
    LabelMismatch,
)
from constructs_lib.edge.runtime.optimise.golden import chosen
from constructs_lib.edge.runtime.optimise.metrics import (
    Predictions,
    accuracy,
    drop,
    macro_f1,
    rmse,
    standard_error,
    top_k,
)
from constructs_lib.edge.runtime.optimise.options import Options

OPTIONS = Options.parse([f"--{each}=x" for each in ("model", "held-out", "output", "report")])
CLASSES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(pairs=CLASSES)
def test_accuracy_and_f1(pairs: list[tuple[int, int]]) -> None:
    truth, told = (np.array(each) for each in zip(*pairs, strict=True))
    assert accuracy(truth, Predictions(values=told)) == pytest.approx(reference.accuracy_score(truth, told))
    expected = reference.f1_score(truth, told, average="macro", zero_division=0)
    assert macro_f1(truth, Predictions(values=told)) == pytest.approx(expected)


@given(seed=st.integers(0, 1000), k=st.integers(1, 4))
def test_top_k(seed: int, k: int) -> None:
    random = np.random.RandomState(seed)
    scores, truth = random.rand(30, 5), random.randint(0, 5, 30)
    expected = reference.top_k_accuracy_score(truth, scores, k=k, labels=range(5))
    assert top_k(truth, Predictions(values=truth, scores=scores), k) == pytest.approx(expected)


@given(seed=st.integers(0, 1000))
def test_rmse(seed: int) -> None:
    random = np.random.RandomState(seed)
    truth, told = random.randn(20), random.randn(20)
    assert rmse(truth, Predictions(values=told)) == pytest.approx(
        reference.root_mean_squared_error(truth, told)
    )


def test_an_error_that_was_next_to_nothing_may_become_ten_times_as_large() -> None:
    """Over the deviation of the labels it is next to nothing still."""
    assert drop("rmse", 1e-6, 1e-5, scale=2.0) == pytest.approx(4.5e-6)
    assert drop("accuracy", 0.9, 0.8, scale=1.0) == pytest.approx(0.1)


def test_the_standard_error_is_that_of_differences_of_pairs() -> None:
    random = np.random.RandomState(0)
    truth = np.zeros(400, int)
    before, after = (random.rand(400) < share for share in (0.1, 0.2))
    found = standard_error(truth, Predictions(values=before * 1), Predictions(values=after * 1))
    differences = (before == 0) * 1.0 - (after == 0) * 1.0
    assert found == pytest.approx(np.std(differences) / math.sqrt(400))


# --- the decision ------------------------------------------------------------------------------------------


def a_comparison(worse: int, rows: int = 200, **options: object) -> Comparison:
    """`worse` records more that are wrong."""
    truth = np.arange(rows) % 2
    after = truth.copy()
    after[:worse] ^= 1
    values = (Predictions(values=truth), Predictions(values=after))
    given = replace(OPTIONS, **options)
    return compared(truth_of(truth, values[0], np.array([0, 1]), given), *values, given)


@pytest.mark.parametrize(
    ("worse", "limit", "passes"), [(2, 0.01, True), (3, 0.01, False), (0, 0.0, True), (1, 0.0, False)]
)
def test_a_drop_of_the_limit_passes_and_one_record_more_does_not(
    worse: int, limit: float, passes: bool
) -> None:
    found = a_comparison(worse, max_drop=limit)
    assert found.drop == pytest.approx(worse / 200)
    if passes:
        found.require_within_limit()
        return
    with pytest.raises(AccuracyDrop, match=f"accuracy went from 1 to .* and {limit:g} is the limit"):
        found.require_within_limit()


def test_a_limit_that_is_not_exact_in_binary_is_met_exactly() -> None:
    assert 0.97 - 0.96 > 0.01
    assert replace(a_comparison(0), before=0.97, after=0.96, drop=0.97 - 0.96).refusal is None


def test_a_model_that_is_better_after_passes() -> None:
    assert replace(a_comparison(0), drop=-0.2).refusal is None


def test_a_refusal_on_few_records_says_that_more_would_tell_better() -> None:
    assert "more records would tell better" in str(a_comparison(1, rows=20).refusal)
    assert "more records" not in str(a_comparison(100, rows=200).refusal)


# --- labels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [np.array(["0", "1", "1.0"]), np.array([0.0, 1.0, 1.0]), np.array([False, True, True])]
)
def test_labels_of_any_spelling_are_the_models_numbers(labels: np.ndarray) -> None:
    source = Predictions(values=np.array([0, 1, 1]))
    assert truth_of(labels, source, np.array([0, 1]), OPTIONS).values.tolist() == [0, 1, 1]


@pytest.mark.parametrize("labels", [["0.5", "1"], ["nan", "1"], ["one", "1"], ["2", "1"]])
def test_labels_that_are_no_class_of_the_model_are_refused(labels: list[str]) -> None:
    with pytest.raises(LabelMismatch):
        truth_of(np.array(labels), Predictions(values=np.array([0, 1])), np.array([0, 1]), OPTIONS)


def test_where_classes_are_not_known_some_label_has_to_be_one_that_the_model_says() -> None:
    source = Predictions(values=np.array(["cat", "dog"]))
    assert truth_of(np.array(["cat", "owl"]), source, None, OPTIONS).values.tolist() == ["cat", "owl"]
    with pytest.raises(LabelMismatch, match="labels are 0, 1, and the model says cat, dog"):
        truth_of(np.array([0, 1]), source, None, OPTIONS)


def test_top_k_needs_scores_and_labels_among_them() -> None:
    wanted = replace(OPTIONS, metric="top_k", k=1)
    with pytest.raises(BadModel, match="gives none"):
        truth_of(np.array([0, 1]), Predictions(values=np.array([0, 1])), None, wanted)
    scored = Predictions(values=np.array([0, 2]), scores=np.eye(2))
    with pytest.raises(LabelMismatch, match="not the numbers 0 to 1"):
        truth_of(np.array([0, 2]), scored, None, wanted)


def test_scores_are_found_by_the_order_of_the_classes_whatever_it_is() -> None:
    scored = Predictions(values=np.array(["b", "a"]), scores=np.array([[0.9, 0.1], [0.2, 0.8]]))
    found = truth_of(
        np.array(["b", "a"]), scored, np.array(["b", "a"]), replace(OPTIONS, metric="top_k", k=1)
    )
    assert found.index is not None
    assert found.index.tolist() == [0, 1]


# --- conversions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("other", "passes"), [(0, True), (1, True), (2, False)])
def test_a_conversion_says_the_same_of_99_in_a_hundred(other: int, passes: bool) -> None:
    source = Predictions(values=np.zeros(100, int))
    values = np.zeros(100, int)
    values[:other] = 1
    truth = truth_of(np.arange(100) % 2, source, np.array([0, 1]), OPTIONS)
    if passes:
        assert require_alike(source, Predictions(values=values), truth) == 1 - other / 100
        return
    with pytest.raises(ConversionMismatch, match="of 2 of 100 held-out records"):
        require_alike(source, Predictions(values=values), truth)


def test_a_conversion_has_the_same_scores_too() -> None:
    scores = np.tile([0.7, 0.3], (100, 1))
    source = Predictions(values=np.zeros(100, int), scores=scores)
    truth = truth_of(np.arange(100) % 2, source, np.array([0, 1]), OPTIONS)
    assert require_alike(source, Predictions(values=source.values, scores=scores + 5e-4), truth) == 1
    for other in (scores + 2e-3, np.ones((100, 3)) / 3):
        with pytest.raises(ConversionMismatch):
            require_alike(source, Predictions(values=source.values, scores=other), truth)


def test_a_prediction_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadModel, match="NaN or infinity"):
        Predictions(values=np.array([0, 1]), scores=np.array([[np.nan, 1], [0, 1]]))


# --- which records go along --------------------------------------------------------------------------------


def test_of_each_class_the_surest_record_goes_along_in_turns() -> None:
    scores = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.8, 0.2]])
    told = Predictions(values=np.argmax(scores, axis=1), scores=scores)
    assert [chosen(told, count) for count in (1, 2, 3, 9)] == [[1], [1, 2], [1, 2, 3], [0, 1, 2, 3]]


def test_of_numbers_the_least_the_largest_and_what_lies_between() -> None:
    told = Predictions(values=np.array([5.0, 1.0, 9.0, 3.0, 7.0]))
    assert chosen(told, 3) == [0, 1, 2]
    assert chosen(told, 99) == [0, 1, 2, 3, 4]
