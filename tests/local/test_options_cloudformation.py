"""Serverless and asynchronous endpoints through CloudFormation."""

from __future__ import annotations

from typing import Any

import pytest

from tools.embedded_aws import until

from .async_endpoint import OUTPUT, stored
from .hosting import BUCKET, Hosting
from .processes import model_processes
from .test_cloudformation import Stack


@pytest.fixture
def stack(hosting: Hosting) -> Stack:
    return Stack(hosting)


def variant_of(resources: dict[str, Any]) -> dict[str, Any]:
    (variant,) = resources["Config"]["Properties"]["ProductionVariants"]
    return dict(variant)


def serverless(stack: Stack, name: str, **config: Any) -> dict[str, Any]:
    """The resources of a serverless endpoint. Strings, as a parameter would give them."""
    resources = stack.resources(name)
    variant = variant_of(resources)
    del variant["InstanceType"], variant["InitialInstanceCount"]
    variant["ServerlessConfig"] = {"MemorySizeInMB": "2048", "MaxConcurrency": "2", **config}
    resources["Config"]["Properties"]["ProductionVariants"] = [variant]
    return resources


def test_a_serverless_endpoint(stack: Stack) -> None:
    assert stack.deploy(serverless(stack, "one")) == "CREATE_COMPLETE"
    endpoint = f"{stack.name}-e"
    assert stack.hosting.invoke(endpoint)[0] == "one"
    changed = serverless(stack, "two", ProvisionedConcurrency="1")
    assert stack.deploy(changed, update=True) == "UPDATE_COMPLETE"
    assert stack.hosting.invoke(endpoint)[0] == "two"
    (variant,) = stack.hosting.describe(endpoint)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {
        "MemorySizeInMB": 2048,
        "MaxConcurrency": 2,
        "ProvisionedConcurrency": 1,
    }
    stack.delete()
    assert model_processes(stack.hosting.aws) == set()


def test_a_serverless_configuration_that_is_refused_fails_the_stack(stack: Stack) -> None:
    assert stack.deploy(serverless(stack, "one", MemorySizeInMB="1500")) == "ROLLBACK_COMPLETE"
    assert "must be 1024, 2048, 3072, 4096, 5120 or 6144" in stack.failure()


def test_an_asynchronous_endpoint(stack: Stack) -> None:
    resources = stack.resources("one")
    resources["Done"] = {"Type": "AWS::SNS::Topic"}
    resources["Config"]["Properties"]["AsyncInferenceConfig"] = {
        "OutputConfig": {"S3OutputPath": OUTPUT, "NotificationConfig": {"SuccessTopic": {"Ref": "Done"}}},
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": "2"},
    }
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    endpoint, hosting = f"{stack.name}-e", stack.hosting
    shown = hosting.describe(endpoint)["AsyncInferenceConfig"]
    assert shown["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 2}
    assert shown["OutputConfig"]["NotificationConfig"]["SuccessTopic"] == stack.outputs()["Done"]
    hosting.aws.client("s3").put_object(Bucket=BUCKET, Key="in", Body=b"")
    answer = hosting.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=f"s3://{BUCKET}/in")
    until(lambda: stored(hosting, answer["OutputLocation"]) == b"one", what="the result")
    stack.delete()
    assert model_processes(hosting.aws) == set()
