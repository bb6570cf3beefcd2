"""What a deployment would do to each resource: above all what it would replace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from constructs_lib.delivery.comparing import Json, Template, compare, create_only
from tools.create_only import create_only as of_the_schemas

MODEL, CONFIG, ENDPOINT = (f"AWS::SageMaker::{each}" for each in ("Model", "EndpointConfig", "Endpoint"))


def template(image: str = "a", instances: int = 1, **more: Json) -> Template:
    return {
        "Resources": {
            "Model": {"Type": MODEL, "Properties": {"PrimaryContainer": {"Image": image}}},
            "Config": {
                "Type": CONFIG,
                "Properties": {
                    "ProductionVariants": [
                        {
                            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                            "InitialInstanceCount": instances,
                        }
                    ]
                },
            },
            "Endpoint": {
                "Type": ENDPOINT,
                "Properties": {
                    "EndpointName": "e",
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                },
            },
            **more,
        }
    }


def told(before: Template, after: Template) -> dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return {
        each.logical_id: (each.what, each.properties, each.because) for each in compare("s", before, after)
    }


def test_nothing_changes_between_equal_templates() -> None:
    assert compare("s", template(), template()) == []


def test_a_new_model_replaces_what_names_it_and_changes_the_endpoint_in_place() -> None:
    assert told(template("a"), template("b")) == {
        "Model": ("replaced", ("PrimaryContainer",), ("PrimaryContainer",)),
        "Config": ("replaced", ("ProductionVariants",), ("Model",)),
        "Endpoint": ("changed", ("EndpointConfigName",), ("Config",)),
    }


def test_what_comes_and_goes() -> None:
    queue: Json = {"Type": "AWS::SQS::Queue"}
    assert told(template(), template(Queue=queue)) == {"Queue": ("added", (), ())}
    assert told(template(Queue=queue), template()) == {"Queue": ("removed", (), ())}
    assert {each[0] for each in told({}, template()).values()} == {"added"}


def test_another_type_under_the_same_logical_id_is_a_replacement() -> None:
    before, after = template(X={"Type": "AWS::SQS::Queue"}), template(X={"Type": "AWS::SNS::Topic"})
    assert told(before, after) == {"X": ("replaced", (), ("its type was AWS::SQS::Queue",))}


@pytest.mark.parametrize(
    ("type", "old", "new", "what"),
    [
        ("AWS::SQS::Queue", {"QueueName": "a"}, {"QueueName": "b"}, "replaced"),
        ("AWS::SQS::Queue", {"DelaySeconds": 1}, {"DelaySeconds": 2}, "changed"),
        ("AWS::Lambda::Function", {"Code": {"S3Key": "a"}}, {"Code": {"S3Key": "b"}}, "changed"),
        ("AWS::Lambda::Function", {"MemorySize": 128}, {}, "changed"),
        ("AWS::S3::Bucket", {"BucketName": {"Ref": "A"}}, {"BucketName": "b"}, "replaced"),
        ("Custom::Anything", {"A": 1}, {"A": 2}, "may be replaced"),
        ("AWS::Unheard::Of", {"A": 1}, {"A": 2}, "may be replaced"),
    ],
)
def test_a_property_that_can_only_be_set_at_creation_replaces(
    type: str, old: dict[str, Json], new: dict[str, Json], what: str
) -> None:
    before, after = (
        template(X={"Type": type, "Properties": old}),
        template(X={"Type": type, "Properties": new}),
    )
    assert {id: each[0] for id, each in told(before, after).items()} == {"X": what}


def test_other_attributes_of_a_resource_change_and_metadata_does_not() -> None:
    queue: dict[str, Json] = {"Type": "AWS::SQS::Queue"}
    kept: Json = {**queue, "DeletionPolicy": "Retain"}
    assert told(template(X=queue), template(X=kept)) == {"X": ("changed", ("DeletionPolicy",), ())}
    assert told(template(X=queue), template(X={**queue, "Metadata": {"a": 1}})) == {}


def test_the_list_is_that_of_the_schemas() -> None:
    assert {type: list(paths) for type, paths in create_only().items()} == of_the_schemas()


def test_every_type_that_the_library_makes_is_in_it() -> None:
    identity = json.loads((Path(__file__).parents[1] / "identity.json").read_text())
    names = {text.split()[0] for text in _texts(identity) if text.startswith("AWS::")}
    types = {name for name in names if name.count("::") == 2}
    assert types
    assert types - set(create_only()) - {"AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource"} == set()


def _texts(value: object) -> set[str]:
    if isinstance(value, dict):
        return {text for key, each in value.items() for text in {str(key), *_texts(each)}}
    if isinstance(value, list):
        return {text for each in value for text in _texts(each)}
    return {value} if isinstance(value, str) else set()
