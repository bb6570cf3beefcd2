"""The instances below inference components: who finds room, and what AWS refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tools.embedded_aws import until

from .components import HALF_AN_INSTANCE, Components
from .hosting import IMAGE, ROLE, error_of
from .test_multi_model import Models
from .test_pipelines import DIRECT, links, pipeline

NO_ROOM = "There is not enough hardware resources on the instances for this endpoint"


def test_the_fleet_grows_to_its_maximum_and_refuses_beyond(components: Components) -> None:
    endpoint = components.host(scaled=(0, 2))
    big = components.specification(memory=HALF_AN_INSTANCE)
    name = components.component(endpoint, big, copies=2)
    assert components.instances(endpoint) == 1
    assert components.resize(name, 4)["RuntimeConfig"]["CurrentCopyCount"] == 4
    assert components.instances(endpoint) == 2
    other = components.begin(endpoint, big)
    described = components.component_settled(other)
    assert described["InferenceComponentStatus"] == "Failed"
    assert NO_ROOM in described["FailureReason"]
    assert components.instances(endpoint) == 2


def test_a_resize_places_what_fits_and_says_that_it_was_not_all(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint, components.specification(memory=HALF_AN_INSTANCE))
    described = components.resize(name, 3)
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert NO_ROOM in described["FailureReason"]


def test_a_copy_waits_for_the_room_of_another(components: Components) -> None:
    endpoint = components.host()
    first = components.component(endpoint, components.specification(memory=2 * HALF_AN_INSTANCE))
    second = components.begin(endpoint, components.specification("second", memory=2 * HALF_AN_INSTANCE))
    components.sagemaker.delete_inference_component(InferenceComponentName=first)
    assert components.component_settled(second)["InferenceComponentStatus"] == "InService"


@pytest.mark.parametrize(
    "resources",
    [
        {"NumberOfCpuCoresRequired": 2.5},
        {"NumberOfAcceleratorDevicesRequired": 1},
        {"MinMemoryRequiredInMb": 9000},
    ],
)
def test_cores_accelerators_and_memory_count(components: Components, resources: dict[str, Any]) -> None:
    endpoint = components.host(scaled=(1, 4))
    specification = components.specification()
    specification["ComputeResourceRequirements"].update(resources)
    described = components.component_settled(components.begin(endpoint, specification))
    assert NO_ROOM in described["FailureReason"]
    assert components.instances(endpoint) == 1


def test_idle_instances_go_down_to_the_minimum(components: Components) -> None:
    endpoint = components.host(scaled=(1, 3))
    name = components.component(endpoint, components.specification(NumberOfCpuCoresRequired=2), copies=3)
    assert components.instances(endpoint) == 3
    components.resize(name, 0)
    assert components.instances(endpoint) == 3, "not at once"
    until(lambda: components.instances(endpoint) == 1, what="two instances are released")


@pytest.mark.parametrize(("strategy", "kept"), [("SPREAD", 2), ("BINPACK", 1)])
def test_copies_are_spread_or_packed_as_asked(components: Components, strategy: str, kept: int) -> None:
    endpoint = components.host(scaled=(1, 2), initial=2)
    specification = components.specification(memory=1000)
    specification["SchedulingConfig"] = {"PlacementStrategy": strategy}
    components.component(endpoint, specification, copies=2)
    # Longer than an instance without copies is kept.
    time.sleep(2)
    assert components.instances(endpoint) == kept


def test_an_update_of_the_endpoint_takes_the_copies_along(components: Components) -> None:
    endpoint = components.host(scaled=(1, 1))
    name = components.component(endpoint, components.specification(memory=HALF_AN_INSTANCE), copies=2)
    pids = {components.ask(endpoint, name, "pid") for _ in range(10)}
    larger = components.host_config(scaled=(1, 3))
    components.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=larger)
    assert "in-progress endpoint" in error_of(lambda: components.resize(name, 1))[1]
    meanwhile = components.specification()
    assert "in-progress endpoint" in error_of(lambda: components.begin(endpoint, meanwhile))[1]
    assert components.settled(endpoint)["EndpointConfigName"] == larger
    assert components.ask(endpoint, name, "pid") in pids
    assert components.resize(name, 3)["RuntimeConfig"]["CurrentCopyCount"] == 3
    assert components.instances(endpoint) == 2
    too_small = components.host_config(scaled=(1, 1))
    components.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=too_small)
    described = components.settled(endpoint)
    assert described["EndpointConfigName"] == larger
    assert NO_ROOM in described["FailureReason"]
    with_a_model = components.puppet_config()
    refused = error_of(
        lambda: components.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=with_a_model)
    )
    assert "must keep an endpoint's inference components" in refused[1]


def scaling(**members: Any) -> dict[str, Any]:
    return {
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": 0,
            "MaxInstanceCount": 2,
            **members,
        }
    }


@pytest.mark.parametrize(
    ("variants", "members", "said"),
    [
        ([{}], {"ExecutionRoleArn": None}, "ExecutionRoleArn is required"),
        ([{}, {"VariantName": "b"}], {}, "exactly one production variant"),
        ([scaling(MinInstanceCount=3)], {}, "MinInstanceCount (3) must be less than or equal"),
        ([{**scaling(), "InitialInstanceCount": 3}], {}, "InitialInstanceCount (3) must be between"),
        ([scaling(MaxInstanceCount=None)], {}, "needs MinInstanceCount and MaxInstanceCount"),
        (
            [{"ModelName": "any", **scaling()}],
            {},
            "ManagedInstanceScaling is only supported for inference component endpoints.",
        ),
        ([{"InitialInstanceCount": None}], {}, "InitialInstanceCount is required"),
        (
            [
                {
                    "InstanceType": None,
                    "InitialInstanceCount": None,
                    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                }
            ],
            {},
            "ModelName is required for the serverless variant",
        ),
        (
            [{}],
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://results/"}}},
            "AsyncInferenceConfig is not supported",
        ),
    ],
)
def test_a_configuration_that_aws_refuses_is_refused(
    components: Components, variants: list[dict[str, Any]], members: dict[str, Any], said: str
) -> None:
    model = components.model()
    complete = [
        _given({"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **variant})
        for variant in variants
    ]
    for variant in complete:
        if "ModelName" in variant:
            variant["ModelName"] = model
    request = _given({"ExecutionRoleArn": ROLE, "ProductionVariants": complete, **members})
    refused = error_of(
        lambda: components.sagemaker.create_endpoint_config(EndpointConfigName="refused", **request)
    )
    assert refused[0] == "ValidationException"
    assert said in refused[1]


def _given(members: dict[str, Any]) -> dict[str, Any]:
    """Without what is None, at any depth."""
    return {
        name: _given(value) if isinstance(value, dict) else value
        for name, value in members.items()
        if value is not None
    }


NEEDS = {"MinMemoryRequiredInMb": 256}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"RuntimeConfig": {"CopyCount": 0}}, "copy count an integer larger than 0"),
        ({"EndpointName": "nowhere"}, "Could not find endpoint"),
        ({"VariantName": "other"}, 'Variant(s) "other" not found'),
        ({"Specification": {"ComputeResourceRequirements": NEEDS}}, "exactly one of ModelName and Container"),
        (
            {"Specification": {"ModelName": "nowhere", "ComputeResourceRequirements": NEEDS}},
            "Could not find model",
        ),
        ({"Specification": {"Container": {"Image": IMAGE}}}, "ComputeResourceRequirements is required"),
        (
            {
                "Specification": {
                    "Container": {"Image": IMAGE},
                    "ComputeResourceRequirements": {**NEEDS, "MaxMemoryRequiredInMb": 128},
                }
            },
            "MaxMemoryRequiredInMb (128) must be greater than or equal",
        ),
        (
            {
                "Specification": {
                    "Container": {"Image": IMAGE, "ArtifactUrl": "s3://models/lost.tar.gz"},
                    "ComputeResourceRequirements": NEEDS,
                }
            },
            "Could not find model data",
        ),
        ({"Specification": {"BaseInferenceComponentName": "base"}}, "is not emulated"),
    ],
)
def test_a_component_that_aws_refuses_is_refused(
    components: Components, members: dict[str, Any], said: str
) -> None:
    endpoint = components.host()
    request = {
        "InferenceComponentName": "refused",
        "EndpointName": endpoint,
        "VariantName": "main",
        "Specification": {"Container": {"Image": IMAGE}, "ComputeResourceRequirements": NEEDS},
        **members,
    }
    refused = error_of(lambda: components.sagemaker.create_inference_component(**request))
    assert refused[0] == "ValidationException"
    assert said in refused[1]
    assert components.component_names() == []


def test_what_does_not_go_together_is_refused(components: Components) -> None:
    endpoint, plain = components.host(), components.endpoint(components.puppet_config())
    name = components.component(endpoint)
    assert (
        "already existing inference component"
        in error_of(
            lambda: components.sagemaker.create_inference_component(
                InferenceComponentName=name, EndpointName=endpoint, Specification=components.specification()
            )
        )[1]
    )
    assert error_of(lambda: components.begin(plain, components.specification()))[1] == (
        "Inference Components are not supported in this Endpoint. Please make sure this endpoint can deploy "
        "inference components."
    )
    assert error_of(lambda: components.invoke(endpoint)) == (
        "ValidationError",
        "Inference Component Name header is required for endpoints to which you plan to deploy inference "
        "components. Please include Inference Component Name header or consider using SageMaker models.",
    )
    code, message = error_of(lambda: components.ask(plain, name))
    assert code == "ValidationError"
    assert message.startswith("Inference Component Name header is not allowed for endpoints")
    assert "not found" in error_of(lambda: components.ask(endpoint, "other"))[1]
    weights = [{"VariantName": "main", "DesiredWeight": 2}]
    assert (
        "not emulated"
        in error_of(
            lambda: components.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=endpoint, DesiredWeightsAndCapacities=weights
            )
        )[1]
    )


@pytest.mark.parametrize(
    "model",
    [
        lambda components: pipeline(components, links(components, "a", "b")),
        lambda components: pipeline(components, links(components, "a", "b", host_names=True), **DIRECT),
        lambda components: Models(components).model(),
    ],
    ids=["pipeline", "direct", "multi-model"],
)
def test_a_component_runs_one_container_with_one_model(
    components: Components, model: Callable[[Components], str]
) -> None:
    endpoint, name = components.host(), model(components)
    refused = error_of(lambda: components.begin(endpoint, components.model_specification(name)))
    assert refused[0] == "ValidationException"
    assert "one container with one model" in refused[1]
    assert components.component_names() == []
    serving = components.component(endpoint)
    refused = error_of(lambda: components.replace(serving, components.model_specification(name)))
    assert "one container with one model" in refused[1]
    assert components.ask(endpoint, serving) == "puppet"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"TargetModel": "a.tar.gz"}, "is not a multi-model endpoint"),
        ({"TargetContainerHostname": "a"}, "is not configured for direct invocation"),
    ],
)
def test_a_component_has_no_target(components: Components, target: dict[str, str], said: str) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    code, message = error_of(lambda: components.invoke(endpoint, InferenceComponentName=name, **target))
    assert code == "ValidationError"
    assert said in message


def test_more_copies_than_this_machine_has_processes_are_refused(components: Components) -> None:
    name = components.component(components.host(scaled=(1, 9)))
    refused = error_of(lambda: components.resize(name, 17))
    assert refused[0] == "ResourceLimitExceeded"
    assert components.resize(name, 2)["RuntimeConfig"]["CurrentCopyCount"] == 2
