"""The page in a browser: laid out, readable in every scheme and width, quiet, and fetching nothing."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from constructs_lib.monitoring.report.findings import Findings
from constructs_lib.monitoring.report.page import page
from tests.support.browser import Browser
from tests.support.monitoring_pages import HOSTILE, every_state, states
from tests.support.seen import boxes, colours, contrast, luminance

TEXTS = (
    "h1, h2, h3, td, th, .lead, .tag, .notices strong, .notices li, .below, summary, .picture p, .legend li, code, "
    "svg .tick, svg .name, svg .label, svg .note-text, svg .mark-name, dt, dd, li"
)


def written(folder: Path, of: Findings) -> Path:
    file = folder / "report.html"
    file.write_text(page(of), encoding="utf-8")
    return file


@every_state
def test_it_is_quiet_and_fetches_nothing(browser: Browser, state: str, tmp_path: Path) -> None:
    file = written(tmp_path, states()[state])

    with browser.page(file) as shown:
        assert shown.requests() == [file.as_uri()]
        assert shown.complaints() == []
        assert shown.evaluate("document.scripts.length") == 0


@every_state
@pytest.mark.parametrize("width", [1100, 768, 360])
def test_nothing_is_wider_than_the_window(browser: Browser, state: str, width: int, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, states()[state]), width=width) as shown:
        shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert shown.evaluate("document.scrollingElement.scrollWidth") <= width
        cards, pictures = boxes(shown, ".card"), boxes(shown, ".picture")

    assert all(card["left"] >= 0 and card["right"] <= width for card in cards)
    assert all(picture["right"] <= width and picture["height"] > 60 for picture in pictures)


@every_state
def test_the_verdict_is_the_first_thing_to_be_seen(browser: Browser, state: str, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, states()[state])) as shown:
        (headline,) = boxes(shown, "#verdict h2")
        visible = shown.evaluate("document.querySelector('#verdict').innerText")

    assert 0 < headline["top"] < headline["bottom"] < 300
    assert headline["text"] in visible


@every_state
def test_names_and_values_do_not_cover_each_other(browser: Browser, state: str, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, states()[state])) as shown:
        shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for chart in shown.evaluate("[...document.querySelectorAll('svg')].map(each => each.id)"):
            for kind in (".label", ".note-text"):
                found = sorted(boxes(shown, f"#{chart} {kind}"), key=lambda box: box["top"])
                for above, below in itertools.pairwise(found):
                    # Boxes of letters have room above and below the letters.
                    assert below["top"] - above["top"] >= 0.8 * above["height"], (chart, above["text"])


@every_state
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    browser: Browser, state: str, scheme: str, tmp_path: Path
) -> None:
    with browser.page(written(tmp_path, states()[state]), prefers_color_scheme=scheme) as shown:
        behind = shown.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        found = colours(shown, TEXTS)

    assert (luminance(behind) > 0.5) == (scheme == "light")
    assert found
    assert {colour: contrast(colour, behind) for colour in found if contrast(colour, behind) < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_matrix_can_be_read_where_it_is_darkest(browser: Browser, scheme: str, tmp_path: Path) -> None:
    cells = """[...document.querySelectorAll('.matrix td')].map(cell => {
        const canvas = document.createElement('canvas').getContext('2d');
        canvas.fillStyle = getComputedStyle(cell).backgroundColor;
        canvas.fillRect(0, 0, 1, 1);
        const behind = canvas.getImageData(0, 0, 1, 1).data;
        return [getComputedStyle(cell).color, `rgb(${behind[0]}, ${behind[1]}, ${behind[2]})`,
                getComputedStyle(cell.querySelector('.below')).color];
    })"""

    with browser.page(written(tmp_path, states()["binary"]), prefers_color_scheme=scheme) as shown:
        found = shown.evaluate(cells)

    assert len({behind for _, behind, _ in found}) > 1
    assert all(contrast(ink, behind) >= 4.5 for ink, behind, _ in found)
    assert all(contrast(soft, behind) >= 4.5 for _, behind, soft in found)


def test_the_pointer_is_told_the_values(browser: Browser, tmp_path: Path) -> None:
    under = """(id => {
        document.getElementById(id).scrollIntoView({block: 'center'});
        const now = document.getElementById(id).getBoundingClientRect();
        const hit = document.elementFromPoint(now.left + now.width / 2, now.top + now.height / 2);
        return hit.closest('g.moment').querySelector('title').textContent;
    })"""

    with browser.page(written(tmp_path, states()["drifted"])) as shown:
        told = shown.evaluate(f"{under}('feature-1')")
        past = shown.evaluate(f"{under}('course-0')")

    assert re.fullmatch(r"\d+\.\d to \d+\.\d\nbaseline: [\d.]+ %\nthis window: [\d.]+ %", told)
    assert re.fullmatch(r"2\d Nov 2026, \d\d:00 UTC\nmean radius: 0\.\d+", past)


def test_hostile_names_fetch_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    file = written(tmp_path, states()["hostile"])

    with browser.page(file) as shown:
        assert shown.requests() == [file.as_uri()]
        assert shown.complaints() == []
        assert HOSTILE["mean radius"] in shown.evaluate("document.querySelector('#features').innerText")


def test_on_paper_it_is_dark_on_light(browser: Browser, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, states()["drifted"]), prefers_color_scheme="dark") as shown:
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        shown.call("Emulation.setEmulatedMedia", media="print", features=features)
        ink = shown.evaluate("getComputedStyle(document.querySelector('h1')).color")
        paper = shown.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        printed = shown.call("Page.printToPDF")["data"]

    assert contrast(ink, paper) > 7
    assert luminance(paper) > 0.9
    assert len(printed) > 10_000
