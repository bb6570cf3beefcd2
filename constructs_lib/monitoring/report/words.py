"""The verdict in words, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ...pages.formats import chance, count, given, listing, percent, significant
from ...pages.markup import together
from ...pages.parts import command
from ...pages.verdict import Notice, Story, Tone
from .findings import Feature, Findings
from .names import method, metric

_NAMED = 3  # names that a headline has room for


def story(findings: Findings) -> Story:
    """The verdict on the window."""
    tone, headline = _headline(findings)
    return Story(
        tone=tone,
        headline=headline,
        sentences=tuple(_sentences(findings)),
        notices=tuple(_notices(findings)),
    )


def _headline(findings: Findings) -> tuple[Tone, str]:
    match findings.status:
        case "no_data":
            return "waiting", "There was no data in this window"
        case "no_baseline":
            return "waiting", "There is no baseline to compare with yet"
        case "too_few":
            have = "" if findings.records is None else f": {count(findings.records)}"
            return "waiting", f"Too few records for a verdict{have}"
        case "unknown":
            return "waiting", "Whether anything was wrong is not known"
        case "passed":
            return "good", _passed(findings)
        case "violated":
            return "bad", _violated(findings)


def _passed(findings: Findings) -> str:
    if findings.kind == "data_quality":
        judged = _judged(findings)
        return f"None of {_features(judged)} has drifted" if judged else "No check has failed"
    return {
        "model_quality": "The model is as good as it must be",
        "bias": "No metric of bias has drifted",
        "attribution": "The predictions rest on the same features as at the baseline",
    }[findings.kind]


def _violated(findings: Findings) -> str:
    subjects = list(dict.fromkeys(each.subject for each in findings.violations if each.subject))
    if findings.kind == "data_quality":
        drifted = findings.drifted
        if drifted:
            return f"{len(drifted)} of {_features(_judged(findings))} drifted: {named(drifted)}"
        return f"No feature drifted, but {_checks(len(findings.violations))} failed"
    if findings.kind == "model_quality":
        return f"The model is worse than allowed: {named([metric(each) for each in subjects])}"
    if findings.kind == "bias":
        return f"Bias has drifted: {named(subjects)}"
    return f"The predictions rest on other features than at the baseline: {named(subjects)}"


def named(names: list[str]) -> str:
    """The first of them, and how many more there are."""
    if len(names) <= _NAMED + 1:
        return listing(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def _judged(findings: Findings) -> int:
    return sum(feature.drift is not None and not feature.ignored for feature in findings.features)


def _features(many: int) -> str:
    return f"{many} feature{'s' if many != 1 else ''}"


def _checks(many: int) -> str:
    return f"{many} check{'s' if many != 1 else ''}"


# --- sentences ------------------------------------------------------------------------------------------


def _sentences(findings: Findings) -> Iterator[str]:
    match findings.status:
        case "no_data":
            yield (
                "The monitor has looked and found nothing to judge: no request was captured, or no label came for one. "
                "It is alive; this is no violation."
            )
        case "no_baseline":
            yield "The monitor waits until the job that makes the baseline has finished."
        case "too_few":
            yield (
                "A verdict on so few would be chance. What was measured is shown, but nothing was judged, and no alarm "
                "goes off for it."
            )
        case "passed" | "violated":
            yield from _found(findings)


def _found(findings: Findings) -> Iterator[str]:
    if findings.kind == "data_quality":
        worst = next((each for each in findings.features if each.drifted), None)
        if worst is not None:
            yield _about(worst)
        others = len([each for each in findings.violations if each.check != "baseline_drift_check"])
        if findings.drifted and others:
            yield f"{_checks(others)} of another kind failed too: see the checks that failed."
    elif findings.kind == "model_quality" and findings.quality is not None:
        for each in findings.quality.metrics:
            if each.violated and each.value is not None and each.threshold is not None:
                side = "above" if each.rises else "below"
                name = metric(each.name)
                yield (
                    f"{name[:1].upper()}{name[1:]} is {significant(each.value)}, {side} its threshold of "
                    f"{given(each.threshold)} by more than noise explains."
                )
    elif findings.kind == "attribution":
        for label in findings.attributions:
            if label.score is not None and label.threshold is not None:
                side = "below" if label.violated else "against"
                yield (
                    f"The order of the features for {label.label} agrees with the baseline's by "
                    f"{significant(label.score)} (nDCG; 1 is the same order), {side} a threshold of "
                    f"{given(label.threshold)}."
                )
    elif findings.kind == "bias":
        yield from _bias(findings)


def _bias(findings: Findings) -> Iterator[str]:
    groups = listing([f"{facet.name} = {facet.value}" for facet in findings.facets[:_NAMED]])
    if groups and not findings.violations:
        yield f"Compared: {groups}."
    for facet in findings.facets[:_NAMED]:
        for each in facet.metrics:
            if each.violated and each.value is not None:
                before = "" if each.before is None else f"{significant(each.before)} at the baseline, "
                yield f"{each.name} of {facet.name} = {facet.value}: {before}{significant(each.value)} now."


def _about(worst: Feature) -> str:
    """The drifted feature that is the farthest away."""
    drift = worst.drift
    if drift is None or drift.distance is None or drift.threshold is None:
        return f"By how much {worst.name} has drifted was not written."
    times = f", {significant(worst.closeness, 2)} times its threshold" if worst.closeness >= 1.05 else ""
    probability = "" if drift.p_value is None else f" ({chance(drift.p_value)})"
    how = f"{method(drift.method)} {significant(drift.distance)}"
    return f"{worst.name} is the farthest away: {how}{times}{probability}."


def distance_of(feature: Feature) -> str:
    """The distance of a feature in a line."""
    drift = feature.drift
    if drift is None:
        return "Not judged."
    if feature.ignored:
        return "Ignored, as the constraints say."
    if drift.distance is None:
        return "Drifted; the distance was not written." if drift.drifted else "No drift was reported."
    how = method(drift.method)
    limit = "" if drift.threshold is None else f", threshold {given(drift.threshold)}"
    probability = "" if drift.p_value is None else f", {chance(drift.p_value)}"
    return f"{how[:1].upper()}{how[1:]} {significant(drift.distance)}{limit}{probability}."


def _notices(findings: Findings) -> Iterator[Notice]:
    if findings.unread:
        among = (findings.records or 0.0) + findings.unread
        yield Notice(
            tone="warning",
            title=f"{count(findings.unread)} records could not be read",
            text=f"That is {percent(findings.unread / among)} of those there were; what they hold is in none of the "
            "figures. The monitor's log says which, and why.",
        )
    for doubt in findings.doubts:
        yield Notice(tone="note", title="Not known", text=doubt)


# --- what to do -----------------------------------------------------------------------------------------


def next_steps(findings: Findings) -> list[str]:
    """What a person does now, one after the other."""
    place = shlex.quote(findings.place)
    again = command(f"python -m constructs_lib.monitoring report {place} --days 14")
    if findings.status == "passed":
        nothing = together("Nothing must be done. The course of the last days: ", again)
        return [] if findings.course is not None else [nothing]
    if findings.status != "violated":
        return list(_WAITING[findings.status])
    first, *rest = _STEPS[findings.kind]
    course = [] if findings.course is not None else [together("See since when: ", again)]
    return [first, *course, *rest]


_DRIFTED = (
    "Look at the pictures. A jump by a factor or an offset, missing values, or new categories speak of a defect in "
    "what sends the data (a unit, a renamed field); a slow shift speaks of a world that has changed.",
    "If the data are wrong: mend them where they come from. The model is as good as before; its answers since then are "
    "not.",
    "If the world has changed: look at the model's quality. Where labels come late, judge by the drifted features: are "
    "they among the important ones? Then train again, on data with the new values in it, and make a new baseline.",
    "If the change is meant: make a new baseline, or raise the threshold of that feature.",
)
_WORSE = (
    "Look whether the data have drifted too, in the report of the data quality monitor for the same hours: then begin "
    "there.",
    "Look at the confusion matrix and the curves: a shift along the curve can be mended by another decision threshold, "
    "a lower curve cannot.",
    "Shift the traffic back to the previous variant if there is one, and train again on data that has the new labels.",
)
_BIASED = (
    "Look which group the metric is about, and whether it is the data (metrics before training) or the answers "
    "(metrics after training) that have changed.",
    "Look how many records the group has in this window: a small group moves by chance.",
    "If it holds in the next windows too, treat it as a defect of the model: shift the traffic back, and train again "
    "with that group in mind.",
)
_RESTS_ELSEWHERE = (
    "Look which features have become more or less important, and at the report of the data quality monitor for the "
    "same hours: a feature whose values have drifted matters differently.",
    "If important features have lost their weight without a drift, look at what changed in how the model is called.",
    "Train again if it holds, and make a new baseline.",
)
_STEPS = {
    "data_quality": _DRIFTED,
    "model_quality": _WORSE,
    "bias": _BIASED,
    "attribution": _RESTS_ELSEWHERE,
}
_WAITING = {
    "no_data": (
        "If there should have been calls: look at the endpoint's Invocations, and whether capture is on and writes to "
        "where the monitor reads.",
        "For model quality: look whether labels arrive, and carry the inference ids of the calls.",
    ),
    "too_few": (
        "If this is usual for the endpoint: give the monitor a longer period, or lower the least number of records and "
        "bear more chance.",
    ),
    "no_baseline": (
        "Look at the job that makes the baseline: its failure reason says what is missing. Start it again once it is "
        "mended; the next window is judged then.",
    ),
    "unknown": ("Read the monitor's log of this window: it has ended before its verdict.",),
}
