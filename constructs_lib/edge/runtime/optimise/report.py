"""What is told of a run: figures for machines, and sentences for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .comparison import Comparison
from .errors import LONGEST_MESSAGE, OptimiseError
from .quantisation import Quantised
from .timing import Timing

JSON, TEXT = "report.json", "report.md"
PUBLISHED, REFUSED = "published", "refused"


def as_json(value: Mapping[str, Any]) -> bytes:
    """The same bytes for the same value."""
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def described(comparison: Comparison) -> dict[str, Any]:
    """The figures of a comparison."""
    return {**asdict(comparison), "resolution": comparison.resolution}


def advice(comparison: Comparison, quantised: Quantised, timing: Timing, sizes: tuple[int, int]) -> list[str]:
    """What somebody should know who reads that all is well."""
    found = []
    if comparison.metric != "rmse" and comparison.resolution > comparison.max_drop:
        found.append(
            f"one record of {comparison.rows} weighs {comparison.resolution:.2g}, more than the limit of "
            f"{comparison.max_drop:g}: a larger held-out set tells better"
        )
    if quantised.applied and sizes[1] >= sizes[0]:
        found.append("in 8 bits it is no smaller: quantisation has nothing to gain here")
    if quantised.applied and timing.ratio > 1.1:
        found.append(
            f"in 8 bits it takes {timing.ratio:.2g} times as long on this machine: measure it on the device, "
            "and turn quantisation off if it is slower there too"
        )
    return found


def last_words(report: Mapping[str, Any]) -> str:
    """What the job says when it exits: one kilobyte of JSON, for the state machine."""
    comparison, archive = report["comparison"], report["archive"]
    told = {
        "result": report["result"],
        "sha256": archive["sha256"],
        "bytes": archive["bytes"],
        "metric": comparison["metric"],
        **{name: float(f"{comparison[name]:.6g}") for name in ("before", "after", "drop", "agreement")},
        "rows": comparison["rows"],
        "quantised": report["quantisation"]["applied"],
        "size_ratio": float(f"{report['size']['ratio']:.4g}"),
        "latency_ratio": float(f"{report['latency_ms']['ratio']:.4g}"),
    }
    text = json.dumps(told, separators=(",", ":"))
    if len(text) > LONGEST_MESSAGE:
        raise AssertionError("the last words are bounded")
    return text


def failed(error: OptimiseError, report: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a model that is not published, with the figures that there are."""
    return {**report, "result": REFUSED, "error": type(error).__name__, "reason": str(error)}


def in_words(report: Mapping[str, Any]) -> str:
    """The report in Markdown."""
    lines = ["# The model for devices", ""]
    if report["result"] == PUBLISHED:
        lines.append(f"Published: `model.tar.gz`, {report['archive']['bytes']:,} bytes.")
    else:
        lines.append(f"**Not published: {report['error']}.** {report['reason']}")
    if "comparison" in report:
        lines += ["", *_table(report)]
    if "quantisation" in report:
        lines += ["", f"In 8 bits: {report['quantisation']['why']}."]
    warnings = report.get("warnings", [])
    if warnings:
        lines += ["", "Worth knowing:", "", *(f"- {each}" for each in warnings)]
    return "\n".join([*lines, ""])


def _table(report: Mapping[str, Any]) -> list[str]:
    comparison = report["comparison"]
    rows = [
        (comparison["metric"], comparison["before"], comparison["after"]),
        *(
            [("bytes of the model", report["size"]["before"], report["size"]["after"])]
            if "size" in report
            else []
        ),
        *(
            [("ms a call", report["latency_ms"]["before"], report["latency_ms"]["after"])]
            if "latency_ms" in report
            else []
        ),
    ]
    return [
        f"On {comparison['rows']} held-out records; both agree on {comparison['agreement']:.2%} of them.",
        "",
        "| | before | after |",
        "|---|---|---|",
        *(f"| {name} | {before:.6g} | {after:.6g} |" for name, before, after in rows),
        "",
        f"The drop is {comparison['drop']:.4g}, and {comparison['max_drop']:g} is the limit.",
    ]
