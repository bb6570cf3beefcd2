"""Advice about fleets of components: given when the app is synthesized, with all of them there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import AutoScaling, ManagedInstanceScaling
from tests.support.advice import Advised, Build, warnings
from tests.support.components import a_component, a_fleet
from tests.support.synth import a_model, synthesized

ASLEEP = AutoScaling(min_capacity=0, max_capacity=4, invocations_per_copy=600)
AWAKE = AutoScaling(min_capacity=1, max_capacity=4, invocations_per_copy=600)


def fleet(*components: dict[str, Any], low: float | None = None, **props: Any) -> Build:
    """A synthesized fleet, managed from `low` where that is given, with components A, B, …"""

    def build(stack: cdk.Stack) -> cdk.Resource:
        if low is not None:
            props["managed_scaling"] = ManagedInstanceScaling(min_count=low, max_count=4)
        made = a_fleet(stack, **props)
        for id, given in zip("ABC", components, strict=False):
            a_component(made, id, **given)
        synthesized(stack)
        return made

    return build


ADVISED = [
    Advised("SM-COMPONENT-101", fleet(), "no component is served here"),
    Advised("SM-COMPONENT-101", fleet(low=0), "no component is served here"),
    Advised("SM-COMPONENT-102", fleet({}, low=0), "the fleet stays for A:"),
    Advised("SM-COMPONENT-102", fleet({"scaling": AWAKE}, low=0), "the fleet stays for A:"),
    Advised(
        "SM-COMPONENT-102", fleet({"scaling": ASLEEP}, {"copies": 2}, {}, low=0), "the fleet stays for B, C:"
    ),
    Advised("SM-HA-101", fleet({}, low=1), "variant AllTraffic may run on 1 instance"),
]


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: f"{advised.id} {advised.says:.30}")
def test_advice_is_given_and_can_be_acknowledged(advised: Advised) -> None:
    advised.check()


def late() -> float:
    return cdk.Token.as_number(cdk.Fn.ref("Least"))


SILENT = {
    "a fixed fleet": fleet({}),
    "a fleet that stays": fleet({"scaling": ASLEEP}, low=2),
    "a fleet that stays for one that stays": fleet({}, low=2),
    "all may sleep": fleet({"scaling": ASLEEP}, {"scaling": ASLEEP}, low=0),
    "copies known late": fleet({"copies": late()}, low=0),
    "a minimum known late": fleet({}, low=late(), instance_count=2),
}


@pytest.mark.parametrize("build", SILENT.values(), ids=SILENT.keys())
def test_where_there_is_nothing_to_say_nothing_is_said(build: Build) -> None:
    assert warnings(build) == []


def test_the_cli_is_told_of_the_empty_fleet_alone_and_once(app: cdk.App, stack: cdk.Stack) -> None:
    a_fleet(stack, "Empty")
    a_component(a_fleet(stack, "Used"), model=a_model(stack))
    app.synth()
    written = "".join(file.read_text() for file in Path(app.synth(force=True).directory).glob("*.json"))
    assert written.count("[ack: SM-COMPONENT-101]") == 1
