"""The sketch: ranks against exact ones, merging, and the analyzer's format."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.drift.sketch import K, Sketch, quantiles

MILLION = 1_000_000
WORST = 0.001
"""The greatest error of a rank that is allowed, of the count."""

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def sketched(values: np.ndarray | list[float], rows: int = 4000) -> Sketch:
    found, plain = Sketch(), list(map(float, values))
    for start in range(0, len(plain), rows):
        found.add(plain[start : start + rows])
    return found


def worst_rank(sketch: Sketch, values: np.ndarray) -> float:
    """Over all values that the sketch holds, as a share of the count."""
    held, weights = sketch.weighted()
    exact = np.searchsorted(np.sort(values), held, side="right")
    return float(np.abs(np.cumsum(weights) - exact).max() / len(values))


def orders() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=MILLION)
    ordered = np.sort(drawn)
    return {
        "random": drawn,
        "sorted": ordered,
        "reversed": ordered[::-1],
        "heavy ties": rng.integers(0, 50, MILLION).astype(float),
        "mostly zero": np.where(rng.random(MILLION) < 0.9, 0.0, drawn),
        "heavy tail": rng.standard_cauchy(MILLION),
        "either half in turn": ordered.reshape(2, -1).T.ravel(),
        "saw teeth": ordered.reshape(1000, -1).T.ravel(),
    }


@pytest.mark.parametrize("rows", [4000, 137])
def test_a_rank_among_a_million_is_right_to_a_thousandth_in_any_order(rows: int) -> None:
    for name, values in orders().items():
        sketch = sketched(values, rows)
        assert sketch.count == sum(sketch.weighted()[1]) == MILLION, name
        assert worst_rank(sketch, values) < WORST, name
        assert (sketch.low, sketch.high) == (values.min(), values.max()), name


def test_its_memory_does_not_grow_with_the_values() -> None:
    rng = np.random.default_rng(2)
    sketch, held = Sketch(), []
    for _ in range(4):
        for _ in range(100):
            sketch.add(rng.random(1000).tolist())
        held.append(len(sketch.weighted()[0]))
    assert max(held) < 7000
    for _ in range(1000):
        sketch.add([0.5])
    assert len(sketch.weighted()[0]) < 7000


def test_merged_shards_are_as_good_as_one() -> None:
    values = orders()["random"]
    for shards in (2, 64):
        whole = Sketch()
        for part in np.array_split(values, shards):
            whole.merge(sketched(part))
        assert whole.count == MILLION
        assert worst_rank(whole, values) < WORST
    ordered = Sketch()
    for part in np.array_split(np.sort(values), 64):
        ordered.merge(sketched(part))
    assert worst_rank(ordered, values) < WORST


def test_it_is_exact_up_to_k_values_and_not_beyond() -> None:
    values = np.random.default_rng(3).normal(size=K)
    sketch = sketched(values, 100)
    assert sketch.exact
    assert sketch.weighted() == (np.sort(values).tolist(), [1] * K)
    sketch.add([0.0])
    assert not sketch.exact
    assert sum(sketch.weighted()[1]) == K + 1


@given(st.lists(finite, min_size=1, max_size=300), st.lists(st.floats(0, 1), max_size=5))
def test_quantiles_of_few_values_are_numpys(values: list[float], shares: list[float]) -> None:
    sketch = sketched(values)
    percents = [round(share, 3) for share in shares]
    expected = np.quantile(np.array(values), percents, method="inverted_cdf") if percents else []
    assert sketch.quantiles(percents) == pytest.approx(list(expected), abs=0)


@given(st.lists(finite, min_size=1, max_size=200), st.integers(0, 200))
def test_merged_is_the_whole_while_it_is_exact(values: list[float], cut: int) -> None:
    first, second = sketched(values[:cut]), sketched(values[cut:])
    first.merge(second)
    whole = sketched(values)
    assert first.weighted() == whole.weighted()
    assert (first.count, first.low, first.high) == (whole.count, whole.low, whole.high)


def test_the_same_values_make_the_same_bytes() -> None:
    values = np.random.default_rng(4).normal(size=50_000)
    assert json.dumps(sketched(values).described()) == json.dumps(sketched(values).described())


def test_it_goes_to_other_processes() -> None:
    sketch = sketched(np.random.default_rng(5).normal(size=50_000))
    assert pickle.loads(pickle.dumps(sketch)).described() == sketch.described()  # noqa: S301 - our own


def test_the_description_is_the_analyzers() -> None:
    described = sketched([1.0, 2.0, 2.0, 11.0]).described()
    assert [bucket["count"] for bucket in described["buckets"]] == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert described["buckets"][0] == {"lower_bound": 1.0, "upper_bound": 2.0, "count": 1}
    assert described["buckets"][9] == {"lower_bound": 10.0, "upper_bound": 11.0, "count": 1}
    assert described["sketch"] == {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[1.0, 2.0, 2.0, 11.0]]}


@pytest.mark.parametrize("count", [0, 1, 5, K, K + 1, 30_000])
def test_what_is_described_comes_back(count: int) -> None:
    sketch = sketched(np.random.default_rng(6).normal(size=count))
    back = Sketch.of_description(json.loads(json.dumps(sketch.described(), allow_nan=False)))
    assert back.weighted() == sketch.weighted()
    assert (back.count, back.low, back.high) == (sketch.count, sketch.low, sketch.high)
    back.add([1.0] * 5000)
    assert back.count == sketch.count + 5000 == sum(back.weighted()[1])


def test_buckets_of_one_value_and_of_huge_ones() -> None:
    one = sketched([3.0, 3.0]).described()["buckets"]
    assert sum(bucket["count"] for bucket in one) == 2
    huge = sketched([-1e150, 1e150]).described()["buckets"]
    assert [huge[0]["count"], huge[9]["count"]] == [1, 1]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"buckets": [], "sketch": {}},
        {"buckets": [], "sketch": {"parameters": {"k": 2048, "c": 0.64}, "data": [["x"]]}},
        {"buckets": [], "sketch": {"parameters": {"k": 2048, "c": 0.64}, "data": [[math.nan]]}},
        {"buckets": [{}], "sketch": {"parameters": {"k": 2048, "c": 0.64}, "data": [[1.0]]}},
        {"buckets": None, "sketch": None},
    ],
)
def test_what_is_no_description_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no description of a KLL sketch"):
        Sketch.of_description(given)


def test_no_values_have_no_quantiles_and_shares_are_shares() -> None:
    with pytest.raises(ValueError, match="no values"):
        Sketch().quantiles([0.5])
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="from 0 to 1"):
            sketched([1.0]).quantiles([share])
    empty = Sketch()
    empty.add([])
    assert empty.weighted() == ([], [])


def test_the_ends_are_exact_even_when_the_sketch_has_dropped_them() -> None:
    values = np.arange(100_000.0)
    assert sketched(values).quantiles([0, 1]) == [0.0, 99_999.0]
    assert quantiles(([1.0, 5.0], [1, 3]), [0.25, 0.26]) == [1.0, 5.0]
