"""The private names of ministack's IoT: things, jobs, shadows, the broker; emulator.py's companion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import iot

from .emulator import Scope

Heard = Callable[[str, bytes], None]


class IoTError(Exception):
    """IoT's refusal of something that is asked for on behalf of a caller."""


def thing_exists(name: str) -> bool:
    """Whether the thing is registered."""
    return iot._things.get(name) is not None


def thing_group_exists(name: str) -> bool:
    """Whether the thing group is there."""
    return iot._thing_groups.get(name) is not None


def things_of_group(name: str) -> list[str]:
    """The names of the group's things."""
    group = iot._thing_groups.get(name)
    return [] if group is None else list(group.get("things", []))


async def create_job(job_id: str, request: Mapping[str, Any]) -> str:
    """Create a job; its ARN. IoTError with IoT's message when it is refused."""
    async with iot.publishing_events():
        return str(_answer(await iot._create_job(job_id, dict(request)))["jobArn"])


async def cancel_job(job_id: str, comment: str) -> None:
    """Cancel a job, where it is in progress; what a device has begun it may finish."""
    job = iot._jobs.get(job_id)
    if job is not None and job["status"] == "IN_PROGRESS":
        async with iot.publishing_events():
            _answer(await iot._cancel_job(job_id, {"comment": comment}, {}))


def job_status(job_id: str) -> str | None:
    """IN_PROGRESS, COMPLETED or CANCELED; None when there is no such job."""
    job = iot._jobs.get(job_id)
    return None if job is None else str(job["status"])


def job_execution(thing: str, job_id: str) -> Mapping[str, Any] | None:
    """The newest execution of a job by a thing, or None."""
    execution: Mapping[str, Any] | None = iot.jobs_describe_execution(thing, job_id)
    return execution


def _answer(response: tuple[int, Mapping[str, str], bytes]) -> dict[str, Any]:
    status, _headers, body = response
    answer: dict[str, Any] = json.loads(body or b"{}")
    if status >= 300:
        raise IoTError(str(answer.get("message") or answer.get("Message") or answer))
    return answer


def shadow(thing: str, name: str) -> dict[str, Any]:
    """The state of a named shadow; empty when there is none."""
    status, document = iot.get_thing_shadow(thing, name)
    return dict(document["state"]) if status == 200 else {}


async def write_shadow(thing: str, name: str, state: Mapping[str, Any]) -> None:
    """Update a named shadow, and tell those who listen."""
    scope = Scope.current()
    before_status, before = iot.get_thing_shadow(thing, name)
    before = json.loads(json.dumps(before))
    status, document = iot.update_thing_shadow(thing, name, {"state": dict(state)})
    if status != 200:
        raise IoTError(str(document))
    after_status, after = iot.get_thing_shadow(thing, name)
    base = f"{iot.SHADOW_TOPIC_PREFIX}{thing}/shadow/name/{name}"
    await iot.shadow_emit_update_responses(
        scope.account_id, scope.region, base, document, before_status, before, after_status, after, None
    )


def listen(heard: Heard) -> None:
    """Hear every message that is published, over MQTT or HTTP, in the scope of its account."""
    plain = iot.broker_publish

    async def publish(
        account_id: str, region: str, topic: str, payload: bytes, *rest: Any, **more: Any
    ) -> None:
        with Scope(account_id, region).active():
            heard(topic, payload)
        await plain(account_id, region, topic, payload, *rest, **more)

    iot.broker_publish = publish


def scale_job_minutes(seconds: float) -> None:
    """How many real seconds a minute of jobs lasts: that of a roll-out's rate and of the time-outs."""
    iot._JOB_ROLLOUT_INTERVAL_MS = int(seconds * 1000)
    plain = iot._jobs_timeout_minutes

    def minutes(execution: Mapping[str, Any], job: Mapping[str, Any] | None) -> float | None:
        given = plain(execution, job)
        return None if given is None else given * seconds / 60

    iot._jobs_timeout_minutes = minutes


def mend_continuous_rollouts() -> None:
    """Let a batch of a continuous job's roll-out count each thing once.

    ministack asks for the front of a thing's queue when the thing waits no longer, which queues the job for it, and
    then queues it again: the thing counts twice.
    """
    iot._jobs_rollout_release = _release


def _release(job: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Queue the next batch of a job's waiting things; each with the front of its queue before that."""
    waiting = job["rolloutQueue"]
    batch = waiting[: iot._jobs_rollout_batch_size(job, len(waiting))]
    fronts = [(thing, iot.jobs_first_pending_job_id(thing)) for thing in batch]
    job["rolloutQueue"] = waiting[len(batch) :]
    job["rolloutBatchAt"] = now = iot._jobs_now_ms()
    continuous = job.get("targetSelection") == "CONTINUOUS"
    targeted = set(iot._job_target_things(job.get("targets"))) if continuous else iot._things
    released = [
        (thing, front)
        for thing, front in fronts
        if thing in targeted and (thing, job["jobId"]) not in iot._job_executions
    ]
    for thing, _front in released:
        iot._jobs_queue_execution(thing, job["jobId"], now)
    iot._jobs_maybe_complete(job["jobId"])
    return released
