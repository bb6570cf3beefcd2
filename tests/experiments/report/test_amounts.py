"""Amounts of a reward as people read them."""

from __future__ import annotations

from constructs_lib.experiments.report.amounts import Amounts
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
