"""Two distributions of numbers over common bins, so that their pictures can be laid upon each other."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .findings import Numbers

_FEWEST, _MOST = 8, 30  # bins
_TAIL = 0.005  # of either end that may lie outside of the picture
_MUCH = 0.35  # as much wider may the picture be to have everything in it
_WHOLE = 2.0**50  # from here on a half more is the same number, or nearly so
_HUGE = 1e300  # beyond it a difference is no number any more
_MOST_WHOLE = 40  # whole numbers that each have a bin of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Shares of all values, bin by bin; what lies beyond the ends is in the first and the last one."""

    edges: tuple[float, ...]
    before: tuple[float, ...]
    """Empty where nothing is known."""
    now: tuple[float, ...]
    outside: float
    """The share of the values now that lie beyond the ends."""


def common_bins(before: Numbers | None, now: Numbers | None, *, whole: bool = False) -> Bins | None:
    """Bins for both; None where neither has a value.

    The ends are where 99 % of both lie, or the extremes where those are not far: one value gone astray would
    otherwise press all others into one bin.

    :param whole: the values are whole numbers; few of them get a bin each.
    """
    known = [_Counted(each) for each in (before, now) if each is not None and (each.points or each.buckets)]
    known = [each for each in known if each.total > 0]
    if not known:
        return None
    edges = _edges(known, whole)
    ends = (edges[0], edges[-1])
    shares = [_shares(each, edges) for each in (before, now)]
    return Bins(edges=edges, before=shares[0], now=shares[1], outside=_outside(now, *ends))


class _Counted:
    """How many values lie at or below a value."""

    def __init__(self, of: Numbers) -> None:
        self._values: list[float] = []
        self._below: list[float] = []
        self._buckets = [] if of.points else sorted(of.buckets)
        total = 0.0
        for value, weight in of.points:
            total += weight
            self._values.append(value)
            self._below.append(total)
        self.total = total or sum(many for _, _, many in self._buckets)
        lows = self._values or [low for low, _, many in self._buckets if many > 0]
        highs = self._values or [high for _, high, many in self._buckets if many > 0]
        self.low, self.high = (min(lows), max(highs)) if lows else (0.0, 0.0)

    def at_most(self, value: float, *, inclusive: bool = True) -> float:
        """As a share. Within a bucket the values are taken to lie evenly."""
        if self._values:
            place = (bisect.bisect_right if inclusive else bisect.bisect_left)(self._values, value)
            return self._below[place - 1] / self.total if place else 0.0
        return sum(many * _part(low, high, value) for low, high, many in self._buckets) / self.total

    def quantile(self, share: float) -> float:
        """The value that so many are not above."""
        if self._values:
            place = bisect.bisect_left(self._below, share * self.total * (1 - 1e-12))
            return self._values[min(place, len(self._values) - 1)]
        wanted = share * self.total
        for low, high, many in self._buckets:
            if many > 0 and wanted <= many:
                return low + (high - low) * wanted / many
            wanted -= many
        return self.high


def _part(low: float, high: float, value: float) -> float:
    if value >= high:
        return 1.0
    return 0.0 if value < low or high <= low else (value - low) / (high - low)


def _edges(known: Sequence[_Counted], whole: bool) -> tuple[float, ...]:
    lowest, highest = min(each.low for each in known), max(each.high for each in known)
    low = min(each.quantile(_TAIL) for each in known)
    high = max(each.quantile(1 - _TAIL) for each in known)
    if highest - lowest <= (high - low) * (1 + _MUCH):
        low, high = lowest, highest
    if whole and high - low <= _MOST_WHOLE and max(abs(low), abs(high)) < _WHOLE:
        first, last = math.floor(low), math.ceil(high)
        return tuple(number - 0.5 for number in range(first, last + 2))
    low, high = (min(max(end, -_HUGE), _HUGE) for end in (low, high))
    if not high - low > max(abs(low), abs(high)) * 1e-12 + 1 / _HUGE:
        around = abs(high) / 20 or 0.5
        low, high = low - around, high + around
    # Rice's rule for the smaller of the two: more bins would show chance.
    many = round(min(max(2 * min(each.total for each in known) ** (1 / 3), _FEWEST), _MOST))
    return tuple(low + (high - low) * number / many for number in range(many + 1))


def _shares(of: Numbers | None, edges: Sequence[float]) -> tuple[float, ...]:
    if of is None or not (of.points or of.buckets):
        return ()
    counted = _Counted(of)
    if counted.total <= 0:
        return ()
    # A value at an edge belongs to the bin above it; what lies beyond the ends to the bins there.
    below = [0.0, *(counted.at_most(edge, inclusive=False) for edge in edges[1:-1]), 1.0]
    return tuple(after - before for before, after in itertools.pairwise(below))


def _outside(now: Numbers | None, low: float, high: float) -> float:
    if now is None or not (now.points or now.buckets):
        return 0.0
    counted = _Counted(now)
    if counted.total <= 0:
        return 0.0
    return max(counted.at_most(low, inclusive=False) + 1 - counted.at_most(high), 0.0)
