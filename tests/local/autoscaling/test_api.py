"""The API: what it stores and shows, and what it refuses in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore.config import Config

from tools.embedded_aws import ACCOUNT, REGION, LocalAws

from ..hosting import Hosting, error_of
from .scaling import INSTANCES, Scaling, raw

PREDEFINED = "SageMakerVariantInvocationsPerInstance"
NOT_REGISTERED = "No scalable target registered for service namespace: sagemaker, resource ID: {ResourceId}, "


def tracking(metric_type: str = PREDEFINED, **members: Any) -> dict[str, Any]:
    return {
        "TargetValue": 5.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric_type},
        **members,
    }


def steps(*adjustments: tuple[float | None, float | None, int], **members: Any) -> dict[str, Any]:
    names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound", "ScalingAdjustment")
    given = [
        {name: value for name, value in zip(names, one, strict=True) if value is not None}
        for one in adjustments
    ]
    return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": given, **members}


def refusal(call: Callable[[], Any]) -> str:
    code, message = error_of(call)
    assert code == "ValidationException", (code, message)
    return message


class TestTargets:
    def test_register_and_describe(self, scaling: Scaling) -> None:
        arn = scaling.register(
            1, 5, SuspendedState={"DynamicScalingInSuspended": True}, Tags={"team": "fraud"}
        )
        (target,) = scaling.targets()
        assert re.fullmatch(rf"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/\w+", arn)
        assert isinstance(target.pop("CreationTime"), datetime)
        assert target.pop("RoleARN").endswith(
            ":role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        )
        assert target == {
            **scaling.key,
            "ScalableTargetARN": arn,
            "MinCapacity": 1,
            "MaxCapacity": 5,
            "SuspendedState": {
                "DynamicScalingInSuspended": True,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
        }

    def test_registering_again_changes_what_is_given(self, scaling: Scaling) -> None:
        arn = scaling.register(1, 5)
        answer = scaling.api.register_scalable_target(**scaling.key, MaxCapacity=9)
        assert answer["ScalableTargetARN"] == arn
        assert (scaling.targets()[0]["MinCapacity"], scaling.targets()[0]["MaxCapacity"]) == (1, 9)

    def test_deregistering_takes_everything_along(self, scaling: Scaling) -> None:
        scaling.register()
        alarms = [one["AlarmName"] for one in scaling.track(5)["Alarms"]]
        scaling.schedule("night", "cron(0 2 * * ? *)", MinCapacity=1)
        scaling.api.deregister_scalable_target(**scaling.key)
        assert (scaling.targets(), scaling.policies()) == ([], [])
        assert scaling.cloudwatch.describe_alarms(AlarmNames=alarms)["MetricAlarms"] == []
        code, message = error_of(lambda: scaling.api.deregister_scalable_target(**scaling.key))
        assert code == "ObjectNotFoundException"
        assert message.startswith(NOT_REGISTERED.format(**scaling.key))

    def test_another_account_and_region_see_nothing(self, aws: LocalAws, scaling: Scaling) -> None:
        scaling.register()
        stranger = aws.client("application-autoscaling", aws.session("999999999999"))
        assert stranger.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
        elsewhere = aws.session().client(
            "application-autoscaling", endpoint_url=aws.url, region_name="us-west-2", config=Config()
        )
        assert elsewhere.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []

    def test_tags(self, scaling: Scaling) -> None:
        arn = scaling.register(Tags={"a": "1"})
        scaling.api.tag_resource(ResourceARN=arn, Tags={"b": "2", "c": "3"})
        scaling.api.untag_resource(ResourceARN=arn, TagKeys=["c"])
        assert scaling.api.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1", "b": "2"}
        many = {str(number): "" for number in range(51)}
        assert (
            error_of(lambda: scaling.api.tag_resource(ResourceARN=arn, Tags=many))[0]
            == "TooManyTagsException"
        )
        gone = arn[:-1] + "0x"
        code, _ = error_of(lambda: scaling.api.list_tags_for_resource(ResourceARN=gone))
        assert code == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ({"MinCapacity": 3, "MaxCapacity": 2}, "Maximum capacity cannot be less than minimum capacity"),
            ({"MinCapacity": 0, "MaxCapacity": 2}, "Minimum capacity cannot be less than 1"),
            ({"MinCapacity": -1, "MaxCapacity": 2}, "Minimum capacity cannot be less than 0"),
            ({"MinCapacity": 1}, "required when registering"),
            (
                {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/none/variant/main"},
                "Could not find endpoint",
            ),
            (
                {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/none"},
                "Unsupported service namespace",
            ),
            (
                {"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "ecs:service:DesiredCount"},
                "Unsupported service namespace",
            ),
            (
                {
                    "MinCapacity": 1,
                    "MaxCapacity": 2,
                    "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
                },
                "not serverless",
            ),
        ],
    )
    def test_what_cannot_be_registered(self, scaling: Scaling, members: dict[str, Any], said: str) -> None:
        request = {**scaling.key, **members}
        assert said in refusal(lambda: scaling.api.register_scalable_target(**request))
        assert scaling.targets() == []

    def test_a_variant_that_the_endpoint_does_not_have(self, scaling: Scaling) -> None:
        scaling.key["ResourceId"] += "-other"
        assert "main-other" in refusal(scaling.register)

    def test_burstable_instances_cannot_be_scaled(self, aws: LocalAws) -> None:
        hosting = Hosting(aws)
        burstable = {"VariantName": "main", "ModelName": hosting.model(), "InstanceType": "ml.t2.medium"}
        name = hosting.endpoint(hosting.config(burstable))
        assert "ml.t2.medium" in refusal(Scaling(aws, name, "main").register)
        hosting.delete(name)

    def test_pages(self, scaling: Scaling) -> None:
        scaling.register()
        for number in range(3):
            scaling.put("StepScaling", f"p{number}", steps((0, None, 1)))
        pages = scaling.api.get_paginator("describe_scaling_policies").paginate(
            ServiceNamespace="sagemaker",
            ResourceId=scaling.key["ResourceId"],
            PaginationConfig={"PageSize": 2},
        )
        assert [len(page["ScalingPolicies"]) for page in pages] == [2, 1]
        bad = {"ServiceNamespace": "sagemaker", "NextToken": "?"}
        code, _ = error_of(lambda: scaling.api.describe_scalable_targets(**bad))
        assert code == "InvalidNextTokenException"
        wide = {"ServiceNamespace": "sagemaker", "ScalableDimension": INSTANCES}
        assert "must also specify a resource ID" in refusal(
            lambda: scaling.api.describe_scaling_policies(**wide)
        )


class TestModel:
    """Requests against botocore's model: from a client that does not check them itself."""

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ({"Surprise": 1}, "Unknown parameter 'Surprise'"),
            ({"MinCapacity": "one"}, "'minCapacity' failed to satisfy constraint"),
            ({"MinCapacity": True}, "'minCapacity' failed to satisfy constraint"),
            (
                {"ServiceNamespace": "toasters"},
                "'serviceNamespace' failed to satisfy constraint: Member must satisfy enum",
            ),
            ({"ResourceId": ""}, "length greater than or equal to 1"),
            ({"ResourceId": "x" * 1601}, "length less than or equal to 1600"),
            ({"ResourceId": None}, "'resourceId' failed to satisfy constraint: Member must not be null"),
            ({"SuspendedState": {"Everything": True}}, "Unknown parameter 'Everything' at 'suspendedState'"),
            ({"SuspendedState": []}, "'suspendedState' failed to satisfy constraint"),
        ],
    )
    def test_a_request_that_breaks_the_model(
        self, aws: LocalAws, scaling: Scaling, members: dict[str, Any], said: str
    ) -> None:
        status, answer = raw(
            aws, "RegisterScalableTarget", {**scaling.key, "MinCapacity": 1, "MaxCapacity": 2, **members}
        )
        assert (status, answer["__type"]) == (400, "ValidationException")
        assert said in answer["Message"]

    def test_several_problems_are_told_together(self, aws: LocalAws) -> None:
        _, answer = raw(aws, "DeregisterScalableTarget", {})
        assert answer["Message"].startswith("3 validation errors detected")

    def test_an_operation_that_there_is_not(self, aws: LocalAws) -> None:
        assert raw(aws, "MakeCoffee", {})[1]["__type"] == "UnknownOperationException"


class TestTrackingPolicies:
    def test_put_makes_two_alarms(self, scaling: Scaling) -> None:
        scaling.register()
        answer = scaling.track(50, ScaleInCooldown=60)
        arn, resource = answer["PolicyARN"], scaling.key["ResourceId"]
        assert re.fullmatch(
            rf"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:[\w-]+:resource/sagemaker/{resource}:policyName/tracking",
            arn,
        )
        names = [one["AlarmName"] for one in answer["Alarms"]]
        assert [name.rpartition("-Alarm")[0] for name in names] == [f"TargetTracking-{resource}"] * 2
        high, low = (
            scaling.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0] for name in names
        )
        assert (high["Threshold"], high["ComparisonOperator"], high["EvaluationPeriods"]) == (
            50,
            "GreaterThanThreshold",
            3,
        )
        assert (low["Threshold"], low["ComparisonOperator"], low["EvaluationPeriods"]) == (
            45,
            "LessThanThreshold",
            15,
        )
        assert (high["Namespace"], high["MetricName"], high["Statistic"], high["Period"]) == (
            "AWS/SageMaker",
            "InvocationsPerInstance",
            "Sum",
            60,
        )
        assert {one["Name"]: one["Value"] for one in high["Dimensions"]} == {
            "EndpointName": scaling.endpoint,
            "VariantName": "main",
        }
        assert high["AlarmActions"] == [arn]

    def test_putting_again_keeps_the_policy(self, scaling: Scaling) -> None:
        scaling.register()
        first = scaling.track(50)
        second = scaling.track(60, DisableScaleIn=True)
        assert second["PolicyARN"] == first["PolicyARN"]
        assert [one["AlarmName"] for one in second["Alarms"]] == [first["Alarms"][0]["AlarmName"]]
        (policy,) = scaling.policies()
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 60
        assert policy["Alarms"] == second["Alarms"]
        dropped = first["Alarms"][1]["AlarmName"]
        assert scaling.cloudwatch.describe_alarms(AlarmNames=[dropped])["MetricAlarms"] == []

    def test_delete(self, scaling: Scaling) -> None:
        scaling.register()
        scaling.track(50)
        scaling.api.delete_scaling_policy(**scaling.key, PolicyName="tracking")
        assert scaling.policies() == []
        code, message = error_of(
            lambda: scaling.api.delete_scaling_policy(**scaling.key, PolicyName="tracking")
        )
        assert (code, message.split(" for ")[0]) == ("ObjectNotFoundException", "No scaling policy found")

    def test_an_unregistered_target_has_no_policies(self, scaling: Scaling) -> None:
        code, message = error_of(lambda: scaling.track(50))
        assert code == "ObjectNotFoundException"
        assert message.startswith(NOT_REGISTERED.format(**scaling.key))

    @pytest.mark.parametrize(
        ("configuration", "said"),
        [
            (
                tracking("SageMakerVariantProvisionedConcurrencyUtilization"),
                f"Scalable dimension {INSTANCES} only supports",
            ),
            (tracking("ECSServiceAverageCPUUtilization"), f"Scalable dimension {INSTANCES} only supports"),
            (tracking(TargetValue=0.0), "greater than 0"),
            (tracking(ScaleInCooldown=-1), "ScaleInCooldown"),
            ({"TargetValue": 5.0}, "Exactly one of"),
            (
                {"TargetValue": 5.0, "CustomizedMetricSpecification": {"MetricName": "m"}},
                "Namespace, Statistic",
            ),
            (
                {
                    "TargetValue": 5.0,
                    "CustomizedMetricSpecification": {"Metrics": [{"Id": "e", "Expression": "SEARCH('x')"}]},
                },
                "not supported",
            ),
        ],
    )
    def test_what_is_refused(self, scaling: Scaling, configuration: dict[str, Any], said: str) -> None:
        scaling.register()
        assert said in refusal(lambda: scaling.put("TargetTrackingScaling", "p", configuration))
        assert scaling.policies() == []

    def test_one_policy_for_one_metric(self, scaling: Scaling) -> None:
        scaling.register()
        scaling.track(50)
        said = refusal(lambda: scaling.track(60, name="another"))
        assert said == "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        scaling.put(
            "TargetTrackingScaling",
            "third",
            tracking("SageMakerVariantConcurrentRequestsPerModelHighResolution"),
        )


class TestStepPolicies:
    @pytest.mark.parametrize(
        ("configuration", "said"),
        [
            (steps(), "between 1 and 20"),
            (steps(*((number, number + 1, 1) for number in range(21))), "between 1 and 20"),
            (steps((None, None, 1)), "Both lower and upper bounds"),
            (steps((5, 5, 1)), "must be less than its upper bound"),
            (steps((0, 10, 1), (5, None, 2)), "overlap"),
            (steps((None, 5, 1), (None, 10, 1)), "overlap"),
            (steps((0, 10, 1), (20, None, 2)), "gap"),
            (steps((0, 10, 1)), "unspecified upper bound"),
            (steps((-10, 0, -1)), "unspecified lower bound"),
            (steps((0, None, -1), AdjustmentType="ExactCapacity"), "must not be negative"),
            (steps((0, None, 1), Cooldown=-1), "Cooldown"),
            (
                {"StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]},
                "Adjustment type",
            ),
        ],
    )
    def test_what_is_refused(self, scaling: Scaling, configuration: dict[str, Any], said: str) -> None:
        scaling.register()
        assert said in refusal(lambda: scaling.put("StepScaling", "p", configuration))

    def test_the_configuration_goes_with_the_type(self, scaling: Scaling) -> None:
        scaling.register()
        scaling.track(5)
        request = {**scaling.key, "PolicyName": "p", "PolicyType": "StepScaling"}
        wrong = {**request, "TargetTrackingScalingPolicyConfiguration": tracking()}
        assert "does not go with" in refusal(lambda: scaling.api.put_scaling_policy(**wrong))
        assert "is required" in refusal(lambda: scaling.api.put_scaling_policy(**request))
        assert "cannot be changed" in refusal(
            lambda: scaling.put("StepScaling", "tracking", steps((0, None, 1)))
        )
        predictive = {**request, "PolicyType": "PredictiveScaling"}
        assert "not supported" in refusal(lambda: scaling.api.put_scaling_policy(**predictive))


class TestScheduledActions:
    def test_put_describe_delete(self, scaling: Scaling) -> None:
        scaling.register()
        scaling.schedule("night", "cron(0 2 * * ? *)", timezone="Europe/Berlin", MinCapacity=1, MaxCapacity=2)
        scaling.api.put_scheduled_action(**scaling.key, ScheduledActionName="night", Schedule="rate(1 day)")
        resource = {"ServiceNamespace": "sagemaker", "ResourceId": scaling.key["ResourceId"]}
        (action,) = scaling.api.describe_scheduled_actions(**resource)["ScheduledActions"]
        assert action["ScheduledActionARN"].endswith(f"{scaling.key['ResourceId']}:scheduledActionName/night")
        assert (action["Schedule"], action["Timezone"]) == ("rate(1 day)", "Europe/Berlin")
        assert action["ScalableTargetAction"] == {"MinCapacity": 1, "MaxCapacity": 2}
        scaling.api.delete_scheduled_action(**scaling.key, ScheduledActionName="night")
        assert scaling.api.describe_scheduled_actions(**resource)["ScheduledActions"] == []
        code, _ = error_of(
            lambda: scaling.api.delete_scheduled_action(**scaling.key, ScheduledActionName="night")
        )
        assert code == "ObjectNotFoundException"

    @pytest.mark.parametrize(
        ("expression", "timezone", "action"),
        [
            ("every day", None, {"MinCapacity": 1}),
            ("cron(0 2 * * * *)", None, {"MinCapacity": 1}),
            ("rate(1 day)", "Mars/Olympus", {"MinCapacity": 1}),
            ("rate(1 day)", None, {}),
            ("rate(1 day)", None, {"MinCapacity": 3, "MaxCapacity": 2}),
        ],
    )
    def test_what_is_refused(
        self, scaling: Scaling, expression: str, timezone: str | None, action: dict[str, int]
    ) -> None:
        scaling.register()
        refusal(lambda: scaling.schedule("bad", expression, timezone=timezone, **action))
