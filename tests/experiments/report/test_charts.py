"""Charts show what they are about: curves are densities, layers add up."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from scipy import stats

from constructs_lib.experiments.report.charts import density, posteriors, rewards, traffic
from constructs_lib.experiments.runtime.decision import Belief
from constructs_lib.experiments.runtime.experiment import Reward
from tests.support.experiment_findings import BEGAN, BINARY, DAY, findings, tripped

RATE = Reward(kind="binary", window=60.0)
AMOUNT = Reward(kind="numeric", window=60.0, low=-10.0, high=10.0)


def beta(successes: float, failures: float) -> Belief:
    found = stats.beta(successes + 1, failures + 1)
    low, high = found.ppf([0.025, 0.975])
    units = successes + failures
    return Belief(mean=found.mean(), low=low, high=high, probability_best=0.5, units=units)


# --- densities ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("successes", "failures"), [(0, 0), (3, 0), (0, 40), (51, 949), (4e6, 9e7)])
def test_a_binary_belief_is_drawn_as_its_beta_distribution(successes: float, failures: float) -> None:
    curve = density(beta(successes, failures), RATE)
    expected = stats.beta(successes + 1, failures + 1)

    assert [y for _, y in curve] == pytest.approx([expected.pdf(x) for x, _ in curve], rel=1e-4, abs=1e-6)
    assert area(curve) == pytest.approx(1, abs=0.02)


def test_a_numeric_belief_is_drawn_as_a_normal_distribution() -> None:
    belief = Belief(mean=2.0, low=2 - 1.959964 * 0.5, high=2 + 1.959964 * 0.5, probability_best=0.5, units=9)
    curve = density(belief, AMOUNT)

    assert [y for _, y in curve] == pytest.approx([stats.norm(2, 0.5).pdf(x) for x, _ in curve])


def test_a_density_keeps_to_the_bounds_of_the_reward() -> None:
    curve = density(Belief(mean=9.5, low=8.0, high=10.0, probability_best=0.5, units=9), AMOUNT)

    assert max(x for x, _ in curve) == 10.0


def test_a_belief_without_any_doubt_can_be_drawn() -> None:
    curve = density(Belief(mean=1.0, low=1.0, high=1.0, probability_best=1, units=9), AMOUNT)

    assert all(math.isfinite(y) for _, y in curve)


def area(curve: list[tuple[float, float]]) -> float:
    return sum((x - before) * (y + under) / 2 for (before, under), (x, y) in pairwise(curve))


# --- the charts -----------------------------------------------------------------------------------------


def test_the_layers_of_the_traffic_are_the_shares() -> None:
    heights: dict[int, float] = {}
    layers: dict[int, tuple[float, float]] = {}
    for series, path in re.findall(r'<path d="([^"]+)" class="layer s(\d)"', traffic(findings())):
        places = [tuple(map(float, each.split(","))) for each in re.findall(r"[\d.]+,[\d.]+", series)]
        last = max(x for x, _ in places)
        ends = [y for x, y in places if x == last]
        heights[int(path)] = max(ends) - min(ends)
        layers[int(path)] = (min(ends), max(ends))
    whole = sum(heights.values())

    assert {series: height / whole for series, height in heights.items()} == pytest.approx(
        {0: 0.08, 1: 0.8, 2: 0.12}, abs=0.001
    )
    assert layers[0][1] == layers[1][0]
    assert layers[1][1] == layers[2][0]


def test_traffic_is_told_as_it_was_at_each_time() -> None:
    told = re.findall(r"<title>([^<]+ UTC\n[^<]+)</title>", traffic(findings()))

    assert told[0] == "15 Jan 2027, 08:01 UTC\ncontrol: 34 %\nbold: 33 %\nshy: 33 %"
    assert told[-1].endswith("control: 8 %\nbold: 80 %\nshy: 12 %")


def test_traffic_without_an_epoch_is_what_is_in_force() -> None:
    assert "bold: 80 %" in traffic(findings(epochs=()))
    assert "bold: 0 %" in traffic(findings(epochs=(), weights={}))


def test_each_variant_has_a_line_and_a_band() -> None:
    chart = rewards(findings())

    assert chart is not None
    assert re.findall(r'class="band (s\d)"', chart) == ["s0", "s1", "s2"]
    assert set(re.findall(r'<path d="M[^"]+" class="line (s\d)"', chart)) == {"s0", "s1", "s2"}


def test_one_look_is_a_dot_with_its_interval() -> None:
    of = findings()
    chart = rewards(replace(of, looks=of.looks[-1:]))

    assert chart is not None
    assert chart.count("<circle") == 3
    assert 'class="band' not in chart


def test_before_anything_matured_there_is_nothing_to_draw() -> None:
    assert rewards(findings(days=1)) is None
    assert posteriors(findings(days=1)) is None
    assert posteriors(findings(looks=())) is None


def test_trips_are_marked_where_they_lie_within_the_chart() -> None:
    of = tripped(findings())
    early = replace(of, trips=(replace(of.trips[0], at=BEGAN - DAY),))
    unknown = replace(of, trips=(replace(of.trips[0], at=None),))

    assert "bold taken out" in (rewards(of) or "")
    assert "bold taken out" in traffic(of)
    assert "taken out" not in traffic(early)
    assert "taken out" not in traffic(unknown)


def test_many_looks_are_told_a_few_at_a_time() -> None:
    assert (rewards(findings(BINARY, days=100)) or "").count('class="moment"') == 200
