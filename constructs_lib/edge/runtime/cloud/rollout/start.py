"""The function that starts rollouts: CloudFormation calls it when a component has changed, and anybody who may.

It does not wait for the end, which comes hours later. A rollout that is under way is stopped: the new one goes on from
what was good last.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .....core.runtime.clients import client
from .....core.runtime.custom_resource import answer
from .settings import Settings

SUPERSEDED = "Superseded"
_MEMBERS = ("components", "model", "force", "request")

log = logging.getLogger()
log.setLevel(logging.INFO)


class BadRequestError(ValueError):
    """What was asked for cannot be; says what can."""


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function.

    Events: CloudFormation's; or ``{"model": {"bucket", "key"}}`` or ``{"components": {name: version}}``, with
    ``force``, the reason why it starts although an alarm is on, and ``request``, by which the same request starts one
    rollout, however often it is made.
    """
    starter = Starter(Settings.from_environment(), client("stepfunctions"))
    if "RequestType" not in event:
        return starter.asked(event)
    name = f"{starter.settings.fleet}-rollout"
    if event["RequestType"] == "Delete":
        answer(event, physical_id=name)
        return {}
    try:
        found = starter.deployed(event)
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        answer(event, physical_id=name, failure=f"{type(error).__name__}: {error}")
        return {}
    answer(event, physical_id=name)
    return found


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts rollouts of one fleet."""

    settings: Settings
    states: Any

    def deployed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A rollout of what the stack has published. The same request of CloudFormation starts one, however often."""
        components = event["ResourceProperties"]["Components"]
        version = components[self.settings.model]
        return self._start(f"{version}-{_short(event['RequestId'])}", {"components": components})

    def asked(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A rollout that somebody wants.

        :raises BadRequestError: it is not one.
        """
        asked = self._checked(event)
        request = str(event.get("request") or uuid.uuid4())
        return self._start(f"asked-{_short(request)}", asked)

    def _checked(self, event: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(event) - set(_MEMBERS))
        if unknown:
            raise BadRequestError(f"unknown: {', '.join(unknown)}; known are {', '.join(_MEMBERS)}")
        if ("components" in event) == ("model" in event):
            raise BadRequestError('either "model": {"bucket", "key"} or "components": {name: version}')
        if "components" in event:
            self._check_components(event["components"])
        else:
            _check_model(event["model"])
        return {name: value for name, value in event.items() if name != "request"}

    def _check_components(self, given: object) -> None:
        known = ", ".join(self.settings.components)
        if not isinstance(given, Mapping) or not given:
            raise BadRequestError(f'"components" has a version of at least one of {known}')
        for name, version in given.items():
            if name not in self.settings.components or not isinstance(version, str) or not version:
                raise BadRequestError(f"{name}: versions of {known} may be named")

    def _start(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            started = self.states.start_execution(
                stateMachineArn=self.settings.machine, name=name, input=json.dumps(asked, sort_keys=True)
            )
        except self.states.exceptions.ExecutionAlreadyExists:
            # The same request, answered before; its answer was lost.
            arn = f"{self.settings.machine.replace(':stateMachine:', ':execution:')}:{name}"
            return {"execution": arn, "started": False}
        self._stop_others(started["executionArn"])
        log.info("started %s", name)
        return {"execution": started["executionArn"], "started": True}

    def _stop_others(self, ours: str) -> None:
        """Stop those that run beside it. Of two that start at once, the later stops the earlier."""
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.settings.machine, statusFilter="RUNNING"
        )
        found = [each for page in pages for each in page["executions"]]
        begun = {each["executionArn"]: each["startDate"] for each in found}
        for arn, at in begun.items():
            if arn != ours and (at, arn) < (begun.get(ours, at), ours):
                self.states.stop_execution(
                    executionArn=arn, error=SUPERSEDED, cause=f"by {ours.rpartition(':')[2]}"
                )


def _check_model(given: object) -> None:
    fits = isinstance(given, Mapping) and set(given) == {"bucket", "key"}
    if not fits or not all(isinstance(each, str) and each for each in given.values()):  # type: ignore[attr-defined]
        raise BadRequestError('"model" has "bucket" and "key"')


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
