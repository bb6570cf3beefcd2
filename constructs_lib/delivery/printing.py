"""Plans for people, for programs, and for a comment on a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .comparing import MAYBE, REPLACED, Change

if TYPE_CHECKING:
    from .planning import Plan, StackPlan


def plan_as_text(plans: Sequence[Plan]) -> str:
    """Environment by environment, stack by stack."""
    return "\n".join(line for each in plans for line in _text(each))


def _text(plan: Plan) -> Iterator[str]:
    yield f"{plan.environment}:"
    for stack in plan.stacks:
        yield f"  {stack.name}: {', '.join(stack.deployments)} ({stack.weight}){_counted(stack)}"
        yield from (f"    {change}" for change in stack.changes or ())
    yield from (f"  {name}: in no manifest any more; cdk destroy {name}" for name in plan.removed)


def _counted(stack: StackPlan) -> str:
    if stack.changes is None:
        return ""
    counts = Counter(change.what for change in stack.changes)
    return ": " + (", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "no change")


def plan_as_json(plans: Sequence[Plan]) -> str:
    """One object an environment."""
    return json.dumps({"plans": [_object(each) for each in plans]}, indent=2)


def _object(plan: Plan) -> dict[str, object]:
    return {
        "environment": plan.environment,
        "stacks": [
            {
                "name": stack.name,
                "deployments": list(stack.deployments),
                "resources": stack.weight.resources,
                "outputs": stack.weight.outputs,
                "bytes": stack.weight.bytes,
                "changes": None if stack.changes is None else [_change(each) for each in stack.changes],
            }
            for stack in plan.stacks
        ],
        "removed": list(plan.removed),
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "logicalId": change.logical_id,
        "type": change.type,
        "what": change.what,
        "properties": list(change.properties),
        "because": list(change.because),
    }


def plan_as_markdown(plans: Sequence[Plan]) -> str:
    """Replacements first: they are what a reviewer has to see."""
    return "\n".join(line for each in plans for line in _markdown(each))


def _markdown(plan: Plan) -> Iterator[str]:
    yield f"### {plan.environment}"
    yield ""
    replaced = [each for each in plan.changes if each.what in (REPLACED, MAYBE)]
    if replaced:
        yield "**Replaced:**"
        yield ""
        yield from (f"- `{each.stack}`: {each}" for each in replaced)
        yield ""
    yield "| Stack | Deployments | Resources | Changes |"
    yield "| --- | --- | ---: | --- |"
    for stack in plan.stacks:
        counted = _counted(stack).removeprefix(": ") or "not compared"
        yield f"| {stack.name} | {', '.join(stack.deployments)} | {stack.weight.resources} | {counted} |"
    yield from (f"| {name} | none any more | | not destroyed by itself |" for name in plan.removed)
    yield ""
