"""Profiles: types, counts and moments against numpy, order and shards, and the analyzer's file."""

from __future__ import annotations

import json
import math
import pickle
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.drift import profile as profile_module
from constructs_lib.monitoring.runtime.drift.categories import Categories
from constructs_lib.monitoring.runtime.drift.profile import Profile
from constructs_lib.monitoring.runtime.reading.table import Cell, Chunk
from tests.monitoring.runtime.tables import chunk, feature, filled, profiled

IDS = [f"user-{number}" for number in range(3000)]


@pytest.mark.parametrize(
    ("cells", "type"),
    [
        (["1", "2"], "Integral"),
        (["1.0", "2"], "Integral"),
        ([1, 2.5], "Fractional"),
        (["1", "2.5", ""], "Fractional"),
        (["a", "b"], "String"),
        ([True, False], "String"),
        (["", None], "Unknown"),
        (["1"] * 95 + ["x"] * 5, "Integral"),
        (["1"] * 94 + ["x"] * 6, "String"),
        (["2026-11-28", "2026-11-29"], "String"),
    ],
)
def test_types_are_inferred(cells: list[Cell], type: str) -> None:
    assert feature(cells).type == type


@given(st.permutations(["1"] * 5 + ["2.5"] * 4 + ["", "x", "True"]), st.integers(1, 12))
def test_the_type_is_the_same_in_any_order_and_chunks(cells: list[Cell], rows: int) -> None:
    found = feature(cells, rows=rows)
    assert (found.type, found.present, found.missing, found.texts) == ("String", 11, 1, 2)
    assert found.categories is not None
    assert found.categories.counts == {"1": 5, "2.5": 4, "x": 1, "true": 1}


def test_numbers_may_be_declared_categories_whatever_their_format() -> None:
    found = profiled({"x": ["1", "1.0", 2, 2.0, None, " 2"]}, {"x": "String"}).features["x"]
    assert found.type == "String"
    assert found.categories is not None
    assert found.categories.counts == {"1": 2, "2": 3}
    assert (found.present, found.missing) == (5, 1)


def test_numbers_may_be_declared_what_they_are_not() -> None:
    found = feature(["1", "2.5", "x"], "Integral")
    assert found.type == "Integral"
    assert found.unfit("Integral") == 2
    assert found.unfit("Fractional") == 1
    assert found.unfit("String") == 0
    assert found.categories is None


def test_a_type_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        ValueError, match="'x' is 'Number', allowed are Integral, Fractional, String, Unknown"
    ):
        Profile({"x": "Number"})


@pytest.mark.parametrize("mean", [0.0, 1e9])
def test_moments_are_numpys_over_chunks_and_shards(mean: float) -> None:
    values = np.random.default_rng(1).normal(mean, 3, 10_001)
    cells = [repr(value) for value in values.tolist()]
    whole = filled(Profile(), {"x": cells}, 117)
    whole.merge(filled(Profile(), {"x": cells}, 1000))
    numbers = whole.features["x"].numbers
    assert numbers.count == 20_002
    assert numbers.total == pytest.approx(2 * values.sum(), rel=1e-12, abs=1e-8)
    assert numbers.mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-12)
    assert numbers.deviation == pytest.approx(values.std(), rel=1e-9)
    assert (numbers.sketch.low, numbers.sketch.high) == (values.min(), values.max())


def test_what_lies_out_of_a_range_is_counted_exactly() -> None:
    values = list(range(10_000))
    profile = filled(Profile(ranges={"x": (10, 9_990)}), {"x": values})
    assert profile.features["x"].numbers.outside((10, 9_990)) == (10, 9)
    below, above = profile.features["x"].numbers.outside((5_000, 9_000))
    assert below == pytest.approx(5_000, abs=15)
    assert above == pytest.approx(999, abs=15)
    assert profile.features["x"].numbers.outside((-1, 1e6)) == (0, 0)


def test_columns_may_come_late_and_be_absent() -> None:
    profile = profiled({"a": [1, 2, 3]})
    profile.add(chunk({"b": ["x", "y"]}))
    assert profile.size == 5
    assert {name: (each.present, each.missing) for name, each in profile.features.items()} == {
        "a": (3, 2),
        "b": (2, 3),
    }
    profile.merge(profiled({"c": [1], "a": [None]}))
    assert {name: (each.present, each.missing) for name, each in profile.features.items()} == {
        "a": (3, 3),
        "b": (2, 4),
        "c": (1, 5),
    }


def test_a_chunk_without_columns_is_all_missing() -> None:
    profile = profiled({"a": [1]})
    profile.add(Chunk({}, 4))
    assert (profile.size, profile.features["a"].missing) == (5, 4)


def test_columns_without_end_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_module, "MOST_FEATURES", 3)
    profile = profiled({str(number): [number] for number in range(5)})
    profile.merge(profiled({"z": [1]}))
    assert list(profile.features) == ["0", "1", "2"]
    assert profile.size == 2


def test_categories_beyond_the_bound_are_counted_together() -> None:
    found = Categories(2, known=["k"])
    found.add(["a", "b", "c", "c", "k"])
    assert (found.counts, found.other, found.total, found.distinct) == ({"a": 1, "b": 1, "k": 1}, 2, 5, 3)
    shard = Categories(2, known=["k"])
    shard.add(["c", "c", "c", "b", "k"])
    found.merge(shard)
    assert (found.counts, found.other, found.total) == ({"b": 2, "k": 2, "c": 3}, 3, 10)
    assert found.distinct == 4


def test_ids_are_free_text_and_few_categories_are_not() -> None:
    assert feature(IDS).free_text
    assert feature(IDS[:100]).free_text
    assert feature(IDS[:51]).free_text
    assert not feature(IDS[:50]).free_text
    assert not feature(IDS[:100] * 2).free_text
    assert feature(IDS[:1001] * 9).free_text
    assert not feature(IDS[:1000] * 9).free_text
    assert not feature([1, 2, 3]).free_text


def test_a_text_with_many_values_is_free_text_in_any_order_and_shards() -> None:
    """Numbers among them, as in the ids of some shops, do not make a difference."""
    cells: list[Cell] = [*IDS[:1200], *range(800)]
    for seed in range(3):
        random.Random(seed).shuffle(cells)  # noqa: S311 - no secret
        whole = feature(cells, rows=100)
        first, second = profiled({"x": cells[:700]}), profiled({"x": cells[700:]})
        first.merge(second)
        for found in (whole, first.features["x"]):
            assert found.type == "String"
            assert found.free_text
            assert found.categories is not None
            assert found.categories.total == found.present == 2000


mixed = st.lists(
    st.one_of(st.none(), st.integers(-5, 5), st.floats(-5, 5), st.sampled_from(["", "a", "b", "7", "x y"])),
    max_size=60,
)


@given(mixed, st.integers(0, 60))
def test_merged_shards_are_the_whole(cells: list[Cell], cut: int) -> None:
    first, second = profiled({"x": cells[:cut]}), profiled({"x": cells[cut:]})
    first.merge(second)
    merged, whole = first.statistics(), profiled({"x": cells}).statistics()
    assert first.size == len(cells)
    assert_alike(merged, whole)


def assert_alike(one: Any, other: Any) -> None:
    """Equal, but for what adding in another order rounds."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            if name != "data":  # the sketch's own order
                assert_alike(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)
    else:
        assert one == (pytest.approx(other, rel=1e-9, abs=1e-9) if isinstance(one, float) else other)


def test_the_file_is_the_analyzers() -> None:
    statistics = profiled(
        {"n": ["1", "2", "x", *["3"] * 97, ""], "t": ["b", "a", "b", *[None] * 98]}
    ).statistics()
    assert statistics["version"] == 0.0
    assert statistics["dataset"] == {"item_count": 101}
    numeric, text = statistics["features"]
    assert numeric["name"] == "n"
    assert numeric["inferred_type"] == "Integral"
    numerical = numeric["numerical_statistics"]
    assert numerical["common"] == {"num_present": 100, "num_missing": 1, "num_unfit": 1, "num_fractional": 0}
    assert numerical["sum"] == 294.0
    assert numerical["mean"] == pytest.approx(294 / 99)
    assert (numerical["min"], numerical["max"]) == (1.0, 3.0)
    assert set(numerical["distribution"]["kll"]) == {"buckets", "sketch"}
    assert text["string_statistics"] == {
        "common": {"num_present": 3, "num_missing": 98},
        "distinct_count": 2,
        "free_text": False,
        "distribution": {
            "categorical": {"buckets": [{"value": "b", "count": 2}, {"value": "a", "count": 1}]}
        },
    }


def test_free_text_is_not_written_down() -> None:
    statistics = profiled({"id": IDS}).statistics()
    assert "user-1" not in json.dumps(statistics)
    assert statistics["features"][0]["string_statistics"]["free_text"]
    assert Profile.of_statistics(statistics).features["id"].free_text


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"x": ["", None]},
        {"x": ["1", "2.5", "x", ""], "y": ["a", "b", None, "b"], "z": [1, 2, 3, 4]},
        {"x": np.random.default_rng(1).normal(size=5000).tolist(), "id": [str(i) + "x" for i in range(5000)]},
    ],
)
def test_the_file_comes_back(columns: dict[str, list[Cell]]) -> None:
    profile = profiled(columns)
    told = json.dumps(profile.statistics(), allow_nan=False)
    back = Profile.of_statistics(json.loads(told))
    assert json.dumps(back.statistics()) == told
    assert back.size == profile.size
    for name, found in back.features.items():
        assert found.type == profile.features[name].type
        assert found.size == profile.features[name].size


def of_the_analyzer(**changes: Any) -> dict[str, Any]:
    """As Model Monitor writes it: counts as floats, and nothing of ours."""
    return {
        "version": 0.0,
        "dataset": {"item_count": 6},
        "features": [
            {
                "name": "age",
                "inferred_type": "Integral",
                "numerical_statistics": {
                    "common": {"num_present": 5, "num_missing": 1},
                    "mean": 3.0,
                    "sum": 15.0,
                    "std_dev": math.sqrt(2),
                    "min": 1.0,
                    "max": 5.0,
                    "distribution": {
                        "kll": {
                            "buckets": [{"lower_bound": 1.0, "upper_bound": 5.0, "count": 5.0}],
                            "sketch": {
                                "parameters": {"c": 0.64, "k": 2048.0},
                                "data": [[2.0, 1.0, 5.0], [3.5]],
                            },
                        }
                    },
                },
            },
            {
                "name": "town",
                "inferred_type": "String",
                "string_statistics": {
                    "common": {"num_present": 6, "num_missing": 0},
                    "distinct_count": 3.0,
                    "distribution": {
                        "categorical": {
                            "buckets": [{"value": "Ulm", "count": 4}, {"value": "Rom", "count": 1}]
                        }
                    },
                },
            },
            {"name": "empty", "inferred_type": "Unknown"},
        ],
        **changes,
    }


def test_the_analyzers_own_file_is_a_baseline() -> None:
    profile = Profile.of_statistics(of_the_analyzer())
    age, town, empty = profile.features.values()
    assert age.numbers.count == 5
    assert age.numbers.deviation == pytest.approx(math.sqrt(2))
    assert age.numbers.sketch.weighted() == ([1.0, 2.0, 3.5, 5.0], [1, 1, 2, 1])
    assert town.categories is not None
    assert (town.categories.counts, town.categories.other) == ({"Ulm": 4, "Rom": 1}, 1)
    assert town.free_text
    assert empty.type == "Unknown"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"features": [{}], "dataset": {"item_count": 1}},
        {"features": [], "dataset": {}},
        {"features": None, "dataset": {"item_count": 1}},
        {"features": ["x"], "dataset": {"item_count": 1}},
        {"features": [{"name": "x", "inferred_type": "Float"}], "dataset": {"item_count": 1}},
        {
            "features": [{"name": "x", "inferred_type": "Integral", "numerical_statistics": {}}],
            "dataset": {"item_count": 1},
        },
    ],
)
def test_what_is_no_such_file_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no statistics\.json of data quality"):
        Profile.of_statistics(given)


def test_it_goes_to_other_processes() -> None:
    profile = profiled({"x": ["1", "2", "x"], "y": ["a", "b", ""]})
    back = pickle.loads(pickle.dumps(profile))  # noqa: S301 - our own
    assert back.statistics() == profile.statistics()
