"""The two CloudFormation types, deployed by real stacks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, until

from ..hosting import as_template
from .scaling import INSTANCES, Scaling

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


class Stack:
    """One stack."""

    def __init__(self, aws: LocalAws) -> None:
        self.name = f"scaling-{uuid.uuid4().hex[:8]}"
        self._api = aws.client("cloudformation")

    def create(self, resources: dict[str, Any], **sections: Any) -> str:
        """Create it; the status it comes to."""
        self._api.create_stack(StackName=self.name, TemplateBody=as_template(resources, **sections))
        return self._settled()

    def update(self, resources: dict[str, Any], **sections: Any) -> str:
        """Update it; the status it comes to."""
        self._api.update_stack(StackName=self.name, TemplateBody=as_template(resources, **sections))
        return self._settled()

    def replaced_by(self, resources: dict[str, Any]) -> list[str]:
        """What an update would replace, says a change set."""
        names = {"StackName": self.name, "ChangeSetName": "preview"}
        self._api.create_change_set(**names, TemplateBody=as_template(resources))
        until(lambda: self._api.describe_change_set(**names)["Status"] == "CREATE_COMPLETE")
        changes = [one["ResourceChange"] for one in self._api.describe_change_set(**names)["Changes"]]
        self._api.delete_change_set(**names)
        return [one["LogicalResourceId"] for one in changes if one.get("Replacement") == "True"]

    def delete(self) -> None:
        """Delete it and wait until it is gone."""
        arn = self._describe()["StackId"]
        self._api.delete_stack(StackName=self.name)
        until(
            lambda: self._api.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
        )

    def physical_id(self, logical_id: str) -> str:
        """What Ref gives."""
        found = self._api.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def outputs(self) -> dict[str, str]:
        """The outputs."""
        return {one["OutputKey"]: one["OutputValue"] for one in self._describe().get("Outputs", ())}

    def reasons(self) -> str:
        """Why it failed."""
        events = self._api.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def _settled(self) -> str:
        return until(
            lambda: (status := self._describe()["StackStatus"]).endswith(("COMPLETE", "FAILED")) and status
        )

    def _describe(self) -> dict[str, Any]:
        return dict(self._api.describe_stacks(StackName=self.name)["Stacks"][0])


@pytest.fixture
def stack(aws: LocalAws) -> Iterator[Stack]:
    fresh = Stack(aws)
    yield fresh
    fresh.delete()


def target(scaling: Scaling, **properties: Any) -> dict[str, Any]:
    return {"Type": TARGET, "Properties": {**scaling.key, "MinCapacity": 1, "MaxCapacity": 3, **properties}}


def policy(**properties: Any) -> dict[str, Any]:
    tracking = {
        "TargetValue": 20,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    given = {"PolicyName": "load", "PolicyType": "TargetTrackingScaling", **properties}
    return {"Type": POLICY, "Properties": {"TargetTrackingScalingPolicyConfiguration": tracking, **given}}


NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 2 * * ? *)",
    "Timezone": "Europe/Berlin",
    "StartTime": "2026-01-01T00:00:00Z",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
}


def scheduled(scaling: Scaling) -> dict[str, dict[str, Any]]:
    found = scaling.api.describe_scheduled_actions(
        ServiceNamespace="sagemaker", ResourceId=scaling.key["ResourceId"]
    )
    return {one["ScheduledActionName"]: one for one in found["ScheduledActions"]}


def test_create_update_delete(scaling: Scaling, stack: Stack) -> None:
    resources = {
        "Target": target(
            scaling,
            # As a template parameter would give them.
            MinCapacity="1",
            SuspendedState={"DynamicScalingOutSuspended": "true"},
            ScheduledActions=[NIGHT],
            Tags=[{"Key": "team", "Value": "fraud"}],
        ),
        "Policy": policy(ScalingTargetId={"Ref": "Target"}),
    }
    outputs = {
        "Target": {"Value": {"Ref": "Target"}},
        "Id": {"Value": {"Fn::GetAtt": ["Target", "Id"]}},
        "Policy": {"Value": {"Ref": "Policy"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Policy", "Arn"]}},
    }
    assert stack.create(resources, Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    identity = "|".join((scaling.key["ResourceId"], INSTANCES, "sagemaker"))
    arn = scaling.policies()[0]["PolicyARN"]
    assert stack.outputs() == {"Target": identity, "Id": identity, "Policy": arn, "Arn": arn}
    created = scaling.targets()[0]
    assert created["SuspendedState"]["DynamicScalingOutSuspended"] is True
    assert scheduled(scaling)["night"]["StartTime"].timestamp() == 1767225600
    assert scaling.api.list_tags_for_resource(ResourceARN=created["ScalableTargetARN"])["Tags"] == {
        "team": "fraud"
    }

    morning = {**NIGHT, "ScheduledActionName": "morning"}
    tracking = resources["Policy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    resources["Target"] = target(scaling, MaxCapacity=5, ScheduledActions=[morning])
    resources["Policy"] = policy(
        ScalingTargetId={"Ref": "Target"},
        TargetTrackingScalingPolicyConfiguration={**tracking, "TargetValue": 30},
    )
    assert stack.update(resources, Outputs=outputs) == "UPDATE_COMPLETE", stack.reasons()
    updated = scaling.targets()[0]
    assert (updated["ScalableTargetARN"], updated["MaxCapacity"]) == (created["ScalableTargetARN"], 5)
    assert set(scheduled(scaling)) == {"morning"}
    assert scaling.api.list_tags_for_resource(ResourceARN=updated["ScalableTargetARN"])["Tags"] == {}
    assert stack.outputs()["Policy"] == arn
    assert scaling.policies()[0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 30


def test_a_policy_by_the_three_members_is_replaced_when_it_is_renamed(scaling: Scaling, stack: Stack) -> None:
    resources = {"Target": target(scaling), "Policy": {**policy(**scaling.key), "DependsOn": "Target"}}
    assert stack.create(resources) == "CREATE_COMPLETE", stack.reasons()
    before = stack.physical_id("Policy")
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    renamed = {"PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    resources["Policy"] = {
        "Type": POLICY,
        "DependsOn": "Target",
        "Properties": {**scaling.key, **renamed},
    }
    assert stack.replaced_by(resources) == ["Policy"]
    assert stack.update(resources) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.physical_id("Policy") != before
    until(
        lambda: [one["PolicyName"] for one in scaling.policies()] == ["steps"], what="the old policy is gone"
    )


def test_deleting_a_stack_whose_target_is_gone_already(scaling: Scaling, stack: Stack) -> None:
    resources = {"Target": target(scaling), "Policy": policy(ScalingTargetId={"Ref": "Target"})}
    assert stack.create(resources) == "CREATE_COMPLETE", stack.reasons()
    scaling.api.deregister_scalable_target(**scaling.key)
    # The fixture deletes the stack and waits for it.


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"MinimumCapacity": 1}, "extraneous key [MinimumCapacity]"),
        ({"SuspendedState": {"Everything": True}}, "extraneous key [Everything]"),
        ({"MinCapacity": "many"}, "MinCapacity"),
        ({"ScheduledActions": [{"ScheduledActionName": "x"}]}, "required key [Schedule] not found"),
        ({"MinCapacity": 4}, "Maximum capacity cannot be less than minimum capacity"),
        ({"ResourceId": "endpoint/none/variant/main"}, "Could not find endpoint"),
    ],
)
def test_a_target_that_is_refused(
    scaling: Scaling, stack: Stack, properties: dict[str, Any], said: str
) -> None:
    assert stack.create({"Target": target(scaling, **properties)}) == "ROLLBACK_COMPLETE"
    assert said in stack.reasons()
    assert scaling.targets() == []


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "needs either ScalingTargetId"),
        ({"ScalingTargetId": "a|b|c", "ResourceId": "a"}, "needs either ScalingTargetId"),
        ({"ServiceNamespace": "sagemaker"}, "needs either ScalingTargetId"),
        (
            {"ScalingTargetId": f"endpoint/none/variant/main|{INSTANCES}|sagemaker"},
            "No scalable target registered",
        ),
        ({"ScalingTargetId": "nonsense"}, "Not the id of a scalable target"),
        ({"ScalingTargetId": {"Ref": "Target"}, "Cooldown": 3}, "extraneous key [Cooldown]"),
    ],
)
def test_a_policy_that_is_refused(
    scaling: Scaling, stack: Stack, properties: dict[str, Any], said: str
) -> None:
    resources = {"Target": target(scaling), "Policy": policy(**properties)}
    assert stack.create(resources) == "ROLLBACK_COMPLETE"
    assert said in stack.reasons()
    assert scaling.targets() == []
