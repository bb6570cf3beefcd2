"""The same distances as Evidently, on the same data; its own numbers are in tests/monitoring/oracles/evidently.json.

Evidently's definitions are its own in places:

- "psi" and "jensenshannon" of numbers are over bins of equal width by Sturges' rule, which span both samples: here the
  `binning` "sturges". (With 20 distinct values or fewer it takes numbers for categories; no column here has so few.)
- For "psi" an empty bin's share is 0.0001, here `floored`; for categories too, where this engine always smooths.
- "jensenshannon" is in nats: it is √ln 2 of ours.
- "wasserstein" is in standard deviations of the reference, of 0.001 at least.
- "ks" is p, and exact for samples this small; ours is Kolmogorov's limit, corrected.
- "chisquare" is p of the current counts against the reference's shares taken for certain: `goodness_of_fit`. Ours takes
  the baseline for the sample that it is, so its p is greater.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from constructs_lib.monitoring.runtime.drift.distances import chi_square, floored, goodness_of_fit, psi
from constructs_lib.monitoring.runtime.drift.drift import drift
from tests.monitoring.runtime.tables import feature
from tools.evidently_oracle import CATEGORIES, DRIFTED, halves

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "evidently.json").read_text())
REFERENCE, CURRENT = halves()
NUMBERS = [name for name in REFERENCE if name not in CATEGORIES]


def test_the_oracle_is_of_this_version_and_of_these_columns() -> None:
    assert ORACLE["evidently"] == "0.7.23"
    assert list(ORACLE["features"]) == list(REFERENCE)
    assert len(NUMBERS) == 30


@pytest.mark.parametrize("name", NUMBERS)
def test_distances_of_numbers_are_evidentlys(name: str) -> None:
    expected = ORACLE["features"][name]
    found = drift(feature(REFERENCE[name]), feature(CURRENT[name]), "psi", binning="sturges").distances
    assert found["psi"] == pytest.approx(expected["psi"], rel=1e-9)
    assert found["jensen_shannon"] * math.sqrt(math.log(2)) == pytest.approx(
        expected["jensenshannon"], rel=1e-9
    )
    assert found["wasserstein"] == pytest.approx(expected["wasserstein"], rel=1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_p_of_numbers_decides_as_evidentlys(name: str) -> None:
    expected = ORACLE["features"][name]["ks"]
    found = drift(feature(REFERENCE[name]), feature(CURRENT[name]), "ks").p_value
    if expected > 1e-3:
        assert found == pytest.approx(expected, rel=0.1)
    assert (found < 1e-4) == (expected < 1e-4) == (name in DRIFTED)


@pytest.mark.parametrize("name", CATEGORIES)
def test_distances_of_categories_are_evidentlys(name: str) -> None:
    expected = ORACLE["features"][name]
    before, now = feature(REFERENCE[name]), feature(CURRENT[name])
    found = drift(before, now, "jensen_shannon")
    assert found.distance * math.sqrt(math.log(2)) == pytest.approx(expected["jensenshannon"], rel=1e-9)
    names = sorted({*REFERENCE[name], *CURRENT[name]})
    counts = [[column.count(each) for each in names] for column in (REFERENCE[name], CURRENT[name])]
    assert psi(*map(floored, counts)) == pytest.approx(expected["psi"], rel=1e-9)
    scale = len(CURRENT[name]) / len(REFERENCE[name])
    certain = goodness_of_fit(counts[1], [count * scale for count in counts[0]])
    assert certain == pytest.approx(expected["chisquare"], rel=1e-9)
    assert found.p_value == chi_square(*counts).p_value >= certain


def test_an_unheard_of_category_is_a_drift_by_either_psi() -> None:
    """Evidently's 0.0001 makes more of it than one record in the baseline would."""
    name = CATEGORIES[1]
    found = drift(feature(REFERENCE[name]), feature(CURRENT[name]), "psi")
    assert 0.2 < found.distance < ORACLE["features"][name]["psi"]
    assert found.p_value < 1e-8
