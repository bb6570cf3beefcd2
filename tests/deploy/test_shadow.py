"""A challenger comes into the shadow of an endpoint that is there, and goes again; IAM is enforced."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.deploy.conftest import Account, early_in_an_hour
from tools.embedded_aws import until

ROW = ",".join(["1"] * 30)


@pytest.mark.deploy
def test_a_challenger_comes_and_goes_and_the_endpoint_stays(strict_account: Account) -> None:
    cdk, sagemaker = strict_account.cdk("shadowed"), strict_account.aws.client("sagemaker")
    runtime = strict_account.aws.client("sagemaker-runtime")

    def deployed(*, shadow: bool) -> dict[str, Any]:
        cdk.deploy("Shadowed", context={"shadow": str(shadow).lower()})
        return dict(sagemaker.describe_endpoint(EndpointName="shadowed"))

    cdk.run("bootstrap")
    before = deployed(shadow=False)
    during = deployed(shadow=True)
    assert during["CreationTime"] == before["CreationTime"], "the endpoint was replaced"
    assert [each["VariantName"] for each in during["ShadowProductionVariants"]] == ["New"]

    began = early_in_an_hour()
    for number in range(5):
        answer = runtime.invoke_endpoint(
            EndpointName="shadowed", ContentType="text/csv", Body=ROW, InferenceId=str(number)
        )
        assert answer["InvokedProductionVariant"] == "Old"
    assert until(lambda: pairs(strict_account, began) == 5, seconds=30, what="the comparison")

    after = deployed(shadow=False)
    assert after["CreationTime"] == before["CreationTime"]
    assert "ShadowProductionVariants" not in after
    cdk.run("destroy", "Shadowed", "--force")


def pairs(account: Account, at: datetime) -> int:
    """How many answers the deployed function compares, with no right but those of its role."""
    function = account.aws.outputs("Shadowed")["Comparison"]
    event = json.dumps({"at": at.isoformat()})
    called = account.aws.client("lambda").invoke(FunctionName=function, Payload=event)
    answered = json.loads(called["Payload"].read())
    assert "FunctionError" not in called, answered
    return int(answered["last"]["pairing"]["pairs"])
