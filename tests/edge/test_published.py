"""Components as custom resources: what each is made of, who publishes it, and what that may do."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import EdgeProgram, ModelData
from constructs_lib.core.s3_prefix import S3Prefix
from constructs_lib.edge.names import FleetNames
from constructs_lib.edge.published import PublishedArtefact, Publisher
from constructs_lib.edge.recipe import Recipe, Script
from tests.support.edge_fleets import HERE, LOGS, METRICS, a_fleet
from tests.support.rights import rights
from tests.support.synth import Template, a_bucket, flat, resources, synthesized

COMPONENT = "Custom::GreengrassComponent"
NAMES = FleetNames(fleet="cameras")
PUBLISH = "CamerasPublisherPublish"


@pytest.fixture
def template(stack: cdk.Stack) -> Template:
    a_fleet(stack, artefact_bucket=a_bucket(stack, "Artefacts", "art"))
    return synthesized(stack)


def components(template: Template) -> dict[str, dict[str, Any]]:
    """By what comes after the fleet's name."""
    return {
        each["Properties"]["Component"].partition(".")[2]: each
        for each in resources(template, COMPONENT).values()
    }


def test_the_three_are_published_each_with_its_recipe(template: Template) -> None:
    found = components(template)
    assert set(found) == {"Runtime", "Model", "Inference"}
    for name, each in found.items():
        properties = each["Properties"]
        recipe = json.loads(flat(properties["Recipe"]))
        assert recipe["ComponentName"] == properties["Component"] == f"cameras.{name}"
        assert properties["Target"] == {"Bucket": "art", "Prefix": "components"}
        # One that fails to answer holds a deployment up for an hour otherwise.
        assert properties["ServiceTimeout"] == "900"


def test_the_model_is_the_archive_that_was_given_under_the_name_that_its_script_knows(
    template: Template,
) -> None:
    told = components(template)["Model"]["Properties"]
    artefact = dict(told["Artefact"])
    assert artefact.pop("Fingerprint")
    assert artefact == {"Bucket": "models", "Key": "1.0.0/model.tar.gz", "File": "model.tar.gz"}
    assert (
        f"{{artifacts:path}}/{artefact['File']}"
        in json.loads(flat(told["Recipe"]))["Manifests"][0]["Lifecycle"]["Startup"]["Script"]
    )


def test_the_program_is_unpacked_where_the_scripts_look_for_it(template: Template) -> None:
    told = components(template)["Runtime"]["Properties"]
    assert told["Artefact"]["File"] == "program.zip"
    assert "{artifacts:decompressedPath}/program" in flat(told["Recipe"])
    assert "Artefact" not in components(template)["Inference"]["Properties"]


def test_another_program_of_the_same_key_is_published_anew(stack: cdk.Stack, tmp_path: Any) -> None:
    (tmp_path / "a.whl").write_bytes(b"a")
    a_fleet(stack, "Plain")
    a_fleet(stack, "Wheels", fleet_name="wheels", program=EdgeProgram(wheels=str(tmp_path)))
    found = resources(synthesized(stack), COMPONENT)
    prints = {
        each["Properties"]["Artefact"]["Fingerprint"]
        for each in found.values()
        if each["Properties"]["Component"].endswith(".Runtime")
    }
    assert len(prints) == 2


def test_what_may_publish_is_there_before_anything_is(template: Template) -> None:
    policies = {id for id in resources(template, "AWS::IAM::Policy") if id.startswith(PUBLISH)}
    for each in components(template).values():
        assert set(each["DependsOn"]) & policies


# --- rights ------------------------------------------------------------------------------------------------

TARGET = "arn:<AWS::Partition>:s3:::art/components/*"
GREENGRASS = f"arn:<AWS::Partition>:greengrass:{HERE}:components"


def test_it_publishes_the_fleets_components_of_these_two_objects_and_nothing_else(template: Template) -> None:
    found = rights(template, PUBLISH)
    (program,) = {on for action, on in found if action == "s3:GetObject" and on.endswith(".zip")}
    assert "cdk-hnb659fds-assets-" in program
    on_versions = ("greengrass:DescribeComponent", "greengrass:DeleteComponent", "greengrass:TagResource")
    assert found == LOGS | {
        METRICS,
        ("s3:GetObject", program),
        ("s3:GetObject", "arn:<AWS::Partition>:s3:::models/1.0.0/model.tar.gz"),
        *((action, TARGET) for action in ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")),
        ("s3:ListBucket", "arn:<AWS::Partition>:s3:::art components/*"),
        ("greengrass:CreateComponentVersion", "*"),
        *(
            (action, f"{GREENGRASS}:cameras.{name}*")
            for action in on_versions
            for name in ("Runtime", "Model", "Inference")
        ),
    }


def test_of_encrypted_buckets_it_may_use_the_keys(stack: cdk.Stack) -> None:
    models = s3.Bucket(stack, "Models", encryption_key=kms.Key(stack, "ModelKey"))
    target = s3.Bucket(stack, "Target", encryption_key=kms.Key(stack, "TargetKey"))
    a_fleet(stack, model=ModelData.from_bucket(models, "m/1.0.0/model.tar.gz"), artefact_bucket=target)
    keys = {
        (action, "Model" if "ModelKey" in on else "Target")
        for action, on in rights(synthesized(stack), PUBLISH)
        if action.startswith("kms:")
    }
    assert ("kms:Decrypt", "Model") in keys
    assert ("kms:GenerateDataKey", "Target") in keys
    assert ("kms:GenerateDataKey", "Model") not in keys


# --- alone -------------------------------------------------------------------------------------------------


def a_publisher(stack: cdk.Stack) -> Publisher:
    made = Publisher(
        stack, "Publisher", names=NAMES, artefacts=S3Prefix(bucket=a_bucket(stack), prefix="components")
    )
    made.attach()
    return made


def a_recipe(text: str = "true") -> Recipe:
    return Recipe(name=NAMES.model, description="d", publisher="p", lifecycle={"Run": Script(text=text)})


def test_a_recipe_that_no_nucleus_would_take_is_a_defect_of_ours(stack: cdk.Stack) -> None:
    publisher = a_publisher(stack)
    with pytest.raises(
        AssertionError, match=r"the recipe of cameras\.Model: \{nothing\} is no recipe variable"
    ):
        publisher.publish("Model", a_recipe("{nothing}"), None)
    assert publisher.node.try_find_child("Model") is None


def test_the_version_is_known_once_it_is_published(stack: cdk.Stack) -> None:
    made = a_publisher(stack).publish(
        "Model",
        a_recipe(),
        PublishedArtefact(bucket=a_bucket(stack, "B", "its-bucket"), key="k", file="f", fingerprint="p"),
    )
    cdk.CfnOutput(stack, "Version", value=made.version)
    template = synthesized(stack)
    (id,) = resources(template, COMPONENT)
    assert template["Outputs"]["Version"]["Value"] == {"Fn::GetAtt": [id, "Version"]}
    assert made.component_name == "cameras.Model"
    assert resources(template, COMPONENT)[id]["Properties"]["Artefact"] == {
        "Bucket": "its-bucket",
        "Key": "k",
        "File": "f",
        "Fingerprint": "p",
    }
