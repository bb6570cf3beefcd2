"""No false alarms: what the library itself synthesizes breaks none of its rules."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from constructs_lib.core.catalogue import CATALOGUE
from constructs_lib.rules import Template, findings
from constructs_lib.rules.registry import TEMPLATE_RULES, entries
from constructs_lib.rules.template import templates_in
from tests.support import reference
from tools.rule_catalogue import data, rules

SPOKEN_OF = {type for rule in TEMPLATE_RULES for type in rule.types}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> list[Template]:
    folder = tmp_path_factory.mktemp("reference")
    assembly = reference.build(folder).synth()
    return [Template.read(file) for file in templates_in(assembly.directory)]


def test_the_reference_stacks_break_no_rule(templates: list[Template]) -> None:
    assert [(each.resource, each.rule.id) for every in templates for each in findings(every)] == []


def test_the_reference_stacks_have_much_that_is_checked(templates: list[Template]) -> None:
    types = [each.type for every in templates for each in every.resources]
    checked = [type for type in types if type in SPOKEN_OF]
    assert len(templates) >= 10
    assert len(checked) >= 100
    assert {
        "AWS::SageMaker::Model",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::InferenceComponent",
        "AWS::ApplicationAutoScaling::ScalableTarget",
    } <= set(checked)


def test_the_catalogue_that_templates_are_checked_by_is_that_of_the_library() -> None:
    made = data(rules())
    shipped = Path(reference.__file__).parents[2] / "constructs_lib" / "rules" / "catalogue.json"
    wanted = "run: python -m tools.rule_catalogue --data > constructs_lib/rules/catalogue.json"
    assert shipped.read_text(encoding="utf-8") == made, wanted
    assert {id: asdict(entry) for id, entry in entries().items()} == {
        id: asdict(entry) for id, entry in CATALOGUE.items() if not id.startswith("SM-TEST-")
    }
    assert [each["id"] for each in json.loads(made)] == sorted(each.id for each in rules())
