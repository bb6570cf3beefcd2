"""The verdict in words, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.monitoring.report.findings import Drift, Feature, Findings, Kind, Status, Violation
from constructs_lib.monitoring.report.words import distance_of, next_steps, story


def findings(kind: Kind = "data_quality", status: Status = "passed", **more: Any) -> Findings:
    return Findings(place="s3://b/x y/2026/11/28/1000/", kind=kind, status=status, **more)


def features(drifted: int, calm: int = 0) -> tuple[Feature, ...]:
    far = Drift(drifted=True, method="ks", distance=0.31, threshold=0.1, p_value=1e-9)
    near = Drift(drifted=False, method="ks", distance=0.05, threshold=0.1, p_value=0.4)
    return tuple(
        Feature(name=f"f{n}", type="Fractional", drift=far if n < drifted else near)
        for n in range(drifted + calm)
    )


@pytest.mark.parametrize(
    ("of", "tone", "headline"),
    [
        (findings(features=features(0, 30)), "good", "None of 30 features has drifted"),
        (findings(features=features(0, 1)), "good", "None of 1 feature has drifted"),
        (findings(), "good", "No check has failed"),
        (findings(status="violated", features=features(2, 28)), "bad", "2 of 30 features drifted: f0 and f1"),
        (
            findings(status="violated", features=features(9)),
            "bad",
            "9 of 9 features drifted: f0, f1, f2 and 6 more",
        ),
        (
            findings(status="violated", violations=(Violation(subject="a", check="x", text=""),)),
            "bad",
            "No feature drifted, but 1 check failed",
        ),
        (
            findings(
                "model_quality", "violated", violations=(Violation(subject="auc", check="x", text=""),) * 2
            ),
            "bad",
            "The model is worse than allowed: AUC",
        ),
        (findings("model_quality"), "good", "The model is as good as it must be"),
        (findings("bias"), "good", "No metric of bias has drifted"),
        (findings("attribution"), "good", "The predictions rest on the same features as at the baseline"),
        (findings(status="too_few", records=12.0), "waiting", "Too few records for a verdict: 12"),
        (findings(status="no_data"), "waiting", "There was no data in this window"),
        (findings(status="no_baseline"), "waiting", "There is no baseline to compare with yet"),
        (findings(status="unknown"), "waiting", "Whether anything was wrong is not known"),
    ],
)
def test_headlines(of: Findings, tone: str, headline: str) -> None:
    assert (story(of).tone, story(of).headline) == (tone, headline)


def test_the_farthest_away_is_told_with_its_distance() -> None:
    told = story(findings(status="violated", features=features(1, 3)))

    assert told.sentences == (
        "f0 is the farthest away: Kolmogorov–Smirnov distance 0.310, 3.1 times its threshold (p\u00a0<\u00a00.0001).",
    )


def test_ignored_features_are_not_counted() -> None:
    one, *others = features(0, 4)

    assert "3 features" in story(findings(features=(replace(one, ignored=True), *others))).headline
    assert distance_of(replace(one, ignored=True)) == "Ignored, as the constraints say."


def test_distances_that_were_not_written() -> None:
    assert distance_of(Feature(name="f", type="")) == "Not judged."
    assert distance_of(Feature(name="f", type="", drift=Drift(drifted=False))) == "No drift was reported."
    assert "not written" in distance_of(Feature(name="f", type="", drift=Drift(drifted=True)))


def test_records_that_could_not_be_read_are_a_warning() -> None:
    (notice,) = story(findings(records=90.0, unread=10.0)).notices

    assert (notice.tone, notice.title) == ("warning", "10 records could not be read")
    assert "That is 10 % of those there were" in notice.text


@pytest.mark.parametrize("kind", ["data_quality", "model_quality", "bias", "attribution"])
@pytest.mark.parametrize("status", ["passed", "violated", "too_few", "no_data", "no_baseline", "unknown"])
def test_there_is_something_to_do_and_it_can_be_typed(kind: Kind, status: Status) -> None:
    steps = next_steps(findings(kind, status))

    assert steps
    if status in ("passed", "violated"):
        assert any("report &#x27;s3://b/x y/2026/11/28/1000/&#x27; --days 14" in step for step in steps)
