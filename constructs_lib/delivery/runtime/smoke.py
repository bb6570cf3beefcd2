"""The smoke test's function: asks a deployed endpoint, and fails the deployment when it answers wrongly.

Events are CloudFormation's, for the custom resource of a `SmokeTest`. A right answer passes at once. What passes by
itself (a container that starts, a model that is fetched, throttling) is asked again while there is patience; a wrong
answer fails at once, but one that is only slow, or an error of the model's own (5xx), has a few more tries.

While a stack is rolled back the test says yes unasked: CloudFormation then runs it again on the old properties, and a
rollback that fails leaves a stack that nobody can update.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ...core.runtime.clients import client
from ...core.runtime.custom_resource import answer
from .asking import Again, Refused, ask
from .expectation import Answer, findings

_TRIES = 4
"""For an answer that is slow, or an error of the model's."""
_DENIED_SECONDS = 60.0
_PAUSE_SECONDS = 3.0
_TO_ANSWER_SECONDS = 20.0
"""What CloudFormation must be told in."""

log = logging.getLogger()
log.setLevel(logging.INFO)


class SmokeTestError(Exception):
    """The endpoint does not answer as expected; says how it does."""


class Context(Protocol):
    """What Lambda tells a function of its own run."""

    def get_remaining_time_in_millis(self) -> int:
        """Until it is ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request."""

    problem: str = ""
    """Empty: as expected."""
    again: Again | None = None
    """Why it may pass by itself, for a request that got no answer."""
    doubtful: bool = False
    """Answered, and worth a few more tries."""


def judged(given: Answer, expected: Mapping[str, Any]) -> Outcome:
    """What an answer means."""
    found = findings(given, expected)
    if not found:
        return Outcome()
    problem = "; ".join(each.problem for each in found)
    doubtful = all(each.only_slow for each in found) or given.status >= 500
    return Outcome(problem, doubtful=doubtful)


def goes_on(outcome: Outcome, *, tries: int, seconds: float, patience: float) -> bool:
    """Whether to ask again after `tries` requests in so many seconds."""
    if not outcome.problem or seconds >= patience:
        return False
    if outcome.again is Again.DENIED:
        return seconds < _DENIED_SECONDS
    return outcome.again is Again.PASSING or (outcome.doubtful and tries < _TRIES)


def run(properties: Mapping[str, Any], *, patience: float) -> None:
    """Ask until the endpoint answers as expected.

    :raises SmokeTestError: when it does not.
    """
    expected = json.loads(properties["Expected"])
    began, tries = time.monotonic(), 0
    while True:
        outcome = _once(properties, expected, until=began + patience)
        tries += 1
        seconds = time.monotonic() - began
        log.info("%s: request %d: %s", properties["EndpointName"], tries, outcome.problem or "as expected")
        if not goes_on(outcome, tries=tries, seconds=seconds, patience=patience):
            break
        time.sleep(min(_PAUSE_SECONDS, patience - seconds))
    if outcome.problem:
        tried = "" if tries == 1 else f" ({tries} requests in {seconds:.0f} s)"
        raise SmokeTestError(
            f"Endpoint {properties['EndpointName']} failed its smoke test: {outcome.problem}{tried}"
        )


def _once(properties: Mapping[str, Any], expected: Mapping[str, Any], *, until: float) -> Outcome:
    try:
        return judged(ask(properties, until=until), expected)
    except Refused as refused:
        return Outcome(f"no answer of the model: {refused}", again=refused.again)


def is_rolling_back(stack_id: str) -> bool:
    """Whether CloudFormation is undoing what it did; no where that cannot be told."""
    try:
        (stack,) = client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    except (ClientError, BotoCoreError):
        log.exception("the stack's state is not known")
        return False
    return "ROLLBACK" in stack["StackStatus"]


def handle(event: Mapping[str, Any], context: Context) -> None:
    """Entry point of the function."""
    properties, failure = event["ResourceProperties"], ""
    try:
        if event["RequestType"] != "Delete" and not is_rolling_back(event["StackId"]):
            left = context.get_remaining_time_in_millis() / 1000 - _TO_ANSWER_SECONDS
            run(properties, patience=min(float(properties["PatienceSeconds"]), left))
    except SmokeTestError as error:
        failure = str(error)
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        failure = f"{type(error).__name__}: {error}"
    physical_id = event.get("PhysicalResourceId") or f"smoke-test-of-{properties['EndpointName']}"
    answer(event, physical_id=physical_id, failure=failure)
