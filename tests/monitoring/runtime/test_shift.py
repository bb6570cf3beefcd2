"""Traffic goes to one variant when an alarm goes off."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from constructs_lib.monitoring.runtime.shift import NotReadyError, handle, shifted
from tests.support.fake_aws import FakeAws, Params, Refused

EVENT = {"endpoint": "fraud", "to": "previous", "alarm": "Fraud-DataQuality-Violations"}


class Endpoint(FakeAws):
    """SageMaker, which takes weights."""

    def _UpdateEndpointWeightsAndCapacities(  # noqa: N802
        self,
        EndpointName: str,  # noqa: N803
        DesiredWeightsAndCapacities: list[Params],  # noqa: N803
    ) -> Params:
        found = self.endpoints[EndpointName]
        if found["EndpointStatus"] != "InService":
            raise Refused("ValidationException", "Cannot update in-progress endpoint")
        wanted = {each["VariantName"]: each["DesiredWeight"] for each in DesiredWeightsAndCapacities}
        for each in found["ProductionVariants"]:
            each["CurrentWeight"] = wanted[each["VariantName"]]
        return {"EndpointArn": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/fraud"}

    def weights(self) -> dict[str, float]:
        """The current ones."""
        found = self.endpoints["fraud"]["ProductionVariants"]
        return {each["VariantName"]: each["CurrentWeight"] for each in found}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    made = Endpoint()
    made.endpoints["fraud"] = described(current=0.8, previous=0.2, third=0.5)
    monkeypatch.setattr(boto3, "client", made.client)
    return made


def described(status: str = "InService", **weights: float) -> Params:
    variants = [{"VariantName": name, "CurrentWeight": weight} for name, weight in weights.items()]
    return {
        "EndpointStatus": status,
        "EndpointConfigName": "one",
        **({"ProductionVariants": variants} if variants else {}),
    }


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}),
        ({"a": 0.2, "b": 0.3, "c": 7.0}, {"a": 0.0, "b": 1.0, "c": 0.0}),
        ({"a": 1e-9, "b": 1.0}, {"a": 0.0, "b": 1.0}),
        ({"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 1.0}),
        ({"a": 0.0, "b": 1.0}, None),
        ({"a": 0.0, "b": 0.1}, None),
        ({"b": 1.0}, None),
    ],
)
def test_one_takes_all(current: dict[str, float], wanted: dict[str, float] | None) -> None:
    assert shifted(current, "b") == wanted


def test_a_variant_that_is_not_there_takes_none() -> None:
    with pytest.raises(ValueError, match="no variant b, but a, c"):
        shifted({"c": 1.0, "a": 0.0}, "b")


def test_all_traffic_goes_to_it(endpoint: Endpoint) -> None:
    answer = handle(EVENT, None)
    assert answer == {"shifted": True, "before": {"current": 0.8, "previous": 0.2, "third": 0.5}}
    assert endpoint.weights() == {"current": 0.0, "previous": 1.0, "third": 0.0}


def test_an_alarm_that_comes_twice_shifts_once(endpoint: Endpoint) -> None:
    handle(EVENT, None)
    assert handle(EVENT, None) == {"shifted": False}
    assert endpoint.calls.count("UpdateEndpointWeightsAndCapacities") == 1


@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "SystemUpdating", "Failed"])
@pytest.mark.parametrize(
    "weights", [{"current": 0.0, "previous": 1.0}, {"current": 1.0, "previous": 0.0}, {}]
)
def test_an_endpoint_that_is_not_ready_is_asked_again(
    endpoint: Endpoint, status: str, weights: dict[str, float]
) -> None:
    """Whatever its weights are now: an update may be giving traffic to the other at this moment."""
    endpoint.endpoints["fraud"] = described(status, **weights)
    with pytest.raises(NotReadyError, match=f"fraud is {status}"):
        handle(EVENT, None)
    assert endpoint.calls == ["DescribeEndpoint"]


def test_a_variant_that_is_gone_is_told(endpoint: Endpoint) -> None:
    with pytest.raises(ValueError, match="no variant gone"):
        handle({**EVENT, "to": "gone"}, None)


@pytest.mark.parametrize("event", [EVENT, {**EVENT, "endpoint": "another"}])
def test_what_sagemaker_refuses_is_raised(endpoint: Endpoint, event: dict[str, Any]) -> None:
    endpoint.refuse["UpdateEndpointWeightsAndCapacities"] = Refused("ThrottlingException", "Rate exceeded")
    with pytest.raises(ClientError, match=r"Rate exceeded|Could not find"):
        handle(event, None)
