"""Publishing of components: an artefact in its place, a version named after content, whatever goes wrong in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_lib.edge.runtime.cloud import publish
from constructs_lib.edge.runtime.cloud.publish import Published, Publishing, PublishingError, Source, Target
from constructs_lib.edge.runtime.cloud.versions import version_of
from tests.support.edge_aws import ACCOUNT, BUCKET, FLEET, MODEL, REGION, EdgeAws
from tests.support.fake_aws import Killed, Params
from tests.support.faults import FAULTS, Fault
from tests.support.receiver import Receiver

RECIPE = json.dumps(
    {"ComponentName": MODEL, "ComponentVersion": "@VERSION@", "uri": "@ARTEFACT@", "digest": "@DIGEST@"}
)
SOURCE = Source(bucket="assets", key="a1.tar.gz", file="model.tar.gz")
TARGET = Target(bucket=BUCKET, prefix="components")


def an_aws(body: bytes = b"a model") -> EdgeAws:
    return EdgeAws(objects={("assets", "a1.tar.gz"): body})


def publishing(aws: EdgeAws, waits: list[float] | None = None) -> Publishing:
    return Publishing(
        s3=aws.client("s3"),
        greengrass=aws.client("greengrassv2"),
        sts=aws.client("sts"),
        wait=(waits if waits is not None else []).append,
    )


def published(aws: EdgeAws, recipe: str = RECIPE, source: Source | None = SOURCE) -> Published:
    return publishing(aws).publish(MODEL, recipe, source=source, target=TARGET)


def recipes(aws: EdgeAws) -> list[Params]:
    return [each["recipe"] for each in aws.versions.values()]


# --- what is published -------------------------------------------------------------------------------------


def test_the_artefact_lies_below_its_digest_and_the_recipe_names_it() -> None:
    aws = an_aws()
    found = published(aws)
    key = f"components/{MODEL}/{found.digest[:16]}/model.tar.gz"
    assert aws.objects[BUCKET, key] == b"a model"
    assert found.uri == f"s3://{BUCKET}/{key}"
    assert found.version == version_of(found.digest)
    assert (
        found.arn
        == f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:{MODEL}:versions:{version_of(found.digest)}"
    )
    assert recipes(aws) == [
        {
            "ComponentName": MODEL,
            "ComponentVersion": found.version,
            "uri": found.uri,
            "digest": found.digest,
        }
    ]
    assert found.attributes == {
        "Version": found.version,
        "Arn": found.arn,
        "Digest": found.digest,
        "ArtefactUri": found.uri,
    }


def test_without_an_artefact_the_recipe_alone_makes_the_version() -> None:
    aws = EdgeAws()
    found = published(aws, source=None)
    assert found.uri == ""
    assert aws.objects == {}
    assert found.version != published(EdgeAws(), RECIPE + " ", None).version


def test_the_same_content_is_the_same_version_and_is_made_once() -> None:
    aws = an_aws()
    assert published(aws) == published(aws)
    assert aws.calls.count("CreateComponentVersion") == 1


def test_another_artefact_or_another_recipe_is_another_version() -> None:
    recipes = (RECIPE, RECIPE.replace("uri", "url"))
    found = {published(an_aws(body), recipe).version for body in (b"1", b"2") for recipe in recipes}
    assert len(found) == 4


def test_a_content_that_was_published_before_another_is_found_again() -> None:
    """A, then B, then A: what AWS::GreengrassV2::ComponentVersion cannot."""
    aws = an_aws(b"A")
    first = published(aws)
    aws.objects["assets", "a1.tar.gz"] = b"B"
    second = published(aws)
    aws.objects["assets", "a1.tar.gz"] = b"A"
    assert published(aws) == first
    assert {each["ComponentVersion"] for each in recipes(aws)} == {first.version, second.version}


def test_an_artefact_is_read_in_blocks_and_all_of_it_counts() -> None:
    long = b"x" * (2 * (1 << 20) + 17)
    assert published(an_aws(long)).digest != published(an_aws(long[:-1])).digest
    assert published(an_aws(long)).digest != published(an_aws(b"y" + long[1:])).digest


def test_an_object_that_changes_meanwhile_is_not_published_under_the_digest_of_another() -> None:
    aws = an_aws(b"A")

    def change(operation: str) -> None:
        if operation == "CopyObject":
            aws.objects["assets", "a1.tar.gz"] = b"B"

    aws.meanwhile = change
    with pytest.raises(PublishingError, match="changed while it was published"):
        published(aws)
    assert not aws.versions


# --- what is there already ---------------------------------------------------------------------------------


def test_a_version_of_other_content_is_told_and_left_alone() -> None:
    aws = an_aws()
    found = published(aws)
    aws.versions[found.arn]["tags"] = {"digest": "another"}
    with pytest.raises(PublishingError, match=r"is of another content \(digest another\)"):
        published(aws)
    assert list(aws.versions) == [found.arn]


def test_what_failed_is_made_anew_once_its_cause_is_mended() -> None:
    aws = an_aws()
    aws.refused_recipes = {MODEL: "Access denied to the artefact"}
    with pytest.raises(PublishingError, match="is FAILED: Access denied to the artefact"):
        published(aws)
    aws.refused_recipes = {}
    found = published(aws)
    assert aws.versions[found.arn]["status"] == {"componentState": "DEPLOYABLE"}
    assert aws.calls.count("DeleteComponent") == 1


def test_what_is_not_there_is_said_to_be_not_there() -> None:
    with pytest.raises(Exception, match="NoSuchKey"):
        published(EdgeAws())


def test_it_waits_until_devices_can_get_it() -> None:
    aws, waits = an_aws(), list[float]()
    found = published(aws)
    states = ["REQUESTED", "INITIATED", "INITIATED", "DEPLOYABLE"]

    def next_state(operation: str) -> None:
        if operation == "DescribeComponent":
            aws.versions[found.arn]["status"] = {"componentState": states.pop(0)}

    aws.meanwhile = next_state
    publishing(aws, waits).publish(MODEL, RECIPE, source=SOURCE, target=TARGET)
    # The first look finds it there; of the others, two have to wait.
    assert (states, len(waits)) == ([], 2)


def test_it_gives_up_in_time_to_say_so() -> None:
    aws, waits = an_aws(), list[float]()
    found = published(aws)
    aws.versions[found.arn]["status"] = {"componentState": "INITIATED"}
    with pytest.raises(PublishingError, match="is not deployable after 300 seconds"):
        publishing(aws, waits).publish(MODEL, RECIPE, source=SOURCE, target=TARGET)
    assert sum(waits) == 300


def test_all_that_greengrass_says_of_a_failure_is_told() -> None:
    aws = an_aws()
    found = published(aws)
    aws.versions[found.arn]["status"] = {
        "componentState": "DEPRECATED",
        "message": "Retired",
        "errors": {"Artifact": "gone", "Recipe": "old"},
    }
    with pytest.raises(PublishingError, match="is DEPRECATED: Retired; gone; old"):
        published(aws)


# --- faults ------------------------------------------------------------------------------------------------


def calls_of_publishing() -> list[str]:
    aws = an_aws()
    published(aws)
    return aws.calls


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_call_goes_wrong_the_next_try_publishes_the_same(fault: Fault) -> None:
    wanted = published(an_aws())
    made = calls_of_publishing()
    assert {"GetObject", "CopyObject", "CreateComponentVersion", "DescribeComponent"} <= set(made)
    for number, operation in enumerate(made):
        aws = an_aws()
        aws.spoiled = {number: fault}
        try:
            found = published(aws)  # botocore's own retries may do
        except (Exception, Killed):
            found = published(aws)
        where = f"{fault} at {operation}, call {number}"
        assert found == wanted, where
        assert len(aws.versions) == 1, where
        assert aws.versions[found.arn]["status"] == {"componentState": "DEPLOYABLE"}, where
        assert aws.objects[BUCKET, found.uri.removeprefix(f"s3://{BUCKET}/")] == b"a model", where


def test_one_who_publishes_the_same_at_once_is_no_failure() -> None:
    aws = an_aws()
    raced: list[Published] = []

    def another(operation: str) -> None:
        if operation == "CreateComponentVersion" and not raced:
            aws.meanwhile = lambda _operation: None
            raced.append(published(aws))

    aws.meanwhile = another
    assert [published(aws)] == raced
    assert aws.calls.count("CreateComponentVersion") == 2


# --- as a custom resource ----------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def event(receiver: Receiver, type: str, **properties: Any) -> Params:
    return {
        "RequestType": type,
        "ResponseURL": receiver.url,
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "l",
        **({} if type == "Create" else {"PhysicalResourceId": MODEL}),
        "ResourceProperties": {
            "Component": MODEL,
            "Recipe": RECIPE,
            "Artefact": {"Bucket": "assets", "Key": "a1.tar.gz", "File": "model.tar.gz", "Fingerprint": "f"},
            "Target": {"Bucket": BUCKET, "Prefix": "components"},
            **properties,
        },
    }


@pytest.mark.parametrize("type", ["Create", "Update"])
def test_a_deployment_publishes_and_is_told_the_version(
    type: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = an_aws()
    aws.answers(monkeypatch)
    publish.handle(event(receiver, type), None)
    (answer,) = receiver.answers
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", MODEL)
    (recipe,) = recipes(aws)
    assert answer["Data"]["Version"] == recipe["ComponentVersion"]
    assert set(answer["Data"]) == {"Version", "Arn", "Digest", "ArtefactUri"}


def test_an_update_never_lets_cloudformation_delete_what_was_before(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = an_aws()
    aws.answers(monkeypatch)
    for body in (b"A", b"B"):
        aws.objects["assets", "a1.tar.gz"] = body
        publish.handle(event(receiver, "Update"), None)
    assert {each["PhysicalResourceId"] for each in receiver.answers} == {MODEL}
    assert len(aws.versions) == 2


def test_a_deletion_keeps_what_devices_may_go_back_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = an_aws()
    aws.answers(monkeypatch)
    publish.handle(event(receiver, "Delete"), None)
    assert receiver.answers[0]["Status"] == "SUCCESS"
    assert aws.calls == []


def test_a_component_without_an_artefact_has_none(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = event(receiver, "Create")
    del told["ResourceProperties"]["Artefact"]
    EdgeAws().answers(monkeypatch)
    publish.handle(told, None)
    assert receiver.answers[0]["Data"]["ArtefactUri"] == ""


def test_a_failure_is_an_answer_that_says_which_component_and_why(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = an_aws()
    aws.refused_recipes = {MODEL: "no such platform"}
    aws.answers(monkeypatch)
    publish.handle(event(receiver, "Create"), None)
    (answer,) = receiver.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"{FLEET}.Model: PublishingError: ")
    assert answer["Reason"].endswith("is FAILED: no such platform")
