"""The scheduled look at a shadow test: compares what both variants answered, reports it, tells CloudWatch.

A window is compared when it is over and its captured files have had time to settle; at the next look once
more, for files that came later still. A report has its window's name and is a function of what was captured
in it, so that a look that runs twice changes nothing. Metrics are put before the first report of a window is
written: a crash in between puts them twice, which the statistics they are read with do not mind but for counts.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import boto3

from ...core.runtime.capture import UnparsableError
from ...core.runtime.windows import HOUR, Window, hours, iso, moment, seconds, window_at, windows_due
from .agreement import Criteria, Load, Outcome, compare, slowdown, verdict
from .captured import Selection, answer, captured
from .emf import NAMESPACE
from .pairing import Paired, Pairing, Side

VARIABLE = "SHADOW_TEST"
DIMENSION = "ShadowTest"

_LOOKS = 2
"""How often a window is compared."""
_SLACK = 300.0
"""Seconds by which an answer may lie outside of its window and still be a partner of one within."""
_ROOM = 1_000_000
"""Values in memory, at some hundred bytes each."""
_CHUNK = 1024 * 1024

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTest:
    """The test as its construct describes it. Times are seconds."""

    name: str
    """Of the endpoint."""
    production: str
    challenger: str
    bucket: str
    captured: str
    """The prefix of captured data, without the endpoint."""
    reports: str
    """The prefix of this test's reports."""
    every: float
    settle: float
    selection: Selection
    criteria: Criteria

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> ShadowTest:
        """The test that this function was deployed for."""
        given = json.loads((os.environ if environ is None else environ)[VARIABLE])
        selection, criteria = Selection(**given["selection"]), Criteria(**given["criteria"])
        return cls(**{**given, "selection": selection, "criteria": criteria})


def folders(window: Window) -> Iterator[str]:
    """Where its answers may lie: files are named by the hour they were written in, which is later."""
    return hours(window.start - _SLACK, window.end + HOUR)


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function.

    The schedule's event has the `time` of the look, the same when it is tried again. A person may ask for the
    window that lies at a time: ``{"at": "2026-11-22T14:00:00Z"}``. Where that is not over yet, the report says
    how it stands so far, lies apart, and CloudWatch is not told.
    """
    test = ShadowTest.from_environment()
    if "at" in event:
        return _answer(test, [window_at(seconds(event["at"]), test.every)], time.time())
    now = seconds(event["time"])
    return _answer(test, windows_due(now, test.every, test.settle, _LOOKS), now)


def _answer(test: ShadowTest, windows: list[Window], now: float) -> dict[str, Any]:
    looks = [_look(test, window, over=window.end + test.settle <= now) for window in windows]
    return {"reports": [f"s3://{test.bucket}/{key}" for key, _ in looks], "last": looks[-1][1]}


def _look(test: ShadowTest, window: Window, *, over: bool) -> tuple[str, dict[str, Any]]:
    """Compare a window; where its report lies, and what it says."""
    key = f"{test.reports}/{'' if over else 'so-far/'}{window.folder}.json"
    report = _report(test, window)
    s3 = boto3.client("s3")
    before = _read(s3, test.bucket, key)
    if over and before is None:
        _put_metrics(test, window, report)
    if before != report:
        body = json.dumps(report, indent=1).encode()
        s3.put_object(Bucket=test.bucket, Key=key, Body=body, ContentType="application/json")
    log.info("%s %s: %s", test.name, key, report["text"])
    return key, report


def _read(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return None


# --- the report -----------------------------------------------------------------------------------------


def _report(test: ShadowTest, window: Window) -> dict[str, Any]:
    s3 = boto3.client("s3")
    pairing = Pairing(window.start, window.end, room=_ROOM)
    counts: dict[Side, dict[str, int]] = {
        "production": _gather(s3, test, window, "production", pairing),
        "challenger": _gather(s3, test, window, "challenger", pairing),
    }
    paired = pairing.result()
    outcome = compare(paired.pairs, test.criteria.tolerance)
    production, challenger = _loads(test, window)
    kind, text = verdict(outcome, production, challenger, test.criteria)
    return {
        "shadow_test": test.name,
        "production": test.production,
        "challenger": test.challenger,
        "window": {"start": iso(window.start), "end": iso(window.end)},
        "verdict": kind,
        "text": text,
        "answers": counts,
        "pairing": _told_of_pairing(paired),
        "comparison": _told_of_outcome(outcome),
        "load": {
            "production": asdict(production),
            "challenger": asdict(challenger),
            "slowdown": slowdown(production, challenger),
        },
    }


def _told_of_pairing(paired: Paired) -> dict[str, Any]:
    return {
        "pairs": len(paired.pairs),
        "unpaired": paired.unpaired,
        "not_copied": paired.not_copied,
        "sampled_share": paired.sampled_share,
    }


def _told_of_outcome(outcome: Outcome) -> dict[str, Any]:
    return {**asdict(outcome), "agreement": outcome.agreement}


def _gather(s3: Any, test: ShadowTest, window: Window, side: Side, pairing: Pairing) -> dict[str, int]:
    """Read what one variant answered; how much of that lies in the window."""
    captured_count = unparsable = 0
    for line in _lines(s3, test, window, side):
        try:
            record = captured(line)
        except UnparsableError:
            # Of no known time: counted at every look that comes by it.
            unparsable += 1
            continue
        if not window.start - _SLACK <= record.at < window.end + _SLACK:
            continue
        inside = record.at in window
        captured_count += inside
        try:
            pairing.add(side, record.key, record.at, answer(record.output, test.selection))
        except UnparsableError as error:
            unparsable += inside
            log.debug("%s", error)
    return {"captured": captured_count, "unparsable": unparsable}


def _lines(s3: Any, test: ShadowTest, window: Window, side: Side) -> Iterator[bytes]:
    """The captured lines of a variant, one file and one chunk of it at a time."""
    variant = test.production if side == "production" else test.challenger
    pages = s3.get_paginator("list_objects_v2")
    for hour in folders(window):
        prefix = f"{test.captured}/{test.name}/{variant}/{hour}/"
        for page in pages.paginate(Bucket=test.bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                body = s3.get_object(Bucket=test.bucket, Key=each["Key"])["Body"]
                yield from (line for line in body.iter_lines(chunk_size=_CHUNK) if line.strip())


# --- CloudWatch -----------------------------------------------------------------------------------------

_LOAD = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Invocation5XXErrors", "Sum"),
    "average_latency": ("ModelLatency", "Average"),
    "p99_latency": ("ModelLatency", "p99"),
}


def _loads(test: ShadowTest, window: Window) -> tuple[Load, Load]:
    """What CloudWatch tells of production and of the challenger."""
    variants = (test.production, test.challenger)
    queries = [
        _query(f"{what}_{index}", test, variant, metric, statistic)
        for index, variant in enumerate(variants)
        for what, (metric, statistic) in _LOAD.items()
    ]
    found = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=moment(window.start), EndTime=moment(window.end)
    )
    values = {each["Id"]: each["Values"] for each in found["MetricDataResults"]}
    first, second = (
        Load(**{what: values[f"{what}_{index}"][0] for what in _LOAD if values.get(f"{what}_{index}")})
        for index in range(len(variants))
    )
    return first, second


def _query(id: str, test: ShadowTest, variant: str, metric: str, statistic: str) -> dict[str, Any]:
    dimensions = {"EndpointName": test.name, "VariantName": variant}
    return {
        "Id": id,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SageMaker",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            },
            "Period": int(test.every),
            "Stat": statistic,
        },
    }


def _put_metrics(test: ShadowTest, window: Window, report: Mapping[str, Any]) -> None:
    # At the end of the window, when it became true, and near enough to now for alarms to see it.
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": DIMENSION, "Value": test.name}],
            "Timestamp": moment(window.end),
            "Value": float(value),
        }
        for name, value in metrics(report).items()
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)


def metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a report: those of which there is a value."""
    differences = report["comparison"]["differences"] or {}
    told = {
        "Pairs": report["pairing"]["pairs"],
        "UnpairedAnswers": report["pairing"]["unpaired"],
        "UnparsableAnswers": sum(each["unparsable"] for each in report["answers"].values()),
        "Agreement": report["comparison"]["agreement"],
        "MeanAbsoluteDifference": differences.get("mean"),
        "P95AbsoluteDifference": differences.get("p95"),
        "MaximumAbsoluteDifference": differences.get("maximum"),
        "Slowdown": report["load"]["slowdown"],
    }
    return {name: value for name, value in told.items() if value is not None}
