"""The states of a rollout, in Amazon States Language: a pure function from ARNs and times to JSON.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

State = dict[str, Any]

_DEFINITE = (
    "BadRequestError",
    "EmptyCanaryError",
    "InAlarmError",
    "NotBackError",
    "NothingKnownError",
    "PublishingError",
    "SupersededError",
)
"""Errors of the steps that the same call would only find again."""
_ON_FAILURE = "$.failure"
_MARGIN_SECONDS = 6 * 3600
"""For steps, their tries, and devices that are told page by page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPlan:
    """What the machine of a rollout is made of."""

    partition: str
    steps: str
    """ARN of the function that does the steps."""
    recipe: str
    """Of the model's component."""
    alarms: Sequence[str]
    """Names of those that stop a rollout: here, since a function's environment has no room for two dozen."""
    look_seconds: int
    longest_seconds: int


def rollout_definition(plan: RolloutPlan) -> dict[str, Any]:
    """Canary, soak, fleet; on any failure, back to what was good before, then the failure.

    ``$.rollout`` has what is rolled out; ``$.canary`` and ``$.fleet`` have the deployments, once they are made.
    """
    states = {
        "Prepare": _step(
            plan,
            "prepare",
            {"asked.$": "$", "recipe": plan.recipe, "alarms": list(plan.alarms)},
            keeps="rollout",
            members=("components", "previous", "version", "previous_version", "canary"),
            after="Canary",
            alone=True,
        ),
        # Also where it has no devices yet: those to come get what was deployed last.
        **_bring(plan, "Canary", to="HasCanary"),
        "HasCanary": _choice("$.rollout.canary", True, "Soak", otherwise="Fleet"),
        **_soak(plan, to="Fleet"),
        **_bring(plan, "Fleet", to="Finish"),
        "Finish": _step(plan, "finish", {"components.$": "$.rollout.components"}, after=None),
        **_back(plan),
        "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
    }
    return {
        "Comment": "One rollout of a fleet: docs/edge.md tells it state by state",
        "StartAt": "Prepare",
        "TimeoutSeconds": plan.longest_seconds + _MARGIN_SECONDS,
        "States": states,
    }


def _bring(plan: RolloutPlan, group: str, *, to: str) -> dict[str, State]:
    """Tell the group's devices which version they are to serve, deploy it, and watch until it is there."""
    target = group.lower()
    begin, judged = f"Look{group}", f"{group}Is"
    first: State = {"Type": "Pass", "Result": {"looks": 0}, "ResultPath": "$.seen", "Next": f"Wait{group}"}
    return {
        # From here on there may be something to undo.
        group: {
            "Type": "Pass",
            "Result": {"begun": True},
            "ResultPath": f"$.{target}",
            "Next": f"Want{group}",
        },
        **_want(plan, f"Want{group}", target, version="$.rollout.version", to=f"Deploy{group}"),
        f"Deploy{group}": _step(
            plan,
            "deploy",
            {"target": target, "components.$": "$.rollout.components", "phase": "forward"},
            keeps=target,
            members=("id", "job"),
            after=f"Watch{group}",
        ),
        f"Watch{group}": first,
        f"Wait{group}": {"Type": "Wait", "Seconds": plan.look_seconds, "Next": begin},
        begin: _step(
            plan,
            "look",
            {
                "target": target,
                "deployment.$": f"$.{target}",
                "version.$": "$.rollout.version",
                "looks.$": "$.seen.looks",
            },
            keeps="seen",
            members=("outcome", "reason", "looks"),
            after=judged,
        ),
        **_judged(judged, good=to, wait=f"Wait{group}", error=f"{group}Failed"),
    }


def _soak(plan: RolloutPlan, *, to: str) -> dict[str, State]:
    """Let the canary run it for a while, and look at its alarms."""
    return {
        "Soak": {"Type": "Pass", "Result": {"looks": 0}, "ResultPath": "$.seen", "Next": "LookSoak"},
        "WaitSoak": {"Type": "Wait", "Seconds": plan.look_seconds, "Next": "LookSoak"},
        "LookSoak": _step(
            plan,
            "soak",
            {
                "version.$": "$.rollout.version",
                "looks.$": "$.seen.looks",
                "alarms": list(plan.alarms),
            },
            keeps="seen",
            members=("outcome", "reason", "looks"),
            after="SoakIs",
        ),
        **_judged("SoakIs", good=to, wait="WaitSoak", error="SoakFailed"),
    }


def _judged(name: str, *, good: str, wait: str, error: str) -> dict[str, State]:
    """By the outcome of a look: on, again, or back."""
    bad = f"{name}Bad"
    return {
        name: {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.seen.outcome", "StringEquals": "good", "Next": good},
                {"Variable": "$.seen.outcome", "StringEquals": "wait", "Next": wait},
            ],
            "Default": bad,
        },
        bad: {
            "Type": "Pass",
            "Parameters": {"Error": error, "Cause.$": "$.seen.reason"},
            "ResultPath": _ON_FAILURE,
            "Next": "Back",
        },
    }


def _back(plan: RolloutPlan) -> dict[str, State]:
    """Give the groups that got it what was good before: the fleet, if it has come that far, and the canary.

    Then watch both until their devices have it, or have had the time for it. How that went is told with the failure
    that led here; of what fails here nothing is tried beyond. ``$.back`` has the deployments.
    """
    states: dict[str, State] = {
        "Back": _choice("$.fleet", "there", "BackWantFleet", otherwise="BackCanary"),
        "BackCanary": _choice("$.canary", "there", "BackWantCanary", otherwise="Failed"),
    }
    for group, after in (("Fleet", "BackCanary"), ("Canary", "BackWatch")):
        target = group.lower()
        deploy = f"BackDeploy{group}"
        version = "$.rollout.previous_version"
        states |= _want(plan, f"BackWant{group}", target, version=version, to=deploy)
        states[deploy] = _step(
            plan,
            "deploy",
            {"target": target, "components.$": "$.rollout.previous", "phase": "back"},
            keeps=f"back.{target}",
            members=("id", "job"),
            after=after,
        )
    states |= _watched_back(plan)
    for name, state in states.items():
        if name.startswith("Back") and state["Type"] == "Task":
            state["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unmended", "Next": "NotBack"}]
    states["NotBack"] = _also_told("and it could not go back", "$.unmended.Cause")
    return states


def _watched_back(plan: RolloutPlan) -> dict[str, State]:
    """Look at both groups until they have settled."""
    return {
        "BackWatch": {"Type": "Pass", "Result": {"looks": 0}, "ResultPath": "$.seen", "Next": "BackWait"},
        "BackWait": {"Type": "Wait", "Seconds": plan.look_seconds, "Next": "BackLook"},
        "BackLook": _step(
            plan,
            "look_back",
            {
                "deployments.$": "$.back",
                "version.$": "$.rollout.previous_version",
                "looks.$": "$.seen.looks",
            },
            keeps="seen",
            members=("settled", "reason", "looks"),
            after="BackIs",
        ),
        "BackIs": _choice("$.seen.settled", True, "WentBack", otherwise="BackWait"),
        "WentBack": _also_told("it went back", "$.seen.reason"),
    }


def _also_told(what: str, why: str) -> State:
    """The failure, and after it what became of going back."""
    return {
        "Type": "Pass",
        "Parameters": {
            "Error.$": "$.failure.Error",
            "Cause.$": f"States.Format('{{}}; {what}: {{}}', $.failure.Cause, {why})",
        },
        "ResultPath": _ON_FAILURE,
        "Next": "Failed",
    }


def _want(plan: RolloutPlan, name: str, target: str, *, version: str, to: str) -> dict[str, State]:
    """Tell a group's devices which version to serve, page by page."""
    page = f"{name}Page"
    return {
        name: {"Type": "Pass", "Result": {"token": ""}, "ResultPath": "$.page", "Next": page},
        page: _step(
            plan,
            "want",
            {"target": target, "version.$": version, "token.$": "$.page.token"},
            keeps="page",
            members=("token", "more"),
            after=f"{name}More",
        ),
        f"{name}More": _choice("$.page.more", True, page, otherwise=to),
    }


def _choice(variable: str, value: object, then: str, *, otherwise: str) -> State:
    test: dict[str, object] = {"IsPresent": True} if value == "there" else {"BooleanEquals": value}
    return {
        "Type": "Choice",
        "Choices": [{"Variable": variable, **test, "Next": then}],
        "Default": otherwise,
    }


def _step(
    plan: RolloutPlan,
    step: str,
    given: Mapping[str, Any],
    *,
    keeps: str | None = None,
    members: Sequence[str] = (),
    after: str | None,
    alone: bool = False,
) -> State:
    """Call the function with a step; `members` of its answer go to ``$.<keeps>``.

    :param alone: whether nothing has been done yet that would have to be undone.
    """
    state: State = {
        "Type": "Task",
        "Resource": f"arn:{plan.partition}:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": plan.steps,
            "Payload": {"step": step, "execution.$": "$$.Execution.Id", **given},
        },
        "TimeoutSeconds": 900,
        "Retry": [
            {"ErrorEquals": list(_DEFINITE), "MaxAttempts": 0},
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 2,
                "BackoffRate": 2,
                "MaxAttempts": 6,
                "JitterStrategy": "FULL",
            },
        ],
        "Catch": [
            {"ErrorEquals": ["States.ALL"], "ResultPath": _ON_FAILURE, "Next": "Failed" if alone else "Back"}
        ],
        "ResultSelector": {f"{name}.$": f"$.Payload.{name}" for name in members} or {"done": True},
        "ResultPath": f"$.{keeps or 'done'}",
    }
    return {**state, "End": True} if after is None else {**state, "Next": after}
