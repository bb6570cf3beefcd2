"""What a template must say of what each kind of endpoint was given, beyond what all kinds are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk

from constructs_lib import (
    AsyncEndpoint,
    AsyncOutput,
    Comparison,
    ComponentEndpoint,
    InferencePipeline,
    MonitoredEndpoint,
    MultiModelEndpoint,
    RealtimeEndpoint,
    ServerlessEndpoint,
    ShadowTest,
)

from .made import Made
from .meaning import (
    assert_scaling,
    assert_size,
    assert_variant,
    expected,
    seconds,
    sleeps,
    variants_of,
)
from .synthesis import Synthesized

Meaning = Callable[[Made, Any, Synthesized], None]

UNGUARDED = (ServerlessEndpoint, ComponentEndpoint)
"""Without a rollout of the endpoint itself."""


def _realtime(described: Made, endpoint: RealtimeEndpoint, result: Synthesized) -> None:
    assert_scalings(variants_of(described), endpoint, result)


def assert_scalings(
    variants: Sequence[Mapping[str, Any]], endpoint: RealtimeEndpoint, result: Synthesized
) -> None:
    """Of the variants that have one."""
    scaled = {each["name"]: each["scaling"].given for each in variants if "scaling" in each}
    assert set(endpoint.scalings) == set(scaled)
    for name, scaling in scaled.items():
        assert_scaling(scaling, endpoint.scalings[name], result)


def _fleet(described: Made, endpoint: Any, result: Synthesized, also: tuple[str, ...] = ()) -> None:
    scaling = described.given.get("scaling")
    assert list(endpoint.scalings) == ([] if scaling is None else ["AllTraffic"])
    if scaling is not None:
        assert_scaling(scaling.given, endpoint.scalings["AllTraffic"], result, also=also)


def _serverless(described: Made, endpoint: ServerlessEndpoint, result: Synthesized) -> None:
    given = described.given
    (variant,) = result.properties(endpoint.cfn_endpoint_config)["ProductionVariants"]
    said = variant["ServerlessConfig"]
    assert said["MemorySizeInMB"] == 1024 * (given["memory"].args[0] if "memory" in given else 2)
    assert said["MaxConcurrency"] == given["max_concurrency"]
    scaling = given.get("scaling")
    least = None if scaling is None else scaling.given["min_capacity"]
    assert said.get("ProvisionedConcurrency") == given.get("provisioned_concurrency", least)
    assert "InstanceType" not in variant
    _fleet(described, endpoint, result)


def _asynchronous(described: Made, endpoint: AsyncEndpoint, result: Synthesized) -> None:
    config = result.properties(endpoint.cfn_endpoint_config)["AsyncInferenceConfig"]
    most = described.given.get("max_concurrent_invocations_per_instance")
    assert config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance") == most
    given = described.given.get("output", Made(AsyncOutput)).given
    said = config["OutputConfig"]
    assert _prefix(said["S3OutputPath"]) == given.get("prefix", "async-output")
    assert _prefix(said["S3FailurePath"]) == given.get("failure_prefix", "async-failures")
    assert ("KmsKeyId" in said) == ("encryption_key" in given)
    told = said.get("NotificationConfig", {})
    for topic in ("success", "error"):
        assert (f"{topic.title()}Topic" in told) == (f"{topic}_topic" in given)
        included = f"{topic.upper()}_NOTIFICATION_TOPIC" in told.get("IncludeInferenceResponseIn", [])
        assert included == given.get(f"include_response_in_{topic}", False)
    scaling = described.given.get("scaling")
    wakes = scaling is not None and sleeps(scaling.given)
    _fleet(described, endpoint, result, also=("WakeUp",) if wakes else ())


def _prefix(uri: Any) -> str:
    """``s3://bucket/a/b`` → ``a/b``, where the bucket may be a function."""
    whole = (
        uri if isinstance(uri, str) else "".join(part for part in uri["Fn::Join"][1] if isinstance(part, str))
    )
    return whole.removeprefix("s3://").partition("/")[2]


def _multi_model(described: Made, endpoint: MultiModelEndpoint, result: Synthesized) -> None:
    given = described.given
    container = result.properties(endpoint.model.cfn_model)["PrimaryContainer"]
    assert container["Mode"] == "MultiModel"
    setting = "Enabled" if given.get("cache", True) else "Disabled"
    assert container["MultiModelConfig"] == {"ModelCacheSetting": setting}
    prefix = given["models"].given["prefix"] if "models" in given else "models/"
    assert _prefix(container["ModelDataUrl"]) == prefix
    assert ("SAGEMAKER_SUBMIT_DIRECTORY" in container.get("Environment", {})) == ("code" in given)
    _environment(given["container"], container)
    added = {each.given["name"]: each.given for each in described.then}
    assert set(endpoint.hosted_models) == set(added)
    for name, hosted in endpoint.hosted_models.items():
        said = _placed(endpoint, name, result)
        assert said["Key"] == prefix + hosted.target_model
        assert hosted.target_model.startswith(f"{name}/" if added[name].get("pinned", True) else f"{name}.")
        assert said["Keep"] == str(added[name].get("removal_policy") is cdk.RemovalPolicy.RETAIN).lower()
    _network(given, result.properties(endpoint.model.cfn_model))
    _fleet(described, endpoint, result)


def _placed(endpoint: MultiModelEndpoint, name: str, result: Synthesized) -> Mapping[str, Any]:
    path = (name.replace("/", "--"), "Resource")
    place: Any = endpoint.node.find_child("Models")
    for step in path:
        place = place.node.find_child(step)
    return result.properties(place)


def _pipeline(described: Made, endpoint: InferencePipeline, result: Synthesized) -> None:
    given = described.given
    model = result.properties(endpoint.model.cfn_model)
    for one, said in zip(given["containers"], model["Containers"], strict=True):
        assert said.get("ContainerHostname") == one.given.get("hostname")
        assert said.get("ModelPackageName") == one.given.get("model_package")
        _environment(one, said)
    direct = given.get("direct_invocation", False)
    assert model.get("InferenceExecutionConfig") == ({"Mode": "Direct"} if direct else None)
    _network(given, model)
    _fleet(described, endpoint, result)


def _environment(container: Made, said: Mapping[str, Any]) -> None:
    given = container.given.get("environment", {})
    assert given.items() <= said.get("Environment", {}).items()


def _network(given: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Of a model, or of the configuration of an endpoint whose components share one network."""
    assert said.get("EnableNetworkIsolation", False) == given.get("network_isolation", False)
    assert ("VpcConfig" in said) == ("vpc" in given)
    if "vpc" in given:
        groups = len(given.get("security_groups", [None]))
        assert len(said["VpcConfig"]["SecurityGroupIds"]) == groups
        assert len(said["VpcConfig"]["Subnets"]) == 2
    role = given.get("role")
    if role is not None and role.name == "ImportedRole":
        assert str(said["ExecutionRoleArn"]).endswith(":role/fraud")


def _components(described: Made, endpoint: ComponentEndpoint, result: Synthesized) -> None:
    given = described.given
    config = result.properties(endpoint.cfn_endpoint_config)
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["InstanceType"] == expected(given["instance_type"])
    managed = given["managed_scaling"].given if "managed_scaling" in given else None
    least = 2 if managed is None else max(1, managed["min_count"])
    assert variant["InitialInstanceCount"] == given.get("instance_count", least)
    assert variant.get("ManagedInstanceScaling") == (
        None
        if managed is None
        else {
            "Status": "ENABLED",
            "MinInstanceCount": managed["min_count"],
            "MaxInstanceCount": managed["max_count"],
        }
    )
    routing = given.get("routing")
    assert variant.get("RoutingConfig", {}).get("RoutingStrategy") == (routing and routing.value)
    _network(given, config)
    assert set(endpoint.components) == {each.args[0] for each in described.then}
    for each in described.then:
        _component(each.given, endpoint.components[each.args[0]], result)


def _component(given: Mapping[str, Any], component: Any, result: Synthesized) -> None:
    said = result.properties(component.cfn_inference_component)
    scaling = given.get("scaling")
    least = 1 if scaling is None else max(1, scaling.given["min_capacity"])
    assert said["RuntimeConfig"] == {"CopyCount": given.get("copies", least)}
    specification = said["Specification"]
    assert specification["ComputeResourceRequirements"] == {
        key: value
        for key, value in {
            "MinMemoryRequiredInMb": given["memory"].args[0],
            "MaxMemoryRequiredInMb": given["max_memory"].args[0] if "max_memory" in given else None,
            "NumberOfCpuCoresRequired": given.get("cpu_cores"),
            "NumberOfAcceleratorDevicesRequired": given.get("accelerators"),
        }.items()
        if value is not None
    }
    assert specification["StartupParameters"] == {
        "ModelDataDownloadTimeoutInSeconds": seconds(given.get("download_timeout"), 600),
        "ContainerStartupHealthCheckTimeoutInSeconds": seconds(given.get("startup_timeout"), 600),
    }
    placement, cache = given.get("placement"), given.get("cache_artefacts")
    assert specification.get("SchedulingConfig", {}).get("PlacementStrategy") == (
        placement and placement.value
    )
    assert specification.get("DataCacheConfig", {}).get("EnableCaching") == cache
    assert said["InferenceComponentName"] == given.get("component_name", component.component_name)
    rolling = said["DeploymentConfig"]["RollingUpdatePolicy"]
    rollout = given["rollout"].given if "rollout" in given else {"batch_instances": 1}
    assert_size(rollout, "batch", rolling["MaximumBatchSize"], counted="COPY_COUNT")
    assert rolling["WaitIntervalInSeconds"] == seconds(rollout.get("wait"), 60)
    assert (component.scaling is None) == (scaling is None)
    if scaling is not None:
        also = ("WakeUp",) if sleeps(scaling.given) else ()
        assert_scaling(scaling.given, component.scaling, result, also=also)


def _shadow(described: Made, test: ShadowTest, result: Synthesized) -> None:
    given = described.given
    (shadow,) = result.properties(test.cfn_endpoint_config)["ShadowProductionVariants"]
    percent = given.get("sampling_percent", 100)
    assert_variant({**given["challenger"].given, "weight": percent / 100}, shadow)
    scaled = {
        each.given["name"]: each.given["scaling"].given
        for each in (given["production"], given["challenger"])
        if each.given.get("scaling") is not None
    }
    assert set(test.scalings) == set(scaled)
    for name, scaling in scaled.items():
        assert_scaling(scaling, test.scalings[name], result)
    comparison = given.get("comparison", Made(Comparison)).given
    _compared(comparison, test, result)


def _compared(given: Mapping[str, Any], test: ShadowTest, result: Synthesized) -> None:
    every = seconds(given.get("every"), 3600)
    rule = result.properties(test.comparison.rule.node.default_child)
    assert every is not None
    amount, unit = rule["ScheduleExpression"].removeprefix("rate(").removesuffix(")").split(" ")
    assert int(amount) * {"minute": 60, "hour": 3600, "day": 86_400}[unit.removesuffix("s")] == every
    told = str(result.properties(test.comparison.function.node.default_child)["Environment"]["Variables"])
    for name, otherwise in (("tolerance", 0), ("minimum_pairs", 100), ("least_agreement", 0.95)):
        assert _in_json(name, given.get(name, otherwise)) in told
    for name in ("label", "number"):
        assert (f'"{name}":' in told) == (name in given)
    slowdown = given.get("most_slowdown", 1.5)
    assert ('"most_slowdown":' in told) == (slowdown is not None)


def _in_json(name: str, value: float) -> str:
    return f'"{name}":' if value != int(value) else f'"{name}":{int(value)}'


def _monitored(described: Made, endpoint: MonitoredEndpoint, result: Synthesized) -> None:
    _realtime(described, endpoint, result)
    monitors = [each.given for each in described.given.get("monitors", ())]
    assert list(endpoint.monitoring.owned) == [each["name"] for each in monitors]
    for given in monitors:
        owned = endpoint.monitoring.owned[given["name"]]
        minutes = (seconds(given.get("every"), 3600) or 0) // 60
        (unit,) = [f"rate({minutes // length} {name}" for name, length in _UNITS if minutes % length == 0][:1]
        schedule = result.properties(owned.rule.node.default_child)["ScheduleExpression"]
        assert schedule.rstrip("s)") == unit
        alarm = endpoint.monitoring.alarms_of(given["name"]).violations.node.default_child
        said = result.properties(alarm)
        assert said["EvaluationPeriods"] == said["DatapointsToAlarm"] == given.get("windows_to_alarm", 1)
        assert said["Period"] == 60 * minutes


_UNITS = (("day", 1440), ("hour", 60), ("minute", 1))

MEANING: Mapping[Any, Meaning] = {
    RealtimeEndpoint: _realtime,
    ServerlessEndpoint: _serverless,
    AsyncEndpoint: _asynchronous,
    MultiModelEndpoint: _multi_model,
    InferencePipeline: _pipeline,
    ComponentEndpoint: _components,
    ShadowTest: _shadow,
    MonitoredEndpoint: _monitored,
}
