"""Areas and curves, against scikit-learn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from constructs_lib.monitoring.runtime.quality.noise import BLOCKS
from constructs_lib.monitoring.runtime.quality.ranking import MOST_POINTS, MOST_SCORES, Scores, rounded

Sample = list[tuple[float, bool]]


def _scores(sample: Sample) -> Scores:
    scores = Scores()
    for place, (score, label) in enumerate(sample):
        scores.add(score, label, place % BLOCKS)
    return scores


def _drawn(count: int, *, rare: bool = False, decimals: int | None = None) -> Sample:
    draw = random.Random(count)  # noqa: S311
    sample = []
    for _ in range(count):
        label = draw.random() < (0.02 if rare else 0.4)
        score = draw.betavariate(3, 2) if label else draw.betavariate(2, 3)
        score = score**6 if rare else score
        sample.append((score if decimals is None else round(score, decimals), label))
    return sample


def _sklearn(sample: Sample) -> tuple[float, float]:
    scores, labels = [score for score, _ in sample], [label for _, label in sample]
    return metrics.roc_auc_score(labels, scores), metrics.average_precision_score(labels, scores)


@pytest.mark.parametrize("decimals", [1, 2, None])
def test_few_scores_are_exact(decimals: int | None) -> None:
    sample = _drawn(3000, decimals=decimals)
    scores = _scores(sample)
    auc, precision = _sklearn(sample)
    assert not scores.coarse
    assert scores.steps().metrics() == pytest.approx({"auc": auc, "au_prc": precision}, rel=1e-12)


@pytest.mark.parametrize("rare", [False, True])
def test_many_scores_are_within_the_stated_error(rare: bool) -> None:
    sample = _drawn(40_000, rare=rare)
    scores = _scores(sample)
    auc, precision = _sklearn(sample)
    steps = scores.steps()
    found = steps.metrics()
    assert scores.coarse
    assert abs(found["auc"] - auc) <= steps.error() < 0.001
    assert found["au_prc"] == pytest.approx(precision, abs=0.002)


def test_the_last_exact_score_and_the_first_rounded_one() -> None:
    exact = _scores([(place / 10_000, bool(place % 2)) for place in range(MOST_SCORES)])
    assert not exact.coarse
    exact.add(0.99, True, 0)
    assert exact.coarse


def test_without_a_block_is_as_if_it_had_not_been() -> None:
    sample = _drawn(1000)
    for block in (0, 7, 19):
        kept = [pair for place, pair in enumerate(sample) if place % BLOCKS != block]
        auc, precision = _sklearn(kept)
        assert _scores(sample).steps().metrics(block) == pytest.approx({"auc": auc, "au_prc": precision})


@pytest.mark.parametrize("sample", [[], [(0.5, True)], [(0.5, False), (0.1, False)]])
def test_one_class_has_no_areas_and_no_curves(sample: Sample) -> None:
    steps = _scores(sample).steps()
    assert steps.metrics() == steps.curves() == {}
    assert steps.error() == 0


def test_the_curves_are_scikit_learns() -> None:
    sample = _drawn(90)
    labels, scores = [label for _, label in sample], [score for score, _ in sample]
    curves = _scores(sample).steps().curves()
    false, true, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    roc = curves["receiver_operating_characteristic_curve"]
    assert roc["false_positive_rates"] == pytest.approx(list(false))
    assert roc["true_positive_rates"] == pytest.approx(list(true))
    precisions, recalls, _ = metrics.precision_recall_curve(labels, scores)
    curve = curves["precision_recall_curve"]
    # scikit-learn's begins where everything is found and ends at recall 0.
    assert curve["precisions"] == pytest.approx(list(precisions[::-1]))
    assert curve["recalls"] == pytest.approx(list(recalls[::-1]))


def test_curves_are_bounded_and_keep_their_ends() -> None:
    curves = _scores(_drawn(3000)).steps().curves()
    roc = curves["receiver_operating_characteristic_curve"]
    assert len(roc["false_positive_rates"]) == len(roc["true_positive_rates"]) == MOST_POINTS
    assert (roc["false_positive_rates"][0], roc["true_positive_rates"][0]) == (0, 0)
    assert (roc["false_positive_rates"][-1], roc["true_positive_rates"][-1]) == (1, 1)
    assert len(curves["precision_recall_curve"]["recalls"]) == MOST_POINTS


@given(st.floats(0, 1))
def test_rounding_moves_a_score_by_little_and_only_once(score: float) -> None:
    found = rounded(score)
    assert abs(found - score) <= max(min(score, 1 - score) / 256, 2.0**-24)
    assert rounded(found) == found


def test_rounding_leaves_few_scores() -> None:
    draw = random.Random(3)  # noqa: S311
    spread = {rounded(10 ** -draw.uniform(0, 9)) for _ in range(100_000)}
    spread |= {rounded(1 - 10 ** -draw.uniform(0, 9)) for _ in range(100_000)}
    assert MOST_SCORES < len(spread) <= 6146


@pytest.mark.parametrize("count", [500, 9000])
def test_shards_are_the_whole(count: int) -> None:
    sample = _drawn(count)
    whole, first, second = _scores(sample), Scores(), Scores()
    for place, (score, label) in enumerate(sample):
        (first if place < count // 3 else second).add(score, label, place % BLOCKS)
    for one, other in ((first, second), (second, first)):
        merged = Scores()
        merged.merge(one)
        merged.merge(other)
        assert merged.coarse == whole.coarse == (count == 9000)
        assert merged.steps().metrics() == whole.steps().metrics()
        assert merged.steps().metrics(3) == whole.steps().metrics(3)
