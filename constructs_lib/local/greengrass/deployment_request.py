"""What CreateDeployment asks of a request beyond botocore's shapes. The wordings are ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import components
from .errors import InvalidError
from .versions import Version

_MINUTES = (1, 10080)
_NOTIFY_SECONDS = 60
_VALIDATE_SECONDS = 30


def check(given: Mapping[str, Any]) -> None:
    """InvalidError about all that is wrong with a request."""
    problems = [
        *_component_problems(given.get("components") or {}),
        *_job_problems(given.get("iotJobConfiguration") or {}),
    ]
    if problems:
        raise InvalidError("Invalid Input: " + "; ".join(problems))


def policies(given: Mapping[str, Any]) -> dict[str, Any]:
    """The deployment's policies, with AWS's defaults for what is not given."""
    asked = given.get("deploymentPolicies") or {}
    update = {"timeoutInSeconds": _NOTIFY_SECONDS, "action": "NOTIFY_COMPONENTS"}
    return {
        "failureHandlingPolicy": asked.get("failureHandlingPolicy", "ROLLBACK"),
        "componentUpdatePolicy": update | (asked.get("componentUpdatePolicy") or {}),
        "configurationValidationPolicy": {"timeoutInSeconds": _VALIDATE_SECONDS}
        | (asked.get("configurationValidationPolicy") or {}),
    }


def _component_problems(asked: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, each in asked.items():
        version = str(each["componentVersion"])
        try:
            Version.of(version)
        except ValueError as error:
            yield f"The componentVersion of {name}: {error}"
            continue
        found = components.find(name, version)
        if found is None:
            yield f"The component {name} has no version {version}"
        elif found.state != "DEPLOYABLE":
            yield f"The version {version} of the component {name} is {found.state}, not DEPLOYABLE"
        yield from _configuration_problems(name, each.get("configurationUpdate") or {})


def _configuration_problems(name: str, update: Mapping[str, Any]) -> Iterator[str]:
    if "merge" in update:
        try:
            merged = json.loads(update["merge"])
        except ValueError:
            merged = None
        if not isinstance(merged, dict):
            yield f"The configuration to merge into {name} must be a JSON object"
    for path in update.get("reset") or ():
        if path and not path.startswith("/"):
            yield f"The configuration of {name} cannot be reset at {path!r}: that is no JSON pointer"


def _job_problems(configuration: Mapping[str, Any]) -> Iterator[str]:
    low, high = _MINUTES
    minutes = (configuration.get("timeoutConfig") or {}).get("inProgressTimeoutInMinutes", low)
    if not low <= minutes <= high:
        yield f"inProgressTimeoutInMinutes must be {low} to {high}"
    rollout = configuration.get("jobExecutionsRolloutConfig") or {}
    criteria = (rollout.get("exponentialRate") or {}).get("rateIncreaseCriteria")
    if criteria is not None and len(criteria) != 1:
        yield "rateIncreaseCriteria takes numberOfNotifiedThings or numberOfSucceededThings, one of them"
