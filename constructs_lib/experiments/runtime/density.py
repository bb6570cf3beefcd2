"""A distribution of one variable with a single peak, tabulated so that integrals over it are plain sums.

Everything that is decided comes from such sums: no random draws, so the same counts give the same decision.
The nodes lie evenly in t, where x = centre + scale·sinh(t): dense at the peak whatever its width, and still
few out to the ends of the support. Integrals are Gauss–Legendre with three points a panel; between the ends of
a panel the distribution function is the cubic that has the right values and densities there. Probabilities are
right to about 1e-5.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

PANEL = 0.125
"""Width of a panel in t, at most."""
NEGLIGIBLE = 40.0
"""Where the logarithm of the density is so far below the centre's, the table ends."""
FEWEST_PANELS = 8

_OUTER = math.sqrt(0.6) / 2
GAUSS = ((0.5 - _OUTER, 5 / 18), (0.5, 8 / 18), (0.5 + _OUTER, 5 / 18))
"""Nodes and weights on [0, 1]."""


class Density:
    """A tabulated density between `low` and `high`.

    `log_density` need not be normalised; it falls away from a single peak, which `centre` is near and `scale`
    about as wide as.
    """

    __slots__ = (
        "_centre",
        "_cubics",
        "_cumulative",
        "_first",
        "_high",
        "_log_density",
        "_low",
        "_peak",
        "_whole",
        "_width",
        "edges",
        "masses",
        "nodes",
        "scale",
    )

    edges: list[float]
    """Where the panels begin and end."""
    nodes: list[float]
    masses: list[float]
    """Where the probability lies, with a sum of 1."""

    def __init__(
        self,
        log_density: Callable[[float], float],
        *,
        centre: float,
        scale: float,
        low: float,
        high: float,
    ) -> None:
        self._log_density, self._centre, self.scale = log_density, centre, scale
        self._low, self._high = low, high
        self._peak = log_density(centre)
        self._first = self._end(low, -0.25)
        last = self._end(high, 0.25)
        panels = max(FEWEST_PANELS, math.ceil((last - self._first) / PANEL))
        self._width = (last - self._first) / panels
        self._tabulate(panels)

    def _x(self, t: float) -> float:
        return min(max(self._centre + self.scale * math.sinh(t), self._low), self._high)

    def _t(self, x: float) -> float:
        return math.asinh((x - self._centre) / self.scale)

    def _raw(self, t: float) -> float:
        """The density in t, not normalised."""
        return math.exp(self._log_density(self._x(t)) - self._peak) * math.cosh(t)

    def _end(self, bound: float, step: float) -> float:
        """Where the table ends on the side of `bound`."""
        limit, t = self._t(bound), 0.0
        while abs(t) < abs(limit) and self._log_density(self._x(t)) > self._peak - NEGLIGIBLE:
            t += step
        return max(t, limit) if step < 0 else min(t, limit)

    def _tabulate(self, panels: int) -> None:
        edges = [self._first + panel * self._width for panel in range(panels + 1)]
        found = [each for edge in edges[:-1] for each in self._panel(edge, edge + self._width)]
        self._whole = math.fsum(mass for _, mass in found)
        self.edges = [self._x(edge) for edge in edges]
        self.nodes = [x for x, _ in found]
        self.masses = [mass / self._whole for _, mass in found]
        heights = [self._raw(edge) * self._width / self._whole for edge in edges]
        self._cumulative = [0.0]
        self._cubics: list[tuple[float, float, float]] = []
        for panel in range(panels):
            before, after = heights[panel : panel + 2]
            gained = sum(self.masses[3 * panel : 3 * panel + 3])
            self._cubics.append((before, 3 * gained - 2 * before - after, before + after - 2 * gained))
            self._cumulative.append(self._cumulative[-1] + gained)

    def _panel(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        width = end - start
        for at, weight in GAUSS:
            t = start + at * width
            yield self._x(t), weight * width * self._raw(t)

    def split(self, breaks: Iterable[float]) -> tuple[list[float], list[float]]:
        """Nodes and masses for an integrand that changes abruptly, as by a step, at or between `breaks`."""
        within: dict[int, list[float]] = {}
        for t in map(self._t, sorted(breaks)):
            panel = math.floor((t - self._first) / self._width)
            if 0 <= panel < len(self._cubics):
                within.setdefault(panel, []).append(t)
        nodes, masses = list(self.nodes), list(self.masses)
        for panel in sorted(within, reverse=True):
            start = self._first + panel * self._width
            edges = [start, *within[panel], start + self._width]
            finer = [each for pair in pairwise(edges) for each in self._panel(*pair)]
            nodes[3 * panel : 3 * panel + 3] = [x for x, _ in finer]
            masses[3 * panel : 3 * panel + 3] = [mass / self._whole for _, mass in finer]
        return nodes, masses

    def below(self, x: float) -> float:
        """The probability of a smaller value than `x`."""
        place = (math.asinh((x - self._centre) / self.scale) - self._first) / self._width
        if place <= 0:
            return 0.0
        if place >= len(self._cubics):
            return 1.0
        return self._within(int(place), place % 1)

    def _within(self, panel: int, at: float) -> float:
        one, two, three = self._cubics[panel]
        return min(max(self._cumulative[panel] + at * (one + at * (two + at * three)), 0.0), 1.0)

    def mean(self) -> float:
        """The mean."""
        return math.fsum(mass * x for mass, x in zip(self.masses, self.nodes, strict=True))

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
        return self._x(self._first + (panel + high) * self._width)
