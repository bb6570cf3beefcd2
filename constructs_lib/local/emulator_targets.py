"""The private names of ministack's EventBridge that deliver to targets; emulator.py's companion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import eventbridge, lambda_svc, sqs

from .emulator import Scope

Target = Mapping[str, Any]
_plain = eventbridge._invoke_target


def guard_rules(allowed: Callable[[Target, str], bool]) -> None:
    """Let `allowed` (target, the rule's ARN) say whether a rule may deliver."""

    def invoke(target: Target, event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None) -> None:
        if allowed(target, str(rule.get("Arn", ""))):
            _plain(target, event, rule, view)

    eventbridge._invoke_target = invoke


def deliver(target: Target, payload: str) -> None:
    """Deliver a payload to a target, whoever may."""
    arn = str(target["Arn"])
    plain_target = {"Arn": arn, "Input": payload, "SqsParameters": target.get("SqsParameters") or {}}
    event = {"Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}", "Resources": []}
    _plain(plain_target, event, {})


def queue_lets(queue: str, service: str, source: str) -> bool:
    """Whether a queue's policy lets a service send on behalf of a source; always, where IAM is not enforced."""
    return bool(sqs.queue_policy_allows(queue, service, source, Scope.current().account_id))


def function_lets(function: str, service: str, source: str) -> bool:
    """Whether a function's policy lets a service invoke it on behalf of a source."""
    found = lambda_svc.function_policy_for_arn(function)
    if found is None:
        return False
    scope = Scope.current()
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function,
        region=scope.region,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": scope.account_id},
    )
    judged = iam_evaluator.evaluate_resource_policy(found[0], context, service=service)
    return bool(judged.decision == "Allow")
