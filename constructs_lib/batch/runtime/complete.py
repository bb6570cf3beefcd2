"""The end of a run: every sink has all records, the report says so, and ``_SUCCESS`` lies beside it, last of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.runtime.store import read, read_json, write_json
from ...core.runtime.windows import iso
from . import metrics
from .jobs import job_names, job_seconds, retries
from .plan import REPORT, SUCCESS
from .problems import SinkMismatch, write_problem
from .results import results
from .run_files import FINISHED, OUTPUT, Run, written_key

_TAKEN = ("written", "stale")


def complete(run: Run, cloudwatch: Any, now: float) -> dict[str, Any]:
    """Write the report, put the metrics, and then ``_SUCCESS``; a repetition does what is left to do.

    A function that ends after the metrics and before ``_SUCCESS`` puts them twice, as of the same time.

    :param now: Seconds since 1970.
    :raises SinkMismatch: where a sink has not all records.
    :raises MissingResult: where a chunk was not written.
    """
    before = read_json(run.store, REPORT)
    if before is not None and read(run.store, SUCCESS) is not None:
        return _answer(run, before)
    report = report_of(run, _sinks(run, [each["name"] for each in run.settings.sinks]), now)
    if before is not None:
        report = {**report, "ended": before["ended"], "duration_seconds": before["duration_seconds"]}
    write_json(run.store, REPORT, report)
    _tell(cloudwatch, run, report)
    run.store.write(SUCCESS, b"", "text/plain")
    return _answer(run, report)


def _answer(run: Run, report: Mapping[str, Any]) -> dict[str, Any]:
    return {"report": run.store.uri(REPORT), "records": report["records"], "sinks": report["sinks"]}


def verify(run: Run, sinks: Sequence[str]) -> dict[str, Any]:
    """Whether the `sinks` have all records, before any of them shows what it has.

    :raises SinkMismatch: where one has not.
    """
    return {"sinks": _sinks(run, sinks)}


# --- sinks -----------------------------------------------------------------------------------------------


def _sinks(run: Run, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """What each sink took; every one of them all records."""
    found = {name: _taken(run, name) for name in names}
    records = run.state["reconcile"]["counts"]["records"]
    lacking = {name: taken for name, taken in found.items() if sum(taken.values()) != records}
    told = []
    for number, (name, taken) in enumerate(lacking.items()):
        text = f"{name}: {taken['written']:,} written and {taken['stale']:,} stale of {records:,} records"
        write_problem(run, "complete", number, SinkMismatch(text), run.store.uri(f"written/{name}/"))
        told.append(text)
    if told:
        raise SinkMismatch("; ".join(told))
    return found


def _taken(run: Run, sink: str) -> dict[str, int]:
    found = results(run, run.read_list(sink), lambda n: written_key(sink, n))
    return {name: sum(each[name] for each in found) for name in _TAKEN}


# --- the report ------------------------------------------------------------------------------------------


def report_of(run: Run, sinks: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The result of a run. Times are of UTC, durations in seconds, None where they are not known."""
    settings, state, started = run.settings, run.state, run.state["order"] / 1000
    counted = {name: state["reconcile"]["counts"][name] for name in (*settings.counted, "nulls")}
    transformed = job_seconds(state, "transform")
    finished = (
        {"finished": run.store.uri(f"{FINISHED}/{run.attempt('finish')}/")} if settings.finishes else {}
    )
    return {
        "run": run.name,
        "status": "SUCCEEDED",
        "model": state["model"],
        "digest": state["digest"],
        "forced": state["request"].get("force", ""),
        "attempt": state["request"].get("attempt", 1),
        "started": iso(started),
        "ended": iso(now),
        "duration_seconds": round(now - started, 3),
        "records": counted,
        "objects": state["objects"],
        "bytes": state["bytes"],
        "sinks": dict(sinks),
        "jobs": job_names(state),
        "retries": retries(state),
        "output": run.store.uri(f"{OUTPUT}/{run.attempt('transform')}/"),
        **finished,
        "transform_seconds": transformed,
        "instance_seconds": None if transformed is None else transformed * settings.instance_count,
    }


def _tell(cloudwatch: Any, run: Run, report: Mapping[str, Any]) -> None:
    """The metrics of the run, and those of each sink, as of its end: a repetition changes no other time's."""
    at, transform = run.state["order"] / 1000 + report["duration_seconds"], run.settings.transform
    metrics.put(cloudwatch, transform, values_of(report), at=at)
    for name, taken in report["sinks"].items():
        values = {"RecordsWritten": taken["written"], "StaleRecords": taken["stale"]}
        metrics.put(cloudwatch, transform, values, sink=name, at=at)


def values_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a report by name; what was not counted has none."""
    records, sinks = report["records"], report["sinks"].values()
    told = {
        "RunsSucceeded": 1,
        "RecordsIn": records.get("in"),
        "RecordsOut": records.get("out"),
        "RecordsWritten": sum(each["written"] for each in sinks) if sinks else None,
        "StaleRecords": sum(each["stale"] for each in sinks) if sinks else None,
        "Nulls": records["nulls"],
        "DurationSeconds": report["duration_seconds"],
        "TransformSeconds": report["transform_seconds"],
        "InstanceSeconds": report["instance_seconds"],
        "Retries": report["retries"],
    }
    return {name: float(value) for name, value in told.items() if value is not None}
