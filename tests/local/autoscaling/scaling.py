"""Application Auto Scaling of one variant, through boto3; and metrics to drive it with."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
NAMESPACE = "Test"


class Scaling:
    """One variant and its scalable target."""

    def __init__(self, aws: LocalAws, endpoint: str, variant: str, dimension: str = INSTANCES) -> None:
        self.api = aws.client("application-autoscaling")
        self.cloudwatch = aws.client("cloudwatch")
        self.sagemaker = aws.client("sagemaker")
        self.endpoint = endpoint
        self.variant = variant
        self.key = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
            "ScalableDimension": dimension,
        }

    def register(self, minimum: int = 1, maximum: int = 4, **members: Any) -> str:
        """Register the variant; the ARN of the target."""
        answer = self.api.register_scalable_target(
            **self.key, MinCapacity=minimum, MaxCapacity=maximum, **members
        )
        return str(answer["ScalableTargetARN"])

    def suspend(self, **switches: bool) -> None:
        """Turn the three switches: the named ones on, the others off."""
        self.api.register_scalable_target(**self.key, SuspendedState=switches)

    def track(
        self, target: float, *, name: str = "tracking", metric: str | None = None, **members: Any
    ) -> dict[str, Any]:
        """Put a target tracking policy, on InvocationsPerInstance or on a metric of our own."""
        specification: dict[str, Any] = {
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            }
        }
        if metric is not None:
            own = {"MetricName": metric, "Namespace": NAMESPACE, "Statistic": "Average"}
            specification = {"CustomizedMetricSpecification": own}
        return self.put("TargetTrackingScaling", name, {"TargetValue": target, **specification, **members})

    def put(self, policy_type: str, name: str, configuration: dict[str, Any]) -> dict[str, Any]:
        """PutScalingPolicy."""
        members = {f"{policy_type}PolicyConfiguration": configuration}
        return dict(
            self.api.put_scaling_policy(**self.key, PolicyName=name, PolicyType=policy_type, **members)
        )

    def schedule(self, name: str, expression: str, *, timezone: str | None = None, **action: int) -> None:
        """PutScheduledAction."""
        zone = {} if timezone is None else {"Timezone": timezone}
        self.api.put_scheduled_action(
            **self.key, ScheduledActionName=name, Schedule=expression, ScalableTargetAction=action, **zone
        )

    def targets(self) -> list[dict[str, Any]]:
        """The scalable targets of this variant."""
        found = self.api.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[self.key["ResourceId"]]
        )
        return list(found["ScalableTargets"])

    def policies(self) -> list[dict[str, Any]]:
        """Its policies."""
        found = self.api.describe_scaling_policies(
            ServiceNamespace="sagemaker", ResourceId=self.key["ResourceId"]
        )
        return list(found["ScalingPolicies"])

    def activities(self, **members: Any) -> list[dict[str, Any]]:
        """Its activities, the latest first."""
        found = self.api.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.key["ResourceId"], **members
        )
        return list(found["ScalingActivities"])

    def instances(self) -> int:
        """How many there are."""
        described = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return int(
            next(one for one in described["ProductionVariants"] if one["VariantName"] == self.variant)[
                "CurrentInstanceCount"
            ]
        )

    def reaches(self, count: int, *, seconds: float = 20) -> None:
        """Wait until there are so many instances and the endpoint is at rest."""
        until(
            lambda: self.instances() == count and self.at_rest(), seconds=seconds, what=f"{count} instances"
        )

    def at_rest(self) -> bool:
        """Is nothing being changed?"""
        return bool(
            self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointStatus"] == "InService"
        )

    def rounds_pass(self) -> None:
        """Wait until the loop has looked at this target again: it has run an action that changes nothing."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            name = f"witness-{uuid.uuid4().hex[:8]}"
            self.schedule(name, soon(), MaxCapacity=self.targets()[0]["MaxCapacity"])
            # On a busy machine the moment may have passed before the action was there.
            with contextlib.suppress(AssertionError):
                until(partial(self.has_run, name), seconds=3)
                return
        raise AssertionError("the loop does not look at the target")

    def has_run(self, action: str) -> bool:
        """Has the scheduled action of this name run?"""
        return any(
            one["Cause"] == f"scheduled action name {action} was triggered" for one in self.activities()
        )

    def alarm(self, policy_arn: str, metric: str, comparison: str, threshold: float) -> str:
        """An alarm of our own that calls a policy after one period; its name."""
        name = f"alarm-{uuid.uuid4().hex[:8]}"
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmActions=[policy_arn],
            Namespace=NAMESPACE,
            MetricName=metric,
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator=comparison,
        )
        return name

    def alarm_state(self, name: str) -> str:
        """The state of an alarm."""
        return str(self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    def in_alarm(self, name: str) -> None:
        """Wait until the alarm is in ALARM."""
        until(lambda: self.alarm_state(name) == "ALARM", what=f"{name} in ALARM")

    def forget(self) -> None:
        """Deregister, and go back to one instance."""
        with contextlib.suppress(self.api.exceptions.ObjectNotFoundException):
            self.api.deregister_scalable_target(**self.key)
        until(self.at_rest, what="the endpoint is at rest")
        if self.instances() != 1:
            wanted = [{"VariantName": self.variant, "DesiredInstanceCount": 1}]
            self.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=self.endpoint, DesiredWeightsAndCapacities=wanted
            )
            self.reaches(1)


def soon() -> str:
    """The schedule of something that runs within two seconds: at the next full second but for a margin."""
    return (datetime.now(UTC) + timedelta(seconds=1.6)).strftime("at(%Y-%m-%dT%H:%M:%S)")


class Metric:
    """A metric of our own that has one value until it is given another."""

    def __init__(self, scaling: Scaling, name: str) -> None:
        self.name = name
        self._cloudwatch = scaling.cloudwatch
        self._stop = threading.Event()
        self._value: float | None = None

    def becomes(self, value: float | None) -> None:
        """The value from now on; ``None``: no data."""
        self._value = value

    def run(self) -> None:
        """Put the value again and again."""
        while not self._stop.wait(0.1):
            value = self._value
            if value is not None:
                data = [{"MetricName": self.name, "Value": value}]
                self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def end(self) -> None:
        """Stop putting it."""
        self._stop.set()


@contextlib.contextmanager
def metric(scaling: Scaling) -> Iterator[Metric]:
    """A metric that nobody else has."""
    feed = Metric(scaling, f"load-{uuid.uuid4().hex[:8]}")
    thread = threading.Thread(target=feed.run, daemon=True)
    thread.start()
    try:
        yield feed
    finally:
        feed.end()
        thread.join()


def raw(aws: LocalAws, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send JSON as it is."""
    credential = f"{ACCOUNT}/20260101/{REGION}/application-autoscaling/aws4_request"
    headers = {
        "X-Amz-Target": f"AnyScaleFrontendService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}",
    }
    call = urllib.request.Request(aws.url, json.dumps(request).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
