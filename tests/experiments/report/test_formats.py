"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from constructs_lib.experiments.report import formats
from constructs_lib.experiments.report.formats import Amounts
from constructs_lib.experiments.runtime.experiment import Reward

RATE = Amounts(Reward(kind="binary", window=1.0))
AMOUNT = Amounts(Reward(kind="numeric", window=1.0, low=-1e6, high=1e6))


def test_digits_follow_the_width_of_the_interval() -> None:
    assert RATE.interval(0.0456, 0.0526) == "4.56 to 5.26 %"
    assert RATE.interval(0.045612, 0.045679) == "4.5612 to 4.5679 %"
    assert RATE.interval(0.0, 0.9) == "0 to 90 %"
    assert AMOUNT.interval(-1234.5, 65432.1) == "−1,234 to 65,432"
    assert AMOUNT.mean(3.14159, width=0) == "3.14"
    assert AMOUNT.mean(1.0, width=1e-30) == "1.000000"


def test_differences_have_a_sign() -> None:
    assert RATE.difference(0.0123, width=0.01) == "+1.2 percentage points"
    assert RATE.differences(-0.004, 0.02) == "−0.4 to +2.0 percentage points"
    assert AMOUNT.differences(-12.0, 0.0) == "−12 to 0"
    assert AMOUNT.difference(-0.0001, width=1) == "0.0"


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
