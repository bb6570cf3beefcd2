"""A distribution of one variable with a single peak, tabulated so that integrals over it are plain sums.

Everything that is decided comes from such sums: no random draws, so the same counts give the same decision.
The nodes lie evenly in t, where z = sinh(t) is the distance from the peak in units of its width: dense at the peak
however narrow it is, and still few out to the ends. Integrals are Gauss–Legendre with three points a panel; between
the ends of a panel the distribution function is the cubic that has the right values and densities there.
Probabilities are right to about 1e-5.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import mul

PANEL = 0.125
"""Width of a panel in t, at most."""
NEGLIGIBLE = 40.0
"""Where the logarithm of the density is so far below the peak's, the table ends."""
FEWEST_PANELS = 8

_OUTER = math.sqrt(0.6) / 2
GAUSS = ((0.5 - _OUTER, 5 / 18), (0.5, 8 / 18), (0.5 + _OUTER, 5 / 18))
"""Nodes and weights on [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A density by its logarithm in z, where the peak is at 0, has a height of 0 and a width of about 1."""

    log_density: Callable[[float], float]
    to_x: Callable[[float], float]
    """Increasing: what z means."""
    from_x: Callable[[float], float]
    low: float = -math.inf
    high: float = math.inf
    """The bounds of z."""

    def mirrored(self) -> Shape:
        """Of minus the variable."""
        return Shape(
            log_density=lambda z: self.log_density(-z),
            to_x=lambda z: -self.to_x(-z),
            from_x=lambda x: -self.from_x(-x),
            low=-self.high,
            high=-self.low,
        )


class Density:
    """The table of a `Shape`."""

    __slots__ = (
        "_cubics",
        "_cumulative",
        "_first",
        "_shape",
        "_step",
        "_whole",
        "deviation",
        "edges",
        "masses",
        "mean",
        "nodes",
    )

    mean: float
    deviation: float
    edges: list[float]
    """Where the panels begin and end."""
    nodes: list[float]
    masses: list[float]
    """Where the probability lies, with a sum of 1."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._first = self._end(shape.low, -0.25)
        last = self._end(shape.high, 0.25)
        panels = max(FEWEST_PANELS, math.ceil((last - self._first) / PANEL))
        self._step = (last - self._first) / panels
        self._tabulate(panels)

    def _x(self, t: float) -> float:
        return self._shape.to_x(math.sinh(t))

    def _raw(self, t: float) -> float:
        """The density in t, not normalised."""
        return math.exp(self._shape.log_density(math.sinh(t))) * math.cosh(t)

    def _end(self, bound: float, step: float) -> float:
        """Where the table ends on the side of `bound`."""
        limit, t = math.asinh(bound), 0.0
        while abs(t) < abs(limit) and self._shape.log_density(math.sinh(t)) > -NEGLIGIBLE:
            t += step
        return max(t, limit) if step < 0 else min(t, limit)

    def _tabulate(self, panels: int) -> None:
        edges = [self._first + panel * self._step for panel in range(panels + 1)]
        found = [each for edge in edges[:-1] for each in self._panel(edge, edge + self._step)]
        self._whole = math.fsum(mass for _, mass in found)
        self.edges = [self._x(edge) for edge in edges]
        self.nodes = [x for x, _ in found]
        self.masses = [mass / self._whole for _, mass in found]
        self.mean = math.fsum(map(mul, self.masses, self.nodes))
        squares = (mass * (x - self.mean) ** 2 for mass, x in zip(self.masses, self.nodes, strict=True))
        self.deviation = math.sqrt(math.fsum(squares))
        heights = [self._raw(edge) * self._step / self._whole for edge in edges]
        self._cumulative = [0.0]
        self._cubics: list[tuple[float, float, float]] = []
        for panel, (before, after) in enumerate(pairwise(heights)):
            gained = sum(self.masses[3 * panel : 3 * panel + 3])
            self._cubics.append((before, 3 * gained - 2 * before - after, before + after - 2 * gained))
            self._cumulative.append(self._cumulative[-1] + gained)

    def _panel(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        for at, weight in GAUSS:
            t = start + at * (end - start)
            yield self._x(t), weight * (end - start) * self._raw(t)

    def split(self, breaks: Iterable[float]) -> tuple[list[float], list[float]]:
        """Nodes and masses for an integrand that changes abruptly, as by a step, at or between `breaks`."""
        within: dict[int, list[float]] = {}
        for x in sorted(breaks):
            place = self._place(x)
            if 0 < place < len(self._cubics):
                within.setdefault(int(place), []).append(self._first + place * self._step)
        nodes, masses = list(self.nodes), list(self.masses)
        for panel in sorted(within, reverse=True):
            start = self._first + panel * self._step
            edges = [start, *within[panel], start + self._step]
            finer = [each for pair in pairwise(edges) for each in self._panel(*pair)]
            nodes[3 * panel : 3 * panel + 3] = [x for x, _ in finer]
            masses[3 * panel : 3 * panel + 3] = [mass / self._whole for _, mass in finer]
        return nodes, masses

    def _place(self, x: float) -> float:
        """In panels from the beginning of the table."""
        return (math.asinh(self._shape.from_x(x)) - self._first) / self._step

    def below(self, x: float) -> float:
        """The probability of a smaller value than `x`."""
        place = self._place(x)
        if place <= 0:
            return 0.0
        if place >= len(self._cubics):
            return 1.0
        return self._within(int(place), place % 1)

    def _within(self, panel: int, at: float) -> float:
        one, two, three = self._cubics[panel]
        return min(max(self._cumulative[panel] + at * (one + at * (two + at * three)), 0.0), 1.0)

    def quantile(self, probability: float) -> float:
        """The value that lies above `probability` of the others."""
        panel = min(bisect_right(self._cumulative, probability), len(self._cubics)) - 1
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            if self._within(panel, middle) < probability:
                low = middle
            else:
                high = middle
        return self._x(self._first + (panel + high) * self._step)
