"""How often a window without drift alarms, and whether three drifted features of thirty are found: on real data."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer

from constructs_lib.monitoring.runtime.drift.constraints import profile_for, suggest
from constructs_lib.monitoring.runtime.drift.judge import judge
from constructs_lib.monitoring.runtime.drift.profile import Profile
from constructs_lib.monitoring.runtime.reading.table import Cell
from tests.monitoring.runtime.tables import filled, profiled

DATA = load_breast_cancer()
NAMES = [str(name) for name in DATA.feature_names]
ROWS = DATA.data.tolist()
WINDOWS, RECORDS, ALPHA = 200, 500, 0.01
SIZES = ("small", "middle", "large")

Columns = dict[str, list[Cell]]


def drawn(source: random.Random, count: int) -> Columns:
    """Records of the data set with a little noise, so that values are as distinct as measured ones.

    Two columns are more than numbers: one is a category, and of one a twentieth is missing.
    """
    rows = [[value * (1 + source.gauss(0, 0.01)) for value in source.choice(ROWS)] for _ in range(count)]
    columns: Columns = {name: [row[at] for row in rows] for at, name in enumerate(NAMES)}
    columns["mean area"] = [SIZES[(row[3] > 450) + (row[3] > 800)] for row in rows]
    columns["worst symmetry"] = [
        None if source.random() < 0.05 else value for value in columns["worst symmetry"]
    ]
    return columns


BASELINE = profiled(drawn(random.Random(0), 1500))  # noqa: S311 - no secret


@pytest.fixture(scope="module")
def windows() -> list[Profile]:
    source, constraints = random.Random(1), suggest(BASELINE)  # noqa: S311 - no secret
    return [filled(profile_for(constraints), drawn(source, RECORDS)) for _ in range(WINDOWS)]


def alarms(windows: list[Profile], options: dict[str, object]) -> int:
    """In how many windows there is any violation."""
    constraints = suggest(BASELINE, options)
    return sum(bool(judge(constraints, BASELINE, window).violations) for window in windows)


# Every effect is enough: the guard alone keeps the promise.
NO_THRESHOLDS: dict[str, object] = {
    "numeric": {"method": "ks", "threshold": 0},
    "categorical": {"method": "psi", "threshold": 0},
    "out_of_range": 0,
}


@pytest.mark.parametrize("options", [{}, NO_THRESHOLDS], ids=["as suggested", "no thresholds"])
def test_windows_without_drift_alarm_no_more_often_than_alpha(
    windows: list[Profile], options: dict[str, object], record_property: Callable[[str, object], None]
) -> None:
    found = alarms(windows, {"alpha": ALPHA, **options})
    record_property("false_alarms", f"{found} of {WINDOWS} windows")
    print(f"{found} of {WINDOWS} windows without drift alarm")
    # More would have a probability below 1 % if alpha were kept.
    assert found <= stats.binom.ppf(0.99, WINDOWS, ALPHA)


def test_the_guard_is_one_that_lets_alarms_through(windows: list[Profile]) -> None:
    """With an alpha of a half some windows alarm, and no more than a half."""
    found = alarms(windows[:60], {"alpha": 0.5, **NO_THRESHOLDS})
    print(f"{found} of 60 windows without drift alarm at alpha 0.5")
    assert 1 <= found <= stats.binom.ppf(0.99, 60, 0.5)


def test_three_drifted_features_of_thirty_are_found_and_no_other() -> None:
    source, constraints = random.Random(2), suggest(BASELINE, {"alpha": ALPHA})  # noqa: S311 - no secret
    for _ in range(20):
        columns = drawn(source, RECORDS)
        columns["mean radius"] = [value * 1.15 for value in columns["mean radius"]]  # type: ignore[operator]
        columns["smoothness error"] = [value + 0.0015 for value in columns["smoothness error"]]  # type: ignore[operator]
        columns["mean area"] = ["large" if source.random() < 0.5 else size for size in columns["mean area"]]
        found = judge(constraints, BASELINE, filled(profile_for(constraints), columns))
        assert {name for name, feature in found.features.items() if feature["drifted"]} == {
            "mean radius",
            "smoothness error",
            "mean area",
        }
        assert {each["feature_name"] for each in found.violations} == {
            "mean radius",
            "smoothness error",
            "mean area",
        }
