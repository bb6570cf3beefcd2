"""From the files of a window and of its baseline to findings. It reads, and never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

from .course import course_of
from .findings import Attribution, Findings, Kind, Quality, Status, Violation
from .place import WINDOW, Folder, Place, ReportError, json_of, latest
from .read_features import features_of
from .read_models import attributions_of, bias_subject, facets_of, quality_of
from .told import items, mapping, moment, number, text

Given = Mapping[str, Any]

_DRIFT_CHECKS = {"bias_drift_check": "bias", "feature_attribution_drift_check": "attribution"}
_QUALITY_CHECKS = ("LessThanThreshold", "GreaterThanThreshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What there is of a window; an empty object where a file is not there."""

    place: Place
    result: Given
    statistics: Given
    violations: Given | None
    """None: no such file."""
    constraints: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the window is compared with."""

    text: str = ""
    statistics: Given
    constraints: Given


def findings_of(
    place: Place,
    open_: Callable[[str], Place],
    *,
    baseline: str | None = None,
    days: int | None = None,
) -> Findings:
    """Everything there is to report of a window, or of the latest one below a monitor's prefix.

    :param open_: makes a place of what a person, or the result, has written.
    :param baseline: where the baseline lies, if not where the result says.
    :param days: how many days up to the window to show the course of.
    :raises ReportError: there is no window, or it cannot be read.
    """
    files = _files(place)
    doubts: list[str] = []
    kind = _kind(files)
    compared = _baseline(files, open_, baseline, doubts)
    violations = tuple(_violations(files.violations or {}, kind))
    status = _status(files, doubts)
    constraints = compared.constraints or files.constraints
    judged = mapping(files.result.get("features"))
    values = _values(files.result.get("values"))
    if not files.result and kind == "data_quality":
        doubts.append(
            "There is no result.json here: an analyzer alone has looked. It writes which features have drifted, and "
            "the distance of those only; no p-values, no values out of range, no new categories."
        )
    elif not files.result:
        doubts.append(
            "There is no result.json here: an analyzer alone has looked, and nothing else is known."
        )
    start, end = _times(files)
    quality = quality_of(files.statistics, compared.statistics, constraints, violations)
    attributions = attributions_of(files.statistics, compared.statistics, values, violations)
    limits = _limits(quality, attributions)
    return Findings(
        place=files.place.text,
        kind=kind,
        status=status,
        monitor=text(files.result.get("monitor")),
        endpoint=text(files.result.get("endpoint")),
        engine=text(files.result.get("engine")),
        start=start,
        end=end,
        baseline=compared.text,
        records=_records(files),
        records_before=_items(compared.statistics),
        unread=number(files.result.get("unread")) or 0.0,
        text=text(files.result.get("text")),
        violations=violations,
        values=values,
        features=features_of(files.statistics, compared.statistics, constraints, judged, violations)
        if kind == "data_quality"
        else (),
        quality=quality,
        facets=facets_of(files.statistics, compared.statistics, violations),
        attributions=attributions,
        course=None if days is None else course_of(files.place, days, kind, limits),
        doubts=tuple(doubts),
    )


# --- the window -----------------------------------------------------------------------------------------


def _files(place: Place) -> Files:
    found = _files_in(place)
    if found is None:
        last = latest(place)
        found = None if last is None else _files_in(place.within(last))
    if found is None:
        raise ReportError(
            f"there is no window of a monitor in {place.text}: none of result.json, statistics.json and "
            "constraint_violations.json, and no folder yyyy/mm/dd/hhmm with them below it"
        )
    return found


def _files_in(place: Place) -> Files | None:
    result, violations = json_of(place, "result.json"), json_of(place, "constraint_violations.json")
    # Clarify calls its statistics analysis.json.
    statistics = json_of(place, "statistics.json") or json_of(place, "analysis.json")
    if result is None and statistics is None and violations is None:
        return None
    return Files(
        place=place,
        result=result or {},
        statistics=statistics or {},
        violations=violations,
        constraints=json_of(place, "constraints.json") or {},
    )


def _kind(files: Files) -> Kind:
    told = text(files.result.get("kind"))
    if told in get_args(Kind):
        return cast(Kind, told)
    statistics = files.statistics
    if "features" in statistics:
        return "data_quality"
    if any(name.endswith(("classification_metrics", "regression_metrics")) for name in statistics):
        return "model_quality"
    if "explanations" in statistics:
        return "attribution"
    if any(name.endswith("bias_metrics") for name in statistics):
        return "bias"
    for each in map(mapping, items((files.violations or {}).get("violations"))):
        check = text(each.get("constraint_check_type"))
        if check in _QUALITY_CHECKS:
            return "model_quality"
        return cast(Kind, _DRIFT_CHECKS.get(check, "data_quality"))
    raise ReportError(
        f"{files.place.text} does not tell what kind of monitor has written it: no statistics.json and no result.json"
    )


def _violations(given: Given, kind: Kind) -> Iterator[Violation]:
    for each in map(mapping, items(given.get("violations"))):
        if kind == "bias":
            facet, value, metric = (text(each.get(key)) for key in ("facet", "facet_value", "metric_name"))
            subject = bias_subject(facet, value, metric)
        else:
            named = ("label",) if kind == "attribution" else ("feature_name", "metric_name")
            subject = next((text(each[key]) for key in named if text(each.get(key))), "")
        yield Violation(
            subject=subject,
            check=text(each.get("constraint_check_type")),
            text=text(each.get("description")),
        )


def _status(files: Files, doubts: list[str]) -> Status:
    told = text(files.result.get("status"))
    if told in get_args(Status):
        return cast(Status, told)
    if files.violations is None:
        doubts.append(
            "Neither result.json nor constraint_violations.json is here: whether anything was wrong is not known. "
            "Model Monitor writes the latter only once the constraints were evaluated."
        )
        return "unknown"
    return "violated" if items(files.violations.get("violations")) else "passed"


def _values(given: object) -> dict[str, float]:
    pairs = ((text(name), number(value)) for name, value in mapping(given).items())
    return {name: value for name, value in pairs if value is not None}


def _records(files: Files) -> float | None:
    told = number(files.result.get("records"))
    return _items(files.statistics) if told is None else told


def _items(statistics: Given) -> float | None:
    return number(mapping(statistics.get("dataset")).get("item_count"))


def _times(files: Files) -> tuple[float | None, float | None]:
    """From when to when: as the result says, as the analyzer does, or as the folder is named."""
    window, dataset = mapping(files.result.get("window")), mapping(files.statistics.get("dataset"))
    start = moment(window.get("start")) or moment(dataset.get("start_time"))
    end = moment(window.get("end")) or moment(dataset.get("end_time"))
    named = WINDOW.search(files.place.text)
    if start is None and end is None and named is not None:
        year, month, day, hour, minute = (int(part or 0) for part in named.groups())
        try:
            start = datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()
        except ValueError:
            return None, None
    return start, end


def _limits(quality: Quality | None, attributions: tuple[Attribution, ...]) -> dict[str, tuple[float, bool]]:
    """The thresholds of what the results call values."""
    metrics = () if quality is None else quality.metrics
    found = {each.name: (each.threshold, each.rises) for each in metrics if each.threshold is not None}
    for label in attributions:
        if label.threshold is not None:
            found |= dict.fromkeys(("ndcg", f"ndcg.{label.label}"), (label.threshold, False))
    return found


# --- the baseline ---------------------------------------------------------------------------------------


def _baseline(files: Files, open_: Callable[[str], Place], given: str | None, doubts: list[str]) -> Baseline:
    """As it was given, or where the result says; without one the page says so."""
    if given is not None:
        found = _baseline_in(open_(given))
        if found is None:
            raise ReportError(
                f"there is no baseline in {given}: no statistics.json, constraints.json or analysis.json"
            )
        return found
    told = text(files.result.get("baseline"))
    if not told:
        if not files.result:
            doubts.append("Without a result.json the baseline is not known: name its folder with --baseline.")
        return Baseline(statistics={}, constraints={})
    try:
        found = _beside(files.place, told) or _baseline_in(open_(told))
        why = f"there is nothing in {told}"
    except ReportError as error:
        found, why = None, str(error)
    if found is None:
        doubts.append(f"The baseline could not be read, so that nothing is compared with it: {why}.")
        return Baseline(statistics={}, constraints={})
    return found


def _beside(place: Place, told: str) -> Baseline | None:
    """In a copy of the monitor's prefix the baseline is where it was: no need to ask S3."""
    if not isinstance(place, Folder) or not WINDOW.search(place.path.absolute().as_posix()):
        return None
    digest = told.rstrip("/").rpartition("/")[2]
    return _baseline_in(place.above(4).within(f"baseline/{digest}"))


def _baseline_in(place: Place) -> Baseline | None:
    statistics = json_of(place, "statistics.json") or json_of(place, "analysis.json")
    constraints = json_of(place, "constraints.json")
    if statistics is None and constraints is None:
        return None
    if statistics is None and constraints is not None and "features" not in constraints:
        # The constraints of bias and of attribution are what was measured.
        statistics = constraints
    return Baseline(text=place.text, statistics=statistics or {}, constraints=constraints or {})
