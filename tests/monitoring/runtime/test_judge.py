"""Verdicts: each check at its limit, the guard against noise, and the analyzer's violations."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from constructs_lib.monitoring.runtime.drift.constraints import profile_for, suggest
from constructs_lib.monitoring.runtime.drift.judge import Verdict, judge
from constructs_lib.monitoring.runtime.drift.profile import Profile
from constructs_lib.monitoring.runtime.reading.table import Chunk
from tests.monitoring.runtime.tables import filled, profiled

Columns = dict[str, list[Any]]


def verdict(
    before: Columns, now: Columns, options: dict[str, Any] | None = None, config: dict[str, Any] | None = None
) -> Verdict:
    """Of a window, by the constraints of a baseline."""
    baseline = profiled(before)
    constraints = suggest(baseline, options)
    constraints["monitoring_config"].update(config or {})
    return judge(constraints, baseline, filled(profile_for(constraints), now))


def kinds(found: Verdict) -> list[tuple[str, str]]:
    return [(each["feature_name"], each["constraint_check_type"]) for each in found.violations]


def numbers(count: int, seed: int, mean: float = 10.0) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 1, count).tolist()


WORDS = ["a", "b", "b", "c"] * 250


def test_a_window_like_its_baseline_passes() -> None:
    found = verdict({"x": numbers(2000, 1), "y": WORDS}, {"x": numbers(500, 2), "y": WORDS[:500]})
    assert found.violations == []
    assert found.checks == 7  # x: completeness, type, range, drift; y: completeness, domain, drift
    assert found.level == pytest.approx(0.01 / 7)


def test_a_drift_is_told_as_the_analyzer_tells_it() -> None:
    found = verdict({"x": numbers(2000, 1), "y": WORDS}, {"x": numbers(500, 2, 10.5), "y": ["a"] * 500})
    assert kinds(found) == [("x", "baseline_drift_check"), ("y", "baseline_drift_check")]
    told = re.search(r"distance: (.+) exceeds threshold: (.+)", found.violations[0]["description"])
    assert told is not None
    assert float(told.group(1)) == pytest.approx(found.features["x"]["distance"], rel=1e-4)
    assert float(told.group(2)) == 0.1
    assert json.dumps(found.features, allow_nan=False)


def test_what_result_json_tells_of_a_feature() -> None:
    now: Columns = {"x": [*numbers(396, 2, 10.5), "w", "", None, 1e6], "y": [*WORDS[:360], *["new"] * 40]}
    found = verdict({"x": numbers(2000, 1), "y": WORDS}, now).features
    x, y = found["x"], found["y"]
    assert (x["type"], x["method"], x["threshold"], x["drifted"], x["ignored"]) == (
        "Fractional",
        "ks",
        0.1,
        True,
        False,
    )
    assert set(x["distances"]) == {"kolmogorov_smirnov", "psi", "jensen_shannon", "wasserstein"}
    assert x["distance"] == x["distances"]["kolmogorov_smirnov"]
    assert 0 < x["p_value"] < 1e-9
    assert (x["missing"], x["unfit"], x["new_categories"]) == (2 / 400, 1 / 398, [])
    assert x["out_of_range"] == pytest.approx(1 / 397, abs=2 / 397)
    assert (y["type"], y["method"], y["out_of_range"], y["new_categories"]) == (
        "String",
        "psi",
        None,
        ["new"],
    )


def test_an_effect_below_its_threshold_is_no_drift_however_sure() -> None:
    before, now = {"x": numbers(50_000, 1)}, {"x": numbers(50_000, 2, 10.1)}
    found = verdict(before, now)
    assert found.features["x"]["p_value"] < 1e-20
    assert found.violations == []
    distance = found.features["x"]["distance"]
    for threshold, drifted in ((distance, False), (distance * 0.999, True)):
        assert (
            verdict(before, now, {"numeric": {"threshold": threshold, "method": "ks"}}).features["x"][
                "drifted"
            ]
            is drifted
        )


def test_an_effect_in_few_records_is_no_drift_however_large() -> None:
    found = verdict({"x": numbers(2000, 1)}, {"x": numbers(8, 3, 10.8)})
    assert found.features["x"]["distance"] > 0.2
    assert found.violations == []


def test_alpha_is_divided_by_the_checks() -> None:
    """The same drift among more features needs more evidence."""
    before, now = numbers(1000, 1), numbers(100, 4, 10.5)
    alone = verdict({"x": before}, {"x": now})
    assert kinds(alone) == [("x", "baseline_drift_check")]
    others = {f"o{number}": numbers(1000, 10 + number) for number in range(200)}
    same = {name: cells[:100] for name, cells in others.items()}
    among = verdict({"x": before, **others}, {"x": now, **same})
    assert among.features["x"]["p_value"] == alone.features["x"]["p_value"]
    assert kinds(among) == []
    assert kinds(verdict({"x": before}, {"x": now}, {"alpha": 0.0})) == []


@pytest.mark.parametrize(
    ("records", "missing", "violated"),
    [(300, 1, False), (300, 20, True), (2_000, 2, False), (2_000, 6, True), (200_000, 1, True)],
)
def test_a_record_without_a_value_alarms_if_the_baseline_is_large_and_complete(
    records: int, missing: int, violated: bool
) -> None:
    now = [*[7] * (500 - missing), *[None] * missing]
    found = kinds(verdict({"x": [7] * records}, {"x": now}))
    assert found == ([("x", "completeness_check")] if violated else [])


def test_completeness_is_held_to_what_is_allowed_and_no_less() -> None:
    before = {"x": [*[7] * 9000, *[None] * 1000]}

    def found(missing: int, **options: Any) -> list[tuple[str, str]]:
        now = {"x": [*[7] * (500 - missing), *[None] * missing]}
        return kinds(verdict(before, now, {"features": {"x": options}}))

    assert found(50) == []
    assert found(65) == []
    assert found(90) == [("x", "completeness_check")]
    assert found(90, completeness=0.7) == []
    assert found(250, completeness=0.7) == [("x", "completeness_check")]
    # More is demanded than the baseline had: that alone is no news.
    assert found(50, completeness=1.0) == []
    assert found(90, completeness=1.0) == [("x", "completeness_check")]


def test_cells_of_another_type_are_told_as_the_analyzer_tells_them() -> None:
    before = {"x": [1, 2, 3, 4] * 500}
    found = verdict(before, {"x": [*[1, 2, 3, 4] * 120, *[2.5] * 10, *["x"] * 10]})
    assert kinds(found) == [("x", "data_type_check")]
    assert found.violations[0]["description"] == (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        "Observed: Only 96.0% of data is Integral."
    )
    assert kinds(verdict(before, {"x": [*[1, 2, 3, 4] * 124, 2.5]})) == []
    lenient = verdict(
        before, {"x": [*[1, 2, 3, 4] * 120, *["x"] * 20]}, config={"datatype_check_threshold": 0.9}
    )
    assert kinds(lenient) == []


def test_numbers_out_of_range_alarm_from_a_share_on() -> None:
    before = {"x": list(range(1000)) * 5}

    def found(outside: int, **options: Any) -> list[tuple[str, str]]:
        now = {"x": [*(list(range(1000)) * 5)[: 500 - outside], *[-3] * outside]}
        return [each for each in kinds(verdict(before, now, options)) if each[1] == "range_check"]

    assert found(5) == []  # the 1 % that is allowed
    assert found(7) == []  # more, and not surely
    assert found(25) == [("x", "range_check")]
    assert found(5, out_of_range=0) == [("x", "range_check")]
    assert found(25, features={"x": {"low": -5}}) == []


def test_an_own_minimum_is_exceeded_by_chance() -> None:
    """The range is the baseline's own: of 60 records, others exceed it soon."""
    found = verdict({"x": numbers(60, 1)}, {"x": numbers(500, 2)})
    assert found.features["x"]["out_of_range"] > 0.01
    assert found.violations == []


def test_new_categories_alarm_unless_the_baseline_let_expect_them() -> None:
    found = verdict({"y": WORDS}, {"y": [*WORDS[:480], *["d"] * 15, *["e"] * 5]})
    assert ("y", "categorical_values_check") in kinds(found)
    assert found.features["y"]["new_categories"] == ["d", "e"]
    assert "Only 96.00% of values are known; new: d, e" in found.violations[0]["description"]
    assert verdict({"y": WORDS}, {"y": [*WORDS[:499], "d"]}).violations == []
    rare = [f"r{number}" for number in range(40)]
    some = verdict({"y": [*WORDS, *rare]}, {"y": [*WORDS[:480], *[f"n{number}" for number in range(20)]]})
    assert some.violations == []
    lenient = verdict(
        {"y": WORDS}, {"y": [*WORDS[:480], *["d"] * 20]}, config={"domain_content_threshold": 0.9}
    )
    assert "categorical_values_check" not in dict(kinds(lenient)).values()


def test_of_many_new_categories_some_are_named_and_all_are_counted() -> None:
    found = verdict({"y": WORDS}, {"y": [f"n{number}" for number in range(3000)]})
    assert len(found.features["y"]["new_categories"]) == 20
    assert ("y", "categorical_values_check") in kinds(found)
    assert ("y", "baseline_drift_check") in kinds(found)


def test_free_text_is_only_asked_to_be_there() -> None:
    before = {"id": [f"u{number}" for number in range(2000)]}
    others = [f"v{number}" for number in range(500)]
    found = verdict(before, {"id": others})
    assert found.violations == []
    assert found.checks == 1
    assert found.features["id"]["method"] is None
    assert kinds(verdict(before, {"id": [*others[:400], *[""] * 100]})) == [("id", "completeness_check")]


def test_columns_that_are_gone_and_new_ones() -> None:
    before = {"x": [1, 2] * 500, "y": WORDS}
    found = verdict(before, {"x": [1, 2] * 250, "z": [5] * 500})
    assert kinds(found) == [("y", "missing_column_check"), ("z", "extra_column_check")]
    assert found.features["y"]["missing"] == 1.0
    assert "z" not in found.features
    assert kinds(verdict(before, {"x": [1, 2] * 250, "y": WORDS[:500], "z": [5, *[None] * 499]})) == []


def test_a_column_that_was_nearly_always_empty_may_be_gone() -> None:
    before = {"x": [1, 2] * 500, "y": [7, *[None] * 999]}
    assert kinds(verdict(before, {"x": [1, 2] * 100})) == []


def test_columns_that_the_reader_tells_of() -> None:
    baseline = profiled({"x": [1, 2] * 500})
    constraints = suggest(baseline)
    window = filled(profile_for(constraints), {"x": [1, 2] * 250})
    found = judge(constraints, baseline, window, extra_columns=["q", "p"], missing_columns=["x"])
    assert kinds(found) == [
        ("p", "extra_column_check"),
        ("q", "extra_column_check"),
        ("x", "missing_column_check"),
    ]


def test_what_is_ignored_is_told_and_not_judged() -> None:
    found = verdict({"x": numbers(2000, 1)}, {"x": numbers(500, 2, 14)}, {"ignored": ["x"]})
    assert found.violations == []
    assert found.checks == 0
    assert found.features["x"]["ignored"]
    assert found.features["x"]["distance"] > 0.9


def test_evaluation_and_comparison_may_be_off() -> None:
    before, now = {"x": numbers(2000, 1)}, {"x": numbers(500, 2, 14)}
    assert verdict(before, now, config={"evaluate_constraints": "Disabled"}).violations == []
    off = verdict(before, now, config={"distribution_constraints": {"perform_comparison": "Disabled"}})
    assert kinds(off) == [("x", "range_check")]


def test_every_method_judges() -> None:
    before: Columns = {"x": numbers(2000, 1), "y": WORDS}
    now: Columns = {"x": numbers(500, 2, 11), "y": ["a"] * 250 + ["b"] * 250}
    for numeric, categorical in (
        ("ks", "psi"),
        ("psi", "jensen_shannon"),
        ("jensen_shannon", "l_infinity"),
        ("wasserstein", "chi_square"),
    ):
        found = verdict(before, now, {"numeric": {"method": numeric}, "categorical": {"method": categorical}})
        assert [each for each in kinds(found) if each[1] == "baseline_drift_check"] == [
            ("x", "baseline_drift_check"),
            ("y", "baseline_drift_check"),
        ]
        assert (found.features["x"]["method"], found.features["y"]["method"]) == (numeric, categorical)


def test_a_baseline_that_came_back_from_its_file_judges_the_same() -> None:
    before: Columns = {
        "x": [*numbers(5000, 1), "", "w"],
        "y": [*WORDS * 5, "once", ""],
        "id": [f"u{n}" for n in range(5002)],
    }
    now: Columns = {
        "x": [*numbers(495, 2, 10.4), *["w"] * 5],
        "y": [*WORDS[:480], *["d"] * 20],
        "id": ["u"] * 500,
    }
    baseline = profiled(before)
    constraints = json.loads(json.dumps(suggest(baseline)))
    back = Profile.of_statistics(json.loads(json.dumps(baseline.statistics())))
    window = filled(profile_for(constraints), now)
    assert judge(constraints, back, window) == judge(constraints, baseline, window)


def test_a_feature_without_a_baseline_is_held_to_its_constraints_alone() -> None:
    constraints = suggest(profiled({"x": [1] * 100, "y": ["a"] * 100}))
    window = filled(profile_for(constraints), {"x": [*[1] * 99, ""], "y": [*["a"] * 99, "b"]})
    assert kinds(judge(constraints, Profile(), window)) == [
        ("x", "completeness_check"),
        ("y", "categorical_values_check"),
    ]


def test_an_empty_window_has_no_violation() -> None:
    before: Columns = {"x": numbers(2000, 1), "y": WORDS}
    assert verdict(before, {}).violations == []
    constraints = suggest(profiled(before))
    window = profile_for(constraints)
    window.add(Chunk({"x": [], "y": []}, 0))
    found = judge(constraints, profiled(before), window)
    assert found.violations == []
    assert found.features["x"]["missing"] == 0


def test_categories_and_numbers_are_not_held_to_each_other() -> None:
    words, integers = {"x": WORDS}, {"x": [1, 2] * 500}
    constraints = suggest(profiled(words))
    with pytest.raises(
        ValueError, match="x is String in the constraints and Integral in the baseline's statistics"
    ):
        judge(constraints, profiled(integers), profiled(words))
    with pytest.raises(ValueError, match="String in the constraints and declared Integral in the window"):
        judge(constraints, profiled(words), profiled(integers, {"x": "Integral"}))
    with pytest.raises(ValueError, match="Integral in the constraints and declared String in the window"):
        judge(suggest(profiled(integers)), profiled(integers), profiled(integers, {"x": "String"}))


def test_a_window_whose_types_were_inferred_is_judged_too() -> None:
    baseline = profiled({"x": ["1", "2", "a", "b"] * 250, "n": [1, 2, 3, 4] * 250})
    constraints = suggest(baseline)
    assert (
        judge(
            constraints, baseline, profiled({"x": ["1", "2", "a", "b"] * 100, "n": [1, 2, 3, 4] * 100})
        ).violations
        == []
    )
    found = judge(constraints, baseline, profiled({"x": ["1", "2"] * 200, "n": ["x"] * 400}))
    assert kinds(found) == [("x", "baseline_drift_check"), ("n", "data_type_check")]
