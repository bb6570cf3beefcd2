"""State machines as they are in templates: whether they hang together, and whether AWS would take their calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from .synth import Template, flat, properties

State = dict[str, Any]
MACHINE = "AWS::StepFunctions::StateMachine"
_REFERENCE = re.compile(r"<[^<>]*>")


def machine_in(template: Template) -> dict[str, Any]:
    """The definition of the one state machine, with references in angle brackets."""
    return dict(json.loads(flat(properties(template, MACHINE)["DefinitionString"])))


def leads_to(state: Mapping[str, Any]) -> set[str]:
    """Where a state may lead."""
    return {
        *filter(None, (state.get("Next"), state.get("Default"))),
        *(each["Next"] for kind in ("Catch", "Choices") for each in state.get(kind, ())),
    }


def assert_hangs_together(machine: Mapping[str, Any]) -> None:
    """Every state is reached, and leads to one that is there or ends; none is null, which the CDK leaves out."""
    states, reached, following = machine["States"], set(), {machine["StartAt"]}
    while following:
        assert following <= set(states), following - set(states)
        reached |= following
        following = {each for name in following for each in leads_to(states[name])} - reached
    assert reached == set(states), set(states) - reached
    for name, state in states.items():
        ends = state.get("End", False) or state["Type"] in ("Fail", "Succeed")
        assert ends != bool(leads_to({**state, "Catch": ()})), name
    assert "null" not in json.dumps(machine)


def findings(machine: Mapping[str, Any]) -> list[str]:
    """What cfn-lint, which knows the States language, has against it."""
    given = {"RoleArn": "arn:aws:iam::111122223333:role/run", "Definition": machine}
    template = {"Resources": {"Machine": {"Type": MACHINE, "Properties": given}}}
    told = _REFERENCE.sub("x", json.dumps(template).replace("<AWS::Partition>", "aws"))
    told = told.replace(":x:x:", ":eu-west-1:111122223333:")
    matches = lint(told, config=ManualArgs(regions=["eu-west-1"]))
    return [f"{each.rule.id} {each.message}" for each in matches]


def problems(operation: str, given: Mapping[str, Any]) -> str:
    """What botocore has against a call of SageMaker: nothing, if it is empty."""
    model = botocore.session.Session().get_service_model("sagemaker").operation_model(operation)
    return str(ParamValidator().validate(_known(given), model.input_shape).generate_report())


def _known(value: Any) -> Any:
    """References as what they might be; what is only known at run time as a text."""
    if isinstance(value, dict):
        return {name.removesuffix(".$"): _known(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return _REFERENCE.sub("of-another-resource-x", value) if isinstance(value, str) else value
