"""Charts as SVG: axes, lines, bands, steps, densities, names at the ends of lines. Nothing here knows of what.

A chart is readable without a script and without colours: lines have their name beside them and one of three
dashes, and where the pointer is, a title tells the values. Colours come from the style sheet of the page, by
the number of the series (`class="s3"`), so that they follow the reader's light or dark scheme.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .axes import Axis
from .markup import Markup, element

Points: TypeAlias = Sequence[tuple[float, float]]

_LINE = 15.0  # height of a name
_LONGEST_NAME = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a chart in units of its own, and the margins around what is drawn."""

    width: float = 760.0
    height: float = 280.0
    left: float = 58.0
    top: float = 14.0
    right: float = 144.0
    """For the names at the ends of the lines."""
    bottom: float = 30.0
    small: bool = False
    """Whether the page may show it on half of its width, or on a phone's."""


WIDE = Frame()
SMALL = Frame(width=400, height=190, left=48, right=14, bottom=28, small=True)
SQUARE = Frame(width=400, height=330, left=56, right=18, bottom=48, small=True)


@dataclass(slots=True, kw_only=True)
class Chart:
    """A chart in the making; what is added later lies above what was added earlier."""

    title: str
    description: str
    x: Axis
    y: Axis
    name: str
    """Of the chart, for references within the page."""
    crowded: bool = False
    """Whether bands lie upon each other so often that they must be fainter."""
    frame: Frame = WIDE
    x_name: str = ""
    y_name: str = ""
    _drawn: list[Markup] = field(default_factory=list)
    _names: list[tuple[float, int, str]] = field(default_factory=list)
    _marks: int = 0

    def line(self, points: Points, *, series: int) -> None:
        """A line through the points; a dot where there is but one."""
        if len(points) == 1:
            ((x, y),) = self._at(points)
            self._drawn.append(element("circle", cx=x, cy=y, r=4, class_=f"dot s{series}"))
        else:
            self._path(f"line s{series}", _joined(self._at(points)))

    def band(self, lower: Points, upper: Points, *, series: int) -> None:
        """What lies between two lines; an upright where they have but one point."""
        edge = [*self._at(upper), *reversed(self._at(lower))]
        self._path(f"{'line' if len(upper) == 1 else 'band'} s{series}", _joined(edge))

    def area(self, points: Points, *, series: int, told: str) -> None:
        """A line and what lies below it; what is told where the pointer is on it."""
        floor = [(points[0][0], self.y.low), (points[-1][0], self.y.low)]
        self._path(f"band s{series}", _joined(self._at([floor[0], *points, floor[1]])), told)
        self._path(f"line s{series}", _joined(self._at(points)), told)

    def stack(self, lower: Points, upper: Points, *, series: int) -> None:
        """A layer between two stepped lines: each value holds until the next one."""
        edge = [*_steps(self._at(upper)), *reversed(_steps(self._at(lower)))]
        self._path(f"layer s{series}", _joined(edge))

    def histogram(self, edges: Sequence[float], heights: Sequence[float], *, series: int) -> None:
        """The height of each bin between two edges, as one area with its outline."""
        roof = [
            point
            for (left, right), height in zip(itertools.pairwise(edges), heights, strict=True)
            for point in ((left, height), (right, height))
        ]
        closed = [(edges[0], self.y.low), *roof, (edges[-1], self.y.low)]
        self._path(f"band s{series}", _joined(self._at(closed)))
        self._path(f"line s{series}", _joined(self._at(closed)))

    def dot(self, x: float, y: float, *, series: int, told: str) -> None:
        """A point."""
        ((at, height),) = self._at([(x, y)])
        self._drawn.append(
            element("circle", element("title", told), cx=at, cy=height, r=3.5, class_=f"dot s{series}")
        )

    def limit(self, y: float, text: str) -> None:
        """A named horizontal line that must not be crossed, if it lies within the chart."""
        if not self.y.low <= y <= self.y.high:
            return
        at, left = self._y(y), self.frame.left
        self._drawn.append(element("line", x1=left, x2=self._right, y1=at, y2=at, class_="mark"))
        below = at < self.frame.top + _LINE
        self._drawn.append(
            element("text", text, x=left + 5, y=at + (13 if below else -5), class_="mark-name")
        )

    def guide(self, points: Points) -> None:
        """A faint line to compare with."""
        self._path("guide", _joined(self._at(points)))

    def mark(self, x: float, text: str) -> None:
        """A named vertical line at an event, if it lies within the chart."""
        if not self.x.low <= x <= self.x.high:
            return
        at = self._x(x)
        self._drawn.append(element("line", x1=at, x2=at, y1=self.frame.top, y2=self._bottom, class_="mark"))
        left = at > (self.frame.left + self._right) / 2
        self._drawn.append(
            element(
                "text",
                shortened(text, 32),
                x=at + (-5 if left else 5),
                y=self.frame.top + 11 + _LINE * self._marks,
                text_anchor="end" if left else "start",
                class_="mark-name",
            )
        )
        self._marks += 1

    def end_name(self, y: float, text: str, *, series: int) -> None:
        """The name of a line, to the right of its end."""
        self._names.append((self._y(y), series, text))

    def tell(self, moments: Sequence[tuple[float, str]], *, hold: bool = False) -> None:
        """What to tell where the pointer is.

        :param hold: each holds until the next, as steps do; otherwise the nearest is told.
        """
        places = [self._x(x) for x, _ in moments]
        edges = places[1:] if hold else [(x + after) / 2 for x, after in itertools.pairwise(places)]
        lefts, rights = [self.frame.left, *edges], [*edges, self._right]
        for left, right, x, (_, text) in zip(lefts, rights, places, moments, strict=False):
            column = element(
                "rect",
                x=left,
                width=max(right - left, 0.5),
                y=self.frame.top,
                height=self._bottom - self.frame.top,
                class_="hit",
            )
            pointer = element("line", x1=x, x2=x, y1=self.frame.top, y2=self._bottom, class_="pointer")
            self._drawn.append(element("g", element("title", text), pointer, column, class_="moment"))

    def svg(self) -> Markup:
        """The whole chart."""
        title, description, clip = (f"{self.name}-{what}" for what in ("title", "description", "plot"))
        return element(
            "svg",
            element("title", self.title, id=title),
            element("desc", self.description, id=description),
            *self._grid(),
            *self._axis_names(),
            element("clipPath", self._plot(), id=clip),
            element("g", *self._drawn, clip_path=f"url(#{clip})"),
            *self._end_names(),
            viewBox=f"0 0 {self.frame.width:g} {self.frame.height:g}",
            role="img",
            id=self.name,
            class_=" ".join(self._looks()) or None,
            aria_labelledby=title,
            aria_describedby=description,
        )

    # --- the frame ------------------------------------------------------------------------------------

    def _plot(self) -> Markup:
        return element(
            "rect",
            x=self.frame.left,
            y=self.frame.top,
            width=self._right - self.frame.left,
            height=self._bottom - self.frame.top,
        )

    def _grid(self) -> Iterable[Markup]:
        for value, text in self.y.ticks:
            y = self._y(value)
            yield element("line", x1=self.frame.left, x2=self._right, y1=y, y2=y, class_="grid")
            yield element("text", text, x=self.frame.left - 8, y=y + 4, text_anchor="end", class_="tick")
        base = self._bottom
        yield element("line", x1=self.frame.left, x2=self._right, y1=base, y2=base, class_="axis")
        for value, text in self.x.ticks:
            x = self._x(value)
            yield element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis")
            yield element("text", text, x=x, y=base + 18, text_anchor="middle", class_="tick")

    def _axis_names(self) -> Iterable[Markup]:
        if self.x_name:
            middle = (self.frame.left + self._right) / 2
            yield element(
                "text",
                self.x_name,
                x=middle,
                y=self.frame.height - 6,
                text_anchor="middle",
                class_="tick",
            )
        if self.y_name:
            middle = (self.frame.top + self._bottom) / 2
            turned = f"translate(13 {middle:g}) rotate(-90)"
            yield element("text", self.y_name, transform=turned, text_anchor="middle", class_="tick")

    def _looks(self) -> list[str]:
        return [name for name, so in (("crowded", self.crowded), ("small", self.frame.small)) if so]

    def _end_names(self) -> Iterable[Markup]:
        """The names, moved apart where they would cover each other."""
        names = sorted(self._names)
        places = spread([y for y, _, _ in names], apart=_LINE, low=self.frame.top + 4, high=self._bottom - 4)
        for place, (_, series, text) in zip(places, names, strict=True):
            x = self._right + 8
            yield element("line", x1=x, x2=x + 14, y1=place, y2=place, class_=f"line s{series}")
            yield element(
                "text", element("title", text), shortened(text), x=x + 19, y=place + 4, class_="name"
            )

    # --- places ---------------------------------------------------------------------------------------

    @property
    def _right(self) -> float:
        return self.frame.width - self.frame.right

    @property
    def _bottom(self) -> float:
        return self.frame.height - self.frame.bottom

    def _x(self, value: float) -> float:
        return self.frame.left + self.x.place(value) * (self._right - self.frame.left)

    def _y(self, value: float) -> float:
        return self._bottom - self.y.place(value) * (self._bottom - self.frame.top)

    def _at(self, points: Points) -> list[tuple[float, float]]:
        return [(self._x(x), self._y(y)) for x, y in points]

    def _path(self, kind: str, data: str, told: str | None = None) -> None:
        title = () if told is None else (element("title", told),)
        self._drawn.append(element("path", *title, d=data, class_=kind))


def spread(places: Sequence[float], *, apart: float, low: float, high: float) -> list[float]:
    """Sorted places moved as far as they must to be `apart`, and to lie between `low` and `high` if they fit."""
    found: list[float] = []
    for place in places:
        found.append(max(place, low) if not found else max(place, found[-1] + apart))
    limit = high
    for number in reversed(range(len(found))):
        found[number] = min(found[number], limit)
        limit = found[number] - apart
    return found


def shortened(text: str, longest: int = _LONGEST_NAME) -> str:
    """A text as there is room for it: its beginning, and its end, which often is what tells it from others."""
    if len(text) <= longest:
        return text
    end = longest // 2
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def _steps(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found = points[:1]
    for (_, before), (x, y) in itertools.pairwise(points):
        found += [(x, before), (x, y)]
    return found


def _joined(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
