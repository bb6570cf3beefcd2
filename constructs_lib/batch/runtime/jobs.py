"""What the state machine keeps of the jobs of a run. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.runtime.windows import seconds

JOBS = ("prepare", "transform", "finish")
"""Where the state has a job's ``attempt``, and once it is done, as ``done.job``, its description by SageMaker."""

_NAMES = ("TransformJobName", "ProcessingJobName")
_STARTED = ("TransformStartTime", "ProcessingStartTime")
_ENDED = ("TransformEndTime", "ProcessingEndTime")
_MILLISECONDS = 1e11
"""A time beyond is one: as seconds it would be after the year 5000."""


def job_names(state: Mapping[str, Any]) -> dict[str, str]:
    """The names of the jobs that succeeded, by what they did."""
    found = {job: _first(_done(state, job), _NAMES) for job in JOBS}
    return {job: str(name) for job, name in found.items() if name is not None}


def job_seconds(state: Mapping[str, Any], job: str) -> float | None:
    """How long the job's instances ran; None where that is not known."""
    done = _done(state, job)
    started, ended = _first(done, _STARTED), _first(done, _ENDED)
    return None if started is None or ended is None else max(0.0, _seconds(ended) - _seconds(started))


def retries(state: Mapping[str, Any]) -> int:
    """How many jobs were run once more."""
    return sum(int(state[job]["attempt"]) - 1 for job in JOBS if job in state)


def _done(state: Mapping[str, Any], job: str) -> Mapping[str, Any]:
    """What SageMaker told of a job in the end; nothing of one that there was not."""
    done: Mapping[str, Any] = state.get(job, {}).get("done", {}).get("job", {})
    return done


def _first(told: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((told[name] for name in names if told.get(name) is not None), None)


def _seconds(given: Any) -> float:
    """Step Functions tells times in milliseconds since 1970 (*inferred* from examples); a text is ISO."""
    if isinstance(given, str):
        return seconds(given)
    return given / 1000 if given > _MILLISECONDS else float(given)
