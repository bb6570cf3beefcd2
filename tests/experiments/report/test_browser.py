"""The page in a browser: laid out, readable in every scheme and width, quiet, and fetching nothing."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from constructs_lib.experiments.report.findings import Findings
from constructs_lib.experiments.report.page import page
from tests.support.browser import Browser
from tests.support.experiment_findings import BINARY, NUMERIC, SPLIT, findings, renamed, tripped
from tests.support.seen import boxes, colours, contrast, luminance

TEN = findings(renamed(SPLIT, [f"candidate-model-number-{n:02}" for n in range(10)]))
STATES = {
    "binary": tripped(findings()),
    "numeric": findings(NUMERIC),
    "ten arms": TEN,
    "one look": replace(findings(), looks=findings().looks[-1:]),
    "no look": findings(looks=(), epochs=()),
}
every_state = pytest.mark.parametrize("of", STATES.values(), ids=STATES)


def written(folder: Path, of: Findings) -> Path:
    file = folder / "report.html"
    file.write_text(page(of), encoding="utf-8")
    return file


@every_state
def test_it_is_quiet_and_fetches_nothing(browser: Browser, of: Findings, tmp_path: Path) -> None:
    file = written(tmp_path, of)

    with browser.page(file) as shown:
        assert shown.requests() == [file.as_uri()]
        assert shown.complaints() == []


def test_hostile_names_fetch_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    names = [
        "</td><script>console.log(1)</script>",
        "<img src=http://127.0.0.1:9/a onerror=console.log(2)>",
        "c",
    ]
    file = written(tmp_path, tripped(findings(renamed(BINARY, names)), names[1]))

    with browser.page(file) as shown:
        assert shown.requests() == [file.as_uri()]
        assert shown.complaints() == []
        assert names[0] in shown.evaluate("document.querySelector('#variants').innerText")


def test_requests_and_complaints_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    loud = tmp_path / "loud.html"
    loud.write_text("<img src='http://127.0.0.1:9/a'><script>console.error('no'); nothing()</script>")

    with browser.page(loud) as shown:
        assert "http://127.0.0.1:9/a" in shown.requests()
        complaints = " ".join(shown.complaints())
        assert "'no'" in complaints
        assert "nothing is not defined" in complaints


def test_the_policy_of_the_page_stops_what_would_run(browser: Browser, tmp_path: Path) -> None:
    file = written(tmp_path, findings())
    file.write_text(file.read_text().replace("<main>", "<main><script>document.title = 'ran'</script>"))

    with browser.page(file) as shown:
        assert shown.evaluate("document.title") == "Experiment pricing"
        assert "Content Security Policy" in " ".join(shown.complaints())


@every_state
def test_the_verdict_is_the_first_thing_to_be_seen(browser: Browser, of: Findings, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, of)) as shown:
        (headline,) = boxes(shown, "#verdict h2")
        visible = shown.evaluate("document.querySelector('#verdict').innerText")

    assert headline["width"] > 200
    assert 0 < headline["top"] < headline["bottom"] < 300
    assert headline["text"] in visible


@every_state
@pytest.mark.parametrize("width", [1100, 400])
def test_everything_is_laid_out(browser: Browser, of: Findings, width: int, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, of), width=width) as shown:
        charts, cards = boxes(shown, "svg"), boxes(shown, ".card")
        shapes = boxes(shown, "svg .layer, svg .line, svg .dot, svg .band")
        assert shown.evaluate("document.scrollingElement.scrollWidth") <= width

    assert len(charts) == (1 if not of.looks else 3)
    assert all(chart["width"] >= 500 and chart["height"] >= 180 for chart in charts)
    assert all(card["left"] >= 0 and card["right"] <= width for card in cards)
    assert shapes
    assert all(shape["width"] + shape["height"] > 0 for shape in shapes)


@every_state
def test_names_beside_the_lines_are_apart_and_not_cut_off(
    browser: Browser, of: Findings, tmp_path: Path
) -> None:
    with browser.page(written(tmp_path, of)) as shown:
        for chart in shown.evaluate("[...document.querySelectorAll('svg')].map(each => each.id)"):
            (whole,) = boxes(shown, f"#{chart}")
            names = sorted(boxes(shown, f"#{chart} .name"), key=lambda box: box["top"])
            assert len(names) == len(of.experiment.arms)
            assert all(name["right"] <= whole["right"] + 1 for name in names)
            for above, below in itertools.pairwise(names):
                assert below["top"] - above["top"] >= 14


def test_the_pointer_is_told_the_values(browser: Browser, tmp_path: Path) -> None:
    under = """(id => {
        const box = document.getElementById(id).getBoundingClientRect();
        scrollTo(0, scrollY + box.top);
        const now = document.getElementById(id).getBoundingClientRect();
        const hit = document.elementFromPoint(now.left + now.width / 2, now.top + now.height / 2);
        return hit.closest('g.moment').querySelector('title').textContent;
    })"""

    with browser.page(written(tmp_path, findings())) as shown:
        shares, means = (shown.evaluate(f"{under}({id!r})") for id in ("traffic", "rewards"))

    assert re.fullmatch(r".* Jan 2027, \d\d:\d\d UTC\ncontrol: .* %\nbold: .* %\nshy: .* %", shares)
    assert re.search(r"bold: 6\.\d+ % \(5\.\d+ to 6\.\d+ %\)", means)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(browser: Browser, scheme: str, tmp_path: Path) -> None:
    of = tripped(findings(stopped=True, best="bold"), "shy")
    texts = "h2, td, th, .lead, .tag, .notices strong, .notices li, .below, summary, svg .tick, svg .name, dd"

    with browser.page(written(tmp_path, of), prefers_color_scheme=scheme) as shown:
        behind = shown.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        found = colours(shown, texts)

    assert (luminance(behind) > 0.5) == (scheme == "light")
    assert len(found) > 3
    assert {colour: contrast(colour, behind) for colour in found if contrast(colour, behind) < 4.5} == {}


def test_on_paper_it_is_dark_on_light(browser: Browser, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, findings()), prefers_color_scheme="dark") as shown:
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        shown.call("Emulation.setEmulatedMedia", media="print", features=features)
        ink = shown.evaluate("getComputedStyle(document.querySelector('h1')).color")
        paper = shown.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        printed = shown.call("Page.printToPDF")["data"]

    assert contrast(ink, paper) > 7
    assert luminance(paper) > 0.9
    assert len(printed) > 10_000
