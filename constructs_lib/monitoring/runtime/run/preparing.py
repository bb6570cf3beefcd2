"""Makes a monitor's baseline: while a stack deploys, or on demand."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from ....core.runtime.store import Item, store_at
from ....core.runtime.windows import iso
from ..kinds.registry import KINDS
from ..model_monitor.for_model_monitor import plainly_written, without_ours
from ..reading.table import Chunk
from ..reading.tabular import data_items, table
from ..reading.tally import Tally
from .description import Description
from .files import CONSTRAINTS, MONITOR, SINCE, SPEC, STATISTICS, Files, baseline_files
from .metrics import put_heartbeat

log = logging.getLogger()

MODEL_MONITOR = "model_monitor"


class NoBaselineError(Exception):
    """A baseline cannot be made of what is there."""


def prepare(monitor: Description, spec: Mapping[str, Any], now: float) -> None:
    """Make the baseline, or look whether the existing one can be read; then give a first sign of life.

    The description is written down too: the environment of a processing job is too small for it.

    :raises NoBaselineError: why it cannot be.
    """
    files = Files(monitor.results)
    files.write(MONITOR, value=monitor.described())
    if files.read(SINCE) is None:
        files.write(SINCE, value={"since": iso(now)})
    if spec.get("existing"):
        _must_be_there(monitor)
    else:
        Files(monitor.baseline_place).write(SPEC, value=spec)
        if spec.get("at_deploy", True):
            _make(monitor, spec)
    put_heartbeat(boto3.client("cloudwatch"), monitor.endpoint, monitor.name, now)


def make_again(monitor: Description) -> str:
    """Make the baseline anew, of the data that was told when the stack was deployed; where it lies.

    :raises NoBaselineError: why it cannot be.
    """
    if monitor.has_existing_baseline:
        raise NoBaselineError(f"{monitor.baseline_place.uri()} was made by others, and is not made anew")
    spec = Files(monitor.baseline_place).read(SPEC)
    if spec is None:
        raise NoBaselineError(
            f"nobody told what to make it of: {monitor.baseline_place.uri(SPEC)} is not there"
        )
    _make(monitor, spec)
    return monitor.baseline_place.uri()


def _must_be_there(monitor: Description) -> None:
    there = baseline_files(monitor)
    for name in (STATISTICS, CONSTRAINTS):
        if name not in there:
            raise NoBaselineError(f"{monitor.baseline_place.uri(name)} is not there")


def _make(monitor: Description, spec: Mapping[str, Any]) -> None:
    tally = Tally()
    made = KINDS[monitor.kind].baseline(monitor, spec, _rows(spec, tally))
    files = Files(monitor.baseline_place)
    # With its constraints a baseline is there, so they come last.
    for name in sorted(made, key=lambda each: each == CONSTRAINTS):
        if monitor.engine == MODEL_MONITOR:
            files.write_text(name, text=plainly_written(without_ours(made[name])))
        else:
            files.write(name, value=made[name])
    log.info("%s: a baseline of %d rows in %s", monitor.name, tally.rows, monitor.baseline_place.uri())


def _rows(spec: Mapping[str, Any], tally: Tally) -> Iterator[Chunk]:
    """The rows of the data; none where a monitor stands on thresholds alone."""
    data = spec.get("data")
    if data is None:
        return
    store = store_at(f"s3://{data['bucket']}")
    key, columns = data["key"], tuple(data.get("columns") or ())
    # Of one object only the name is needed: who may read it need not be allowed to list its bucket.
    items = data_items(store, key) if key.endswith("/") else [Item(key, size=0)]
    try:
        yield from table(store, items, tally, columns=columns, header=not columns)
    except FileNotFoundError as error:
        raise NoBaselineError(f"there is no object {store.uri(key)}") from error
    if not tally.rows:
        raise NoBaselineError(f"{store.uri(key)} has no rows: {tally.reasons or 'there is no file'}")
