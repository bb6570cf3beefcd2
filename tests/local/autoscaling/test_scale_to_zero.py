"""An asynchronous endpoint without instances, and back, as AWS documents it for the two policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.embedded_aws import LocalAws, until

from ..async_endpoint import Queue, stored
from ..hosting import Hosting, error_of
from ..processes import model_processes
from .scaling import Scaling

SAGEMAKER = "AWS/SageMaker"
ONE_MORE = {
    "AdjustmentType": "ChangeInCapacity",
    "MetricAggregationType": "Average",
    "Cooldown": 60,
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
}


@pytest.fixture
def queue(aws: LocalAws) -> Iterator[Queue]:
    hosting = Hosting(aws)
    queue = Queue(hosting)
    yield queue
    hosting.settled(queue.name)
    hosting.delete(queue.name)


def of(queue: Queue) -> list[dict[str, str]]:
    """The one dimension of the queue's metrics."""
    return [{"Name": "EndpointName", "Value": queue.name}]


def track_backlog(scaling: Scaling, queue: Queue, target: float) -> None:
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": SAGEMAKER,
        "Dimensions": of(queue),
        "Statistic": "Average",
    }
    configuration = {
        "TargetValue": target,
        "CustomizedMetricSpecification": metric,
        "ScaleInCooldown": 60,
        "ScaleOutCooldown": 60,
    }
    scaling.put("TargetTrackingScaling", "backlog", configuration)


def wake_up(scaling: Scaling, queue: Queue) -> str:
    """The step policy from zero, with its alarm; the alarm's name."""
    arn = scaling.put("StepScaling", "wake-up", ONE_MORE)["PolicyARN"]
    alarm = f"{queue.name}-unserved"
    scaling.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        AlarmActions=[arn],
        Namespace=SAGEMAKER,
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=of(queue),
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
    )
    return alarm


def test_an_idle_endpoint_falls_asleep_and_a_request_wakes_it(aws: LocalAws, queue: Queue) -> None:
    scaling = Scaling(aws, queue.name, "main")
    scaling.register(0, 2)
    track_backlog(scaling, queue, 5)
    alarm = wake_up(scaling, queue)
    before = model_processes(aws)
    scaling.reaches(0, seconds=40)
    assert len(model_processes(aws)) == len(before) - 1
    # Fewer than the target: only the step policy can wake it.
    answers = [queue.send(f"echo {number}") for number in range(3)]
    for number, answer in enumerate(answers):
        assert queue.told(answer)["invocationStatus"] == "Completed"
        assert stored(queue.hosting, answer["OutputLocation"]) == str(number).encode()
    woken = until(
        lambda: [one for one in scaling.activities() if f"alarm {alarm} in state ALARM" in one["Cause"]]
    )
    assert woken[-1]["Description"] == "Setting desired instance count to 1."


def test_a_long_backlog_gets_more_instances(aws: LocalAws, queue: Queue) -> None:
    scaling = Scaling(aws, queue.name, "main")
    scaling.register(0, 2)
    track_backlog(scaling, queue, 2)
    answers = [queue.send("sleep 0.3") for _ in range(14)]
    scaling.reaches(2)
    for answer in answers:
        assert queue.told(answer)["invocationStatus"] == "Completed"


def test_only_an_asynchronous_endpoint_may_have_none(scaling: Scaling) -> None:
    code, message = error_of(lambda: scaling.register(0, 2))
    assert (code, "less than 1" in message) == ("ValidationException", True)
