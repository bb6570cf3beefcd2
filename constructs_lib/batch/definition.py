"""The state machine of a run: from the objects that were found to predictions that are where they belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .states import DISCARDED, State, for_each_chunk, invoke, job

_INSPECTORS = 40
_HOURS_OF_STEPS = 12 * 3600
_LONGEST_WAIT = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job of a run: the parameters that create it, and how long it may take."""

    parameters: Mapping[str, Any]
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPlan:
    """A sink of a run."""

    name: str
    """In the files of a run."""
    label: str
    """In the names of its states."""
    function: str
    concurrency: int
    commits: bool
    follows: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run does."""

    partition: str
    bucket: str
    work: str
    """ARN of the function that does the steps between the jobs."""
    settings: Mapping[str, Any]
    """What all steps are told of the transform."""
    attempts: int
    """How often a job is tried at most."""
    transform: JobPlan
    prepare: JobPlan | None
    finish: JobPlan | None
    counts_lines: bool
    sinks: Sequence[SinkPlan]

    @property
    def longest(self) -> int:
        """Seconds after which an execution is given up: all attempts at all jobs, their waits, and half a day."""
        jobs = [each for each in (self.prepare, self.transform, self.finish) if each is not None]
        return _HOURS_OF_STEPS + self.attempts * sum(each.longest + _LONGEST_WAIT for each in jobs)


def definition(plan: RunPlan) -> dict[str, Any]:
    """The machine in Amazon States Language."""
    states: dict[str, State] = {"Begin": _begin(plan)}
    if plan.prepare is not None:
        states["List"] = _step(plan, "list", ("manifest",), after="Prepare")
        states |= _job(plan, "Prepare", "createProcessingJob", plan.prepare, after="Gather")
    states["Gather"] = _step(plan, "gather", ("manifest", "objects", "bytes"), after="Transform")
    states |= _job(
        plan, "Transform", "createTransformJob", plan.transform, after="Finish" if plan.finish else "Outline"
    )
    if plan.finish is not None:
        states |= _job(plan, "Finish", "createProcessingJob", plan.finish, after="Outline")
    states["Outline"] = _step(
        plan, "outline", ("inspect", "sinks"), after="Inspect" if plan.counts_lines else "Reconcile"
    )
    if plan.counts_lines:
        states["Inspect"] = for_each_chunk(
            plan.partition,
            label="Inspect",
            bucket=plan.bucket,
            key="$.outline.inspect",
            function=plan.work,
            step="inspect",
            problem="inspect",
            teller=plan.work,
            concurrency=_INSPECTORS,
            after="Reconcile",
        )
    states["Reconcile"] = _step(plan, "reconcile", ("counts", "at"), after=_first_of(plan))
    states |= _publishing(plan)
    states["Complete"] = _step(plan, "complete", (), after=None)
    return {
        "Comment": "One run of a batch transform: docs/batch.md tells it state by state",
        "StartAt": "Begin",
        "TimeoutSeconds": plan.longest,
        "States": states,
    }


def _begin(plan: RunPlan) -> State:
    first = {"attempt": 1}
    jobs = {"transform": first}
    if plan.prepare is not None:
        jobs["prepare"] = first
    if plan.finish is not None:
        jobs["finish"] = first
    given = ("run", "digest", "model", "order", "job", "on", "objects", "bytes", "request")
    return {
        "Type": "Pass",
        "Parameters": {**jobs, "batch": plan.settings, **{f"{name}.$": f"$.{name}" for name in given}},
        "Next": "Gather" if plan.prepare is None else "List",
    }


def _step(plan: RunPlan, step: str, members: Sequence[str], *, after: str | None) -> State:
    return invoke(
        plan.partition,
        plan.work,
        {"step": step, "batch.$": "$.batch", "run.$": "$"},
        result=f"$.{step}" if members else None,
        members=members,
        after=after,
    )


def _job(plan: RunPlan, name: str, api: str, each: JobPlan, *, after: str) -> dict[str, State]:
    return job(
        plan.partition,
        name=name,
        api=api,
        parameters=each.parameters,
        longest=each.longest,
        most=plan.attempts,
        judge=plan.work,
        after=after,
    )


def _beside(plan: RunPlan) -> list[SinkPlan]:
    """The sinks that write side by side."""
    return [each for each in plan.sinks if not each.follows]


def _chain(plan: RunPlan) -> list[tuple[str, State]]:
    """What happens to predictions whose counts are right, one state after the other: each without its ``Next``."""
    states: list[tuple[str, State]] = []
    beside = _beside(plan)
    if beside:
        branches = [{"StartAt": each.label, "States": {each.label: _writing(plan, each)}} for each in beside]
        states.append(("Publish", {"Type": "Parallel", "Branches": branches, **DISCARDED}))
        states.append(("Verify", _verify(plan, beside)))
    states += [(f"Commit{each.label}", _commit(plan, each)) for each in plan.sinks if each.commits]
    states += [(each.label, _writing(plan, each)) for each in plan.sinks if each.follows]
    return states


def _first_of(plan: RunPlan) -> str:
    return next((name for name, _ in _chain(plan)), "Complete")


def _publishing(plan: RunPlan) -> dict[str, State]:
    chain = _chain(plan)
    names = [*(name for name, _ in chain), "Complete"]
    return {
        name: {**{key: value for key, value in state.items() if key != "End"}, "Next": following}
        for (name, state), following in zip(chain, names[1:], strict=True)
    }


def _verify(plan: RunPlan, sinks: Sequence[SinkPlan]) -> State:
    payload = {"step": "verify", "batch.$": "$.batch", "run.$": "$", "sinks": [each.name for each in sinks]}
    return invoke(plan.partition, plan.work, payload, after=None)


def _commit(plan: RunPlan, sink: SinkPlan) -> State:
    payload = {"step": "commit", "batch.$": "$.batch", "run.$": "$"}
    return invoke(plan.partition, sink.function, payload, after=None)


def _writing(plan: RunPlan, sink: SinkPlan) -> State:
    return for_each_chunk(
        plan.partition,
        label=sink.label,
        bucket=plan.bucket,
        key=f"$.outline.sinks.{sink.name}",
        function=sink.function,
        step="write",
        problem=f"write-{sink.name}",
        teller=plan.work,
        concurrency=sink.concurrency,
        after=None,
    )
