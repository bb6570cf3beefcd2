"""What a job of Model Monitor found, in this library's words: pure functions of its files.

The schemas are AWS's, of which the pages about interpreting violations and statistics tell; how descriptions are
worded is taken from public samples, and only ever used for a number more.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-results.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?"
_BOTH = re.compile(rf"(?P<value>{_NUMBER})\s+exceeds threshold:?\s*(?P<threshold>{_NUMBER})")
"""As in: Baseline drift distance: 0.27 exceeds threshold: 0.1"""
_NAMED = ("feature_name", "metric_name", "facet", "label")
_MOST_NAMED = 5


class UnreadableError(Exception):
    """A file of Model Monitor's that says nothing that we know."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time whose records a job read."""

    start: datetime
    end: datetime
    inferred: bool = False
    """From when the job was scheduled, for want of better."""

    @property
    def folder(self) -> str:
        """Where its files lie below the monitor's prefix."""
        return f"{self.start:%Y/%m/%d/%H%M}"

    def told(self) -> dict[str, Any]:
        """As a result has it."""
        told: dict[str, Any] = {"start": _iso(self.start), "end": _iso(self.end)}
        return {**told, "inferred": True} if self.inferred else told


def window_of(environment: Mapping[str, str]) -> Window | None:
    """The window that the container of a job was told."""
    try:
        start, end = (_time(environment[name]) for name in ("start_time", "end_time"))
    except (KeyError, ValueError):
        return None
    return Window(start, end)


def window_before(scheduled: datetime, begins: float, ends: float) -> Window:
    """The window of a job of the hour of `scheduled`, by the seconds before it that it begins and ends."""
    hour = scheduled.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Window(hour - timedelta(seconds=begins), hour - timedelta(seconds=ends), inferred=True)


def has_no_data(reason: str) -> bool:
    """Whether a job failed for want of anything to read ("Job inputs had no data")."""
    return "had no data" in reason.lower()


def parsed(name: str, body: bytes | None) -> dict[str, Any] | None:
    """The object in a file; None where there is no file."""
    if body is None:
        return None
    try:
        found = json.loads(body)
    except ValueError as error:
        raise UnreadableError(f"{name} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnreadableError(f"{name} is no object")
    return found


def violations_of(found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The violations in a file; of none that was written, none."""
    listed = [] if found is None else found.get("violations")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UnreadableError("constraint_violations.json has no list of violations")
    return listed


def findings(
    kind: str, statistics: Mapping[str, Any] | None, violations: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a result says beyond its name and window."""
    records = _records(statistics)
    # Data that is there and has no record in it.
    status = "no_data" if records == 0 else "violated" if violations else "passed"
    return {
        "status": status,
        "records": records,
        "unread": 0,
        "violations": len(violations),
        "values": dict(_values(kind, statistics or {}, violations)),
        "features": _features(statistics or {}, violations) if kind == "data_quality" else {},
        "text": _text(status, violations),
    }


def nothing_found(reason: str) -> dict[str, Any]:
    """What the result of a window without data says."""
    empty: dict[str, Any] = {"records": 0, "unread": 0, "violations": 0, "values": {}, "features": {}}
    return {"status": "no_data", **empty, "text": reason}


def _records(statistics: Mapping[str, Any] | None) -> int | None:
    """How many records were read; None where nobody says, as Clarify does not."""
    count = _object(statistics or {}, "dataset").get("item_count")
    return int(count) if _is_number(count) else None


def _values(
    kind: str, statistics: Mapping[str, Any], violations: list[dict[str, Any]]
) -> Iterator[tuple[str, float]]:
    if kind == "model_quality":
        yield from _quality(statistics)
    elif kind == "bias":
        yield from _bias(statistics)
    elif kind == "attribution":
        for violation in violations:
            match = _BOTH.search(str(violation.get("description")))
            if match is not None:
                yield f"ndcg.{violation.get('label')}", float(match["value"])


def _quality(statistics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """``{"auc": {"value": 0.9, "standard_deviation": 0.01}}`` and the like; matrices and curves have no value."""
    for section, metrics in statistics.items():
        if section.endswith("_metrics") and isinstance(metrics, dict):
            for name, metric in metrics.items():
                value = metric.get("value") if isinstance(metric, dict) else None
                if _is_number(value):
                    yield name, float(value)


def _bias(statistics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """By metric, facet and value: ``DPL.sex.female``."""
    for section in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, groups in _object(_object(statistics, section), "facets").items():
            for group in groups if isinstance(groups, list) else ():
                for metric in group.get("metrics") or ():
                    if _is_number(metric.get("value")):
                        name = f"{metric.get('name')}.{facet}.{group.get('value_or_threshold')}"
                        yield name, float(metric["value"])


def _features(statistics: Mapping[str, Any], violations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {str(each.get("name")): _feature(each) for each in statistics.get("features") or ()}
    for violation in violations:
        name = str(violation.get("feature_name"))
        if name not in found or violation.get("constraint_check_type") != "baseline_drift_check":
            continue
        match = _BOTH.search(str(violation.get("description")))
        measured = {} if match is None else {each: float(match[each]) for each in ("value", "threshold")}
        found[name] |= {
            "drifted": True,
            "distance": measured.get("value"),
            "threshold": measured.get("threshold"),
        }
    return found


def _feature(described: Mapping[str, Any]) -> dict[str, Any]:
    """A feature that did not drift: how far it is from the baseline only violations tell."""
    numbers = described.get("numerical_statistics") or described.get("string_statistics") or {}
    common = _object(numbers, "common")
    present, missing = common.get("num_present") or 0, common.get("num_missing") or 0
    return {
        "type": described.get("inferred_type"),
        "method": "model_monitor",
        "distance": None,
        "p_value": None,
        "threshold": None,
        "drifted": False,
        "distances": {},
        "missing": missing / (present + missing) if present + missing else 0.0,
        "out_of_range": None,
        "new_categories": [],
    }


def _text(status: str, violations: list[dict[str, Any]]) -> str:
    if status != "violated":
        return "no violations" if status == "passed" else "no records"
    named = [f"{_name(each)} ({each.get('constraint_check_type')})" for each in violations[:_MOST_NAMED]]
    more = len(violations) - len(named)
    count = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
    return f"{count}: {', '.join(named)}{f' and {more} more' if more else ''}"


def _name(violation: Mapping[str, Any]) -> str:
    return next((str(violation[name]) for name in _NAMED if name in violation), "?")


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _time(text: str) -> datetime:
    """AWS's page writes times with blanks in them: ``2019-12-01T16: 20: 00Z``."""
    at = datetime.fromisoformat(text.replace(" ", ""))
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
