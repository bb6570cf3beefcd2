"""The deploy guard's handler, called as CloudFormation and EventBridge call it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support import guard
from tests.support.fake_aws import FakeAws, Refused
from tests.support.guard import PREFIX, Clock, Guard
from tests.support.receiver import Receiver

LARGE, XLARGE = "ml.m5.large", "ml.m5.xlarge"
A, B = "endpoint/fraud/variant/A", "endpoint/fraud/variant/B"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def function(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """The function, in an account with two scaled variants on configuration ``one``."""
    aws = FakeAws(configs={"one": {"A": LARGE, "B": LARGE}})
    aws.update_endpoint("fraud", "one")
    aws.scale("fraud", "A")
    aws.scale("fraud", "B", MinCapacity=1)
    clock = Clock()
    monkeypatch.setattr(guard.module(), "time", clock)
    monkeypatch.setattr(guard.module().boto3, "client", aws.client)
    return Guard(aws=aws, clock=clock, receiver=receiver)


def scaled(function: Guard) -> dict[str, Any]:
    return copy.deepcopy(function.aws.targets)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- what CloudFormation is told ------------------------------------------------------------------


def test_the_answer_is_what_cloudformation_asks_for(function: Guard) -> None:
    assert function.release(A=LARGE, B=LARGE) == {
        "Content-Type": "",
        "Status": "SUCCESS",
        "Reason": "done",
        "PhysicalResourceId": "Release-of-endpoint",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/Fraud/1",
        "RequestId": "request-0",
        "LogicalResourceId": "Release",
    }


def test_the_physical_id_never_changes_so_that_nothing_is_replaced(function: Guard) -> None:
    ids = {
        function.release(request, A=LARGE, B=LARGE)["PhysicalResourceId"] for request in ("Create", "Update")
    }
    assert ids == {"Release-of-endpoint"}


def test_an_unexpected_error_is_answered_with_its_name_and_message(function: Guard) -> None:
    function.aws.refuse["DescribeEndpoint"] = Refused("AccessDeniedException", "is not authorized")
    answer = function.release(A=LARGE)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("ClientError:")
    assert "AccessDeniedException" in answer["Reason"]
    assert "is not authorized" in answer["Reason"]


def test_an_unknown_resource_type_is_answered_too(function: Guard) -> None:
    answer = function.custom_resource("Something", "Create")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "KeyError: 'Custom::EndpointSomething'")


def test_a_reason_is_not_longer_than_cloudformation_takes(function: Guard) -> None:
    """The whole answer may have 4,096 bytes; a longer one is no answer, and the stack hangs for its timeout."""
    function.aws.refuse["DescribeEndpoint"] = Refused("ValidationException", "x" * 5000)
    answer = function.release(A=LARGE)
    assert len(json.dumps(answer).encode()) <= 4096
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("ClientError: An error occurred (ValidationException)")


# --- releasing ------------------------------------------------------------------------------------


def test_before_the_first_creation_there_is_nothing_to_release(function: Guard) -> None:
    function.aws.endpoints.clear()
    assert function.release("Create", A=LARGE)["Status"] == "SUCCESS"
    assert function.aws.calls == ["DescribeEndpoint"]


def test_where_nothing_changes_nothing_is_released(function: Guard) -> None:
    before = scaled(function)
    assert function.release(A=LARGE, B=LARGE)["Status"] == "SUCCESS"
    assert function.aws.targets == before
    assert function.aws.parameters == {}


def test_a_changed_type_is_remembered_before_it_is_deregistered(function: Guard) -> None:
    function.release(A=XLARGE, B=LARGE)
    calls = function.aws.calls
    assert calls.index("PutParameter") < calls.index("DeregisterScalableTarget")
    assert list(function.aws.targets) == [B]
    assert list(function.aws.parameters) == [f"{PREFIX}/fraud/A"]


def test_a_removed_variant_is_released(function: Guard) -> None:
    function.release(A=LARGE)
    assert list(function.aws.targets) == [A]


def test_a_variant_that_does_not_scale_is_left_alone(function: Guard) -> None:
    del function.aws.targets[A]
    assert function.release(A=XLARGE, B=LARGE)["Status"] == "SUCCESS"
    assert "DeregisterScalableTarget" not in function.aws.calls


def test_a_snapshot_that_cannot_be_kept_releases_nothing(function: Guard) -> None:
    before = scaled(function)
    function.aws.refuse["PutParameter"] = Refused("ValidationException", "too long")
    assert function.release(A=XLARGE, B=LARGE)["Status"] == "FAILED"
    assert function.aws.targets == before


# --- a whole deployment ---------------------------------------------------------------------------


def deploy(function: Guard, config: str, **types: str) -> dict[str, Any]:
    """Release, update, settle: as CloudFormation orders them."""
    function.aws.configs[config] = types
    assert function.release(**types)["Status"] == "SUCCESS"
    function.aws.update_endpoint("fraud", config)
    return function.settle(config)


def test_a_changed_type_comes_back_scaled_exactly_as_before(function: Guard) -> None:
    before = scaled(function)
    assert deploy(function, "two", A=XLARGE, B=LARGE)["Status"] == "SUCCESS"
    assert function.aws.targets == before
    assert function.aws.parameters == {}


@pytest.mark.parametrize("types", [{"A": LARGE, "B": XLARGE}, {"A": LARGE}], ids=["changed", "dropped"])
def test_a_shadow_variant_is_let_go_and_restored_as_any_other(function: Guard, types: dict[str, str]) -> None:
    function.aws.shadows = frozenset({"B"})
    before = scaled(function)
    assert deploy(function, "two", **types)["Status"] == "SUCCESS"
    if "B" in types:
        assert function.aws.targets == before
    else:
        assert list(function.aws.targets) == [A]


def test_without_the_guard_the_same_update_is_refused(function: Guard) -> None:
    function.aws.configs["two"] = {"A": XLARGE, "B": LARGE}
    with pytest.raises(Refused, match="variant A is registered"):
        function.aws.update_endpoint("fraud", "two")


def test_start_and_end_of_a_scheduled_action_survive(function: Guard) -> None:
    night = function.aws.targets[A]["actions"]["A-Night"]
    times = {"StartTime": datetime(2027, 1, 1, tzinfo=UTC), "EndTime": datetime(2028, 1, 1, tzinfo=UTC)}
    function.aws.targets[A]["actions"]["A-Night"] = {**night, **times}
    deploy(function, "two", A=XLARGE, B=LARGE)
    restored = function.aws.targets[A]["actions"]["A-Night"]
    assert {datetime.fromisoformat(str(restored[name])) for name in times} == set(times.values())


def test_a_scheduled_action_whose_time_is_over_is_left_behind(function: Guard) -> None:
    action = {"Schedule": "at(2020-01-01T00:00:00)", "ScalableTargetAction": {"MinCapacity": 1}}
    function.aws.targets[A]["actions"]["A-Once"] = action
    deploy(function, "two", A=XLARGE, B=LARGE)
    assert list(function.aws.targets[A]["actions"]) == ["A-Night"]


def test_a_removed_variant_stays_gone_and_a_rollback_brings_it_back_scaled(function: Guard) -> None:
    before = scaled(function)
    deploy(function, "two", A=LARGE)
    assert list(function.aws.targets) == [A]
    deploy(function, "one", A=LARGE, B=LARGE)
    assert function.aws.targets == before
    assert function.aws.parameters == {}


def test_a_variant_brought_back_days_later_is_not_scaled_as_it_once_was(function: Guard) -> None:
    deploy(function, "two", A=LARGE)
    function.clock.now += 2 * 24 * 3600
    deploy(function, "three", A=LARGE, B=LARGE)
    assert list(function.aws.targets) == [A]
    assert function.aws.parameters == {}, "and what is stale is forgotten"


def test_a_rollback_before_the_endpoint_changed_restores_in_release(function: Guard) -> None:
    """The update failed for another reason: CloudFormation calls Release again, with the old types."""
    before = scaled(function)
    function.release(A=XLARGE, B=LARGE)
    assert function.release(A=LARGE, B=LARGE)["Status"] == "SUCCESS"
    assert function.aws.targets == before
    assert function.aws.parameters == {}


def test_a_rollback_after_the_endpoint_changed_goes_the_same_way_back(function: Guard) -> None:
    before = scaled(function)
    deploy(function, "two", A=XLARGE, B=LARGE)
    deploy(function, "one", A=LARGE, B=LARGE)
    assert function.aws.targets == before


def test_what_failed_to_be_restored_is_not_forgotten_by_the_rollback(function: Guard) -> None:
    """Settle registers the target, cannot put its policies, fails: the rollback releases a half of it."""
    before = scaled(function)
    function.aws.refuse["PutScalingPolicy"] = Refused("LimitExceededException", "too many")
    assert deploy(function, "two", A=XLARGE, B=LARGE)["Status"] == "FAILED"
    function.aws.refuse.clear()
    assert deploy(function, "one", A=LARGE, B=LARGE)["Status"] == "SUCCESS"
    assert function.aws.targets == before


# --- settling -------------------------------------------------------------------------------------


def test_a_silent_rollback_fails_the_stack_with_both_configurations_and_restores_scaling(
    function: Guard,
) -> None:
    before = scaled(function)
    function.release(A=XLARGE, B=LARGE)
    function.aws.endpoints["fraud"]["FailureReason"] = "The primary container did not pass the ping"
    answer = function.settle("two")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(
        "SilentRollbackError: Endpoint fraud is InService on configuration one"
    )
    assert "not on two" in answer["Reason"]
    assert "did not pass the ping" in answer["Reason"]
    assert function.aws.targets == before


def test_an_endpoint_still_changing_is_waited_for(function: Guard) -> None:
    function.aws.endpoints["fraud"]["EndpointStatus"] = "Updating"

    def third_time() -> None:
        if len(function.clock.slept) == 3:
            function.aws.endpoints["fraud"]["EndpointStatus"] = "InService"

    function.clock.meanwhile = third_time
    assert function.settle("one")["Status"] == "SUCCESS"
    assert function.clock.slept == [5, 5, 5]


def test_patience_ends_before_lambda_and_cloudformation_give_up(function: Guard) -> None:
    function.aws.endpoints["fraud"].update(EndpointStatus="RollingBack", EndpointConfigName="one")
    assert function.settle("two")["Status"] == "FAILED"
    assert 120 <= sum(function.clock.slept) <= 130


def test_an_endpoint_that_is_gone_fails(function: Guard) -> None:
    function.aws.endpoints.clear()
    answer = function.settle("one")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "SilentRollbackError: Endpoint fraud is gone")


# --- deleting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Release", "Settle"])
def test_deleting_succeeds_and_leaves_scaling_alone(function: Guard, kind: str) -> None:
    before = scaled(function)
    answer = function.custom_resource(kind, "Delete", InstanceTypes={"A": LARGE, "B": LARGE})
    assert answer["Status"] == "SUCCESS"
    assert function.aws.targets == before


def test_deleting_leaves_no_snapshot_behind(function: Guard) -> None:
    function.release(A=XLARGE, B=LARGE)
    function.custom_resource("Release", "Delete", InstanceTypes={"A": XLARGE, "B": LARGE})
    assert function.aws.parameters == {}


@pytest.mark.parametrize("operation", ["GetParameter", "DeleteParameter"])
def test_deleting_succeeds_whatever_aws_says_lest_the_stack_cannot_be_deleted(
    function: Guard, operation: str
) -> None:
    function.release(A=XLARGE, B=LARGE)
    function.aws.refuse[operation] = Refused("AccessDeniedException", "no")
    answer = function.custom_resource("Release", "Delete", InstanceTypes={"A": XLARGE, "B": LARGE})
    assert answer["Status"] == "SUCCESS"


# --- when EventBridge calls -----------------------------------------------------------------------


def test_an_endpoint_at_rest_gets_its_scaling_back(function: Guard) -> None:
    before = scaled(function)
    function.release(A=XLARGE, B=LARGE)
    function.clock.now += 60
    function.at_rest(time=at(function.clock.now))
    assert function.aws.targets == before
    assert function.receiver.answers[0]["LogicalResourceId"] == "Release", "and nobody is answered"


def test_an_event_from_before_the_release_does_not_undo_it(function: Guard) -> None:
    """Events come late: this one is of the deployment before."""
    function.release(A=XLARGE, B=LARGE)
    function.at_rest(time=at(function.clock.now - 30))
    assert list(function.aws.targets) == [B]
    assert list(function.aws.parameters) == [f"{PREFIX}/fraud/A"]


@pytest.mark.parametrize("status", ["Updating", "RollingBack", "Failed", "Deleting"])
def test_an_endpoint_that_is_busy_again_is_left_alone(function: Guard, status: str) -> None:
    function.release(A=XLARGE, B=LARGE)
    function.aws.endpoints["fraud"]["EndpointStatus"] = status
    function.at_rest(time=at(function.clock.now + 60))
    assert list(function.aws.targets) == [B]


def test_an_endpoint_that_is_gone_by_then_is_no_error(function: Guard) -> None:
    function.aws.endpoints.clear()
    function.at_rest(time=at(function.clock.now))
    assert function.aws.calls == ["DescribeEndpoint"]


def test_an_error_is_raised_so_that_eventbridge_tries_again(function: Guard) -> None:
    function.release(A=XLARGE, B=LARGE)
    function.aws.refuse["RegisterScalableTarget"] = Refused("ConcurrentUpdateException", "busy")
    client_error = guard.module().boto3.client("ssm").exceptions.ClientError
    with pytest.raises(client_error, match="busy"):
        function.at_rest(time=at(function.clock.now + 60))
    assert list(function.aws.parameters) == [f"{PREFIX}/fraud/A"]
