"""Calibration, against scikit-learn."""

from __future__ import annotations

import random
import statistics

import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from constructs_lib.monitoring.runtime.quality.calibration import BINS, Calibration
from constructs_lib.monitoring.runtime.quality.noise import BLOCKS


def _sample(count: int, seed: int = 0, bias: float = 0.0) -> list[tuple[float, bool]]:
    draw = random.Random(seed)  # noqa: S311
    chances = [draw.betavariate(1, 2) for _ in range(count)]
    return [(chance, draw.random() < chance + bias * (1 - chance)) for chance in chances]


def _counted(sample: list[tuple[float, bool]]) -> Calibration:
    calibration = Calibration()
    for place, (probability, true) in enumerate(sample):
        calibration.add(probability, true, place % BLOCKS)
    return calibration


def test_the_table_is_scikit_learns_curve() -> None:
    sample = _sample(5000, bias=0.2)
    table = _counted(sample).table()
    shares, means = calibration_curve([t for _, t in sample], [p for p, _ in sample], n_bins=BINS)
    assert [row["share"] for row in table] == pytest.approx(list(shares))
    assert [row["mean_probability"] for row in table] == pytest.approx(list(means))
    assert sum(row["count"] for row in table) == 5000
    assert all(row["lower"] <= row["mean_probability"] <= row["upper"] for row in table)


def test_the_error_follows_from_the_table_and_the_score_is_scikit_learns() -> None:
    sample = _sample(3000, bias=0.3)
    calibration = _counted(sample)
    found = calibration.metrics()
    by_table = sum(row["count"] * abs(row["share"] - row["mean_probability"]) for row in calibration.table())
    assert found["expected_calibration_error"] == pytest.approx(by_table / 3000)
    assert found["brier_score"] == pytest.approx(
        brier_score_loss([t for _, t in sample], [p for p, _ in sample])
    )


@pytest.mark.parametrize(
    ("probability", "lower"), [(0.0, 0.0), (0.1, 0.0), (0.1001, 0.1), (0.9001, 0.9), (1.0, 0.9)]
)
def test_a_bin_has_its_upper_edge(probability: float, lower: float) -> None:
    assert [row["lower"] for row in _counted([(probability, True)]).table()] == [lower]


def test_a_calibrated_model_has_the_error_of_chance() -> None:
    errors, chances = [], []
    for seed in range(200):
        calibration = _counted(_sample(400, seed))
        errors.append(calibration.metrics()["expected_calibration_error"])
        chances.append(calibration.chance())
    assert statistics.fmean(errors) == pytest.approx(statistics.fmean(chances), rel=0.1)


def test_nothing_has_no_metrics() -> None:
    assert Calibration().metrics() == {}
    assert Calibration().table() == []
    assert Calibration().chance() == 0
    assert _counted([(1.0, True)] * 3).chance() == 0


def test_shards_are_the_whole() -> None:
    sample = _sample(1000)
    whole, merged, second = _counted(sample), Calibration(), Calibration()
    for place, (probability, true) in enumerate(sample):
        (merged if place % 3 else second).add(probability, true, place % BLOCKS)
    merged.merge(second)
    assert merged.count == whole.count == 1000
    for block in (None, 0, 19):
        assert merged.metrics(block) == pytest.approx(whole.metrics(block), rel=1e-12)
