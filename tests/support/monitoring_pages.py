"""The states a page of monitoring can be in, each read from its files."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.monitoring.report.findings import Findings
from constructs_lib.monitoring.report.place import Folder, place_of
from constructs_lib.monitoring.report.reading import findings_of

from . import monitoring_findings as made

HOSTILE = {
    "mean radius": '</title></svg><script>alert("1")</script>',
    "worst area": "a\" onload='x()",
    "scanner": "<img src=x onerror=y()>&amp;\x00\x1b",
}


def found(files: dict[str, Any], days: int | None = None) -> Findings:
    with tempfile.TemporaryDirectory() as folder:
        window = made.write(Path(folder), files)
        read = findings_of(Folder(window), lambda text: place_of(text, lambda: None), days=days)
        return replace(read, place="s3://bucket/monitoring/fraud/2026/11/28/1000/")


@cache
def states() -> dict[str, Findings]:
    return {
        "drifted": found({**made.past("data_quality", 40), **made.data_quality()}, days=3),
        "passed": found(made.data_quality(drifted=False)),
        "hostile": found(made.data_quality(rename=HOSTILE)),
        "binary": found(
            {**made.past("model_quality", 40, values={"auc": 0.9}), **made.model_quality()}, days=2
        ),
        "multiclass": found(made.model_quality("multiclass_classification")),
        "regression": found(made.model_quality("regression")),
        "bias": found(made.bias()),
        "attribution": found(made.attribution()),
        "calm": found(made.attribution(worse=False)),
        "too few": found(made.quiet("data_quality", "too_few", records=3, baseline="")),
        "no data": found(made.quiet("model_quality", "no_data", records=0, baseline="")),
        "no baseline": found(made.quiet("bias", "no_baseline", records=40, baseline="")),
    }


every_state = pytest.mark.parametrize("state", states())
