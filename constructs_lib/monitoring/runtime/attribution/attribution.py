"""Which features a model's answers come from, and whether they are still the same ones.

Shapley values by sampling orders of the features, each order also backwards (antithetic): what a feature adds to a
prediction when it changes from a row of the background to the row in question, on average over orders and background.
Every walk goes from the background row all the way to the row. So the values of a row add up to its prediction less
the mean prediction of the background, whatever was sampled; and those of a model that is a sum over features are
exact.

Sources: Mitchell, Cooper, Frank and Holmes, "Sampling Permutations for Shapley Value Estimation", JMLR 23 (2022);
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from ..reading.table import Cell

Predict = Callable[[list[list[Cell]]], list[float]]
"""Numbers for rows, one each, in order."""

LEAST_NDCG = 0.90
_SHAP = "kernel_shap"  # the only method Clarify's files know


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What makes each prediction another than the expected one."""

    values: list[list[float]]
    """Of each row, of each feature."""
    expected: float
    """The mean prediction of the background. With the values of a row it adds up to the row's prediction."""


def predictions_needed(rows: int, background: int, features: int, *, permutations: int = 1) -> int:
    """How many predictions `shapley` asks for."""
    return background + rows * (1 + background * 2 * permutations * max(features - 1, 0))


def shapley(
    predict: Predict,
    rows: Sequence[Sequence[Cell]],
    background: Sequence[Sequence[Cell]],
    *,
    permutations: int = 1,
    seed: int = 0,
    batch: int = 500,
) -> Attribution:
    """The Shapley value of each feature of each row.

    Args:
        predict: The model. It is asked for at most `batch` rows at once, and `predictions_needed` in all.
        rows: To be explained; as many as are given, one after the other in memory.
        background: What the features are compared with: ten to a hundred rows of the training data.
        permutations: Orders drawn for each row and each row of the background; each is walked both ways.
        seed: The same seed draws the same orders.
        batch: Rows at once.

    Raises:
        ValueError: Without background, with rows of another length, or if the model does not answer each row with
            a finite number.
    """
    features = _width(rows, background)
    if permutations < 1 or batch < 1:
        raise ValueError("It takes at least one permutation, and a batch of at least one row")
    asked = _asked(predict, _all_rows(rows, background, permutations, seed), batch)
    expected = [next(asked) for _ in background]
    values = []
    for index in range(len(rows)):
        own = next(asked)
        sums = [0.0] * features
        for start, order in _walks(index, features, len(background), permutations, seed):
            before = expected[start]
            for feature in order[:-1]:
                after = next(asked)
                sums[feature] += after - before
                before = after
            sums[order[-1]] += own - before
        values.append([value / (len(background) * 2 * permutations) for value in sums])
    return Attribution(values=values, expected=math.fsum(expected) / len(expected))


def _width(rows: Sequence[Sequence[Cell]], background: Sequence[Sequence[Cell]]) -> int:
    widths = {len(row) for row in (*rows, *background)}
    if not background or len(widths) != 1 or 0 in widths:
        raise ValueError(
            "Shapley values take a background, and rows with as many features as it:"
            f" {len(background)} rows of background, features: {sorted(widths)}"
        )
    return widths.pop()


def _walks(
    index: int, features: int, background: int, permutations: int, seed: int
) -> Iterator[tuple[int, list[int]]]:
    """Where a walk to a row starts, and in which order its features change."""
    draw = random.Random(f"{seed}/{index}")  # noqa: S311 - not a secret, and the same each time
    for start in range(background):
        for _ in range(permutations):
            order = draw.sample(range(features), features)
            yield start, order
            yield start, order[::-1]


def _all_rows(
    rows: Sequence[Sequence[Cell]], background: Sequence[Sequence[Cell]], permutations: int, seed: int
) -> Iterator[list[Cell]]:
    """What the model is asked, in the order in which `shapley` takes the answers."""
    yield from map(list, background)
    for index, row in enumerate(rows):
        yield list(row)
        for start, order in _walks(index, len(row), len(background), permutations, seed):
            mixed = list(background[start])
            for feature in order[:-1]:
                mixed[feature] = row[feature]
                yield list(mixed)


def _asked(predict: Predict, rows: Iterator[list[Cell]], batch: int) -> Iterator[float]:
    while asked := list(islice(rows, batch)):
        answers = predict(asked)
        if len(answers) != len(asked):
            raise ValueError(f"The model gave {len(answers)} answers for {len(asked)} rows")
        for answer in answers:
            if not math.isfinite(answer):
                raise ValueError(f"The model answered {answer!r}, which is no finite number")
            yield float(answer)


def global_importance(values: Iterable[Sequence[float]], names: Sequence[str]) -> dict[str, float]:
    """The mean of the absolute Shapley values of each feature: Clarify's global SHAP values."""
    rows = list(values)
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"Each row has a value for each of the {len(names)} features")
    return {
        name: math.fsum(abs(row[place]) for row in rows) / len(rows) if rows else 0.0
        for place, name in enumerate(names)
    }


def ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """How much of the baseline's ranking of the features is left: 1 for all of it.

    The gain of a feature is its attribution in the baseline, discounted by the logarithm of its rank in the current
    attributions, over the same with the baseline's own ranks. Features of equal current attribution share their
    ranks, as in scikit-learn's `ndcg_score`. One that is missing now ranks as with 0; a new one gains nothing. It is
    1 if nothing was attributed to anything.
    """
    best = _gain(baseline, baseline)
    return _gain(baseline, current) / best if best else 1.0


def _gain(gains: Mapping[str, float], ranked: Mapping[str, float]) -> float:
    names = sorted(gains.keys() | ranked.keys(), key=lambda name: (-ranked.get(name, 0.0), name))
    rank, terms = 0, []
    for _, tied in groupby(names, key=lambda name: ranked.get(name, 0.0)):
        group = list(tied)
        discount = math.fsum(1 / math.log2(rank + place + 2) for place in range(len(group))) / len(group)
        terms.append(math.fsum(gains.get(name, 0.0) for name in group) * discount)
        rank += len(group)
    return math.fsum(terms)


def analysis(importance: Mapping[str, float], expected: float, *, label: str = "label0") -> dict[str, Any]:
    """Clarify's analysis.json; also the baseline's constraints.

    Args:
        importance: Of `global_importance`.
        expected: The mean prediction of the background.
        label: Of the model's output; Clarify numbers them where they have no name.
    """
    explained = {"global_shap_values": dict(importance), "expected_value": expected}
    return {"version": "1.0", "explanations": {_SHAP: {label: explained}}}


def judge(
    baseline: Mapping[str, Any], current: Mapping[str, Any], *, threshold: float = LEAST_NDCG
) -> dict[str, Any]:
    """The constraint_violations.json of a window: labels whose nDCG is below the threshold.

    Args:
        baseline: An analysis.json, of this engine or of Clarify.
        current: That of the window.
        threshold: 0.9 as Clarify has it.
    """
    violations = [
        {
            "label": label,
            "metric_name": "shap",
            "constraint_check_type": "feature_attribution_drift_check",
            "description": f"Feature attribution drift {score:.4f} exceeds threshold {threshold:g}",
        }
        for label, score in scores(baseline, current).items()
        if score < threshold
    ]
    return {"version": "1.0", "violations": violations}


def scores(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, float]:
    """The nDCG of each label that both have."""
    before, now = _attributions(baseline), _attributions(current)
    return {label: ndcg(before[label], now[label]) for label in before if label in now}


def _attributions(given: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    explained = given.get("explanations", {}).get(_SHAP, {})
    return {label: told["global_shap_values"] for label, told in explained.items()}
