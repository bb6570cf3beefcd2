"""Grants are exactly what they say, where IAM is enforced."""

from __future__ import annotations

import json

import pytest

from tests.deploy.conftest import Account

ROW = ",".join(["1"] * 30)


@pytest.mark.deploy
def test_only_the_grantee_may_invoke(strict_account: Account) -> None:
    strict_account.cdk("granted").run("bootstrap")
    strict_account.cdk("granted").deploy("Granted")
    functions = strict_account.aws.client("lambda")
    request = json.dumps({"endpoint": "granted", "body": ROW}).encode()

    allowed = functions.invoke(FunctionName="allowed", Payload=request)
    denied = functions.invoke(FunctionName="denied", Payload=request)

    assert "FunctionError" not in allowed, allowed["Payload"].read()
    assert json.loads(json.loads(allowed["Payload"].read()))["version"] == "1"
    assert "AccessDenied" in denied["Payload"].read().decode()
    assert denied.get("FunctionError")
