"""The function beside a schedule of Model Monitor: what its jobs found becomes a result, and metrics.

EventBridge calls it when a processing job ended, maybe more than once; an hourly look at the schedule's last
execution finds those that failed before they became a job. A result has its window's name and is a function of what
the job wrote, so that doing it twice changes nothing: one that is there is left alone. Metrics are put before the
result is written: a crash in between puts them twice, of the same values.

Failures are told apart. No data is a result, with a heartbeat. For any other there is no heartbeat, and the reason
is logged.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .model_monitor import relay_config
from .model_monitor.relay_result import (
    UnreadableError,
    Window,
    findings,
    has_no_data,
    nothing_found,
    parsed,
    violations_of,
    window_before,
    window_of,
)
from .run import metrics

VARIABLE = "RELAY"

_FINISHED = ("Completed", "CompletedWithViolations")
_NOT_THERE = ("NoSuchKey", "404")
_VIOLATIONS = "constraint_violations.json"

Job = Mapping[str, Any]
Files = dict[str, bytes | None]

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The monitor as its construct describes it."""

    monitor: str
    kind: str
    endpoint: str
    schedule: str
    baseline: str
    bucket: str
    prefix: str
    begins: float
    """Seconds before the time of a job at which its window begins."""
    ends: float

    @classmethod
    def from_environment(cls) -> Relay:
        """The monitor that this function was deployed for."""
        return cls(**json.loads(os.environ[VARIABLE]))


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function: for CloudFormation, for the end of a job, or for the hourly look."""
    if "RequestType" in event:
        relay_config.write(event)
        return {}
    relay = Relay.from_environment()
    ended = event.get("detail", {}).get("ProcessingJobName")
    outcome = _execution(relay) if ended is None else _job(relay, ended)
    log.info("%s", outcome)
    return {"outcome": outcome}


# --- what ended -----------------------------------------------------------------------------------------


def _execution(relay: Relay) -> str:
    """Look at the last execution of the schedule."""
    schedule = boto3.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName=relay.schedule)
    last = schedule.get("LastMonitoringExecutionSummary")
    if last is None:
        return "no execution yet"
    status, arn = last["MonitoringExecutionStatus"], last.get("ProcessingJobArn")
    if status in _FINISHED and arn is not None:
        return _job(relay, arn.rpartition("/")[2])
    if status == "Failed":
        window = window_before(last["ScheduledTime"], relay.begins, relay.ends)
        return _failed(relay, window, last.get("FailureReason", ""))
    return f"the last execution is {status}"


def _job(relay: Relay, name: str) -> str:
    """Relay a processing job that ended, if it is one of this monitor's."""
    job: Job = boto3.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    told = job.get("Environment", {})
    if told.get("sagemaker_monitoring_schedule_name") != relay.schedule:
        # Another schedule's, or the one that merges labels, which no result is made of.
        return _other(name, job)
    window = window_of(told) or window_before(job["CreationTime"], relay.begins, relay.ends)
    if job["ProcessingJobStatus"] == "Completed":
        return _completed(relay, window, job)
    return _failed(relay, window, job.get("FailureReason") or job.get("ExitMessage") or name)


def _other(name: str, job: Job) -> str:
    if job["ProcessingJobStatus"] == "Failed":
        log.warning("%s failed: %s", name, job.get("FailureReason") or job.get("ExitMessage"))
    return f"{name} is no job that finds anything for this monitor"


def _completed(relay: Relay, window: Window, job: Job) -> str:
    if _is_there(relay, window):
        return f"{window.folder} is known"
    try:
        files = _files(relay, job)
        statistics = parsed("statistics.json", files["statistics.json"])
        violations = violations_of(parsed(_VIOLATIONS, files[_VIOLATIONS]))
        if files[_VIOLATIONS] is None and "WithViolations" in job.get("ExitMessage", ""):
            raise UnreadableError(f"{_VIOLATIONS} is not there, though there are violations")
        found = findings(relay.kind, statistics, violations)
    except (UnreadableError, TypeError, AttributeError) as error:
        log.error("what %s found cannot be read: %s", job["ProcessingJobName"], error)
        return f"{window.folder} is unreadable"
    return _tell(relay, window, found, files)


def _failed(relay: Relay, window: Window, reason: str) -> str:
    if not has_no_data(reason):
        log.error("the monitoring of %s failed: %s", window.folder, reason)
        return f"{window.folder} failed"
    if _is_there(relay, window):
        return f"{window.folder} is known"
    return _tell(relay, window, nothing_found(reason), {})


def _tell(relay: Relay, window: Window, found: Mapping[str, Any], files: Files) -> str:
    """Publish a result, then keep it with the files that it is made of."""
    result = {
        "monitor": relay.monitor,
        "kind": relay.kind,
        "endpoint": relay.endpoint,
        "engine": "model_monitor",
        "window": window.told(),
        "baseline": relay.baseline,
        **found,
    }
    metrics.put(boto3.client("cloudwatch"), result, time.time())
    body = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False).encode()
    for name, content in {**files, "result.json": body}.items():
        if content is not None:
            boto3.client("s3").put_object(
                Bucket=relay.bucket,
                Key=_key(relay, window, name),
                Body=content,
                ContentType="application/json",
            )
    return f"{window.folder} {result['status']}"


# --- S3 -------------------------------------------------------------------------------------------------


def _key(relay: Relay, window: Window, name: str) -> str:
    return f"{relay.prefix}/{window.folder}/{name}"


def _is_there(relay: Relay, window: Window) -> bool:
    try:
        boto3.client("s3").head_object(Bucket=relay.bucket, Key=_key(relay, window, "result.json"))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_THERE:
            raise
        return False
    return True


def _files(relay: Relay, job: Job) -> Files:
    """The job's files, by the names that they get beside the result."""
    outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    places = [each["S3Output"]["S3Uri"] for each in outputs if "S3Output" in each]
    if not places:
        raise UnreadableError("the job has no output in S3")
    statistics = "analysis.json" if relay.kind in ("bias", "attribution") else "statistics.json"
    return {
        "statistics.json": _read(places[0], statistics),
        _VIOLATIONS: _read(places[0], _VIOLATIONS),
    }


def _read(place: str, name: str) -> bytes | None:
    """A file below ``s3://bucket/prefix``; None where it is not there."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    try:
        found = boto3.client("s3").get_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{name}")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_THERE:
            raise
        return None
    body: bytes = found["Body"].read()
    return body
