"""The page: complete, well formed, inert whatever a name holds, and the same for the same findings."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from constructs_lib.experiments.report.findings import Findings
from constructs_lib.experiments.report.page import page
from constructs_lib.experiments.runtime.experiment import Guardrail
from tests.support.experiment_findings import BINARY, NUMERIC, SPLIT, findings, renamed, tripped
from tests.support.page_reader import Reader

HOSTILE = ['</title><script>alert("1")</script>', "a\" onload='x()", "<img src=x onerror=y()>&amp;\x00\x1b"]
STATES = {
    "binary": findings(),
    "numeric": findings(NUMERIC),
    "split": findings(SPLIT),
    "ten arms": findings(renamed(SPLIT, [f"candidate-{n}" for n in range(10)])),
    "tripped": tripped(findings()),
    "stopped": findings(stopped=True, best="bold"),
    "first look": findings(days=1),
    "no look": findings(looks=()),
    "no epoch": findings(looks=(), epochs=()),
    "hostile": tripped(findings(renamed(BINARY, HOSTILE)), HOSTILE[1]),
}
every_state = pytest.mark.parametrize("of", STATES.values(), ids=STATES)


def row(of: Findings, name: str) -> list[str]:
    """What the page's first table says of a variant."""
    return next(each for each in Reader(page(of)).rows if each[0].startswith(name))


@every_state
def test_every_state_makes_a_well_formed_page(of: Findings) -> None:
    html = page(of)

    assert html.startswith("<!doctype html>")
    assert {"main", "h1", "h2", "table", "svg"} <= set(Reader(html).tags)
    assert not re.search(r"\b(nan|inf|None)\b", html)


@every_state
def test_nothing_is_fetched_and_nothing_runs(of: Findings) -> None:
    read = Reader(page(of))

    assert not {"script", "link", "img", "iframe", "object", "form", "a", "base"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]
    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ) in (read.attributes)
    assert not re.search(r"@import|url\((?!#)", page(of))


def test_hostile_names_are_text() -> None:
    of = STATES["hostile"]
    guarded = replace(of.experiment, guardrails=(Guardrail(alarm="</td><script>x</script>", arm=HOSTILE[1]),))
    stretch = replace(of.epochs[-1], reason="<b onclick=z()>because</b>")
    read = Reader(page(replace(of, experiment=guarded, epochs=(*of.epochs[:-1], stretch))))

    assert "script" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    for hostile in (*HOSTILE[:2], "</td><script>x</script>", "<b onclick=z()>because</b>"):
        assert hostile in read.text
    assert "\x00" not in read.text
    assert "<img src=x onerror=y()>&amp;\N{REPLACEMENT CHARACTER}" in read.text


def test_the_same_findings_make_the_same_page() -> None:
    assert page(findings()) == page(findings())


def test_the_table_of_variants() -> None:
    name, share, exposures, rewards, matured, mean, best, difference = row(findings(), "bold")

    assert (name, share, exposures, rewards, matured) == ("bold", "80 %", "14,667", "901", "14,667")
    assert mean == "6.15 %5.76 to 6.54 %"
    assert best == "90 %"
    assert difference == "better+0.2 to +2.3"


def test_the_variants_are_tagged() -> None:
    of = tripped(findings(stopped=True, best="bold"), "shy")

    assert row(of, "control")[0] == "controlcontrol"
    assert row(of, "bold")[0] == "boldkept"
    assert row(of, "shy")[0] == "shytaken out"


def test_nothing_is_said_of_means_before_anything_matured() -> None:
    assert row(findings(days=1), "bold")[2:6] == ["0", "0", "0", "–"]
    assert row(findings(looks=()), "bold")[2:] == ["–"] * 6
    assert "Mean reward over time" not in Reader(page(findings(days=1))).text


def test_numeric_rewards_are_no_percentages() -> None:
    assert row(findings(NUMERIC), "bold")[5] == "44.744.1 to 45.4"


def test_the_chart_over_time_has_a_table() -> None:
    read = Reader(page(findings()))
    looks = [each for each in read.rows if len(each) == 4 and each[0].endswith("08:00")]

    assert "As a table (all looks)" in read.text
    assert len(looks) == 11
    assert looks[-1][0] == "27 Jan 2027, 08:00"
    assert looks[-1][2] == "6.15 % (5.76 to 6.54 %)"


def test_a_long_course_is_thinned() -> None:
    assert "As a table (60 of 117 looks)" in Reader(page(findings(days=40))).text


def test_epochs_are_listed_the_latest_first() -> None:
    epochs = [each for each in Reader(page(findings())).rows if len(each) == 7 and each[0].isdecimal()]

    assert [each[0] for each in epochs] == ["3", "2", "1", "0"]
    assert epochs[0][1:] == [
        *("24 Jan 2027, 08:01", "–", "8 %", "80 %", "12 %"),
        "New shares: bold is best.",
    ]


def test_many_epochs_are_not_in_the_way() -> None:
    of = findings()
    many = tuple(replace(of.epochs[-1], number=number) for number in range(30))
    html = page(replace(of, epochs=many))
    epochs = [each[0] for each in Reader(html).rows if len(each) == 7 and each[0].isdecimal()]

    assert epochs == [str(number) for number in reversed(range(30))]
    assert "<summary>18 earlier</summary>" in html


def test_an_epoch_that_was_only_asked_for() -> None:
    of = findings()
    asked = replace(of.epochs[-1], settled_at=None)

    assert "not in force yet" in Reader(page(replace(of, epochs=(*of.epochs[:-1], asked)))).text


def test_guardrails_tell_their_alarms_and_what_they_did() -> None:
    calm, out = (
        next(each for each in Reader(page(of)).rows if each[0] == "bold" and len(each) == 3)
        for of in (findings(), tripped(findings()))
    )

    assert calm == ["bold", "not tripped", "pricing-bold-errors"]
    assert out == ["bold", "taken out, 26 Jan 2027, 08:00 UTC", "pricing-bold-errors"]


def test_without_guardrails_there_is_no_word_of_them() -> None:
    assert "Guardrails" not in Reader(page(findings(replace(BINARY, guardrails=())))).text


@every_state
def test_every_chart_has_a_title_and_a_description(of: Findings) -> None:
    html = page(of)
    ids = set(re.findall(r'id="([^"]+)"', html))

    for referred in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
        assert referred in ids
    assert html.count("<svg") == html.count('aria-labelledby="')
    assert len(ids) == html.count(' id="')
