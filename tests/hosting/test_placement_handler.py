"""The model placement's handler, called as CloudFormation calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.support import guard
from tests.support.fake_aws import Killed, Refused
from tests.support.placement import STACK, FakeS3, Placement, Stored
from tests.support.receiver import Receiver

ONE, TWO = "models/churn/one.tar.gz", "models/churn/two.tar.gz"
AT_ONE, AT_TWO = f"s3://models/{ONE}", f"s3://models/{TWO}"
MIB = 1024**2


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def function(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Placement:
    """The function, with two archives uploaded as assets."""
    uploaded = {("assets", f"{name}.tar.gz"): Stored(body=name) for name in ("one", "two")}
    placement = Placement(s3=FakeS3(objects=uploaded), receiver=receiver)
    monkeypatch.setattr(guard.module("model_placement").boto3, "client", placement.s3.client)
    return placement


def placed(function: Placement) -> dict[str, str]:
    """What lies among the models."""
    return {url: body for url, body in function.s3.bodies.items() if url.startswith("s3://models/")}


def to_two(**properties: str) -> dict[str, str]:
    """The properties of the model once its content has changed."""
    return {"SourceKey": "two.tar.gz", "Key": TWO, "Fingerprint": "2", **properties}


# --- placing ----------------------------------------------------------------------------------------------


def test_a_new_model_is_copied_and_its_place_is_its_physical_id(function: Placement) -> None:
    assert function.call("Create") == {
        "Content-Type": "",
        "Status": "SUCCESS",
        "Reason": "done",
        "PhysicalResourceId": AT_ONE,
        "StackId": STACK,
        "RequestId": "request",
        "LogicalResourceId": "Churn",
    }
    assert placed(function) == {AT_ONE: "one"}


def test_neither_tags_nor_metadata_of_the_source_come_along(function: Placement) -> None:
    """Reading tags would take a permission of its own."""
    function.s3.objects["assets", "one.tar.gz"].metadata = {"secret": "yes"}
    function.deploy()
    copy = function.s3.parameters[function.s3.calls.index("CopyObject")]
    assert copy["TaggingDirective"] == "REPLACE"
    assert list(function.s3.objects["models", ONE].metadata) == ["placed-by"]


def test_changed_content_lies_at_its_new_place_before_the_old_one_goes(function: Placement) -> None:
    function.deploy()
    answer = function.call("Update", **to_two())
    assert answer["PhysicalResourceId"] == AT_TWO, "so CloudFormation deletes the old one, later"
    assert placed(function) == {AT_ONE: "one", AT_TWO: "two"}
    function.call("Delete", physical_id=AT_ONE)
    assert placed(function) == {AT_TWO: "two"}


def test_a_rollback_finds_the_old_model_untouched_and_takes_the_new_one_away(function: Placement) -> None:
    function.deploy()
    function.call("Update", **to_two())
    back = function.call("Update", physical_id=AT_TWO)
    assert (back["Status"], back["PhysicalResourceId"]) == ("SUCCESS", AT_ONE)
    function.call("Delete", physical_id=AT_TWO, **to_two())
    assert placed(function) == {AT_ONE: "one"}


def test_changed_content_at_the_same_place_is_copied_over_and_nothing_deleted(function: Placement) -> None:
    """A model that is not pinned."""
    function.deploy(Key="models/churn.tar.gz")
    answer = function.deploy(SourceKey="two.tar.gz", Key="models/churn.tar.gz", Fingerprint="2")
    assert answer["PhysicalResourceId"] == "s3://models/models/churn.tar.gz"
    assert placed(function) == {"s3://models/models/churn.tar.gz": "two"}


def test_another_prefix_or_bucket_is_another_place(function: Placement) -> None:
    function.deploy()
    function.deploy(Bucket="others", Key="m/churn/one.tar.gz")
    assert function.s3.bodies.keys() & {AT_ONE, "s3://others/m/churn/one.tar.gz"} == {
        "s3://others/m/churn/one.tar.gz"
    }


@pytest.mark.parametrize(
    ("size", "copied_by"),
    [(64 * MIB - 1, ["CopyObject"]), (200 * MIB, ["UploadPartCopy"] * 4)],
)
def test_a_large_archive_is_copied_in_large_parts(
    function: Placement, size: int, copied_by: list[str]
) -> None:
    """In boto3's own of 8 MiB, 20 GB would be 2,500 calls in five minutes."""
    function.s3.objects["assets", "one.tar.gz"].size = size
    assert function.deploy()["Status"] == "SUCCESS"
    assert [each for each in function.s3.calls if "Copy" in each] == copied_by
    assert list(function.s3.objects["models", ONE].metadata) == ["placed-by"]


# --- failing ----------------------------------------------------------------------------------------------


def test_what_cannot_be_copied_fails_with_the_reason_and_deleting_it_removes_nothing(
    function: Placement,
) -> None:
    function.s3.objects["models", ONE] = Stored(body="someone else's")
    answer = function.call("Create", SourceKey="missing.tar.gz")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "not-placed")
    assert answer["Reason"].startswith("ClientError: An error occurred (404)")
    function.s3.calls.clear()
    assert function.call("Delete", physical_id="not-placed")["Status"] == "SUCCESS"
    assert function.s3.calls == []
    assert placed(function) == {AT_ONE: "someone else's"}


def test_an_update_that_fails_keeps_its_physical_id_so_that_nothing_is_deleted(function: Placement) -> None:
    function.deploy()
    answer = function.call("Update", **to_two(SourceKey="missing.tar.gz"))
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", AT_ONE)
    assert placed(function) == {AT_ONE: "one"}


def test_a_missing_property_is_answered_too(function: Placement, receiver: Receiver) -> None:
    event = {
        **{"RequestType": "Create", "ResponseURL": receiver.url, "StackId": STACK, "RequestId": "r"},
        **{"LogicalResourceId": "Churn", "ResourceProperties": {}},
    }
    receiver.answers.clear()
    guard.module("model_placement").handle(event, None)
    assert receiver.answers[0]["Reason"] == "KeyError: 'SourceBucket'"


# --- taking away ------------------------------------------------------------------------------------------


def test_a_model_taken_out_of_the_stack_is_deleted(function: Placement) -> None:
    function.deploy()
    assert function.call("Delete")["Status"] == "SUCCESS"
    assert placed(function) == {}


def test_one_that_is_kept_stays(function: Placement) -> None:
    function.deploy(Keep="true")
    function.s3.calls.clear()
    assert function.call("Delete", Keep="true")["Status"] == "SUCCESS"
    assert function.s3.calls == []
    assert placed(function) == {AT_ONE: "one"}


@pytest.mark.parametrize(
    "broken",
    [
        lambda s3: s3.gone.add("models"),
        lambda s3: s3.objects.clear(),
        lambda s3: s3.refuse.update(HeadObject=Refused("403", "Forbidden")),
        lambda s3: s3.refuse.update(DeleteObject=Refused("AccessDenied", "no")),
    ],
    ids=["bucket gone", "object gone", "not readable", "not deletable"],
)
def test_deleting_succeeds_whatever_s3_says_lest_the_stack_cannot_be_deleted(
    function: Placement, broken: Any
) -> None:
    function.deploy()
    broken(function.s3)
    answer = function.call("Delete")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", AT_ONE)


def test_what_another_resource_has_placed_there_since_is_not_deleted(function: Placement) -> None:
    """A renamed construct: CloudFormation makes the new resource first, and deletes the old one after."""
    function.deploy("Old")
    function.deploy("New")
    function.call("Delete", "Old")
    assert placed(function) == {AT_ONE: "one"}
    function.call("Delete", "New")
    assert placed(function) == {}


def test_what_was_put_there_by_hand_is_not_deleted(function: Placement) -> None:
    function.deploy()
    function.s3.objects["models", ONE] = Stored(body="by hand")
    function.call("Delete")
    assert placed(function) == {AT_ONE: "by hand"}


@pytest.mark.parametrize(
    "key", ["models?v=1/churn/one.tar.gz", "models#1/churn.tar.gz", "a//b/churn.tar.gz", "é ü%20+/c.tar.gz"]
)
def test_any_key_is_deleted_as_it_was_placed(function: Placement, key: str) -> None:
    """A place is no URL: what follows a question mark is part of the key."""
    function.s3.objects["models", "models"] = Stored(body="innocent")
    function.deploy(Key=key)
    assert function.s3.bodies[f"s3://models/{key}"] == "one"
    function.call("Delete", Key=key)
    assert placed(function) == {"s3://models/models": "innocent"}


def test_an_id_that_cloudformation_made_up_is_no_place(
    function: Placement, caplog: pytest.LogCaptureFixture
) -> None:
    """For a resource that never answered, as when the function was killed."""
    assert function.call("Delete", physical_id="Serving-Churn-1ABCDEF")["Status"] == "SUCCESS"
    assert function.s3.calls == []
    assert "stays behind" not in caplog.text


# --- what CloudFormation takes ----------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", "é", "\N{PILE OF POO}", '"', "\x00"])
def test_an_answer_is_never_longer_than_cloudformation_takes(function: Placement, letter: str) -> None:
    """4,096 bytes; a longer one is no answer, and the stack hangs for its timeout."""
    function.s3.refuse["CopyObject"] = Refused("AccessDenied", letter * 5000)
    answer = function.call("Create")
    del answer["Content-Type"]
    assert len(json.dumps(answer).encode()) <= 4096
    assert answer["Status"] == "FAILED"
    assert "An error occurred (AccessDenied) when calling the CopyObject operation" in answer["Reason"]


def test_the_longest_place_leaves_room_for_a_reason(function: Placement) -> None:
    place = f"s3://{'b' * 63}/{'k' * 950}"
    function.s3.refuse["CopyObject"] = Refused("AccessDenied", "é" * 5000)
    answer = function.call("Update", physical_id=place)
    del answer["Content-Type"]
    assert answer["PhysicalResourceId"] == place
    assert len(answer["Reason"]) > 100
    assert len(json.dumps(answer).encode()) <= 4096


# --- killed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("step", ["create", "update", "delete"])
def test_a_function_killed_before_any_call_is_finished_by_the_next(
    function: Placement, monkeypatch: pytest.MonkeyPatch, step: str, before: int
) -> None:
    """Lambda calls it again, twice: each call looks at what is there."""
    # In this thread, where being killed ends the call.
    monkeypatch.setattr(guard.module("model_placement"), "_PARTS", TransferConfig(use_threads=False))
    steps = {
        "create": (lambda: function.deploy(), {AT_ONE: "one"}),
        "update": (lambda: function.call("Update", **to_two()), {AT_ONE: "one", AT_TWO: "two"}),
        "delete": (lambda: function.call("Delete"), {}),
    }
    take, wanted = steps[step]
    if step != "create":
        function.deploy()
    function.s3.calls.clear()
    function.s3.kill_before = before
    with suppress(Killed):
        take()
    assert len(function.s3.calls) == before, "it was killed there"
    function.s3.kill_before = None
    function.s3.calls.clear()
    assert take()["Status"] == "SUCCESS"
    assert len(function.s3.calls) == 2, "no call is left out of the above"
    assert placed(function) == wanted
