"""Templates that mean harm, and templates as they are written in the wild: neither stops the check, nor fools it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.rules import Template, TemplateError, findings
from constructs_lib.rules.__main__ import main
from constructs_lib.rules.template import templates_in
from tests.rules.support import a_config, an_endpoint, on_instances, realtime, resource

COMPONENT = "AWS::SageMaker::InferenceComponent"


def ids(template: Template) -> list[str]:
    return [each.rule.id for each in findings(template)]


def of(resources: dict[str, Any], **sections: Any) -> Template:
    return Template.of(json.dumps({"Resources": resources, **sections}))


def aliased(line: str, levels: int = 12) -> str:
    return "\n".join(["a0: &a0 {k: v}", *(line.format(i=i, before=i - 1) for i in range(1, levels))])


@pytest.mark.parametrize(
    "line",
    [
        "a{i}: &a{i} [" + ", ".join(["*a{before}"] * 10) + "]",
        "a{i}: &a{i} {{<<: [" + ", ".join(["*a{before}"] * 10) + "]}}",
    ],
)
def test_aliases_of_aliases_are_refused_before_they_fill_the_memory(line: str) -> None:
    with pytest.raises(TemplateError, match="stands for more than 500,000 values"):
        Template.of(aliased(line) + "\nResources: {}")


@pytest.mark.parametrize(
    "text",
    [
        "Resources: &r {A: {Type: X, Properties: {again: *r}}}",
        "Resources: &r {<<: *r}",
        '{"Resources": ' + '{"a": ' * 5000 + "1" + "}" * 5001,
        json.dumps(
            {
                "Conditions": {f"C{i}": {"Fn::Not": [{"Condition": f"C{i + 1}"}]} for i in range(3000)},
                "Resources": {"A": {"Type": "X", "Condition": "C0"}},
            }
        ),
    ],
)
def test_what_is_nested_in_itself_or_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="nested too deeply, or in itself"):
        Template.of(text)


def test_a_file_beyond_any_template_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as made:
        made.truncate(10 * 1024 * 1024 + 1)
    with pytest.raises(TemplateError, match="10,485,761 bytes; 1 MB at most"):
        Template.read(file)


def test_an_assembly_within_itself_is_refused(tmp_path: Path) -> None:
    again = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"A": again}}), encoding="utf-8")
    with pytest.raises(TemplateError, match="no manifest of a cloud assembly"):
        templates_in(tmp_path)


def test_each_condition_is_decided_once() -> None:
    """Each asks for the next twice: 2⁶⁰ questions, were the answers forgotten."""
    chain = {f"C{i}": {"Fn::And": [{"Condition": f"C{i + 1}"}] * 2} for i in range(60)}
    chain["C60"] = {"Fn::Equals": [{"Ref": "AWS::Region"}, "x"]}
    variants = {"Fn::If": ["C0", [], [on_instances()]]}
    assert ids(of({"Config": resource("AWS::SageMaker::EndpointConfig", ProductionVariants=variants)})) == []
    chain["C60"] = {"Fn::Equals": ["x", "x"]}
    broken = of(
        {"Config": resource("AWS::SageMaker::EndpointConfig", ProductionVariants=variants)}, Conditions=chain
    )
    assert ids(broken) == ["SM-ENDPOINT-002"]


@pytest.mark.parametrize(
    ("count", "broken"),
    [(10**400, True), ("9" * 400, True), ("1.5", True), ("+2", False), ("2e0", False)],
)
def test_numbers_of_any_size_are_compared(count: object, broken: bool) -> None:
    found = ids(of({"Config": a_config(on_instances(InitialInstanceCount=count))}))
    assert found == (["SM-VARIANT-004"] if broken else [])


@pytest.mark.parametrize("word", ["nan", "inf", "Infinity", "1_0", "²", " 2", "{{resolve:ssm:x}}"])
def test_what_cloudformation_takes_for_no_number_is_none(word: str) -> None:
    assert ids(of({"Config": a_config(on_instances(InitialInstanceCount=word))})) == []


def test_no_name_writes_a_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.json"
    name = "C\n::error::x\x1b[2J\ud800,%"
    file.write_text(json.dumps({"Resources": {name: a_config(on_instances("a b"))}}), encoding="ascii")
    said = {}
    for format in ("text", "github", "json", "sarif"):
        assert main(["check", str(file), "--format", format]) == 1
        said[format] = capsys.readouterr().out
        assert "\x1b" not in said[format].replace("\x1b[2J", "" if format == "github" else "\x1b")
        assert not any(line.startswith("::error::") for line in said[format].splitlines())
    assert r"C\n::error::x\x1b[2J\ud800,%" in said["text"]
    assert said["github"].count("\n") == 1
    assert json.loads(said["json"])[0]["resource"] == name


def test_sarif_names_files_as_addresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a b#c%.json"
    file.write_text(json.dumps({"Resources": {"C": a_config(on_instances("a b"))}}), encoding="utf-8")
    main(["check", str(file), "--format", "sarif"])
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.endswith("/a%20b%23c%25.json")


MERGED = """\
x-base: &base
  InstanceType: ml.m5.large
  InitialInstanceCount: 2
  InitialVariantWeight: 1
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {<<: *base, VariantName: A, ModelName: m}
        - <<: [{InitialInstanceCount: 0.5}, *base]
          VariantName: B
          ModelName: m
          InitialVariantWeight: -1
"""


def test_merges_are_followed_and_what_is_said_last_counts() -> None:
    found = [(each.rule.id, each.line, each.broken.given) for each in findings(Template.of(MERGED))]
    assert found == [("SM-VARIANT-004", 11, 0.5), ("SM-VARIANT-004", 14, -1)]


def test_a_resource_that_the_defaults_leave_out_is_not_checked() -> None:
    config = {**a_config(on_instances(InitialInstanceCount={"Ref": "Count"})), "Condition": "Wanted"}
    sections = {
        "Parameters": {"Count": {"Type": "Number", "Default": 0}},
        "Conditions": {"Wanted": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Count"}, 0]}]}},
    }
    assert ids(of({"Config": config}, **sections)) == []
    sections["Conditions"] = {"Wanted": {"Fn::Equals": [{"Ref": "Count"}, 0]}}
    assert ids(of({"Config": config}, **sections)) == ["SM-VARIANT-004"]


def test_components_of_which_one_is_made_may_share_a_name() -> None:
    def made(condition: str) -> dict[str, Any]:
        return {**resource(COMPONENT, InferenceComponentName="c"), "Condition": condition}

    assert ids(of({"A": made("X"), "B": made("Y")})) == []
    assert ids(of({"A": made("X"), "B": made("X")})) == ["SM-COMPONENT-013"] * 2


def test_five_hundred_resources_are_told_apart() -> None:
    """Each is looked up by its name, once: were all compared with all, this would run for minutes."""
    text = json.dumps(realtime())
    resources: dict[str, Any] = {}
    for index in range(84):
        names = {f'"{name}"': f'"{name}{index}"' for name in realtime()}
        mine = text
        for name, new in names.items():
            mine = mine.replace(name, new)
        resources |= json.loads(mine.replace('"fraud"', f'"fraud{index}"'))
    assert len(resources) == 504
    resources["Config83"]["Properties"]["ProductionVariants"][0]["InstanceType"] = "ml.t2.medium"
    found = findings(of(resources))
    assert [(each.rule.id, each.resource) for each in found] == [("SM-VARIANT-007", "Config83")]


def test_an_endpoint_shared_by_name_is_found() -> None:
    config = a_config(on_instances(InitialInstanceCount=1), EndpointConfigName="cfg")
    assert ids(of({"C": config, "E": an_endpoint(EndpointConfigName="cfg")})) == ["SM-HA-101"]
