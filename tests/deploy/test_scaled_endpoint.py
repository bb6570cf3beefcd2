"""A scaled endpoint changes in ways that Application Auto Scaling stands against, by plain `cdk deploy`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import Account
from tools.cdk_cli import Cdk, CdkError
from tools.embedded_aws import until

BOTH = "A:ml.m5.large,B:ml.m5.large"


@pytest.fixture
def cdk(account: Account) -> Iterator[Cdk]:
    cli = account.cdk("scaled")
    yield cli
    cli.run("destroy", "Scaled", "--force")


def scaling_of(account: Account, variant: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The scalable target of a variant, and the names of its policies."""
    client = account.aws.client("application-autoscaling")
    resource = f"endpoint/scaled/variant/{variant}"
    targets = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    policies = client.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
    found = targets["ScalableTargets"]
    return (found[0] if found else None), sorted(each["PolicyName"] for each in policies["ScalingPolicies"])


def instance_types(account: Account) -> dict[str, str]:
    """Variant → instance type that the endpoint really runs."""
    client = account.aws.client("sagemaker")
    config = client.describe_endpoint(EndpointName="scaled")["EndpointConfigName"]
    found = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    return {each["VariantName"]: each["InstanceType"] for each in found}


def remembered(account: Account, variant: str) -> list[str]:
    """What the deploy guard has released of a variant and not yet restored; of one that is gone it keeps it."""
    found = account.aws.client("ssm").get_parameters_by_path(Path="/constructs-lib", Recursive=True)[
        "Parameters"
    ]
    return [each["Name"] for each in found if each["Name"].endswith(f"/{variant}")]


def is_scaled(account: Account, variant: str) -> bool:
    target, policies = scaling_of(account, variant)
    whole = (target or {}).get("MinCapacity") == 1 and (target or {}).get("MaxCapacity") == 3
    return whole and policies == [f"{variant}-Cpu", f"{variant}-Invocations"]


@pytest.fixture
def broken_model(tmp_path: Path) -> Path:
    (tmp_path / "model.json").write_text(json.dumps({"version": "broken"}))
    return tmp_path


@pytest.mark.deploy
def test_instance_type_changes_and_scaling_survives(account: Account, cdk: Cdk) -> None:
    cdk.deploy("Scaled", context={"variants": "A:ml.m5.large"})
    assert is_scaled(account, "A")

    cdk.deploy("Scaled", context={"variants": "A:ml.c5.large"})

    assert instance_types(account) == {"A": "ml.c5.large"}
    assert is_scaled(account, "A")


@pytest.mark.deploy
def test_a_scaled_variant_goes(account: Account, cdk: Cdk) -> None:
    cdk.deploy("Scaled", context={"variants": BOTH})
    assert is_scaled(account, "A")
    assert is_scaled(account, "B")

    cdk.deploy("Scaled", context={"variants": "A:ml.m5.large", "rollout": "unguarded"})

    assert instance_types(account) == {"A": "ml.m5.large"}
    assert is_scaled(account, "A")
    assert scaling_of(account, "B") == (None, [])


@pytest.mark.deploy
def test_a_failed_change_of_type_rolls_back_and_scaling_survives(
    account: Account, cdk: Cdk, broken_model: Path
) -> None:
    cdk.deploy("Scaled", context={"variants": "A:ml.m5.large"})

    with pytest.raises(CdkError, match="ROLLBACK"):
        cdk.deploy("Scaled", context={"variants": "A:ml.c5.large", "model": str(broken_model)})

    assert instance_types(account) == {"A": "ml.m5.large"}
    # Through EventBridge, so a moment later.
    until(lambda: is_scaled(account, "A"), seconds=30, what="scaling restored after the rollback")
    until(lambda: not remembered(account, "A"), seconds=30, what="what was released forgotten once restored")


@pytest.mark.deploy
def test_without_the_guard_the_change_fails_as_on_aws(account: Account, cdk: Cdk) -> None:
    cdk.deploy("Scaled", context={"variants": "A:ml.m5.large", "guard": "no"})

    with pytest.raises(CdkError, match="deregistered"):
        cdk.deploy("Scaled", context={"variants": "A:ml.c5.large", "guard": "no"})

    assert instance_types(account) == {"A": "ml.m5.large"}
