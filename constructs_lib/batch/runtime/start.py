"""The function that starts runs: for the messages of the queue of triggers, and for direct calls.

Messages come at least once, in any order, and from several triggers for the same data. A run has the name of what it
scores, and how (:mod:`.identity`), and Step Functions takes a name once: so it runs once, however often it is asked
for. What is done before that may be done again: the plan of a run that is there is taken as it is (:mod:`.plan`).

An attempt after the first one is asked for by a message from the dead-letter queue. It gets a name of its own only
where every attempt before it has failed: one that goes on, or that has succeeded meanwhile, is the answer.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from ...core.runtime.clients import client
from ...core.runtime.store import S3Store, read
from . import metrics
from .answer import (
    DUPLICATE,
    EMPTY,
    ENDED_BADLY,
    IGNORED,
    METRICS,
    STARTED,
    SUCCEEDED,
    Answer,
    advice_on_duplicate,
    advice_on_empty,
)
from .found import Bounds, Found, Left, look
from .identity import digest_of, execution_arn, run_name
from .inputs import Configured, InputError, Place
from .plan import FAILED, SUCCESS, agreed, execution_input, folder_of, planned
from .rejected import Rejection, reject
from .request import Request, request_of

VARIABLE = "BATCH"
Reject = Callable[[str, str, str], None]
"""Tells that a message cannot be done: its id, its body, why."""
_ENOUGH = 30.0
"""Seconds that have to be left to begin with a message: what is not begun comes again."""

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The transform as its construct describes it."""

    transform: str
    bucket: str
    """Where the runs' folders lie."""
    prefix: str
    input: Configured
    arrival_suffix: str | None
    model: str
    how: str
    """A digest of all settings that change what comes out."""
    machine: str
    """The state machine's ARN."""
    job_prefix: str
    queue_url: str
    """Of the dead-letter queue, for requests that cannot be done."""
    topics: Sequence[str]
    """ARNs of those who are told of them."""
    requests: str = ""

    @classmethod
    def from_environment(cls) -> Batch:
        """The transform that this function was deployed for."""
        told = json.loads(os.environ[VARIABLE])
        return cls(**{"arrival_suffix": None, **told, "input": Configured.of(told["input"])})

    @property
    def bounds(self) -> Bounds:
        """What belongs to an input."""
        within = self.input.within
        same, prefix = self.bucket == self.input.bucket, self.prefix.strip("/")
        runs = f"{prefix}/" if same and prefix else None
        return Bounds(within=within, arrival_suffix=self.arrival_suffix, runs=runs)


class Starter:
    """Starts runs of one transform."""

    def __init__(
        self,
        batch: Batch,
        *,
        s3: Any,
        states: Any,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._batch, self._s3, self._states = batch, s3, states
        self._clock, self._pause = clock, pause

    def answer(
        self, message: object, *, asked_at: float, ticket: str, left: Left = lambda: math.inf
    ) -> Answer:
        """Do what a message asks for, unless it is done.

        :param asked_at: when the message was sent, in seconds since 1970: the same each time that it comes.
        :param ticket: what the message is known by: the same each time that it comes, too.
        :raises InputError: it asks for what cannot be done.
        """
        request = request_of(message, self._batch.arrival_suffix)
        if request is None:
            return Answer(outcome=IGNORED, advice="The event announces no input.")
        place, request = self._placed(request, asked_at, ticket)
        bounds = self._batch.bounds
        if bounds.runs is not None and place.key.startswith(bounds.runs):
            # A run that succeeds says so with a _SUCCESS too, and must not start another one.
            return Answer(outcome=IGNORED, input=place.uri, advice=f"{place.uri} is the output of runs.")
        found = look(self._s3, place, bounds, left)
        if not found.objects:
            return Answer(outcome=EMPTY, input=place.uri, advice=advice_on_empty(place.uri, found.left_out))
        return self._first_open_attempt(place, request, found)

    def _placed(self, request: Request, asked_at: float, ticket: str) -> tuple[Place, Request]:
        """Which input it is, and the request with all that it left open."""
        ticket = request.ticket or ticket
        if request.input is not None:
            return self._batch.input.named(request.input), replace(request, ticket=ticket)
        at = asked_at if request.at is None else request.at
        place = self._batch.input.at(at)
        return place, replace(request, input=place.uri, at=at, ticket=ticket)

    def _first_open_attempt(self, place: Place, request: Request, found: Found) -> Answer:
        """Start the first attempt that has not been there, of those that are asked for; or tell of the last one.

        Counted anew: what lies there now may be other data than the one whose attempts the request counts.
        """
        digest = digest_of(
            found.objects,
            bucket=place.bucket,
            model=self._batch.model,
            how=self._batch.how,
        )
        last, last_status = "", ""
        for attempt in count(1):
            run = run_name(
                digest,
                attempt=attempt,
                force=request.force,
                ticket=(request.ticket or "") if request.force else "",
            )
            status = self._status(run)
            if status is None and attempt <= request.attempt:
                answer = self._start(digest, run, place, replace(request, attempt=attempt), found)
                if answer is not None:
                    return answer
                status = self._status(run) or "RUNNING"
            if status is None:
                break
            last, last_status = run, status
            if status not in ENDED_BADLY:
                break
        return Answer(
            outcome=DUPLICATE,
            input=place.uri,
            run=last,
            execution=execution_arn(self._batch.machine, last),
            objects=len(found.objects),
            status=last_status,
            advice=advice_on_duplicate(last, last_status, self._folder(last).uri()),
        )

    def _folder(self, run: str) -> S3Store:
        return folder_of(self._s3, self._batch.bucket, self._batch.prefix, run)

    def _status(self, run: str) -> str | None:
        """What became of a run; None where there was none."""
        try:
            told = self._states.describe_execution(executionArn=execution_arn(self._batch.machine, run))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
        else:
            return str(told["status"])
        # Step Functions forgets executions after 90 days, and all of a state machine that is replaced.
        folder = self._folder(run)
        if read(folder, SUCCESS) is not None:
            return SUCCEEDED
        return "FAILED" if read(folder, FAILED) is not None else None

    def _start(self, digest: str, run: str, place: Place, request: Request, found: Found) -> Answer | None:
        """Plan and start a run; None where another function was faster, or there is one after all."""
        plan = planned(
            run=run,
            digest=digest,
            order=round(self._clock() * 1000),
            model=self._batch.model,
            how=self._batch.how,
            bucket=place.bucket,
            found=found,
            request=request.told(),
        )
        plan = dict(agreed(self._s3, self._batch.bucket, self._batch.prefix, plan, pause=self._pause))
        try:
            started = self._states.start_execution(
                stateMachineArn=self._batch.machine,
                name=run,
                input=execution_input(plan, self._batch.job_prefix),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return None
        return Answer(
            outcome=STARTED,
            input=place.uri,
            run=run,
            execution=started["executionArn"],
            objects=len(found.objects),
            status="RUNNING",
            advice=f"The run's files, and in the end its report, lie at {self._folder(run).uri()}",
        )


# --- as Lambda calls it ---------------------------------------------------------------------------------


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the function.

    :returns: for a direct call what was done; for messages of the queue which of them have to come again.
    :raises ValueError: a direct call asks for what cannot be done.
    """
    batch = Batch.from_environment()
    starter = Starter(batch, s3=client("s3"), states=client("stepfunctions"))

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    if "Records" in event:
        answers, failed = _messages(starter, event["Records"], left, partial(_reject, batch))
        _count(batch, answers)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
    answer = starter.answer(event, asked_at=time.time(), ticket=context.aws_request_id, left=left)
    log.info("%s", json.dumps(answer.told()))
    _count(batch, [answer])
    return answer.told()


def _messages(
    starter: Starter, records: Iterable[Mapping[str, Any]], left: Left, reject: Reject
) -> tuple[list[Answer], list[str]]:
    """What was done, and the ids of the messages that have to come again."""
    answers: list[Answer] = []
    failed: list[str] = []
    for record in records:
        id = record["messageId"]
        if left() < _ENOUGH:
            failed.append(id)
            continue
        try:
            answer = _answer(starter, record, left, reject)
        except Exception:  # the others of the batch are none the worse for it
            log.exception("message %s has to come again", id)
            failed.append(id)
        else:
            answers += [answer] if answer is not None else []
    return answers, failed


def _answer(starter: Starter, record: Mapping[str, Any], left: Left, reject: Reject) -> Answer | None:
    """Do what a message asks for; None where that cannot be done, which is told."""
    id, body = record["messageId"], record["body"]
    sent_at = float(record["attributes"]["SentTimestamp"]) / 1000
    try:
        answer = starter.answer(_body(body), asked_at=sent_at, ticket=id, left=left)
    except InputError as error:
        log.error("message %s cannot be done: %s", id, error)
        reject(id, body, str(error))
        return None
    log.info("message %s: %s", id, json.dumps(answer.told()))
    return answer


def _reject(batch: Batch, id: str, body: str, reason: str) -> None:
    rejection = Rejection(
        transform=batch.transform,
        id=id,
        body=body,
        reason=reason,
        queue_url=batch.queue_url,
        topics=batch.topics,
    )
    reject(rejection, sqs=client("sqs"), sns=client("sns"), cloudwatch=client("cloudwatch"))


def _body(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"a request is JSON: {error}") from error


def _count(batch: Batch, answers: Iterable[Answer]) -> None:
    """Tell CloudWatch. What is started is started: that it cannot be counted is no reason to do it again."""
    counts = Counter(METRICS[each.outcome] for each in answers if each.outcome in METRICS)
    if not counts:
        return
    try:
        metrics.put(client("cloudwatch"), batch.transform, counts)
    except Exception:
        log.exception("%s could not be counted", dict(counts))
