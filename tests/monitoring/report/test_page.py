"""The page: complete, well formed, inert whatever a name holds, and the same for the same findings."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.monitoring.report.findings import Drift, Feature, Findings
from constructs_lib.monitoring.report.page import page
from constructs_lib.monitoring.report.show_features import MOST_PICTURES, MOST_ROWS
from tests.support import monitoring_findings as made
from tests.support.monitoring_pages import HOSTILE, every_state, found, states
from tests.support.page_reader import Reader


@every_state
def test_every_state_makes_a_well_formed_page(state: str) -> None:
    html = page(states()[state])

    assert html.startswith("<!doctype html>")
    assert {"main", "h1", "h2"} <= set(Reader(html).tags)
    assert not re.search(r"\b(nan|inf|None(?! of \d))\b", html)


@every_state
def test_nothing_is_fetched_and_nothing_runs(state: str) -> None:
    html = page(states()[state])
    read = Reader(html)

    assert not {"script", "link", "img", "iframe", "object", "form", "a", "base"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]
    assert not re.search(r"@import|url\((?!#)", html)


@every_state
def test_every_picture_has_a_title_and_a_description(state: str) -> None:
    html = page(states()[state])
    ids = set(re.findall(r' id="([^"]+)"', html))

    for referred in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
        assert referred in ids
    assert html.count("<svg") == html.count('aria-labelledby="') == html.count("<desc ")
    assert len(ids) == html.count(' id="')
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= ids


def test_the_same_findings_make_the_same_page() -> None:
    one, other = (replace(found(made.data_quality()), baseline="") for _ in range(2))

    assert page(one) == page(other)


# --- hostile names --------------------------------------------------------------------------------------


def test_hostile_names_are_text() -> None:
    read = Reader(page(states()["hostile"]))

    assert not {"script", "img"} & set(read.tags)
    assert HOSTILE["mean radius"] in read.text
    assert HOSTILE["worst area"] in read.text
    assert "<img src=x onerror=y()>&amp;\N{REPLACEMENT CHARACTER}" in read.text


ANY = st.text(min_size=1, max_size=12) | st.sampled_from(
    [*HOSTILE.values(), "]]>", "--><!--", "\u202etxt", "{{x}}"]
)


def called(names: list[str]) -> Findings:
    """A window of all kinds at once, in which whatever can have a name has one of these."""
    feature = next(each for each in states()["drifted"].features if each.name == "scanner")
    measured = states()["binary"].quality
    facet, label = states()["bias"].facets[0], states()["attribution"].attributions[0]
    assert measured is not None
    metrics = zip(measured.metrics, names, strict=False)
    return replace(
        states()["hostile"],
        endpoint=names[0],
        monitor=names[1],
        place=names[2],
        doubts=(names[3],),
        features=(replace(feature, name=names[4], new_categories=tuple(names)),),
        quality=replace(
            measured,
            metrics=tuple(replace(each, name=name) for each, name in metrics),
            matrix={names[5]: {names[6]: 1.0}},
        ),
        facets=(replace(facet, name=names[5], value=names[6], described={"CI": names[7]}),),
        attributions=(replace(label, label=names[7], now={names[0]: 1.0, names[1]: 2.0}),),
    )


@cache
def plain() -> Reader:
    return Reader(page(called(list("abcdefgh"))))


@settings(max_examples=40, deadline=None)
@given(names=st.lists(ANY, min_size=8, max_size=8, unique=True))
def test_no_name_breaks_the_markup(names: list[str]) -> None:
    read = Reader(page(called(names)))

    assert sorted(read.tags) == sorted(plain().tags)
    assert sorted(name for name, _ in read.attributes) == sorted(name for name, _ in plain().attributes)


# --- data quality ---------------------------------------------------------------------------------------


def row(state: str, name: str) -> list[str]:
    """What the page's table of features says of one."""
    return next(
        each for each in Reader(page(states()[state])).rows if each[0].startswith(name) and len(each) == 8
    )


def test_the_table_of_features() -> None:
    assert row("drifted", "mean radius") == [
        *("mean radiusdrifted", "0.603 / 0.1", "<\u00a00.0001", "KS", "0 %", "8.5 %", "Fractional", "–")
    ]
    assert row("drifted", "scanner")[1:4:2] == ["1.42 / 0.2", "PSI"]
    assert row("drifted", "scanner")[7] == "Z2"
    assert row("drifted", "mean texture")[4] == "0 % → 5.3 %"


def test_what_is_different_has_its_picture_in_sight() -> None:
    html = page(states()["drifted"])
    first = html[html.index('id="different"') : html.index('id="features"')]

    assert re.findall(r"<h3>([^<]+)", first) == ["scanner", "mean radius", "worst area", "mean texture"]
    assert first.count("<svg") == 4
    assert "<details" not in first


def test_nothing_different_has_no_such_section() -> None:
    html = page(states()["passed"])

    assert 'id="different"' not in html
    assert "<summary>32 pictures</summary>" in html


def test_a_thousand_features_are_bounded() -> None:
    one = states()["drifted"].features[1]
    many = tuple(
        replace(one, name=f"feature {n}", violations=(), drift=Drift(drifted=n < 100))
        for n in range(MOST_ROWS + 200)
    )
    html = page(replace(states()["drifted"], features=many, course=None))

    assert html.count("<svg") == MOST_PICTURES
    assert f"These are {MOST_PICTURES} of 100" in html
    assert f"These are {MOST_ROWS} of {MOST_ROWS + 200}" in html


def test_a_feature_of_which_nothing_was_written() -> None:
    of = replace(states()["drifted"], features=(Feature(name="ghost", type="", drift=Drift(drifted=True)),))
    read = Reader(page(of))

    assert "Drifted; the distance was not written." in read.text
    assert "No distribution was written." in read.text


# --- the others -----------------------------------------------------------------------------------------


def test_the_matrix_says_how_many_and_which_share() -> None:
    rows = Reader(page(states()["binary"])).rows
    quality = states()["binary"].quality
    assert quality is not None
    right, wrong = quality.matrix["1"]["1"], quality.matrix["1"]["0"]
    line = next(each for each in rows if each[0] == "1" and len(each) == 3)

    assert line[1].startswith(f"{wrong:.0f}{wrong / (right + wrong):.1%}".replace("%", ""))
    assert line[2].startswith(f"{right:.0f}{right / (right + wrong):.1%}".replace("%", ""))


def test_metrics_of_regression_have_an_axis_each() -> None:
    html = page(states()["regression"])

    assert re.findall(r'<svg [^>]*id="(metric-\d)"', html) == ["metric-0", "metric-1", "metric-2", "metric-3"]
    assert "Not above 50." in html
    assert "Not below 0.4." in html


def test_the_best_constant_answer_is_told_beside_its_metric() -> None:
    rows = Reader(page(states()["binary"])).rows

    assert next(each for each in rows if each[0] == "recallviolated")[-1] == "1.00"


def test_a_ratio_too_far_away_is_in_the_table_only() -> None:
    read = Reader(page(states()["bias"]))

    assert "Too far away to be drawn: DI." in read.text
    assert ["DI", "3.40", "3.40", "Disparate Impact (DI)"] in read.rows


def test_places_of_features_that_have_changed() -> None:
    rows = Reader(page(states()["attribution"])).rows

    assert next(each for each in rows if each[0] == "mean radius")[1:3] == ["1", "30"]
    assert next(each for each in rows if each[0] == "mean radius")[-1] == "down 29"
