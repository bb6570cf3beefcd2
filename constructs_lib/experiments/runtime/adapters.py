"""What the controller sees of SageMaker and CloudWatch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .emf import NAMESPACE
from .look import Measure, Seen

_IN_SERVICE = "InService"


class SageMakerEndpoint:
    """An endpoint."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def see(self) -> Seen:
        """DescribeEndpoint."""
        found = self._client.describe_endpoint(EndpointName=self._name)
        variants = found.get("ProductionVariants", ())
        return Seen(
            status=found["EndpointStatus"],
            weights={each["VariantName"]: float(each.get("CurrentWeight", 0.0)) for each in variants},
        )

    def weigh(self, weights: Mapping[str, float]) -> None:
        """UpdateEndpointWeightsAndCapacities; an endpoint that something else changes refuses it."""
        wanted = [{"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()]
        try:
            self._client.update_endpoint_weights_and_capacities(
                EndpointName=self._name, DesiredWeightsAndCapacities=wanted
            )
        except self._client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code != "ValidationException" or self.see().status == _IN_SERVICE:
                raise


class CloudWatchAlarms:
    """Alarms, composite ones too; at most a hundred."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def alarming(self, names: Collection[str]) -> set[str]:
        """Those in alarm. One that does not exist, or has no data, is not."""
        if not names:
            return set()
        asked = {"AlarmNames": sorted(names), "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        pages = self._client.get_paginator("describe_alarms").paginate(**asked, StateValue="ALARM")
        return {
            alarm["AlarmName"]
            for page in pages
            for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
        }


class CloudWatchMetrics:
    """The metrics of an experiment."""

    def __init__(self, client: Any, experiment: str) -> None:
        self._client = client
        self._experiment = experiment

    def put(self, measures: Sequence[Measure]) -> None:
        """PutMetricData; a look has far fewer than the 1,000 that it takes."""
        self._client.put_metric_data(Namespace=NAMESPACE, MetricData=[self._datum(each) for each in measures])

    def _datum(self, measure: Measure) -> dict[str, Any]:
        dimensions = [{"Name": "Experiment", "Value": self._experiment}]
        if measure.arm is not None:
            dimensions.append({"Name": "Arm", "Value": measure.arm})
        return {"MetricName": measure.name, "Value": measure.value, "Dimensions": dimensions}
