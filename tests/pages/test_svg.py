"""Charts keep their names apart and legible."""

from __future__ import annotations

import re

from constructs_lib.pages.axes import number_axis
from constructs_lib.pages.svg import SMALL, Chart, shortened, spread


def test_names_are_moved_apart_and_stay_within() -> None:
    assert spread([10, 11, 50], apart=15, low=0, high=100) == [10, 25, 50]
    assert spread([95, 96, 97], apart=15, low=0, high=100) == [70, 85, 100]
    assert spread([-5], apart=15, low=0, high=100) == [0]


def test_long_names_keep_their_ends() -> None:
    assert shortened("candidate-model-07") == "candida…odel-07"
    assert shortened("bold") == "bold"


def test_marks_do_not_cover_each_other() -> None:
    chart = Chart(name="c", title="t", description="d", x=number_axis(0, 10), y=number_axis(0, 1))
    chart.mark(1, "one")
    chart.mark(9, "two")
    names = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)" class="mark-name"', chart.svg())

    assert [(y, anchor) for _, y, anchor in names] == [("25", "start"), ("40", "end")]


def small_chart() -> Chart:
    x, y = number_axis(0, 10), number_axis(0, 1)
    return Chart(name="c", title="t", description="d", x=x, y=y, frame=SMALL, x_name="time", y_name="share")


def test_a_histogram_has_the_height_of_each_bin() -> None:
    chart = small_chart()
    chart.histogram([0, 5, 10], [0.25, 1.0], series=1)
    (outline,) = re.findall(r'<path d="([^"]+)" class="line s1"', chart.svg())
    points = [tuple(map(float, each.split(","))) for each in re.findall(r"[\d.]+,[\d.]+", outline)]
    left, right = SMALL.left, SMALL.width - SMALL.right
    top, floor = SMALL.top, SMALL.height - SMALL.bottom
    quarter, middle = floor - (floor - top) / 4, (left + right) / 2

    assert points == [
        (left, floor),
        (left, quarter),
        (middle, quarter),
        (middle, top),
        (right, top),
        (right, floor),
    ]


def test_a_limit_is_drawn_only_where_it_lies_within_the_chart() -> None:
    chart = small_chart()
    chart.limit(0.5, "half")
    chart.limit(1.0, "all")
    chart.limit(1.01, "more")
    names = re.findall(r'<text x="53" y="([\d.]+)" class="mark-name">(\w+)', chart.svg())

    assert [name for _, name in names] == ["half", "all"]
    assert float(names[1][0]) > SMALL.top  # below its line, where above it is no room


def test_axes_have_names_and_small_charts_a_mark() -> None:
    svg = small_chart().svg()

    assert ">time</text>" in svg
    assert ">share</text>" in svg
    assert 'class="small"' in svg
