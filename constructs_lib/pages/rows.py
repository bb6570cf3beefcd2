"""Pictures in rows: a name to the left, and along one axis its bars, points, spans and limits.

The value stands to the right of each row, so that nothing must be guessed from lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .axes import Axis
from .markup import Markup, element
from .svg import shortened

_TOP, _BOTTOM = 8.0, 30.0
_BAR, _GAP = 10.0, 12.0  # heights: of a bar, and between two rows
_LANE = 13.0  # from one bar of a row to the next
_ROW = 30.0  # height of a row without bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The widths of a picture in units of its own."""

    width: float
    left: float
    """For the names."""
    right: float
    """For the values."""
    letters: int
    """Of a name."""
    small: bool
    """Whether the page may show it on half of its width, or on a phone's."""


NARROW = Shape(width=400, left=122, right=58, letters=16, small=True)
WIDE = Shape(width=760, left=200, right=104, letters=28, small=False)


@dataclass(slots=True, kw_only=True)
class Rows:
    """A picture in the making; rows are numbered from 0."""

    name: str
    """Of the picture, for references within the page."""
    title: str
    description: str
    labels: Sequence[str]
    x: Axis
    lanes: int = 0
    """How many bars each row has room for, one below the other; 0 for points."""
    shape: Shape = NARROW
    _drawn: list[Markup] = field(default_factory=list)

    def bar(self, row: int, lane: int, value: float, *, series: int, told: str) -> None:
        """A bar from 0, or from where the axis begins."""
        start, end = sorted((self._x(max(self.x.low, 0.0)), self._x(value)))
        top = self._top(row) + _GAP / 2 + lane * _LANE
        self._drawn.append(
            element(
                "rect",
                element("title", told),
                x=start,
                y=top,
                width=max(end - start, 1.0),
                height=_BAR,
                rx=2,
                class_=f"layer s{series}",
            )
        )

    def dot(self, row: int, value: float, *, series: int, told: str, hollow: bool = False) -> None:
        """A point."""
        kind = "ring" if hollow else "dot"
        title = element("title", told)
        self._drawn.append(
            element("circle", title, cx=self._x(value), cy=self._middle(row), r=5, class_=f"{kind} s{series}")
        )

    def span(self, row: int, low: float, high: float, *, series: int) -> None:
        """A line from low to high, as far as the axis goes."""
        middle = self._middle(row)
        ends = [self._x(min(max(end, self.x.low), self.x.high)) for end in (low, high)]
        self._drawn.append(
            element("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, class_=f"line s{series}")
        )

    def limit(self, row: int, value: float, *, told: str) -> None:
        """An upright line that must not be crossed, if it lies within the picture."""
        if not self.x.low <= value <= self.x.high:
            return
        at, middle = self._x(value), self._middle(row)
        half = self._height / 2 - 4
        self._drawn.append(
            element(
                "line",
                element("title", told),
                x1=at,
                x2=at,
                y1=middle - half,
                y2=middle + half,
                class_="limit",
            )
        )

    def note(self, row: int, text: str, *, lane: int | None = None) -> None:
        """A text to the right of a row, or of one of its bars."""
        y = self._middle(row) if lane is None else self._top(row) + _GAP / 2 + lane * _LANE + _BAR / 2
        self._drawn.append(
            element("text", text, x=self.shape.width - self.shape.right + 8, y=y + 4, class_="note-text")
        )

    def svg(self) -> Markup:
        """The whole picture."""
        title, description, clip = (f"{self.name}-{what}" for what in ("title", "description", "labels"))
        return element(
            "svg",
            element("title", self.title, id=title),
            element("desc", self.description, id=description),
            *self._grid(),
            *self._drawn,
            element(
                "clipPath", element("rect", x=0, y=0, width=self.shape.left, height=self._bottom), id=clip
            ),
            element("g", *self._labels(), clip_path=f"url(#{clip})"),
            viewBox=f"0 0 {self.shape.width:g} {self._bottom + _BOTTOM:g}",
            role="img",
            id=self.name,
            class_="small" if self.shape.small else None,
            aria_labelledby=title,
            aria_describedby=description,
        )

    def _grid(self) -> Iterable[Markup]:
        for value, text in self.x.ticks:
            x = self._x(value)
            yield element("line", x1=x, x2=x, y1=_TOP, y2=self._bottom, class_="grid")
            yield element("text", text, x=x, y=self._bottom + 17, text_anchor="middle", class_="tick")
        if self.x.low <= 0 <= self.x.high:
            yield element("line", x1=self._x(0), x2=self._x(0), y1=_TOP, y2=self._bottom, class_="axis")

    def _labels(self) -> Iterable[Markup]:
        for row, label in enumerate(self.labels):
            yield element(
                "text",
                element("title", label),
                shortened(label, self.shape.letters),
                x=self.shape.left - 8,
                y=self._middle(row) + 4,
                text_anchor="end",
                class_="label",
            )

    # --- places ---------------------------------------------------------------------------------------

    @property
    def _height(self) -> float:
        return _ROW if not self.lanes else (self.lanes - 1) * _LANE + _BAR + _GAP

    @property
    def _bottom(self) -> float:
        return _TOP + self._height * len(self.labels)

    def _top(self, row: int) -> float:
        return _TOP + self._height * row

    def _middle(self, row: int) -> float:
        return self._top(row) + self._height / 2

    def _x(self, value: float) -> float:
        return self.shape.left + self.x.place(value) * (self.shape.width - self.shape.right - self.shape.left)
