"""Comparison of answers, and the verdict on the challenger."""

from __future__ import annotations

import random

import numpy
import pytest

from constructs_lib.experiments.runtime.agreement import (
    Criteria,
    Load,
    Outcome,
    compare,
    slowdown,
    verdict,
)
from constructs_lib.experiments.runtime.captured import Answer

CRITERIA = Criteria(tolerance=0, minimum_pairs=3, least_agreement=0.9)


def labels(*values: str) -> Answer:
    return Answer(labels=values)


def numbers(*values: float) -> Answer:
    return Answer(numbers=values)


def test_labels_are_equal_or_not() -> None:
    outcome = compare([(labels("a", "b"), labels("a", "c")), (labels("a"), labels("a"))], 0)
    assert (outcome.pairs, outcome.values, outcome.equal, outcome.identical) == (2, 3, 2, 1)
    assert outcome.agreement == pytest.approx(2 / 3)
    assert outcome.differences is None


def test_numbers_have_a_distance() -> None:
    draw = random.Random(1).random  # noqa: S311
    a, b = [draw() for _ in range(1000)], [draw() for _ in range(1000)]
    outcome = compare([(numbers(x), numbers(y)) for x, y in zip(a, b, strict=True)], 0.1)
    apart = numpy.abs(numpy.array(a) - numpy.array(b))
    found = outcome.differences
    assert found is not None
    assert found.mean == pytest.approx(apart.mean())
    assert found.p95 == pytest.approx(numpy.quantile(apart, 0.95, method="inverted_cdf"))
    assert found.maximum == apart.max()
    assert found.count == 1000
    # Without labels, numbers within the tolerance are what agrees.
    assert outcome.equal == (apart <= 0.1).sum()


def test_the_tolerance_is_included() -> None:
    pairs = [(numbers(1.0), numbers(1.5))]
    assert compare(pairs, 0.5).agreement == 1
    assert compare(pairs, 0.49).agreement == 0


def test_with_labels_numbers_are_told_and_do_not_agree_or_disagree() -> None:
    pair = (Answer(labels=("a",), numbers=(0.9,)), Answer(labels=("a",), numbers=(0.6,)))
    outcome = compare([pair], 0)
    assert (outcome.agreement, outcome.values) == (1, 1)
    assert outcome.differences is not None
    assert outcome.differences.mean == pytest.approx(0.3)


def test_answers_of_other_lengths_disagree_where_one_is_silent() -> None:
    outcome = compare([(labels("a", "b", "c"), labels("a")), (numbers(1), numbers(1, 2))], 0)
    assert (outcome.misshapen, outcome.identical) == (2, 0)
    assert (outcome.values, outcome.equal) == (5, 2)


def test_nothing_is_no_agreement() -> None:
    assert compare([], 0).agreement is None
    assert compare([(Answer(), Answer())], 0).agreement is None


def test_the_order_does_not_matter() -> None:
    pairs = [(numbers(random.random()), numbers(random.random())) for _ in range(500)]  # noqa: S311
    assert compare(pairs, 0.1) == compare(list(reversed(pairs)), 0.1)


def agreeing(share: float, count: int = 100) -> Outcome:
    return compare([(labels("a"), labels("a" if n < share * count else "b")) for n in range(count)], 0)


def kind(outcome: Outcome, criteria: Criteria = CRITERIA, **p99: float) -> tuple[str, str]:
    loads = {side: Load(p99_latency=value) for side, value in p99.items()}
    return verdict(outcome, loads.get("production", Load()), loads.get("challenger", Load()), criteria)


def test_a_challenger_agrees_or_differs() -> None:
    assert kind(agreeing(0.9))[0] == "agrees"
    told = kind(agreeing(0.89))
    assert told[0] == "differs"
    assert told[1] == (
        "89.00% of 100 values in 100 pairs of answers are equal. At least 90.00% were asked for."
    )


def test_too_little_is_inconclusive_and_nothing_is_no_data() -> None:
    assert kind(agreeing(0, count=2))[0] == "inconclusive"
    assert kind(agreeing(0, count=3))[0] == "differs"
    assert kind(compare([], 0))[0] == "no data"
    assert kind(compare([(Answer(), Answer())] * 9, 0))[0] == "no data"


def test_distance_is_judged_where_that_is_asked_for() -> None:
    outcome = compare([(numbers(1), numbers(1.5))] * 5, 1)
    assert kind(outcome)[0] == "agrees"
    strict = Criteria(tolerance=1, minimum_pairs=3, least_agreement=0.9, most_difference=0.4)
    told = kind(outcome, strict)
    assert told[0] == "differs"
    assert "differ by 0.5 in the mean, at most 0.4" in told[1]


def test_slowness_is_judged_where_that_is_asked_for_and_known() -> None:
    quick = Criteria(tolerance=0, minimum_pairs=3, least_agreement=0.9, most_slowdown=1.5)
    assert kind(agreeing(1), production=100, challenger=151)[0] == "agrees"
    assert kind(agreeing(1), quick, production=100, challenger=150)[0] == "agrees"
    told = kind(agreeing(1), quick, production=100, challenger=151)
    assert told[0] == "differs"
    assert "p99 latency is 1.51 times production's, at most 1.5" in told[1]
    assert kind(agreeing(1), quick, production=100)[0] == "agrees"


def test_slowdown_is_none_where_either_is_unknown() -> None:
    known = Load(p99_latency=10)
    assert slowdown(known, Load(p99_latency=20)) == 2
    assert slowdown(known, Load()) is None
    assert slowdown(Load(), known) is None
    assert slowdown(Load(p99_latency=0), known) is None
