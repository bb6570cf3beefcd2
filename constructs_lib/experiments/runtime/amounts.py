"""Exact sums: what was counted, as whole numbers of a unit that is fine enough for the experiment's rewards.

A sum of floats depends on its order, and two ways to the same counts would then disagree in the last digit.
A reward is rounded once, to the 12th digit of the largest reward there can be, and is a whole number of such
units from then on. Its square has 24 digits, so 10^13 of them fit into the 38 digits of a DynamoDB number.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import NamedTuple, TypeAlias

from .counts import Totals
from .experiment import Reward

_DIGITS = 12
_EXACT = Context(prec=80)
"""More digits than any sum has: nothing is rounded but on purpose."""


class Amounts(NamedTuple):
    """Of one arm in one period; `total` in units, `squares` in units squared."""

    exposures: int = 0
    rewards: int = 0
    total: int = 0
    squares: int = 0

    def plus(self, other: Amounts) -> Amounts:
        """Both together."""
        return Amounts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def negative(self) -> Amounts:
        """What takes these away again."""
        return Amounts(*(-each for each in self))


Cell: TypeAlias = tuple[int, str]
"""The start of a period, in seconds since 1970, and an arm."""

Tally: TypeAlias = dict[Cell, Amounts]


def gathered(counted: Iterable[tuple[Cell, Amounts]]) -> Tally:
    """Everything of a cell together; cells in which nothing is left are dropped."""
    tally: Tally = {}
    for cell, amounts in counted:
        tally[cell] = tally.get(cell, Amounts()).plus(amounts)
    return {cell: amounts for cell, amounts in tally.items() if any(amounts)}


class Unit:
    """The unit of an experiment's rewards: a power of ten."""

    def __init__(self, reward: Reward) -> None:
        largest = max(abs(reward.low), abs(reward.high)) or 1.0
        self._exponent = Decimal(repr(float(largest))).adjusted() + 1 - _DIGITS

    def units(self, value: float | Decimal | str) -> int:
        """A reward, or a sum of rewards, in units; what is finer is rounded."""
        exact = Decimal(repr(value) if isinstance(value, float) else value)
        return int(_EXACT.to_integral_value(_EXACT.scaleb(exact, -self._exponent)))

    def squared(self, squares: Decimal | str) -> int:
        """A sum of squares in units squared."""
        return int(_EXACT.to_integral_value(_EXACT.scaleb(Decimal(squares), -2 * self._exponent)))

    def decimal(self, units: int) -> str:
        """The same as a decimal number, as DynamoDB takes it."""
        return _text(units, self._exponent)

    def decimal_squares(self, squares: int) -> str:
        """A sum of squares as a decimal number."""
        return _text(squares, 2 * self._exponent)

    def totals(self, amounts: Amounts) -> Totals:
        """For statistics: the nearest floats."""
        return Totals(
            exposures=float(amounts.exposures),
            rewards=float(amounts.rewards),
            total=float(self.decimal(amounts.total)),
            squares=float(self.decimal_squares(amounts.squares)),
        )


def _text(number: int, exponent: int) -> str:
    return str(_EXACT.normalize(_EXACT.scaleb(Decimal(number), exponent)))
