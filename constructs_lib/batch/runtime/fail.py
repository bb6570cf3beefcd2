"""The function that tells of a run that did not succeed, however it ended: EventBridge calls it, maybe twice or late.

Told are the dead-letter queue, with the request of the next attempt; the topics, if there are any; and
CloudWatch. Then ``failed.json`` in the run's folder says so. A crash in between tells some of them twice, and none
never; who could not be told is tried again alone. The same letter twice is one run still.

Nothing that only makes a failure clearer stops it from being told: what cannot be read is left out.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ...core.runtime.clients import client
from ...core.runtime.store import S3Store, read_json
from . import metrics
from .answer import ENDED_BADLY, SUCCEEDED
from .failure import MOST_PROBLEMS, Failure, reason_of
from .plan import FAILED, PLAN, folder_of, key_in, put_new
from .run_files import PROBLEMS

VARIABLE = "FAIL"
LETTER, METRIC = "letter", "metric"

T = TypeVar("T")

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Who is told, as the construct describes it."""

    transform: str
    bucket: str
    prefix: str
    queue_url: str
    """Of the dead-letter queue."""
    topics: Sequence[str]
    """ARNs of those who are told."""
    machine_name: str
    requests: str | None = None
    """ARN of the queue that letters go back to. SQS does not know it: they never were in it."""

    @classmethod
    def from_environment(cls) -> Failing:
        """Those that this function was deployed for."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def dead_letters(self, execution: str) -> str:
        """The ARN of the dead-letter queue, which lies where the execution does."""
        _, partition, _, region, account, *_ = execution.split(":")
        return f"arn:{partition}:sqs:{region}:{account}:{self.queue_url.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """AWS."""

    s3: Any
    states: Any
    sqs: Any
    sns: Any
    cloudwatch: Any

    @classmethod
    def made(cls) -> Clients:
        """Of the surroundings."""
        return cls(
            s3=client("s3"),
            states=client("stepfunctions"),
            sqs=client("sqs"),
            sns=client("sns"),
            cloudwatch=client("cloudwatch"),
        )


class UnknownRequestError(Exception):
    """What asked for a run could not be read this time."""


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function, for EventBridge's *Step Functions Execution Status Change*.

    :raises Exception: somebody could not be told; Lambda calls again.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    outcome = Teller(Failing.from_environment(), Clients.made()).tell(event["detail"])
    log.info("%s", outcome)
    return {"outcome": outcome}


class Teller:
    """Tells of failed runs of one transform."""

    def __init__(self, failing: Failing, clients: Clients) -> None:
        self._failing, self._aws = failing, clients
        self._unread: list[Exception] = []

    def _folder(self, run: str) -> S3Store:
        return folder_of(self._aws.s3, self._failing.bucket, self._failing.prefix, run)

    def tell(self, detail: Mapping[str, Any]) -> str:
        """Tell whoever has not been told yet of an execution that ended; says what was done."""
        machine, run, status = detail["stateMachineArn"].rpartition(":")[2], detail["name"], detail["status"]
        if machine != self._failing.machine_name or status not in ENDED_BADLY:
            return f"{machine}:{run} {status} is none of ours"
        mark = self._read(lambda: read_json(self._folder(run), FAILED))
        told = self._told(mark, detail)
        if told is None:
            return f"{run} is known"
        known = self._read(lambda: self._described(detail["executionArn"])) or {}
        if known.get("status") == SUCCEEDED:
            return f"{run} was redriven, and has succeeded"
        failure, problems = self._failure(detail, known)
        errors = self._tell_all(failure, told)
        self._mark(failure.marked(told, problems), run, is_first=mark is None)
        if errors:
            raise errors[0]
        return f"{run} failed: {failure.error}: {failure.reason}"

    def _told(self, mark: Mapping[str, Any] | None, detail: Mapping[str, Any]) -> set[str] | None:
        """Who has been told of this end of the execution; None where all have been, or of a later one.

        An execution that Step Functions' own redrive took up again ends once more, and that is told once more.
        """
        if mark is None:
            return set()
        marked, ended = mark.get("ended_ms", 0), detail["stopDate"]
        told = set(mark.get("told", ())) if marked == ended else set()
        return None if marked > ended or told >= self._all() else told

    def _all(self) -> set[str]:
        return {LETTER, METRIC, *self._failing.topics}

    # --- what is known --------------------------------------------------------------------------------

    def _read(self, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except Exception as error:  # told less clearly is better than not told
            log.exception("goes on without")
            self._unread.append(error)
            return None

    def _described(self, execution: str) -> dict[str, Any]:
        try:
            return dict(self._aws.states.describe_execution(executionArn=execution))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return {}
            raise

    def _failure(
        self, detail: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[Failure, list[dict[str, Any]]]:
        failing, run, status = self._failing, detail["name"], detail["status"]
        problems = self._read(lambda: self._problems(run)) or []
        error, reason = reason_of(
            status,
            known.get("error") or detail.get("error"),
            known.get("cause") or detail.get("cause"),
            problems,
        )
        started = detail.get("startDate")
        failure = Failure(
            transform=failing.transform,
            run=run,
            execution=detail["executionArn"],
            status=status,
            error=error,
            reason=reason,
            request=self._request(run, known.get("input") or detail.get("input")),
            started=None if started is None else started / 1000,
            ended=detail["stopDate"] / 1000,
            folder=self._folder(run).uri(),
            dead_letters=failing.dead_letters(detail["executionArn"]),
            requests=failing.requests,
        )
        return failure, problems

    def _request(self, run: str, execution_input: str | None) -> Mapping[str, Any] | None:
        """What asked for the run, by its input or its plan; None where neither says so.

        :raises UnknownRequestError: because something could not be read now, which may be read later.
        """
        asked = _request_in(execution_input)
        if asked is None:
            asked = _request_of(self._read(lambda: read_json(self._folder(run), PLAN)))
        if asked is None and self._unread:
            raise UnknownRequestError(f"what asked for {run} cannot be read now") from self._unread[-1]
        return asked

    def _problems(self, run: str) -> list[dict[str, Any]]:
        folder = self._folder(run)
        found: list[dict[str, Any]] = []
        for item in folder.items(PROBLEMS):
            if len(found) == MOST_PROBLEMS:
                break
            problem = read_json(folder, item.key)
            if problem is not None:
                found.append(problem)
        return found

    # --- who is told ----------------------------------------------------------------------------------

    def _tell_all(self, failure: Failure, told: set[str]) -> list[Exception]:
        """Tell those that have not been told, and add them to `told`; the errors of those that could not be."""
        errors: list[Exception] = []
        tells: dict[str, Callable[[Failure], None]] = {LETTER: self._send}
        tells |= {topic: partial(self._publish, topic) for topic in self._failing.topics}
        tells[METRIC] = self._count
        for name, tell in tells.items():
            if name in told:
                continue
            try:
                tell(failure)
            except Exception as error:
                log.exception("%s: no %s", failure.run, name)
                errors.append(error)
            else:
                told.add(name)
        return errors

    def _send(self, failure: Failure) -> None:
        self._aws.sqs.send_message(
            QueueUrl=self._failing.queue_url,
            MessageBody=failure.letter,
            MessageAttributes=failure.attributes,
        )

    def _publish(self, topic: str, failure: Failure) -> None:
        self._aws.sns.publish(TopicArn=topic, Subject=failure.subject, Message=failure.notice)

    def _count(self, failure: Failure) -> None:
        metrics.put(self._aws.cloudwatch, self._failing.transform, {"RunsFailed": 1})

    def _mark(self, mark: Mapping[str, Any], run: str, *, is_first: bool) -> None:
        body = json.dumps(mark, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        if is_first:
            # There is one where another delivery of the same event was faster.
            put_new(self._aws.s3, self._failing.bucket, key_in(self._failing.prefix, run, FAILED), body)
        else:
            self._folder(run).write(FAILED, body)


def _request_in(execution_input: str | None) -> Mapping[str, Any] | None:
    try:
        return _request_of(json.loads(execution_input or "null"))
    except (ValueError, RecursionError):
        return None


def _request_of(document: object) -> Mapping[str, Any] | None:
    asked = document.get("request") if isinstance(document, dict) else None
    return asked if isinstance(asked, dict) else None
