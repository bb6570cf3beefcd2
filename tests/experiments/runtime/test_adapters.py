"""SageMaker and CloudWatch as the controller sees them."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from constructs_lib.experiments.runtime.adapters import CloudWatchAlarms, CloudWatchMetrics, SageMakerEndpoint
from constructs_lib.experiments.runtime.look import Measure

ENDPOINT = {"EndpointName": "pricing"}
WANTED = {
    "EndpointName": "pricing",
    "DesiredWeightsAndCapacities": [
        {"VariantName": "a", "DesiredWeight": 0.25},
        {"VariantName": "b", "DesiredWeight": 0.75},
    ],
}
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/pricing"


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.Session("test", "test", region_name="eu-west-1").client(service)
    return client, Stubber(client)


def described(status: str, **weights: float) -> dict[str, Any]:
    variants = [{"VariantName": name, "CurrentWeight": weight} for name, weight in weights.items()]
    return {
        "EndpointName": "pricing",
        "EndpointArn": ARN,
        "EndpointStatus": status,
        "CreationTime": 0,
        "LastModifiedTime": 0,
        **({"ProductionVariants": variants} if variants else {}),
    }


def test_an_endpoint_is_seen_with_its_weights() -> None:
    client, stub = stubbed("sagemaker")
    stub.add_response("describe_endpoint", described("InService", a=1.0, b=3.0), ENDPOINT)
    with stub:
        seen = SageMakerEndpoint(client, "pricing").see()
    assert (seen.status, seen.weights) == ("InService", {"a": 1.0, "b": 3.0})
    assert seen.ready(["a", "b"])
    assert not seen.ready(["a", "c"])


def test_an_endpoint_that_is_being_made_has_no_variants() -> None:
    client, stub = stubbed("sagemaker")
    stub.add_response("describe_endpoint", described("Creating"), ENDPOINT)
    with stub:
        assert not SageMakerEndpoint(client, "pricing").see().ready(["a"])


def test_only_weights_are_asked_for() -> None:
    client, stub = stubbed("sagemaker")
    stub.add_response("update_endpoint_weights_and_capacities", {"EndpointArn": ARN}, WANTED)
    with stub:
        SageMakerEndpoint(client, "pricing").weigh({"a": 0.25, "b": 0.75})
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "status", "raises"), [
    ("ValidationException", "Updating", False),  # somebody else was faster
    ("ValidationException", "InService", True),
    ("AccessDeniedException", "Updating", True),
])  # fmt: skip
def test_a_refusal_is_no_error_while_the_endpoint_is_busy(code: str, status: str, raises: bool) -> None:
    client, stub = stubbed("sagemaker")
    stub.add_client_error("update_endpoint_weights_and_capacities", code)
    stub.add_response("describe_endpoint", described(status), ENDPOINT)
    endpoint = SageMakerEndpoint(client, "pricing")
    with stub:
        if raises:
            with pytest.raises(ClientError, match=code):
                endpoint.weigh({"a": 1.0})
        else:
            endpoint.weigh({"a": 1.0})


def test_alarms_of_both_kinds_are_looked_at_on_all_pages() -> None:
    client, stub = stubbed("cloudwatch")
    asked = {"AlarmNames": ["x", "y"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "StateValue": "ALARM"}
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "x"}], "NextToken": "more"}, asked)
    last = {"CompositeAlarms": [{"AlarmName": "y"}]}
    stub.add_response("describe_alarms", last, {**asked, "NextToken": "more"})
    with stub:
        assert CloudWatchAlarms(client).alarming({"y", "x"}) == {"x", "y"}


def test_without_guardrails_no_alarm_is_looked_at() -> None:
    client, stub = stubbed("cloudwatch")
    with stub:
        assert CloudWatchAlarms(client).alarming(set()) == set()


def test_measures_have_their_dimensions() -> None:
    client, stub = stubbed("cloudwatch")
    experiment = {"Name": "Experiment", "Value": "pricing"}
    arm = {"Name": "Arm", "Value": "bold"}
    told = [
        {"MetricName": "Epoch", "Value": 3.0, "Dimensions": [experiment]},
        {"MetricName": "Weight", "Value": 0.5, "Dimensions": [experiment, arm]},
    ]
    stub.add_response("put_metric_data", {}, {"Namespace": "ConstructsLib/Experiments", "MetricData": told})
    with stub:
        CloudWatchMetrics(client, "pricing").put([Measure("Epoch", 3.0), Measure("Weight", 0.5, "bold")])
    stub.assert_no_pending_responses()
