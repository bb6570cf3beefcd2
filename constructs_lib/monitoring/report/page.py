"""The page of a window: the verdict, what to do next, pictures, what failed, the course of the last days."""

from __future__ import annotations

from collections.abc import Iterator

from ...pages import parts
from ...pages.formats import NOTHING, count, moment
from ...pages.markup import Markup
from ...pages.verdict import verdict_card
from .findings import Findings
from .names import CHECKS, ENGINES, KINDS, STATUSES
from .show_attribution import attributions
from .show_bias import facets
from .show_course import course
from .show_features import features
from .show_quality import quality
from .words import next_steps, story

_MOST_ROWS = 200


def page(findings: Findings) -> str:
    """The report as HTML."""
    steps = next_steps(findings)
    return parts.page(
        _title(findings),
        _header(findings),
        verdict_card(story(findings)),
        *([parts.steps("What to do next", steps)] if steps else []),
        *_pictures(findings),
        *_failed(findings),
        *course(findings),
        parts.glossary("How to read this", {**_TERMS[findings.kind], **_facts(findings)}),
    )


def _title(findings: Findings) -> str:
    of = f" of {findings.endpoint}" if findings.endpoint else ""
    return f"{KINDS[findings.kind]}{of}"


def _header(findings: Findings) -> Markup:
    records = "" if findings.records is None else f" {count(findings.records)} records."
    before = (
        ""
        if findings.records_before is None
        else f" The baseline has {count(findings.records_before)} records."
    )
    return parts.header(
        _title(findings), STATUSES[findings.status], f"Window: {_window(findings)}.{records}{before}"
    )


def _window(findings: Findings) -> str:
    start, end = findings.start, findings.end
    if start is None and end is None:
        return "not told"
    if start is None or end is None:
        return f"{'from' if end is None else 'to'} {moment(end if start is None else start)} UTC"
    first, last = moment(start), moment(end)
    same = first.partition(",")[0] == last.partition(",")[0]
    return f"{first} to {last.partition(', ')[2] if same else last} UTC"


def _pictures(findings: Findings) -> Iterator[Markup]:
    if findings.features:
        yield from features(findings)
    if findings.quality is not None:
        yield from quality(findings.quality)
    yield from facets(findings.facets)
    yield from attributions(findings.attributions)


def _failed(findings: Findings) -> Iterator[Markup]:
    if not findings.violations:
        return
    shown = findings.violations[:_MOST_ROWS]
    more = (
        ""
        if len(shown) == len(findings.violations)
        else f" The first {len(shown)} of {len(findings.violations)}."
    )
    rows = [
        [each.subject or NOTHING, CHECKS.get(each.check, each.check) or NOTHING, each.text] for each in shown
    ]
    yield parts.card(
        "The checks that failed",
        f"As constraint_violations.json has them.{more}",
        parts.table(("What", "Check", "In the analyzer's words"), rows, text_last=True),
        id="violations",
    )


# --- the words ------------------------------------------------------------------------------------------

_TERMS = {
    "data_quality": {
        "Drifted": "The distance is beyond its threshold, and so great a one is not chance: p is below alpha, shared "
        "among all features judged, so that alpha is the chance of a false alarm in a whole window.",
        "Distance": "How far the two distributions are apart. Kolmogorov–Smirnov: the greatest difference of the "
        "shares below any value, 0 to 1. Population stability index: below 0.1 is little, above 0.25 much. "
        "Jensen–Shannon: 0 to 1.",
        "Out of range": "The share of the values outside of the range that the constraints give.",
        "New categories": "Values that the baseline does not have.",
    },
    "model_quality": {
        "Violated": "The value is beyond its threshold by more than its standard deviation explains.",
        "Standard deviation": "Of the metric: how much it would differ between windows as good as this one.",
        "ROC curve, AUC": "True against false positives, by decision threshold; the area is the chance that a positive "
        "gets a higher score than a negative, and 0.5 is a coin.",
        "Reliability": "Below the diagonal the model is too sure, above it not sure enough.",
    },
    "bias": {
        "Facet": "The attribute that says who belongs to the group.",
        "DPL, DPPL": "Difference in the share of good outcomes: of the labels, and of the predictions.",
        "DI": "Disparate impact: the group's share of good predictions, divided by that of the others.",
        "CI": "Class imbalance: how much smaller the group is than the others.",
    },
    "attribution": {
        "SHAP value": "What a feature adds to a single prediction; here the mean of its size.",
        "nDCG": "How much of the baseline's importance is where it was in the order; 1 is the same order.",
    },
}


def _facts(findings: Findings) -> dict[str, str]:
    """Where all this comes from."""
    facts = {"Read from": findings.place}
    if findings.monitor:
        facts["Monitor"] = findings.monitor
    if findings.engine:
        facts["Judged by"] = ENGINES.get(findings.engine, findings.engine)
    facts["Baseline"] = findings.baseline or "none was read"
    return facts
