"""Component versions of Greengrass: what is taken, what is refused, what becomes of it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .fleets import LINUX, Fleet
from .hosting import BUCKET, error_of


@pytest.fixture
def fleet(aws: LocalAws) -> Fleet:
    return Fleet(aws)


def refusal(fleet: Fleet, **changes: Any) -> str:
    """The message about a recipe that is good but for these keys; None removes one."""
    recipe = {**fleet.recipe("Model"), **changes}
    recipe = {key: value for key, value in recipe.items() if value is not None}
    code, message = error_of(lambda: fleet.create(recipe))
    assert code == "ValidationException"
    return message


def test_a_version_becomes_deployable_and_tells_of_itself(fleet: Fleet) -> None:
    uri = fleet.upload(b"weights", "model.onnx")
    recipe = fleet.recipe("Model", "1.2.3", {"Install": "true"}, artifacts=[{"URI": uri}])
    recipe |= {"ComponentPublisher": "us", "ComponentDescription": "a model"}
    created = fleet.create(recipe, tags={"digest": "abc"})
    component = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:{fleet.name('Model')}:versions:1.2.3"
    assert created["arn"] == component
    assert created["status"]["componentState"] == "REQUESTED"
    until(lambda: fleet.state_of(component) == "DEPLOYABLE", what="deployable")
    told = fleet.greengrass.describe_component(arn=component)
    assert (told["publisher"], told["description"], told["tags"]) == ("us", "a model", {"digest": "abc"})
    assert told["platforms"] == [{"attributes": LINUX}]
    kept = json.loads(fleet.greengrass.get_component(arn=component)["recipe"])
    # sha256 of "weights" in Base64: devices compare it.
    artifact = kept["Manifests"][0]["Artifacts"][0]
    assert artifact["Digest"] == "mhKQONmgCu0M9qfqBZylCoE0SQYauHhIzxoT6v3zOyw="
    assert (artifact["Uri"], artifact["Algorithm"]) == (uri, "SHA-256")


def test_recipes_may_be_yaml(fleet: Fleet) -> None:
    text = f"""
RecipeFormatVersion: 2020-01-25
ComponentName: {fleet.name("Yaml")}
ComponentVersion: "1.0.0"
Manifests:
  - Platform: {{os: linux}}
    Lifecycle:
      run: echo hello
"""
    created = fleet.greengrass.create_component_version(inlineRecipe=text.encode())
    answer = fleet.greengrass.get_component(arn=created["arn"], recipeOutputFormat="YAML")
    assert b"run: echo hello" in answer["recipe"]


def test_a_version_is_created_once(fleet: Fleet) -> None:
    fleet.publish("Model")
    code, message = error_of(lambda: fleet.create(fleet.recipe("Model")))
    assert code == "ConflictException"
    assert "already exists with state: [DEPLOYABLE]" in message


def test_the_same_token_is_the_same_request(fleet: Fleet) -> None:
    recipe = fleet.recipe("Model")
    first = fleet.create(recipe, clientToken="once")
    assert fleet.create(recipe, clientToken="once")["arn"] == first["arn"]


def test_artefacts_must_be_there(fleet: Fleet) -> None:
    recipe = fleet.recipe("Model", artifacts=[{"URI": f"s3://{BUCKET}/missing.zip"}])
    code, message = error_of(lambda: fleet.create(recipe))
    assert code == "ValidationException"
    assert f"{{s3://{BUCKET}/missing.zip = Specified artifact resource cannot be accessed}}" in message


def test_an_artefact_that_goes_away_meanwhile_fails_the_version(fleet: Fleet) -> None:
    uri = fleet.upload(b"x")
    created = fleet.create(fleet.recipe("Model", artifacts=[{"URI": uri}]))
    fleet.aws.client("s3").delete_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))
    until(lambda: fleet.state_of(created["arn"]) == "FAILED", what="failed")
    status = fleet.greengrass.describe_component(arn=created["arn"])["status"]
    assert status["errors"] == {uri: "Specified artifact resource cannot be accessed"}


def test_a_version_fails_on_demand(fleet: Fleet) -> None:
    request = urllib.request.Request(  # noqa: S310  # the emulator's own URL
        fleet.aws.url,
        data=json.dumps({"Count": 1, "Reason": "the service is tired"}).encode(),
        headers={"X-Amz-Target": "GreengrassLocal.FailNextComponents"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert answer.status == 200
    created = fleet.create(fleet.recipe("Model"))
    until(lambda: fleet.state_of(created["arn"]) == "FAILED", what="failed")
    assert (
        fleet.greengrass.describe_component(arn=created["arn"])["status"]["message"] == "the service is tired"
    )
    fleet.publish("Other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RecipeFormatVersion": "2019-01-01"}, "RecipeFormatVersion must be 2020-01-25"),
        ({"ComponentName": "a b"}, "ComponentName must have 1 to 128 characters"),
        ({"ComponentName": "aws.greengrass.Mine"}, "which is AWS's"),
        ({"ComponentVersion": "1.0"}, "'1.0' is not a semantic version"),
        ({"ComponentVersion": "1.0.1234567"}, "is not a semantic version"),
        ({"Manifests": None}, "The recipe has no Manifests"),
        ({"Manifests": []}, "Manifests must be a list of one manifest or more"),
        ({"Author": "me"}, "Unknown key Author in the recipe"),
        ({"Manifests": [{"Lifecycle": {"Strat": "x"}}]}, "Unknown lifecycle step strat"),
        ({"Manifests": [{"Lifecycle": {"Run": "x", "Startup": "y"}}]}, "Startup or Run, not both"),
        ({"Manifests": [{"Lifecycle": {"Run": {"Timeout": 5}}}]}, "run has no Script"),
        ({"Manifests": [{"Lifecycle": {"Run": {"Script": "x", "Timeout": "5"}}}]}, "Timeout"),
        ({"Manifests": [{"Artifacts": [{"URI": "https://x/y"}]}]}, "must be an object of S3"),
        ({"Manifests": [{"Artifacts": [{"URI": "s3://b/k", "Unarchive": "TAR"}]}]}, "NONE, ZIP"),
        ({"ComponentDependencies": {"x": {"VersionRequirement": "one"}}}, "not a version requirement"),
        (
            {"ComponentDependencies": {"x": {"VersionRequirement": "*", "DependencyType": "WEAK"}}},
            "must be HARD or SOFT",
        ),
    ],
)
def test_a_recipe_that_aws_would_not_take_is_refused(
    fleet: Fleet, changes: dict[str, Any], message: str
) -> None:
    assert message in refusal(fleet, **changes)


def test_lists_have_the_newest_first_and_pages(fleet: Fleet) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        fleet.create(fleet.recipe("Model", version))
    component = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:{fleet.name('Model')}"
    pages = fleet.greengrass.get_paginator("list_component_versions").paginate(
        arn=component, PaginationConfig={"PageSize": 2}
    )
    found = [[each["componentVersion"] for each in page["componentVersions"]] for page in pages]
    assert found == [["1.10.0", "1.10.0-rc.1"], ["1.9.0"]]
    listed = fleet.greengrass.get_paginator("list_components").paginate()
    latest = {e["componentName"]: e["latestVersion"] for page in listed for e in page["components"]}
    assert latest[fleet.name("Model")]["componentVersion"] == "1.10.0"


def test_a_deleted_version_is_gone_and_may_come_again(fleet: Fleet) -> None:
    component = fleet.publish("Model")
    fleet.greengrass.delete_component(arn=component)
    assert error_of(lambda: fleet.state_of(component))[0] == "ResourceNotFoundException"
    assert (
        error_of(lambda: fleet.greengrass.delete_component(arn=component))[0] == "ResourceNotFoundException"
    )
    assert fleet.publish("Model") == component


def test_tags_change(fleet: Fleet) -> None:
    component = fleet.publish("Model")
    fleet.greengrass.tag_resource(resourceArn=component, tags={"a": "1", "b": "2"})
    fleet.greengrass.untag_resource(resourceArn=component, tagKeys=["a"])
    assert fleet.greengrass.list_tags_for_resource(resourceArn=component)["tags"] == {"b": "2"}


def test_what_is_not_emulated_is_refused(fleet: Fleet) -> None:
    lambda_function = {"lambdaArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:1"}
    refused = error_of(lambda: fleet.greengrass.create_component_version(lambdaFunction=lambda_function))
    assert "is not emulated" in refused[1]
    assert "is not emulated" in error_of(fleet.greengrass.get_service_role_for_account)[1]


def test_devices_get_the_newest_version_that_meets_all_requirements(fleet: Fleet) -> None:
    for version in ("1.0.0", "1.4.0", "2.0.0"):
        fleet.publish("Model", version)

    def chosen(**requirements: str) -> str:
        candidate = {"componentName": fleet.name("Model"), "versionRequirements": requirements}
        answer = fleet.greengrass.resolve_component_candidates(componentCandidates=[candidate], platform={})
        return str(answer["resolvedComponentVersions"][0]["componentVersion"])

    assert chosen(a=">=0.0.0") == "2.0.0"
    assert chosen(a=">=0.0.0", b="^1.0.0") == "1.4.0"
    assert chosen(a="1.0.0") == "1.0.0"
    assert error_of(lambda: chosen(a="1.0.0", b="2.0.0"))[0] == "ResourceNotFoundException"
