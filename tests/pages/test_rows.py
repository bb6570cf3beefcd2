"""Pictures in rows: lengths are values, limits lie within, names are whole for whoever asks."""

from __future__ import annotations

import re

import pytest

from constructs_lib.pages.axes import Axis, number_axis
from constructs_lib.pages.rows import NARROW, Rows

INNER = NARROW.width - NARROW.left - NARROW.right


def rows(labels: list[str], x: Axis, lanes: int = 0) -> Rows:
    return Rows(name="r", title="t", description="d", labels=labels, x=x, lanes=lanes)


def bars(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="10"', svg)
    return [(float(x), float(width)) for x, width in found]


def test_bars_begin_at_zero_and_are_as_long_as_their_value() -> None:
    picture = rows(["a", "b"], number_axis(-1, 1, ticks=4), lanes=2)
    picture.bar(0, 0, 0.5, series=0, told="half")
    picture.bar(1, 1, -1.0, series=1, told="all")
    (x, width), (less_x, less_width) = bars(picture.svg())

    assert (x, width) == pytest.approx((NARROW.left + INNER / 2, INNER / 4))
    assert (less_x, less_width) == pytest.approx((NARROW.left, INNER / 2))


def test_a_bar_of_nothing_can_still_be_pointed_at() -> None:
    picture = rows(["a"], number_axis(0, 1), lanes=1)
    picture.bar(0, 0, 0.0, series=0, told="nothing")

    assert bars(picture.svg()) == [(NARROW.left, 1.0)]


def test_limits_beyond_the_axis_are_left_out_and_spans_end_there() -> None:
    picture = rows(["a"], number_axis(0, 1))
    picture.limit(0, 1.0, told="at the end")
    picture.limit(0, 1.01, told="beyond")
    picture.span(0, -5.0, 5.0, series=1)
    svg = picture.svg()

    assert "at the end" in svg
    assert "beyond" not in svg
    (ends,) = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)" y1="[\d.]+" y2="[\d.]+" class="line s1"', svg)
    assert tuple(map(float, ends)) == (NARROW.left, NARROW.width - NARROW.right)


def test_long_names_are_shortened_and_told_whole() -> None:
    svg = rows(["a name that is far longer than the room"], number_axis(0, 1)).svg()

    assert "<title>a name that is far longer than the room</title>a name …the room" in svg


def test_names_keep_to_their_side() -> None:
    svg = rows(["漢" * 40], number_axis(0, 1)).svg()

    assert '<clipPath id="r-labels">' in svg
    assert '<g clip-path="url(#r-labels)">' in svg
