"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from constructs_lib.pages import formats


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0004, "<0.1 %"),
        (0.125, "12.5 %"),
        (0.5, "50 %"),
        (0.9999, ">99.9 %"),
        (1, "100 %"),
    ],
)
def test_shares(share: float, text: str) -> None:
    assert formats.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (90, "1 minute 30 seconds"),
        (86400, "1 day"),
        (3 * 86400 + 7200 + 5, "3 days 2 hours"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_the_rest() -> None:
    assert formats.count(1234567) == "1,234,567"
    assert formats.count(1234.5) == "1,234.5"
    assert formats.moment(None) == "–"
    assert formats.machine_time(0) == "1970-01-01T00:00:00Z"
    assert formats.listing([]) == ""
    assert formats.listing(["a"]) == "a"
    assert formats.listing(["a", "b", "c"]) == "a, b and c"


def test_many_moments_are_thinned_evenly() -> None:
    assert formats.thinned([1, 2, 3], 5) == [1, 2, 3]
    assert formats.thinned(list(range(1000)), 5) == [0, 250, 500, 749, 999]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.12345, "0.123"),
        (-0.5, "−0.500"),
        (99.95, "100.0"),
        (1234.5, "1,234"),
        (0.0001, "0.000100"),
        (0.00001234, "1.23e−05"),
        (-1e300, "−1.00e+300"),
    ],
)
def test_measures_have_three_digits(value: float, text: str) -> None:
    assert formats.significant(value) == text


def test_chances_and_bounds() -> None:
    assert formats.chance(0.0) == "p\u00a0<\u00a00.0001"
    assert formats.chance(0.00009999) == "p\u00a0<\u00a00.0001"
    assert formats.chance(0.0001) == "p\u00a0=\u00a00.00010"
    assert formats.chance(1.0) == "p\u00a0=\u00a01.0"
    assert formats.given(0.1) == "0.1"
    assert formats.given(-250.0) == "−250"
