"""A device's summary, as it is read: from outside, so that nothing in it is taken on trust.

Source: constructs_lib/edge/runtime/device/summary.py writes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}")
_BOOT = re.compile(r"[0-9a-f]{1,32}")
_MOST = 1e9
"""Of a count in one summary: more has not been counted by a device."""
_LONGEST_MS = 3_600_000.0
_MOST_BUCKETS = 150
"""Of a metric's datum: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""
GROUPS = ("canary", "fleet")
COUNTS = {
    "inferences": "Inferences",
    "errors": "Errors",
    "fallbacks": "Fallbacks",
    "swaps": "Swaps",
    "rejected_models": "RejectedModels",
    "dropped_records": "DroppedRecords",
    "delivered_records": "DeliveredRecords",
}
"""Members of a summary that are added up, and the metrics that they are."""
UNKNOWN = "none"
"""Of a device that serves nothing."""


class MalformedSummaryError(ValueError):
    """A summary that is none; says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one device counted in a while."""

    thing: str
    group: str
    at: float
    """Seconds since 1970, by the device's clock, but never in the future."""
    boot: str
    number: int
    version: str
    program: str
    counts: Mapping[str, float]
    """By metric."""
    latency: Mapping[float, float]
    """Milliseconds → how many answers took about as long."""
    buffered: float

    @classmethod
    def of(cls, told: object, *, now: float) -> Summary:
        """Read one.

        :raises MalformedSummaryError: it is none.
        """
        if not isinstance(told, Mapping):
            raise MalformedSummaryError("no JSON object")
        group = told.get("group", "fleet")
        if group not in GROUPS:
            raise MalformedSummaryError(f"group is {group!r:.60}")
        return cls(
            thing=_text(told, "thing", _THING),
            group=str(group),
            at=min(_number(told, "at", most=1e15) / 1000, now),
            boot=_text(told, "boot", _BOOT),
            number=int(_number(told, "number", most=1e12)),
            version=_text(told, "model_version", _VERSION) if told.get("model_version") else UNKNOWN,
            program=_text(told, "program", _VERSION) if told.get("program") else UNKNOWN,
            counts={metric: _number(told, name, missing=0) for name, metric in COUNTS.items()},
            latency=_latency(told.get("latency", {})),
            buffered=_number(told, "buffered_records", missing=0),
        )


def _text(told: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedSummaryError(f"{name} is {value!r:.60}")
    return value


def _number(
    told: Mapping[str, Any], name: str, *, most: float = _MOST, missing: float | None = None
) -> float:
    value = told.get(name, missing)
    return _plain(value, name, most)


def _plain(value: object, name: str, most: float) -> float:
    """A number from 0 to `most`; no truth value, no text, no NaN."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not 0 <= value <= most or not math.isfinite(value):  # type: ignore[operator, arg-type]
        raise MalformedSummaryError(f"{name} is {value!r:.60}")
    return float(value)  # type: ignore[arg-type]


def _latency(told: object) -> Mapping[float, float]:
    if not isinstance(told, Mapping):
        raise MalformedSummaryError("latency is no JSON object")
    values, counts = told.get("values", []), told.get("counts", [])
    fitting = isinstance(values, list) and isinstance(counts, list) and len(values) == len(counts)
    if not fitting or len(values) > _MOST_BUCKETS:
        raise MalformedSummaryError(f"latency has not one count for each of at most {_MOST_BUCKETS} values")
    return {
        _plain(value, "latency.values", _LONGEST_MS): _plain(count, "latency.counts", _MOST)
        for value, count in zip(values, counts, strict=True)
    }
