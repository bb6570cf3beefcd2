"""The jackknife and its quantile, against formulas, resampling and scipy."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from scipy import stats

from constructs_lib.monitoring.runtime.quality.noise import (
    BLOCKS,
    LEAST_SUPPORT,
    Measure,
    block_of,
    critical,
    deviations,
    jackknife,
)


def _mean_metrics(blocks: list[list[float]]):
    def metrics(without: int | None) -> dict[str, float]:
        kept = [x for index, block in enumerate(blocks) if index != without for x in block]
        return {"mean": statistics.fmean(kept)} if kept else {}

    return metrics


def test_the_deviation_of_a_mean_is_that_of_the_formula() -> None:
    draw = random.Random(1)  # noqa: S311
    found, exact = [], 2 / math.sqrt(400)
    for _ in range(300):
        blocks: list[list[float]] = [[] for _ in range(BLOCKS)]
        for _ in range(400):
            blocks[draw.randrange(BLOCKS)].append(draw.gauss(5, 2))
        deviation = deviations(_mean_metrics(blocks), list(map(len, blocks)))["mean"]
        assert deviation is not None
        found.append(deviation**2)
    assert math.sqrt(statistics.fmean(found)) == pytest.approx(exact, rel=0.05)


def test_blocks_of_one_record_are_the_delete_one_jackknife() -> None:
    sample = [1.0, 4.0, 9.0, 16.0, 40.0]
    blocks = [[x] for x in sample] + [[]] * (BLOCKS - 5)
    deviation = deviations(_mean_metrics(blocks), list(map(len, blocks)))["mean"]
    assert deviation == pytest.approx(statistics.stdev(sample) / math.sqrt(5))


def test_one_block_alone_tells_nothing() -> None:
    assert jackknife(1.0, [0.5, None], [3, 0]) is None
    assert jackknife(1.0, [], []) is None


def test_nor_does_a_metric_that_one_block_decides() -> None:
    assert jackknife(1.0, [1.0, None, 1.0], [3, 3, 3]) is None
    assert jackknife(1.0, [1.0, math.inf, 1.0], [3, 3, 3]) is None
    assert jackknife(math.inf, [1.0, 1.0], [3, 3]) is None


def test_keys_fall_evenly_into_blocks() -> None:
    for form in ("id-{:06d}", "{}", "7d9f-{:x}-aa", "é{}"):
        counts = [0] * BLOCKS
        for number in range(20_000):
            counts[block_of(form.format(number), 0)] += 1
        assert stats.chisquare(counts).pvalue > 1e-6


def test_a_record_without_a_key_goes_by_its_place() -> None:
    assert [block_of(None, place) for place in (0, 19, 20)] == [0, 19, 0]
    assert block_of("\ud800", 0) in range(BLOCKS)


@pytest.mark.parametrize("judged", [1, 2, 14, 100])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 0.999])
def test_the_quantile_is_scipys(level: float, judged: int) -> None:
    expected = stats.t.isf((1 - level) / judged, BLOCKS - 1)
    assert critical(level, judged) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("level", [0.49, 1, 0, 99, -1, math.nan])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        critical(level)


def test_nothing_judged_still_has_a_quantile() -> None:
    assert critical(0.99, 0) == critical(0.99, 1)


def test_a_measure_is_certain_of_enough_records_and_a_deviation() -> None:
    assert Measure(value=1, standard_deviation=0.0, support=LEAST_SUPPORT).certain
    assert not Measure(value=1, standard_deviation=0.0, support=LEAST_SUPPORT - 1).certain
    assert not Measure(value=1, standard_deviation=None, support=1000).certain
