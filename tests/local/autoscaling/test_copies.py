"""Copies of an inference component scale with the load: out, in, to nothing, and back."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tools.embedded_aws import LocalAws, until

from ..components import Components
from .scaling import Scaling

PER_COPY = "SageMakerInferenceComponentInvocationsPerCopy"
CONCURRENT = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"


class CopyScaling(Scaling):
    """One inference component and its scalable target."""

    def __init__(self, aws: LocalAws, component: str) -> None:
        super().__init__(aws, endpoint="", variant="")
        self.component = component
        self.key = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"inference-component/{component}",
            "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
        }

    def follow(self, metric: str, target: float) -> None:
        """Track a predefined metric."""
        configuration = {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
        }
        self.put("TargetTrackingScaling", "tracking", configuration)

    def wake(self) -> str:
        """Add a copy when a call finds none; the name of the alarm."""
        step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
        configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step], "Cooldown": 60}
        policy = self.put("StepScaling", "wake", configuration)
        name = f"wake-{self.component}"
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmActions=[policy["PolicyARN"]],
            Namespace="AWS/SageMaker",
            MetricName="NoCapacityInvocationFailures",
            Dimensions=[{"Name": "InferenceComponentName", "Value": self.component}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="missing",
        )
        return name


@pytest.fixture
def components(aws: LocalAws) -> Iterator[Components]:
    """SageMaker; the components of the test and their endpoints are deleted after it."""
    fresh = Components(aws)
    yield fresh
    for name in fresh.component_names():
        with contextlib.suppress(ClientError):
            CopyScaling(aws, name).api.deregister_scalable_target(**CopyScaling(aws, name).key)
        fresh.delete_component(name)


@contextlib.contextmanager
def calls(components: Components, endpoint: str, component: str, body: str, callers: int) -> Iterator[None]:
    """Call the component all the time."""
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            with contextlib.suppress(ClientError):
                components.ask(endpoint, component, body)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_an_idle_component_scales_to_zero_and_a_call_wakes_it(components: Components) -> None:
    endpoint = components.host(scaled=(0, 2))
    name = components.component(endpoint)
    scaling = CopyScaling(components.aws, name)
    scaling.register(0, 2)
    scaling.follow(PER_COPY, 10)
    alarm = scaling.wake()
    until(lambda: components.copies(name) == 0, seconds=30, what="no copies")
    until(lambda: components.instances(endpoint) == 0, what="no instances")

    with pytest.raises(ClientError, match="has no capacity to process this request"):
        components.ask(endpoint, name)
    scaling.in_alarm(alarm)

    def answered() -> str | None:
        try:
            return components.ask(endpoint, name)
        except ClientError:
            # As patient as a client: each further call would be one more datapoint.
            time.sleep(0.3)
            return None

    assert until(answered, what="the component answers again") == "puppet"
    assert components.instances(endpoint) == 1
    causes = [each["Cause"] for each in reversed(scaling.activities())]
    assert "-AlarmLow-" in causes[0]
    assert f"monitor alarm {alarm} in state ALARM triggered policy wake" in causes[1]


def test_concurrent_requests_add_copies(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    scaling = CopyScaling(components.aws, name)
    scaling.register(1, 3)
    scaling.follow(CONCURRENT, 1)
    with calls(components, endpoint, name, "sleep 0.2", callers=4):
        until(lambda: components.copies(name) > 1, seconds=30, what="a second copy")


def test_a_component_without_room_fails_the_activity(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint, components.specification(NumberOfCpuCoresRequired=2))
    scaling = CopyScaling(components.aws, name)
    scaling.register(2, 2)
    (activity,) = until(
        lambda: [each for each in scaling.activities() if each["StatusCode"] == "Failed"],
        what="a failed activity",
    )
    assert activity["Description"] == "Setting desired copy count to 2."
    assert components.copies(name) == 1


def test_what_does_not_exist_cannot_be_scaled(components: Components) -> None:
    with pytest.raises(ClientError, match="Could not find inference component"):
        CopyScaling(components.aws, "nowhere").register(0, 1)
