"""Fleets for tests of templates, and what each of their parts may do and is told."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from constructs_lib import EdgeDevices, EdgeFleet, ModelData

from .synth import ACCOUNT, Template, a_bucket, flat, properties, resources, synthesized

HERE = "<AWS::Region>:<AWS::AccountId>"
METRICS = ("cloudwatch:PutMetricData", "*")
LOGS = {("logs:CreateLogStream", "<logs>"), ("logs:PutLogEvents", "<logs>")}
COMPONENT, ROLLOUT = "Custom::GreengrassComponent", "Custom::EdgeRollout"
KEY = "1.0.0/model.tar.gz"


def a_fleet(stack: cdk.Stack, id: str = "Cameras", **props: Any) -> EdgeFleet:
    """One with the least of everything, of a model in an imported bucket."""
    given = {
        "devices": EdgeDevices.matching("cam-[0-9]+"),
        "fleet_name": "cameras",
        "dashboard": False,
        **props,
    }
    if "model" not in given:
        given["model"] = ModelData.from_bucket(a_bucket(stack, f"ModelOf{id}", "models"), KEY)
    return EdgeFleet(stack, id, **given)


def told(template: Template, function: str) -> dict[str, Any]:
    """The settings of the function with this beginning of its id."""
    return dict(json.loads(environment(template, function)["EDGE"]))


def environment(template: Template, function: str) -> dict[str, str]:
    """The variables of the function with this beginning of its id."""
    (found,) = [
        each["Properties"]
        for id, each in resources(template, "AWS::Lambda::Function").items()
        if id.startswith(function)
    ]
    return {name: flat(value) for name, value in found.get("Environment", {}).get("Variables", {}).items()}


def made(stack: cdk.Stack, **props: Any) -> Template:
    a_fleet(stack, **props)
    return synthesized(stack)


def configuration(template: Template) -> dict[str, Any]:
    """What the program on devices is told."""
    (recipe,) = [
        json.loads(flat(each["Properties"]["Recipe"]))
        for each in resources(template, COMPONENT).values()
        if each["Properties"]["Component"].endswith(".Inference")
    ]
    return dict(recipe["ComponentConfiguration"]["DefaultConfiguration"]["program"])


def states(template: Template) -> dict[str, Any]:
    """The states of the machine."""
    definition = properties(template, "AWS::StepFunctions::StateMachine")["DefinitionString"]
    return dict(json.loads(flat(definition))["States"])


def topics(stack: cdk.Stack, number: int, name: str = "on-call") -> list[sns.ITopic]:
    arn = f"arn:aws:sns:eu-west-1:{ACCOUNT}"
    return [sns.Topic.from_topic_arn(stack, f"Topic{each}", f"{arn}:{name}{each}") for each in range(number)]
