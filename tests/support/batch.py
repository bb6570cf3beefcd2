"""Batch transforms with the least of everything, unless told otherwise; and what their machines would do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_dynamodb as dynamodb

from constructs_lib import BatchInput, BatchTransform, Column, ContainerImage, ProcessingStep

from .synth import IMAGE_URI, Template, a_bucket, a_model, flat, properties, resources, synthesized

MACHINE = "AWS::StepFunctions::StateMachine"
COLUMNS = (Column.key("customer"), Column.feature("age"), Column.prediction("churn"))
RUN = "0123456789abcdef0123456789abcdef"
EXECUTION = {
    "run": RUN,
    "digest": RUN,
    "model": "fraud",
    "order": 1_795_000_000_000,
    "job": "test-batch-0123456789ab-mzb1c2d3",
    "on": "2026-11-29",
    "objects": 2,
    "bytes": 10,
    "request": {"attempt": 1, "force": ""},
}
"""What runtime/start.py starts an execution with."""

CONTEXT = {
    "Execution": {"StartTime": "2026-11-29T02:00:00.000Z"},
    "Map": {"Item": {"Value": {"chunks": [{"n": 1}]}}},
}
"""What Step Functions tells a state of the execution itself."""

State = dict[str, Any]


def an_input(scope: constructs.Construct, prefix: str = "in/", **props: Any) -> BatchInput:
    """A prefix of an imported bucket."""
    there = scope.node.try_find_child("InputBucket")
    bucket = a_bucket(scope, "InputBucket", "input") if there is None else there
    return BatchInput.from_prefix(bucket, prefix, **props)


def a_batch(scope: constructs.Construct, id: str = "Batch", **props: Any) -> BatchTransform:
    """A batch transform with a model of its own."""
    if "model" not in props:
        there = scope.node.try_find_child(f"{id}Model")
        props["model"] = a_model(scope, f"{id}Model") if there is None else there
    props.setdefault("input", an_input(scope))
    return BatchTransform(scope, id, **{"instance_type": "ml.m5.large", **props})


def a_table(scope: constructs.Construct, id: str = "Predictions", **props: Any) -> dynamodb.Table:
    """A table by customer."""
    key = dynamodb.Attribute(name="customer", type=dynamodb.AttributeType.STRING)
    return dynamodb.Table(scope, id, partition_key=key, **props)


def a_step(**props: Any) -> ProcessingStep:
    """A processing step that needs nothing from disk."""
    return ProcessingStep(**{"image": ContainerImage.from_uri(IMAGE_URI), **props})


def made(stack: cdk.Stack, **props: Any) -> Template:
    """The template of a stack with one batch transform."""
    a_batch(stack, **props)
    return synthesized(stack)


def variables_of(template: Template) -> list[dict[str, Any]]:
    """The environments of all functions that have one."""
    functions = resources(template, "AWS::Lambda::Function").values()
    given = [each["Properties"].get("Environment", {}).get("Variables") for each in functions]
    return [each for each in given if each is not None]


def machine_of(template: Template) -> dict[str, Any]:
    """The definition of the one state machine, with references in angle brackets."""
    return dict(json.loads(flat(properties(template, MACHINE)["DefinitionString"])))


def every_state(machine: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """All states of a machine by name, those within maps and branches too."""
    for name, state in machine["States"].items():
        yield name, state
        for within in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            yield from every_state(within)


def filled(template: Any, state: Mapping[str, Any]) -> Any:
    """`template` as Step Functions fills it from a state: members that end with ``.$`` are paths or formats."""
    if isinstance(template, list):
        return [filled(each, state) for each in template]
    if not isinstance(template, dict):
        return template
    return dict(
        (name.removesuffix(".$"), _evaluated(value, state))
        if name.endswith(".$")
        else (name, filled(value, state))
        for name, value in template.items()
    )


_FORMAT = re.compile(r"States\.Format\('([^']*)', (.*)\)")


def _evaluated(expression: str, state: Mapping[str, Any]) -> Any:
    if expression.startswith("$$."):
        return at(expression[1:], CONTEXT)
    call = _FORMAT.fullmatch(expression)
    if call is None:
        return at(expression, state)
    values = [str(at(path, state)) for path in call[2].split(", ")]
    assert call[1].count("{}") == len(values)
    return call[1].replace("{}", "%s") % tuple(values)


def at(path: str, state: Mapping[str, Any]) -> Any:
    """What is at a reference path such as ``$.transform.attempt``."""
    found: Any = state
    for step in path.removeprefix("$").removeprefix(".").split("."):
        found = found[step] if step else found
    return found


def tell(state: dict[str, Any], path: str | None, value: Any) -> dict[str, Any]:
    """`state` with a result at its ``ResultPath``."""
    if path is None:
        return state
    if path == "$":
        return dict(value)
    *above, last = path.removeprefix("$.").split(".")
    copied: dict[str, Any] = json.loads(json.dumps(state))
    place = copied
    for step in above:
        # What is not there yet is made: "$.b.greeting" gives {"b": {"greeting": …}}.
        place = place.setdefault(step, {})
    place[last] = value
    return copied
