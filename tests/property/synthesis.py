"""Stacks of described endpoints, synthesized under CloudFormation Validate and read by cfn-lint."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from constructs_lib.hosting.hosted import HostedEndpoint

from .made import Made, make

Template = dict[str, Any]

REGIONS = ["us-east-1", "eu-central-1"]
STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}

NOT_A_FAULT = {
    # The CDK writes DependsOn beside the GetAtt that implies it, for roles whose policies must come first.
    "W3005",
}


@dataclass(frozen=True)
class Synthesized:
    """A stack's template, and where each described endpoint is in it."""

    template: Template
    endpoints: list[tuple[Made, HostedEndpoint]]
    findings: Any
    """What CloudFormation Validate found, if it ran."""

    def properties(self, resource: cdk.CfnResource) -> dict[str, Any]:
        """The properties of one resource as the template has them."""
        id = cdk.Stack.of(resource).get_logical_id(resource)
        found: dict[str, Any] = self.template["Resources"][id]["Properties"]
        return found


def synthesized(
    described: Iterable[Made], environment: cdk.Environment | None, *, validate: bool = True
) -> Synthesized:
    """One stack of all the endpoints; raises when CloudFormation Validate refuses it."""
    app = cdk.App(context=STRICT, builtin_cloud_formation_validation=validate)
    stack = cdk.Stack(app, "Stack", env=environment)
    endpoints = []
    for index, each in enumerate(described):
        construct = make(replace(each, args=(stack, f"E{index}")), stack)
        endpoints.append((each, construct))
    assembly = app.synth()
    report = Path(assembly.directory) / "validation-report.json"
    return Synthesized(
        template=assembly.get_stack_by_name("Stack").template,
        endpoints=endpoints,
        findings=json.loads(report.read_text())["pluginReports"] if validate else None,
    )


def lint_findings(template: Template) -> list[str]:
    """What cfn-lint finds wrong, in both regions."""
    # As it is: escaped halves of a character are more than its YAML can read.
    text = json.dumps(template, ensure_ascii=False)
    matches = lint(text, config=ManualArgs(regions=REGIONS))
    return [
        f"{each.rule.id} {each.message} at {each.path}" for each in matches if each.rule.id not in NOT_A_FAULT
    ]
