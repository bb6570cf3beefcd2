"""Batch transforms that capture their records, as constructs and as the files that their runs leave."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import constructs

from constructs_lib import BatchCapture, BatchInput, BatchTransform, Column, DataProcessing
from constructs_lib.core.runtime.windows import iso, moment

from .monitoring import a_bucket
from .synth import a_model

TRANSFORM = "nightly"


def a_transform(scope: constructs.Construct, id: str = "Nightly", **props: Any) -> BatchTransform:
    """A transform with a key, a feature, a prediction and a sink that captures them, unless told otherwise."""
    given: dict[str, Any] = {
        "input": BatchInput.from_prefix(a_bucket(scope, "Input"), "customers/"),
        "instance_type": "ml.m5.large",
        "processing": DataProcessing(join=True),
        "columns": [Column.key("customer"), Column.feature("age"), Column.prediction("churn")],
        "sink": BatchCapture(),
        "transform_name": TRANSFORM,
        "dashboard": False,
        **props,
    }
    return BatchTransform(scope, id, model=a_model(scope, f"{id}Model"), **given)


def captured_file(
    rows: Sequence[Sequence[object]],
    answers: Sequence[Sequence[object]],
    *,
    at: float,
    run: str = "5f0c2b7a91d34e6f8a1b2c3d4e5f6071",
    n: int = 0,
    first: int = 0,
    prefix: str = "capture",
) -> tuple[str, bytes]:
    """The key and content of a file as the capture sink writes it; keys of records are ``customer-<number>``."""
    lines = []
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True), first):
        sides = {
            name: {"observedContentType": "text/csv", "mode": mode, "data": _csv(cells), "encoding": "CSV"}
            for name, mode, cells in (("endpointInput", "INPUT", row), ("endpointOutput", "OUTPUT", answer))
        }
        metadata = {
            "eventId": f"{run}-0:{number}",
            "inferenceId": f"customer-{number}",
            "inferenceTime": iso(at),
        }
        lines.append(json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}))
    key = f"{prefix}/{TRANSFORM}/batch/{moment(at):%Y/%m/%d/%H}/{run}-{n:06}.jsonl"
    return key, "".join(f"{line}\n" for line in lines).encode()


def _csv(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()
