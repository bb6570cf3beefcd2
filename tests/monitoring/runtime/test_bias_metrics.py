"""Clarify's bias metrics, by hand from the definitions of its pages."""

from __future__ import annotations

import math

import pytest

from constructs_lib.monitoring.runtime.bias.bias_metrics import (
    DESCRIPTIONS,
    POST_TRAINING,
    PRE_TRAINING,
    Outcomes,
    Sides,
    Split,
    metrics,
    supports,
)


def _sides(others: Outcomes, sensitive: Outcomes, **more: list[tuple[Split, Split]]) -> Sides:
    both = (others, sensitive)
    return Sides(
        records=(others.count, sensitive.count),
        labels=((others.positives, others.negatives), (sensitive.positives, sensitive.negatives)),
        predictions=((others.accepted, others.rejected), (sensitive.accepted, sensitive.rejected)),
        outcomes=both,
        **more,
    )


# A loan office: of 60 men 24 are creditworthy, of whom 20 are accepted, and 10 of the others; of 40 women 20, 10, 5.
MEN = Outcomes(20, 10, 4, 26)
WOMEN = Outcomes(10, 5, 10, 15)
GROUPS = {
    # Berkeley, in small: departments that accept many, and few.
    "groups": [((18, 6), (9, 1)), ((6, 30), (11, 19))],
    "predicted_groups": [((20, 4), (10, 0)), ((10, 26), (5, 25))],
}


def test_by_hand() -> None:
    men, women = (24 / 60, 36 / 60), (20 / 40, 20 / 40)
    middle = [(m + w) / 2 for m, w in zip(men, women, strict=True)]
    mean = (71 * 1 + 15 * 2 + 14 * 0) / 100  # benefits: 71 are right, 15 false positives, 14 missed
    expected = {
        "CI": 0.2,
        "DPL": -0.1,
        "KL": 0.4 * math.log(0.4 / 0.5) + 0.6 * math.log(0.6 / 0.5),
        "JS": 0.5
        * sum(
            share * math.log(share / middle[place]) for of in (men, women) for place, share in enumerate(of)
        ),
        "LP": math.sqrt(0.1**2 + 0.1**2),
        "TVD": 0.1,
        "KS": 0.1,
        "CDDL": (34 * (1 / 7 - 9 / 27) + 66 * (19 / 49 - 11 / 17)) / 100,
        "DPPL": 30 / 60 - 15 / 40,
        "DI": (15 / 40) / (30 / 60),
        "AD": 46 / 60 - 25 / 40,
        "RD": 20 / 24 - 10 / 20,
        "SD": 15 / 20 - 26 / 36,
        "DAR": 20 / 30 - 10 / 15,
        "DRR": 15 / 25 - 26 / 30,
        "DCA": 24 / 30 - 20 / 15,
        "DCR": 20 / 25 - 36 / 30,
        "TE": 10 / 5 - 4 / 10,
        "CDDPL": (34 * (0 / 4 - 10 / 30) + 66 * (25 / 51 - 5 / 15)) / 100,
        "GE": (71 * ((1 / mean) ** 2 - 1) + 15 * ((2 / mean) ** 2 - 1) + 14 * -1) / (100 * 2),
    }
    assert metrics(_sides(MEN, WOMEN, **GROUPS)) == pytest.approx(expected)
    assert (
        expected.keys()
        == DESCRIPTIONS.keys()
        == {*PRE_TRAINING, *POST_TRAINING}
        == supports(_sides(MEN, WOMEN)).keys()
    )


def test_equal_sides_have_no_bias() -> None:
    found = metrics(_sides(MEN, MEN))
    assert found.pop("DI") == 1
    assert found.pop("GE") > 0
    assert set(found.values()) == {0}


def test_nobody_on_a_side_leaves_nothing() -> None:
    assert metrics(_sides(MEN, Outcomes())) == metrics(_sides(Outcomes(), Outcomes())) == {}


def test_what_divides_by_zero_is_infinite_or_nothing() -> None:
    none_accepted = Outcomes(0, 0, 10, 10)
    found = metrics(_sides(none_accepted, WOMEN))
    assert found["DI"] == math.inf
    assert found["DCA"] == math.inf
    assert found["TE"] == -math.inf
    assert found["DAR"] == -10 / 15
    both = metrics(_sides(none_accepted, none_accepted))
    assert (both["DI"], both["DCA"], both["TE"], both["DAR"]) == (0, 0, 0, 0)


def test_an_outcome_that_the_sensitive_side_never_has() -> None:
    found = metrics(_sides(MEN, Outcomes(0, 5, 0, 15)))
    assert found["KL"] == math.inf
    assert found["JS"] < math.log(2)
    assert found["TVD"] == pytest.approx(0.4)
    assert metrics(_sides(Outcomes(0, 5, 0, 15), MEN))["KL"] == pytest.approx(-math.log(0.6))


def test_no_benefit_at_all_has_no_entropy() -> None:
    missed = Outcomes(0, 0, 10, 0)
    assert "GE" not in metrics(_sides(missed, missed))


def test_without_rejected_or_accepted_there_is_no_disparity() -> None:
    assert "CDDL" not in metrics(_sides(MEN, WOMEN, groups=[((5, 0), (5, 0))]))
    assert "CDDL" not in metrics(_sides(MEN, WOMEN, groups=[((0, 5), (0, 5))]))


def test_a_metric_stands_on_the_fewest_records_below_a_ratio() -> None:
    found = supports(_sides(MEN, WOMEN))
    assert {name: found[name] for name in ("CI", "DPL", "DI", "RD", "SD", "DAR", "DRR", "TE")} == {
        "CI": 40,
        "DPL": 40,
        "DI": 30,
        "RD": 20,
        "SD": 20,
        "DAR": 15,
        "DRR": 25,
        "TE": 5,
    }
