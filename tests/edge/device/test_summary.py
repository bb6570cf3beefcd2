"""What a device counts."""

from __future__ import annotations

import threading

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.edge.runtime.device.summary import MOST_BUCKETS, Counts


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_everything_is_counted_once_and_then_begins_anew() -> None:
    clock = Clock()
    counts = Counts(clock=clock)
    for _ in range(3):
        counts.inference(latency_ms=10.0, ok=True)
    counts.inference(latency_ms=0.1, ok=False)
    counts.fallback()
    counts.swap()
    counts.swap()
    counts.rejected_model()
    clock.now = 160.25
    assert counts.take(1_800_000_000.5) == {
        "at": 1_800_000_000_500,
        "window_seconds": 60.25,
        "inferences": 4,
        "errors": 1,
        "fallbacks": 1,
        "latency": {"values": [pytest.approx(10, rel=0.05)], "counts": [3]},
        "swaps": 2,
        "rejected_models": 1,
    }
    clock.now = 161
    again = counts.take(1_800_000_001)
    assert again["window_seconds"] == 0.75
    assert {again[each] for each in ("inferences", "errors", "fallbacks", "swaps", "rejected_models")} == {0}
    assert again["latency"] == {"values": [], "counts": []}


@given(st.lists(st.floats(min_value=0.001, max_value=3_600_000), min_size=1, max_size=50))
def test_each_latency_is_told_within_five_per_cent(latencies: list[float]) -> None:
    counts = Counts()
    for each in latencies:
        counts.inference(latency_ms=each, ok=True)
    told = counts.take(0)["latency"]
    spread = [
        value for value, count in zip(told["values"], told["counts"], strict=True) for _ in range(count)
    ]
    assert spread == sorted(spread)
    for exact, seen in zip(sorted(latencies), spread, strict=True):
        assert seen == pytest.approx(exact, rel=0.0501)


def test_percentiles_are_right_to_five_per_cent() -> None:
    latencies = numpy.random.default_rng(7).lognormal(1.5, 0.8, 5000)
    counts = Counts()
    for each in latencies:
        counts.inference(latency_ms=float(each), ok=True)
    told = counts.take(0)["latency"]
    assert len(told["values"]) <= MOST_BUCKETS
    spread = numpy.repeat(told["values"], told["counts"])
    for q in (50, 90, 99):
        assert numpy.percentile(spread, q) == pytest.approx(numpy.percentile(latencies, q), rel=0.06)


def test_there_are_never_too_many_buckets_none_is_lost_and_the_slow_ones_stay_exact() -> None:
    latencies = [1.07**i / 1000 for i in range(320)]
    counts = Counts()
    for each in latencies:
        counts.inference(latency_ms=each, ok=True)
    told = counts.take(0)["latency"]
    assert len(told["values"]) == len(told["counts"]) == MOST_BUCKETS
    assert sum(told["counts"]) == len(latencies)
    assert told["values"] == sorted(set(told["values"]))
    slowest = numpy.repeat(told["values"], told["counts"])[-50:]
    assert slowest == pytest.approx(latencies[-50:], rel=0.0501)


@pytest.mark.parametrize("odd", [0.0, -5.0, float("nan"), float("inf"), 1e12])
def test_a_clock_that_errs_makes_no_number_that_is_none(odd: float) -> None:
    counts = Counts()
    counts.inference(latency_ms=odd, ok=True)
    (value,) = counts.take(0)["latency"]["values"]
    assert 0 < value < 1e7


def test_threads_lose_no_count() -> None:
    counts = Counts()
    taken: list[int] = []

    def infer() -> None:
        for _ in range(2000):
            counts.inference(latency_ms=1, ok=True)

    threads = [threading.Thread(target=infer) for _ in range(6)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        taken.append(counts.take(0)["inferences"])
    assert sum(taken) + counts.take(0)["inferences"] == 12_000
