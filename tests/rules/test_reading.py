"""Templates are read from JSON and YAML alike, with lines; intrinsic functions are worked out where they can be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.rules import Template, TemplateError, findings
from constructs_lib.rules.json_lines import parsed as json_parsed
from constructs_lib.rules.template import templates_in
from constructs_lib.rules.values import UNKNOWN, Evaluation, Mixed, Reference
from constructs_lib.rules.yaml_lines import parsed as yaml_parsed

YAML = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Size: {Type: Number, Default: 1500}
Conditions:
  Small: !Equals [!Ref Size, 1500]
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: !GetAtt Model.ModelName
          InitialVariantWeight: 1
          ServerlessConfig:
            MaxConcurrency: !If [Small, 300, 20]
            MemorySizeInMB: !Ref Size
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: !Sub "${AWS::StackName}-fraud"
      EndpointConfigName: !GetAtt [Config, EndpointConfigName]
"""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values, st.sampled_from([None, 1, 4]))
def test_json_is_read_as_pythons_own_parser_reads_it(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert json_parsed(text).value == json.loads(text)


@given(st.text(alphabet='{}[]",:0123456789.-eE tfn\\u\n', max_size=20))
def test_what_is_no_json_is_refused_as_pythons_own_parser_refuses_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            json_parsed(text)
    else:
        assert json_parsed(text).value == expected


def test_every_value_knows_its_line() -> None:
    document = json_parsed('{\n "a": [\n  1,\n  {"b":\n   2}\n ]\n}')
    assert document.line(("a",)) == 2
    assert document.line(("a", 0)) == 3
    assert document.line(("a", 1, "b")) == 4
    assert document.line(("a", 1, "nowhere")) == 4
    assert document.line(("nowhere",)) == 1


def test_yaml_with_short_forms_is_read_with_lines() -> None:
    template = Template.of(YAML, file="t.yaml")
    found = findings(template)
    lines = YAML.splitlines()
    assert [(each.rule.id, lines[each.line - 1].strip()) for each in found] == [
        ("SM-SERVERLESS-002", "MaxConcurrency: !If [Small, 300, 20]"),
        ("SM-SERVERLESS-001", "MemorySizeInMB: !Ref Size"),
    ]
    assert [each.broken.given for each in found] == [300, 1500]


def test_yaml_and_json_are_the_same_template() -> None:
    document = yaml_parsed(YAML)
    assert json.loads(json.dumps(document.value)) == document.value
    variant = document.value["Resources"]["Config"]["Properties"]["ProductionVariants"][0]  # type: ignore[index]
    assert variant["ModelName"] == {"Fn::GetAtt": ["Model", "ModelName"]}
    assert document.value["AWSTemplateFormatVersion"] == "2010-09-09"  # type: ignore[index]


def test_without_pyyaml_json_is_read_and_yaml_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert findings(Template.of('{"Resources": {}}')) == []
    with pytest.raises(TemplateError, match=r"t.yaml: .*pip install 'constructs-lib\[delivery\]'"):
        Template.of(YAML, file="t.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "t: no JSON: .*line 1"),
        ('{"a": 1}', "it has no Resources"),
        ("a: [", "t: no YAML: .*line"),
        ("just text", "it has no Resources"),
        ("", "it has no Resources"),
        ("a: &x !!python/object:os.system {}", "it has no Resources"),
    ],
)
def test_what_is_no_template_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        Template.of(text, file="t")


TEMPLATE = {
    "Parameters": {
        "Known": {"Type": "String", "Default": "x"},
        "Asked": {"Type": "String"},
        "Several": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
    },
    "Mappings": {"Map": {"eu": {"size": 3}}},
    "Conditions": {
        "IsX": {"Fn::Equals": [{"Ref": "Known"}, "x"]},
        "NotX": {"Fn::Not": [{"Condition": "IsX"}]},
        "Open": {"Fn::Equals": [{"Ref": "Asked"}, "x"]},
        "Both": {"Fn::And": [{"Condition": "NotX"}, {"Condition": "Open"}]},
        "Either": {"Fn::Or": [{"Condition": "IsX"}, {"Condition": "Open"}]},
        "Loop": {"Condition": "Loop"},
    },
}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"Ref": "Known"}, "x"),
        ({"Ref": "Asked"}, UNKNOWN),
        ({"Ref": "Several"}, ["a", "b"]),
        ({"Ref": "Stored"}, UNKNOWN),
        ({"Ref": "AWS::Region"}, UNKNOWN),
        ({"Ref": "Model"}, Reference("Model")),
        ({"Fn::GetAtt": ["Model", "Arn"]}, Reference("Model", "Arn")),
        ({"Fn::GetAtt": "Model.Arn"}, Reference("Model", "Arn")),
        ({"Fn::If": ["IsX", 1, 2]}, 1),
        ({"Fn::If": ["NotX", 1, 2]}, 2),
        ({"Fn::If": ["Open", 1, 2]}, UNKNOWN),
        ({"Fn::If": ["Open", 1, 1]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::If": ["Loop", 1, 2]}, UNKNOWN),
        ({"a": {"Fn::If": ["NotX", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ([1, {"Fn::If": ["IsX", {"Ref": "AWS::NoValue"}, 2]}], [1]),
        ({"Fn::Join": ["-", ["a", {"Ref": "Known"}]]}, "a-x"),
        ({"Fn::Join": ["", ["e/", {"Ref": "E"}, "/v"]]}, Mixed("e/\0E\0/v")),
        ({"Fn::Sub": "a-${Known}-${!Known}"}, "a-x-${Known}"),
        ({"Fn::Sub": ["${It}", {"It": {"Ref": "Known"}}]}, "x"),
        ({"Fn::Sub": "e/${E.Name}"}, Mixed("e/\0E\0")),
        ({"Fn::FindInMap": ["Map", "eu", "size"]}, 3),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "size"]}, UNKNOWN),
        ({"Fn::Select": ["1", {"Ref": "Several"}]}, "b"),
        ({"Fn::Select": [2, ["a"]]}, UNKNOWN),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::ImportValue": "x"}, UNKNOWN),
        ("{{resolve:ssm:/x}}", UNKNOWN),
    ],
)
def test_functions_are_worked_out_as_far_as_the_template_knows(given: object, value: object) -> None:
    assert Evaluation(TEMPLATE).value(given) == value


def test_a_cloud_assembly_stands_for_its_templates_those_of_stages_too(tmp_path: Path) -> None:
    stage = tmp_path / "assembly-Prod"
    stage.mkdir()
    for folder, artifacts in (
        (
            tmp_path,
            {
                "Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": stage.name}},
                "A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}},
                "Tree": {"type": "cdk:tree"},
            },
        ),
        (
            stage,
            {"B": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "B.template.json"}}},
        ),
    ):
        (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    (tmp_path / "A1.nested.template.json").touch()
    wanted = {tmp_path / "A.template.json", stage / "B.template.json", tmp_path / "A1.nested.template.json"}
    assert set(templates_in(tmp_path)) == wanted
    assert set(templates_in(tmp_path / "manifest.json")) == wanted


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no cloud assembly"):
        templates_in(tmp_path)
    with pytest.raises(TemplateError, match="no such file"):
        templates_in(tmp_path / "nowhere.json")
    (tmp_path / "manifest.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TemplateError, match="no manifest"):
        templates_in(tmp_path)
