"""A device's summary, as it is read: from outside, so that nothing in it is taken on trust.

Source: constructs_lib/edge/runtime/device/summary.py writes it; the topic rule says which device it is of, and when it
came.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}")
_BOOT = re.compile(r"[0-9a-f]{1,32}")
_MOST = 1e9
"""Of a count in one summary: more has not been counted by a device."""
_LATEST_MS = 1e15
_LAST_NUMBER = 1e12
_LONGEST_MS = 3_600_000.0
_MOST_BUCKETS = 150
"""Of a metric's datum: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""
_SHOWN = 60
"""Characters of what is wrong that the log gets."""
GROUPS = ("canary", "fleet")
COUNTS = {
    "fallbacks": "Fallbacks",
    "swaps": "Swaps",
    "rejected_models": "RejectedModels",
    "dropped_records": "DroppedRecords",
    "delivered_records": "DeliveredRecords",
}
"""Members of a summary that are added up as they are, and the metrics that they are."""
UNKNOWN = "none"
"""Of a device that serves nothing."""


class MalformedSummaryError(ValueError):
    """A summary that is none; says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one device counted in a while."""

    thing: str
    group: str
    received: float
    """Seconds since 1970, when AWS IoT had it, and so when the device was there: by AWS's clock."""
    at: float
    """When it was written, by the device's clock; never after it was received."""
    boot: str
    number: int
    version: str
    counts: Mapping[str, float]
    """By metric."""
    latency: Mapping[float, float]
    """Milliseconds → how many answers took about as long."""
    buffered: float

    @classmethod
    def read(cls, body: str, *, now: float) -> Summary:
        """Read a message of the queue, which the topic rule wrote.

        :raises MalformedSummaryError: it has no summary.
        """
        message = _object(body)
        thing, received, payload = _envelope(message)
        told = _object(_decoded(payload))
        return cls.of(told, thing=thing, received=received, now=now)

    @classmethod
    def of(cls, told: Mapping[str, Any], *, thing: object, received: object, now: float) -> Summary:
        """Check what a device told.

        :param thing: of the topic, which the device's policy vouches for.
        :param received: milliseconds since 1970; None where nobody has noted it.
        :raises MalformedSummaryError: it is no summary.
        """
        group = told.get("group", "fleet")
        if group not in GROUPS:
            raise MalformedSummaryError(f"group is {_shown(group)}")
        written = _number(told, "at", most=_LATEST_MS) / 1000
        came = written if received is None else _plain(received, "received", _LATEST_MS) / 1000
        came = min(came, now)
        return cls(
            thing=_text(thing, "thing", _THING),
            group=str(group),
            received=came,
            at=min(written, came),
            boot=_text(told.get("boot"), "boot", _BOOT),
            number=_whole(told, "number", most=_LAST_NUMBER),
            version=_text(told["model_version"], "model_version", _VERSION)
            if told.get("model_version") is not None
            else UNKNOWN,
            counts=_counts(told),
            latency=_latency(told.get("latency", {})),
            buffered=_number(told, "buffered_records", missing=0),
        )


def _counts(told: Mapping[str, Any]) -> Mapping[str, float]:
    """What is added up. A device's ``inferences`` are all requests, those that failed too."""
    requests, errors = _number(told, "inferences", missing=0), _number(told, "errors", missing=0)
    if errors > requests:
        raise MalformedSummaryError(f"errors are {errors:g} of {requests:g} requests")
    return {
        "Requests": requests,
        "Inferences": requests - errors,
        "Errors": errors,
        **{metric: _number(told, name, missing=0) for name, metric in COUNTS.items()},
    }


def _envelope(message: Mapping[str, Any]) -> tuple[object, object, object]:
    """Whose it is, when it came, and what it says, still encoded.

    A message that the rule could not hand over is a dead letter of AWS IoT's own form; moved back, it is read too.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
    """
    if "base64OriginalPayload" in message:
        levels = str(message.get("topic")).split("/")
        return levels[2] if len(levels) == 4 else None, None, message["base64OriginalPayload"]
    return message.get("thing"), message.get("received"), message.get("told")


def _decoded(payload: object) -> str:
    if not isinstance(payload, str):
        raise MalformedSummaryError(f"told is {_shown(payload)}")
    try:
        return base64.b64decode(payload, validate=True).decode()
    except ValueError as error:
        raise MalformedSummaryError(f"no text: {error}"[:_SHOWN]) from error


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    # RecursionError: some thousand brackets are enough for it.
    except (ValueError, RecursionError) as error:
        raise MalformedSummaryError(f"no JSON: {_shown(text)}") from error
    if not isinstance(found, dict):
        raise MalformedSummaryError(f"no JSON object: {_shown(text)}")
    return found


def _shown(value: object) -> str:
    """`value`, quoted and cut: what a stranger says is in the log as one short line."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    # Of a long text or number, repr would make a longer one first; of a huge number it refuses to.
    if isinstance(value, int) and not -_LATEST_MS <= value <= _LATEST_MS:
        return "a huge number"
    return repr(value[:_SHOWN] if isinstance(value, str) else value)


def _text(value: object, name: str, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedSummaryError(f"{name} is {_shown(value)}")
    return value


def _whole(told: Mapping[str, Any], name: str, *, most: float) -> int:
    value = _number(told, name, most=most)
    if not value.is_integer():
        raise MalformedSummaryError(f"{name} is {_shown(value)}")
    return int(value)


def _number(
    told: Mapping[str, Any], name: str, *, most: float = _MOST, missing: float | None = None
) -> float:
    return _plain(told.get(name, missing), name, most)


def _plain(value: object, name: str, most: float) -> float:
    """A number from 0 to `most`; no truth value, no text, no NaN."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN fails every comparison, and infinity this one.
    if not plain or not 0 <= value <= most:  # type: ignore[operator]
        raise MalformedSummaryError(f"{name} is {_shown(value)}")
    return math.fabs(value)  # type: ignore[arg-type]


def _latency(told: object) -> Mapping[float, float]:
    if not isinstance(told, dict):
        raise MalformedSummaryError("latency is no JSON object")
    values, counts = told.get("values", []), told.get("counts", [])
    fitting = isinstance(values, list) and isinstance(counts, list) and len(values) == len(counts)
    if not fitting or len(values) > _MOST_BUCKETS:
        raise MalformedSummaryError(f"latency has not one count for each of at most {_MOST_BUCKETS} values")
    found: dict[float, float] = defaultdict(float)
    for value, count in zip(values, counts, strict=True):
        found[_plain(value, "latency.values", _LONGEST_MS)] += _plain(count, "latency.counts", _MOST)
    return dict(found)
