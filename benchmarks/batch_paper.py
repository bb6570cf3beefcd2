"""What a run of a batch transform makes of state transitions, and what it costs: counted and multiplied, not measured.

Transitions are counted along the definition that `BatchTransform` deploys. Prices are list prices of us-east-1 from
memory, 2025: written down, not looked up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs_lib.batch.definition import JobPlan, RunPlan, SinkPlan, definition
from constructs_lib.batch.runtime.outline import CHUNK_BYTES as INSPECTED_BYTES
from constructs_lib.batch.runtime.outline import File, cut, grouped

from .batch_files import RECORDS_A_FILE
from .batch_run import CHUNK_BYTES

MILLION = 1_000_000
INPUT_BYTES, OUTPUT_BYTES = 96, 31
"""A record, as `batch_files` makes them."""

# --- list prices of us-east-1 from memory, 2025, in dollars ---------------------------------------------
TRANSITION = 25e-6
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6
LAMBDA_REQUEST, LAMBDA_ARM_GB_SECOND = 0.2e-6, 13.3334e-6
S3_PUT, S3_GET = 5e-6, 0.4e-6
DYNAMODB_WRITE = 0.625e-6
GLUE_REQUEST, GLUE_OBJECT_MONTH = 1e-6, 10e-6
METRIC_HOUR = 0.30 / 730
TRANSFORM_HOUR = 0.115
"""Of an ml.m5.large."""
NOTEBOOK_HOUR = 0.05
"""Of an ml.t3.medium."""

# --- assumed ---------------------------------------------------------------------------------------------
LAMBDA_GB = 1769 / 1024
"""One core. An ARM core of Lambda is taken to be as fast as the one that measured."""
EXPRESS_GB = 64 / 1024
PUT_SECONDS, BATCH_SECONDS, PUTS_IN_FLIGHT = 0.005, 0.010, 16
"""How long DynamoDB takes for an item, and for 25 of them."""
STEPS = 6
"""Calls of functions beside the maps: start, gather, outline, reconcile, verify, complete; a second each."""
METRICS = 13
"""That a run puts, each billed for the hour."""


def machine(*sinks: str) -> dict[str, Any]:
    """The definition for these kinds of sinks: ``dynamodb``, ``table``."""
    return definition(
        RunPlan(
            partition="aws",
            bucket="runs",
            work="work",
            settings={},
            attempts=3,
            transform=JobPlan(parameters={}, longest=86_400),
            prepare=None,
            finish=None,
            counts_lines=True,
            sinks=[
                SinkPlan(
                    name=each,
                    label=each.title(),
                    function="write",
                    concurrency=16,
                    commits=each == "table",
                    follows=False,
                )
                for each in sinks
            ],
        )
    )


RECORD_BY_RECORD: dict[str, Any] = {
    "StartAt": "Transform",
    "States": {
        "Transform": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
            "Next": "Read",
        },
        "Read": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Each"},
        "Each": {
            "Type": "Map",
            "Label": "Each",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Put",
                "States": {
                    "Put": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "End": True}
                },
            },
            "End": True,
        },
    },
}
"""What one draws at first: a record an iteration, an item each. A thousand or two fit into an execution's history of
25,000 events, so that a million are many executions: that is not counted here."""


def transitions(states: Mapping[str, Any], items: Mapping[str, int]) -> int:
    """Those of a run in which nothing fails: each state that is entered, and each child that a map starts.

    A child of a distributed map is one transition of its parent's, though what an express child does is none:
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-transitions.html

    :param items: of each map, by its label.
    """
    count, name = 0, states["StartAt"]
    while name is not None:
        state = states["States"][name]
        count += 1
        count += sum(transitions(each, items) for each in state.get("Branches", ()))
        if state["Type"] == "Map":
            within = state["ItemProcessor"]
            is_distributed = within["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
            count += items[state["Label"]] * (1 if is_distributed else transitions(within, items))
        name = state.get("Next")
    return count


def children(records: int, *sinks: str) -> dict[str, int]:
    """How many calls each map makes, as the outline groups files of `RECORDS_A_FILE`."""
    files = -(-records // RECORDS_A_FILE)
    sizes = [records * (at + 1) // files - records * at // files for at in range(files)]
    both = [("in", INPUT_BYTES), ("out", OUTPUT_BYTES)]
    to_inspect = [_file(what, size * width, at) for what, width in both for at, size in enumerate(sizes)]
    to_write = [each for each in to_inspect if each.what == "out"]
    return {
        "Inspect": _groups(to_inspect, INSPECTED_BYTES),
        **{each.title(): _groups(to_write, CHUNK_BYTES[each]) for each in sinks},
    }


def _file(what: str, size: int, number: int) -> File:
    return File(what, "", f"{number}", size, number)


def _groups(files: list[File], size: int) -> int:
    return sum(1 for _ in grouped(cut(files, size), size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What was measured of a sink's path."""

    ours: float
    """Seconds of a core, a record."""
    notebook: float
    """Likewise."""


def dollars(sink: str, core: Core) -> dict[str, float]:
    """A run of ours with a million records, without the transform's instance."""
    calls = children(MILLION, sink)
    in_all = sum(calls.values())
    # Of a put one waits while 15 others are under way; a core is what is short, or they are.
    waiting = PUT_SECONDS / PUTS_IN_FLIGHT if sink == "dynamodb" else 0.0
    busy = MILLION * max(core.ours, waiting)
    return {
        "transitions": transitions(machine(sink), calls) * TRANSITION,
        "express children": in_all * EXPRESS_REQUEST + _express_seconds(busy, in_all) * EXPRESS_GB_SECOND,
        "Lambda": (busy + STEPS) * LAMBDA_GB * LAMBDA_ARM_GB_SECOND + (in_all + STEPS) * LAMBDA_REQUEST,
        "S3": _requests(calls, sink),
        "DynamoDB" if sink == "dynamodb" else "Glue": MILLION * DYNAMODB_WRITE
        if sink == "dynamodb"
        else 2 * GLUE_REQUEST + GLUE_OBJECT_MONTH,
        "metrics": METRICS * METRIC_HOUR,
    }


def _express_seconds(busy: float, calls: int) -> float:
    """GB-seconds: each is rounded up to a tenth of a second."""
    return calls * math.ceil(busy / calls * 10) / 10 * EXPRESS_GB


def _requests(calls: Mapping[str, int], sink: str) -> float:
    """Each chunk's result is put and read, its object read in blocks of 8 MiB; and some two dozen files of the run."""
    blocks = math.ceil(MILLION * (INPUT_BYTES + 2 * OUTPUT_BYTES) / (8 << 20)) + sum(calls.values())
    results = 2 * sum(calls.values()) + 24
    files = calls[sink.title()] if sink == "table" else 0
    return (results + files) * S3_PUT + (blocks + 2 * results) * S3_GET


def dollars_of_notebook(sink: str, core: Core) -> dict[str, float]:
    """The notebook's way with a million records: it is stopped when it is done, and nobody waits before it."""
    waiting = MILLION / 25 * BATCH_SECONDS if sink == "dynamodb" else 0.0
    return {
        "notebook instance": (MILLION * core.notebook + waiting) / 3600 * NOTEBOOK_HOUR,
        **({"DynamoDB": MILLION * DYNAMODB_WRITE} if sink == "dynamodb" else {"S3": S3_PUT + 20 * S3_GET}),
    }


def dollars_of_transform(per_second: float, *, notebook: bool) -> float:
    """An instance that scores so many records a second, for a million; a notebook waits for it."""
    hours = MILLION / per_second / 3600
    return hours * (TRANSFORM_HOUR + (NOTEBOOK_HOUR if notebook else 0.0))
