"""The loop, black box: a running server, metrics put into it, and the instances there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, until

from ..hosting import Hosting, error_of
from .scaling import NAMESPACE, Metric, Scaling, metric, soon

ONE_MORE = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 60}
OUT = {**ONE_MORE, "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
IN = {**ONE_MORE, "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}]}


@pytest.fixture
def load(scaling: Scaling) -> Iterator[Metric]:
    with metric(scaling) as feed:
        yield feed


def causes(scaling: Scaling, status: str = "Successful") -> list[str]:
    return [one["Cause"] for one in scaling.activities() if one["StatusCode"] == status]


class TestTargetTracking:
    def test_it_scales_out_and_says_why(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(1, 3)
        answer = scaling.track(10, metric=load.name)
        load.becomes(20)
        scaling.reaches(2)
        latest = until(lambda: (one := scaling.activities()[0])["StatusCode"] == "Successful" and one)
        alarm = answer["Alarms"][0]["AlarmName"]
        assert latest["Description"] == "Setting desired instance count to 2."
        assert latest["Cause"] == f"monitor alarm {alarm} in state ALARM triggered policy tracking"
        assert latest["StatusMessage"] == (
            "Successfully set desired instance count to 2. Change successfully fulfilled by sagemaker."
        )
        assert latest["EndTime"] >= latest["StartTime"]
        assert scaling.alarm_state(alarm) == "ALARM"

    def test_metric_math(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(1, 3)
        stat = {"Metric": {"Namespace": NAMESPACE, "MetricName": load.name}, "Stat": "Average"}
        queries = [
            {"Id": "load", "MetricStat": stat, "ReturnData": False},
            {"Id": "half", "Expression": "load / 2", "ReturnData": True},
        ]
        configuration = {"TargetValue": 10, "CustomizedMetricSpecification": {"Metrics": queries}}
        scaling.put("TargetTrackingScaling", "math", configuration)
        load.becomes(40)
        scaling.reaches(2)

    def test_at_the_maximum_it_says_that_it_did_not_scale(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(1, 1)
        alarm = scaling.track(10, metric=load.name)["Alarms"][0]["AlarmName"]
        before = len(scaling.activities())
        load.becomes(50)
        found = until(
            lambda: [
                one for one in scaling.activities(IncludeNotScaledActivities=True) if alarm in one["Cause"]
            ]
        )
        assert found[0]["Description"] == "Attempting to scale due to alarm triggered"
        assert found[0]["NotScaledReasons"] == [
            {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 1, "CurrentCapacity": 1}
        ]
        scaling.rounds_pass()
        again = [one for one in scaling.activities(IncludeNotScaledActivities=True) if alarm in one["Cause"]]
        assert len(again) <= 2, "it is said when it is new, not in every round"
        assert len(scaling.activities()) == before + 1, "only the witness is shown without being asked for"


class TestStepScaling:
    def test_out_by_the_size_of_the_breach_and_back_in(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(1, 4)
        steps = [
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
        ]
        out = scaling.put("StepScaling", "out", {**ONE_MORE, "StepAdjustments": steps})
        back = scaling.put(
            "StepScaling",
            "in",
            {
                "AdjustmentType": "ExactCapacity",
                "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 1}],
            },
        )
        high = scaling.alarm(out["PolicyARN"], load.name, "GreaterThanThreshold", 50)
        low = scaling.alarm(back["PolicyARN"], load.name, "LessThanThreshold", 10)
        load.becomes(75)
        scaling.reaches(4)
        load.becomes(5)
        scaling.reaches(1)
        expected = {
            f"monitor alarm {high} in state ALARM triggered policy out",
            f"monitor alarm {low} in state ALARM triggered policy in",
        }
        until(lambda: expected <= set(causes(scaling)))
        listed = {policy["PolicyName"]: policy["Alarms"][0]["AlarmName"] for policy in scaling.policies()}
        assert listed == {"out": high, "in": low}


class TestSuspension:
    def test_scale_out_waits_until_it_is_resumed(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(1, 2, SuspendedState={"DynamicScalingOutSuspended": True})
        arn = scaling.put("StepScaling", "out", OUT)["PolicyARN"]
        load.becomes(99)
        scaling.in_alarm(scaling.alarm(arn, load.name, "GreaterThanThreshold", 50))
        scaling.rounds_pass()
        assert scaling.instances() == 1
        scaling.suspend()
        scaling.reaches(2)

    def test_scale_in_waits_until_it_is_resumed(self, scaling: Scaling, load: Metric) -> None:
        scaling.register(2, 2)
        scaling.reaches(2)
        scaling.register(1, 2, SuspendedState={"DynamicScalingInSuspended": True})
        arn = scaling.put("StepScaling", "in", IN)["PolicyARN"]
        load.becomes(1)
        scaling.in_alarm(scaling.alarm(arn, load.name, "LessThanThreshold", 50))
        scaling.rounds_pass()
        assert scaling.instances() == 2
        scaling.suspend()
        scaling.reaches(1)

    def test_a_scheduled_action_that_falls_due_meanwhile_is_not_made_up_for(self, scaling: Scaling) -> None:
        scaling.register(1, 2, SuspendedState={"ScheduledScalingSuspended": True})
        scaling.schedule("missed", soon(), MinCapacity=2)
        passed = datetime.now(UTC) + timedelta(seconds=2)
        until(lambda: datetime.now(UTC) > passed)
        scaling.suspend()
        scaling.rounds_pass()
        assert not scaling.has_run("missed")
        assert scaling.instances() == 1


class TestScheduledActions:
    def test_it_moves_the_bounds_and_the_capacity_follows(self, scaling: Scaling) -> None:
        scaling.register(1, 2)
        scaling.schedule("morning", soon(), MinCapacity=2, MaxCapacity=4)
        scaling.reaches(2)
        target = scaling.targets()[0]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
        until(lambda: "minimum capacity was set to 2" in causes(scaling))
        ran = next(one for one in scaling.activities() if "morning" in one["Cause"])
        assert ran["Cause"] == "scheduled action name morning was triggered"
        assert ran["Description"] == "Setting min capacity to 2 and max capacity to 4"
        assert ran["StatusMessage"] == "Successfully set min capacity to 2 and max capacity to 4"

    def test_one_that_would_turn_the_bounds_around_fails(self, scaling: Scaling) -> None:
        scaling.register(1, 2)
        scaling.schedule("wrong", soon(), MinCapacity=3)
        until(lambda: scaling.has_run("wrong"))
        assert scaling.activities()[0]["StatusCode"] == "Failed"
        assert scaling.targets()[0]["MinCapacity"] == 1


class TestBounds:
    def test_the_capacity_is_brought_within_new_bounds(self, scaling: Scaling) -> None:
        scaling.register(2, 3)
        scaling.reaches(2)
        scaling.register(1, 1)
        scaling.reaches(1)
        expected = {"minimum capacity was set to 2", "maximum capacity was set to 1"}
        until(lambda: expected <= set(causes(scaling)))

    def test_a_refusal_of_sagemaker_is_an_activity_that_failed(self, scaling: Scaling) -> None:
        scaling.register(100, 100)
        failed = until(
            lambda: [
                one for one in scaling.activities() if one["StatusCode"] == "Failed" and "100" in one["Cause"]
            ]
        )
        assert len(failed) == 1
        assert failed[0]["StatusMessage"].startswith(
            "Failed to set desired instance count to 100. Reason: The limit"
        )


class TestEndpoints:
    """What Application Auto Scaling and SageMaker know of each other."""

    def test_the_instance_type_of_a_scaled_variant_stays(self, aws: LocalAws, scaling: Scaling) -> None:
        hosting = Hosting(aws)
        bigger = {"VariantName": "main", "ModelName": hosting.model(), "InstanceType": "ml.m5.xlarge"}
        request: dict[str, Any] = {
            "EndpointName": scaling.endpoint,
            "EndpointConfigName": hosting.config(bigger),
        }
        scaling.register()
        code, message = error_of(lambda: scaling.sagemaker.update_endpoint(**request))
        assert code == "ValidationException"
        assert scaling.key["ResourceId"] in message

    def test_a_deleted_configuration_does_not_matter(self, aws: LocalAws) -> None:
        hosting = Hosting(aws)
        config = hosting.puppet_config()
        scaling = Scaling(aws, hosting.endpoint(config), "main")
        scaling.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        scaling.register(2, 2)
        scaling.reaches(2)
        hosting.delete(scaling.endpoint)

    def test_deleting_the_endpoint_deregisters_its_variants(self, aws: LocalAws) -> None:
        hosting = Hosting(aws)
        name = hosting.endpoint(hosting.puppet_config())
        scaling = Scaling(aws, name, "main")
        scaling.register()
        alarm = scaling.track(10)["Alarms"][0]["AlarmName"]
        scaling.sagemaker.delete_endpoint(EndpointName=name)
        assert scaling.targets() == []
        assert scaling.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"] == []
