"""Serverless endpoints: processes that requests start, and that end when nobody needs them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tools.embedded_aws import until

from .hosting import BROKEN_CODE, SETOSA, Hosting, error_of, iris_archive
from .processes import model_processes
from .test_telemetry import values

CONFIG = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
ALL_AT_ONCE = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    }
}


def serverless(hosting: Hosting, model: str | None = None, **config: int) -> str:
    """A configuration of one serverless variant; its name."""
    variant = {
        "VariantName": "main",
        "ModelName": model or hosting.model(),
        "ServerlessConfig": CONFIG | config,
    }
    return create(hosting, [variant])


def create(hosting: Hosting, variants: list[dict[str, Any]], **members: Any) -> str:
    name = hosting.name("config")
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **members)
    return name


def shown(hosting: Hosting, endpoint: str) -> dict[str, Any]:
    (variant,) = hosting.describe(endpoint)["ProductionVariants"]
    return dict(variant)


def at_rest(hosting: Hosting) -> None:
    """Wait until no process is left, whoever started it."""
    until(lambda: not model_processes(hosting.aws), what="no model process")


def in_background(pool: ThreadPoolExecutor, hosting: Hosting, endpoint: str, body: str) -> Future[Any]:
    return pool.submit(hosting.invoke, endpoint, body)


def test_a_request_starts_a_process_which_ends_when_it_idles(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting))
    at_rest(hosting)
    first, _ = hosting.invoke(name, "pid")
    assert model_processes(hosting.aws) == {int(first)}
    assert hosting.invoke(name, "pid")[0] == first, "it was warm"
    at_rest(hosting)
    assert hosting.invoke(name, "pid")[0] != first
    until(lambda: values(hosting, name, "Invocations") == 3, what="the metrics")
    assert values(hosting, name, "ModelSetupTime", "SampleCount") == 2
    setup = values(hosting, name, "ModelSetupTime", "Minimum")
    assert 50_000 < setup < 20_000_000, "in microseconds"
    assert values(hosting, name, "OverheadLatency", "Maximum") >= setup, (
        "the overhead includes the cold start"
    )
    assert values(hosting, name, "ModelLatency", "Maximum") < setup, "the latency of the model does not"
    assert values(hosting, name, "ServerlessConcurrentExecutionsUtilization", "Maximum") == 0.5
    for metric in ("InvocationsPerInstance", "ConcurrentRequestsPerModel"):
        assert values(hosting, name, metric, "SampleCount") == 0, f"AWS does not publish {metric} here"


def test_a_real_model_fits_into_the_smallest_memory(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting, hosting.model(data=iris_archive())))
    assert hosting.invoke(name, SETOSA, ContentType="text/csv")[0] == "0"


def test_memory_is_limited_to_the_configured_size(hosting: Hosting) -> None:
    code = "def model_fn(d):\n    return bytearray(1500 * 1024 * 1024)\ndef transform_fn(*a):\n    return '', 'a/b'"
    model = hosting.model(code)
    name = hosting.name("endpoint")
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=serverless(hosting, model))
    described = hosting.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert "MemoryError" in described["FailureReason"]
    hosting.endpoint(serverless(hosting, model, MemorySizeInMB=2048))


def test_each_request_has_a_process_up_to_the_maximum(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting))
    with ThreadPoolExecutor(3) as pool:
        both = [in_background(pool, hosting, name, "sleep 1.5") for _ in range(2)]
        until(lambda: len(model_processes(hosting.aws)) == 2, what="two processes")
        with pytest.raises(hosting.runtime.exceptions.ClientError) as refused:
            hosting.invoke(name)
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert [each.result()[0] for each in both] == ["puppet", "puppet"]
    assert hosting.invoke(name)[0] == "puppet", "there is room again"


def test_provisioned_processes_are_warm_and_the_others_spill_over(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting, ProvisionedConcurrency=1))
    warm = until(lambda: len(found := model_processes(hosting.aws)) == 1 and found)
    assert {int(hosting.invoke(name, "pid")[0])} == warm
    with ThreadPoolExecutor(2) as pool:
        both = [in_background(pool, hosting, name, "sleep 1") for _ in range(2)]
        until(lambda: len(model_processes(hosting.aws)) == 2, what="a process on demand")
        assert [each.result()[0] for each in both] == ["puppet", "puppet"]
    until(lambda: model_processes(hosting.aws) == warm, what="the idle one ends, the provisioned one stays")
    until(lambda: values(hosting, name, "Invocations") == 3, what="the metrics")
    assert values(hosting, name, "ServerlessProvisionedConcurrencyInvocations") == 2
    assert values(hosting, name, "ServerlessProvisionedConcurrencySpilloverInvocations") == 1
    assert values(hosting, name, "ServerlessProvisionedConcurrencyUtilization", "Maximum") == 1
    assert values(hosting, name, "ServerlessProvisionedConcurrencyUtilization", "Minimum") == 0
    assert values(hosting, name, "ServerlessProvisionedConcurrencyExecutions", "Maximum") == 1


def test_the_concurrency_is_changed_in_place(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting))
    assert shown(hosting, name)["CurrentServerlessConfig"] == CONFIG
    assert shown(hosting, name)["CurrentInstanceCount"] == 0
    desire(hosting, name, ServerlessUpdateConfig={"MaxConcurrency": 3, "ProvisionedConcurrency": 2})
    wanted = {"MemorySizeInMB": 1024, "MaxConcurrency": 3, "ProvisionedConcurrency": 2}
    assert hosting.describe(name)["EndpointStatus"] == "Updating"
    assert shown(hosting, name)["DesiredServerlessConfig"] == wanted
    assert shown(hosting, name)["CurrentServerlessConfig"] == CONFIG
    hosting.settled(name)
    assert shown(hosting, name)["CurrentServerlessConfig"] == wanted
    assert len(model_processes(hosting.aws)) == 2
    desire(hosting, name, ServerlessUpdateConfig={"ProvisionedConcurrency": 1})
    hosting.settled(name)
    assert len(model_processes(hosting.aws)) == 1
    for capacity, said in (
        ({"ServerlessUpdateConfig": {"ProvisionedConcurrency": 4}}, "less than or equal to MaxConcurrency"),
        ({"DesiredInstanceCount": 2}, "serverless variant"),
        (
            {"ServerlessUpdateConfig": {"MaxConcurrency": 200, "ProvisionedConcurrency": 100}},
            "CONSTRUCTS_LOCAL",
        ),
    ):
        assert said in error_of(lambda capacity=capacity: desire(hosting, name, **capacity))[1]


def desire(hosting: Hosting, endpoint: str, **capacity: Any) -> None:
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "main", **capacity}]
    )


def test_a_process_that_dies_is_not_used_again(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting))
    first, _ = hosting.invoke(name, "pid")
    assert error_of(lambda: hosting.invoke(name, "die"))[0] == "ModelError"
    assert hosting.invoke(name, "pid")[0] != first


def test_a_process_that_takes_too_long_is_not_used_again(hosting: Hosting) -> None:
    """It is still busy with the request that nobody waits for any more."""
    name = hosting.endpoint(serverless(hosting))
    first, _ = hosting.invoke(name, "pid")
    assert error_of(lambda: hosting.invoke(name, "sleep 20"))[0] == "ModelError"
    assert hosting.invoke(name, "pid")[0] != first
    assert int(first) not in model_processes(hosting.aws)


def test_a_model_that_cannot_load_fails_the_endpoint(hosting: Hosting) -> None:
    name = hosting.name("endpoint")
    config = serverless(hosting, hosting.model(BROKEN_CODE))
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = hosting.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert "the weights are torn" in described["FailureReason"]


def test_a_model_that_cannot_start_again_is_not_ready(hosting: Hosting) -> None:
    """It loads once: when the endpoint is created."""
    code = """
import os, pathlib
def model_fn(model_dir):
    pathlib.Path(model_dir, "loaded").touch(exist_ok=False)
def transform_fn(*arguments):
    return "", "text/plain"
"""
    name = hosting.endpoint(serverless(hosting, hosting.model(code)))
    code_, message = error_of(lambda: hosting.invoke(name))
    assert code_ == "ModelNotReadyException"
    assert "FileExistsError" in message
    at_rest(hosting)


def test_deleting_the_endpoint_ends_every_process(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting, ProvisionedConcurrency=1, MaxConcurrency=3))
    with ThreadPoolExecutor(2) as pool:
        slow = [in_background(pool, hosting, name, "sleep 1") for _ in range(2)]
        until(lambda: len(model_processes(hosting.aws)) == 2, what="two processes")
        hosting.delete(name)
        assert model_processes(hosting.aws) == set()
        for each in slow:
            with pytest.raises(hosting.runtime.exceptions.ClientError):
                each.result()


def test_what_an_endpoint_may_become(hosting: Hosting) -> None:
    one, instances = serverless(hosting), hosting.puppet_config("instance")
    name = hosting.endpoint(one)

    def update(config: str, **members: Any) -> None:
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **members)

    assert "DeploymentConfig" in error_of(lambda: update(one, DeploymentConfig=ALL_AT_ONCE))[1]
    update(serverless(hosting, hosting.model(NAME="newer")))
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    assert hosting.invoke(name)[0] == "newer"
    update(instances, RetainAllVariantProperties=True)
    assert hosting.settled(name)["EndpointConfigName"] == instances
    assert hosting.invoke(name)[0] == "instance"
    assert shown(hosting, name)["CurrentInstanceCount"] == 1
    refused = error_of(lambda: update(one))
    assert refused[0] == "ValidationException"
    assert "cannot be updated to a serverless endpoint" in refused[1]
    capacity = {"ServerlessUpdateConfig": {"MaxConcurrency": 3}}
    assert "which has instances" in error_of(lambda: desire(hosting, name, **capacity))[1]


def test_the_payload_is_smaller_than_that_of_instances(hosting: Hosting) -> None:
    name = hosting.endpoint(serverless(hosting))
    code, message = error_of(lambda: hosting.invoke(name, b"x" * (4 * 1024 * 1024 + 1)))
    assert (code, "less than or equal to 4194304" in message) == ("ValidationError", True)


@pytest.mark.parametrize(
    ("config", "variant", "members", "said"),
    [
        ({"MemorySizeInMB": 1500}, {}, {}, "must be 1024, 2048, 3072, 4096, 5120 or 6144"),
        ({"MemorySizeInMB": 7168}, {}, {}, "Member must have value less than or equal to 6144"),
        ({"MaxConcurrency": 201}, {}, {}, "Member must have value less than or equal to 200"),
        ({"ProvisionedConcurrency": 3}, {}, {}, "ProvisionedConcurrency (3) must be less than or equal to"),
        ({}, {"InstanceType": "ml.m5.large"}, {}, "InstanceType must not be given"),
        ({}, {"InitialInstanceCount": 1}, {}, "InitialInstanceCount must not be given"),
        (
            {},
            {},
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}},
            "AsyncInferenceConfig",
        ),
        (
            {},
            {},
            {
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "s3://b/c",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "DataCaptureConfig is not supported",
        ),
        ({}, {}, {"VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["s"]}}, "VpcConfig is not supported"),
        ({}, {}, {"EnableNetworkIsolation": True}, "EnableNetworkIsolation is not supported"),
    ],
)
def test_refusals(
    hosting: Hosting, config: dict[str, Any], variant: dict[str, Any], members: dict[str, Any], said: str
) -> None:
    given = {"VariantName": "v", "ModelName": hosting.model(), "ServerlessConfig": CONFIG | config, **variant}
    code, message = error_of(lambda: create(hosting, [given], **members))
    assert code == "ValidationException"
    assert said in message


def test_one_variant_only(hosting: Hosting) -> None:
    model = hosting.model()
    variants = [{"VariantName": name, "ModelName": model, "ServerlessConfig": CONFIG} for name in "ab"]
    assert "only one production variant" in error_of(lambda: create(hosting, variants))[1]
    variants[1] = {
        "VariantName": "b",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    assert "only one production variant" in error_of(lambda: create(hosting, variants))[1]


def test_an_isolated_model_is_refused(hosting: Hosting) -> None:
    name = hosting.model()
    described = hosting.sagemaker.describe_model(ModelName=name)
    for members in (
        {"EnableNetworkIsolation": True},
        {"VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["s"]}},
    ):
        isolated = hosting.name("model")
        hosting.sagemaker.create_model(
            ModelName=isolated,
            PrimaryContainer=described["PrimaryContainer"],
            ExecutionRoleArn=described["ExecutionRoleArn"],
            **members,
        )
        refused = error_of(lambda isolated=isolated: serverless(hosting, isolated))
        assert "is not supported for serverless endpoints" in refused[1]


def test_several_containers_or_models_are_refused(hosting: Hosting) -> None:
    described = hosting.sagemaker.describe_model(ModelName=hosting.model())
    one = described["PrimaryContainer"]
    prefix = one["ModelDataUrl"].rsplit("/", 1)[0] + "/"
    for members, said in (
        ({"Containers": [one, one]}, "An inference pipeline"),
        (
            {"PrimaryContainer": {**one, "Mode": "MultiModel", "ModelDataUrl": prefix}},
            "A multi-model container",
        ),
    ):
        name = hosting.name("model")
        hosting.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=described["ExecutionRoleArn"], **members
        )
        refused = error_of(lambda name=name: serverless(hosting, name))
        assert f"{said} (model {name}) is not supported for serverless endpoints" in refused[1]
