"""The provisioned concurrency of a serverless variant is scaled."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tools.embedded_aws import LocalAws, until

from ..hosting import Hosting, error_of
from ..processes import model_processes
from .scaling import CONCURRENCY, Scaling, soon

UTILIZATION = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}


@pytest.fixture
def serverless(aws: LocalAws) -> Iterator[Scaling]:
    hosting = Hosting(aws)
    config = hosting.name("config")
    variant = {
        "VariantName": "main",
        "ModelName": hosting.model(),
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 4, "ProvisionedConcurrency": 1},
    }
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    name = hosting.endpoint(config)
    yield Scaling(aws, name, "main", CONCURRENCY)
    hosting.settled(name)
    hosting.delete(name)


def provisioned(scaling: Scaling) -> int:
    (variant,) = scaling.sagemaker.describe_endpoint(EndpointName=scaling.endpoint)["ProductionVariants"]
    return int(variant["CurrentServerlessConfig"].get("ProvisionedConcurrency", 0))


def test_a_schedule_moves_it(aws: LocalAws, serverless: Scaling) -> None:
    before = len(model_processes(aws))
    serverless.register(1, 1)
    serverless.schedule("morning", soon(), MinCapacity=3, MaxCapacity=3)
    until(lambda: provisioned(serverless) == 3 and serverless.at_rest(), what="3 provisioned")
    assert len(model_processes(aws)) == before + 2
    descriptions = {one["Description"] for one in serverless.activities()}
    assert "Setting desired provisioned concurrency to 3." in descriptions


def test_it_follows_its_utilization_out_and_in(aws: LocalAws, serverless: Scaling) -> None:
    serverless.register(1, 2)
    tracking = {
        "TargetValue": 0.7,
        "PredefinedMetricSpecification": UTILIZATION,
        "ScaleInCooldown": 60,
        "ScaleOutCooldown": 60,
    }
    serverless.put("TargetTrackingScaling", "utilization", tracking)
    hosting, busy = Hosting(aws), threading.Event()

    def call() -> None:
        while not busy.is_set():
            hosting.invoke(serverless.endpoint, "sleep 0.2")

    caller = threading.Thread(target=call)
    caller.start()
    try:
        until(lambda: provisioned(serverless) == 2, what="2 provisioned")
    finally:
        busy.set()
        caller.join()
    until(lambda: provisioned(serverless) == 1, seconds=40, what="1 provisioned")


def test_refusals(aws: LocalAws, serverless: Scaling, scaling: Scaling) -> None:
    assert "less than 1" in error_of(lambda: serverless.register(0, 2))[1]
    instances = Scaling(aws, serverless.endpoint, "main")
    assert "has no instances" in error_of(lambda: instances.register(1, 2))[1]
    concurrency = Scaling(aws, scaling.endpoint, "main", CONCURRENCY)
    assert "not serverless" in error_of(lambda: concurrency.register(1, 2))[1]
