"""What a template must say of what fleets were given, and what makes models fit for their devices."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    EmptyCanary,
    ModelOptimisation,
    NeoCompilation,
)
from tests.support.synth import flat

from .given.edge import in_seconds, longest
from .made import Made
from .meaning import expected, seconds
from .synthesis import Synthesized

Properties = dict[str, Any]
_DAY = 86_400


def machine_of(construct: Any, result: Synthesized) -> Properties:
    resource: Any = construct.state_machine.node.default_child
    found: Properties = json.loads(flat(result.properties(resource)["DefinitionString"]))
    return found


def _told(function: Any, result: Synthesized) -> Properties:
    """What a function of the fleet is told by its environment."""
    variables = result.properties(function.function.node.default_child)["Environment"]["Variables"]
    found: Properties = json.loads(flat(variables["EDGE"]))
    return found


def _of(given: Mapping[str, Any], name: str, otherwise: Any) -> Mapping[str, Any]:
    """What a value object was given, or nothing where it is left to its defaults."""
    found: Mapping[str, Any] = given.get(name, Made(otherwise)).given
    return found


def assert_fleet(described: Made, fleet: EdgeFleet, result: Synthesized) -> None:
    given = described.given
    _names(given, fleet, result)
    _devices(given, fleet, result)
    _rollout(given, fleet, result)
    _telemetry(given, fleet, result)
    _recipes(given, fleet, result)
    assert (fleet.dashboard is None) == (not given.get("dashboard", True))


def _names(given: Mapping[str, Any], fleet: EdgeFleet, result: Synthesized) -> None:
    assert fleet.fleet_name == given.get("fleet_name", fleet.fleet_name)
    template = result.properties(fleet.provisioning.cfn_template)
    assert template["TemplateName"] == fleet.fleet_name
    for group in (fleet.cfn_canary_group, fleet.cfn_fleet_group):
        assert result.properties(group)["ThingGroupName"].startswith(f"{fleet.fleet_name}-")
    own = fleet.node.try_find_child("ArtefactBucket")
    assert (own is None) == ("artefact_bucket" in given)


def _devices(given: Mapping[str, Any], fleet: EdgeFleet, result: Synthesized) -> None:
    told = _told(fleet.provisioning.hook, result)
    devices: Made = given["devices"]
    assert (
        told["devices"]
        == {
            EdgeDevices.matching: lambda: {"kind": "matching", "pattern": devices.given["pattern"]},
            EdgeDevices.listed: lambda: {"kind": "listed", "serials": list(devices.args)},
            EdgeDevices.registered: lambda: {"kind": "registered", "table": "devices"},
        }[devices.factory]()
    )
    assert told["canary_percent"] == _of(given, "rollout", EdgeRollout).get("canary_percent", 5)


def _rollout(given: Mapping[str, Any], fleet: EdgeFleet, result: Synthesized) -> None:
    rollout = dict(_of(given, "rollout", EdgeRollout))
    look = in_seconds(rollout["look_every"]) if "look_every" in rollout else None
    states = machine_of(fleet, result)["States"]
    waits = {each["Seconds"] for each in states.values() if each["Type"] == "Wait"}
    assert waits == {look or max(60, -(-longest(rollout) // 2500))}
    alarms = states["LookSoak"]["Parameters"]["Payload"]["alarms"]
    assert len(alarms) - len(fleet.telemetry.alarms.canary) == len(rollout.get("alarms", ()))
    rollouts: Any = fleet.node.find_child("Rollouts")
    told = _told(rollouts.steps, result)
    assert (told["canary_seconds"], told["soak_seconds"], told["fleet_seconds"]) == (
        seconds(rollout.get("canary_timeout"), 4 * 3600),
        seconds(rollout.get("soak"), 3600),
        seconds(rollout.get("fleet_timeout"), 2 * _DAY),
    )
    for name, otherwise in (("abort_percent", 10), ("abort_min_devices", 1), ("canary_min_devices", 1)):
        assert told[name] == rollout.get(name, otherwise)
    assert told["skip_empty_canary"] == (rollout.get("on_empty_canary") is EmptyCanary.SKIP)
    assert told["others"] == given.get("components", {})
    assert len(told["topics"]) == len(given.get("notify", ()))
    _job(rollout, told["job"])
    begun = [each for each in rollouts.node.find_all() if each.node.id == "OnDeploy"]
    assert bool(begun) == rollout.get("start_on_deploy", True)


def _job(rollout: Mapping[str, Any], said: Properties) -> None:
    rate = said["jobExecutionsRolloutConfig"]
    assert rate["maximumPerMinute"] == rollout.get("max_per_minute", 50)
    assert ("exponentialRate" in rate) == ("exponential" in rollout)
    if "exponential" in rollout:
        growing = rollout["exponential"].given
        assert rate["exponentialRate"] == {
            "baseRatePerMinute": growing["base"],
            "incrementFactor": growing.get("factor", 2.0),
            "rateIncreaseCriteria": {"numberOfSucceededThings": growing.get("succeeded", 10)},
        }
    (criteria,) = said["abortConfig"]["criteriaList"]
    assert criteria["thresholdPercentage"] == rollout.get("abort_percent", 10)
    minutes = rollout["device_timeout"].args[0] if "device_timeout" in rollout else 30
    assert said["timeoutConfig"] == {"inProgressTimeoutInMinutes": minutes}


def _telemetry(given: Mapping[str, Any], fleet: EdgeFleet, result: Synthesized) -> None:
    telemetry, alarms = _of(given, "telemetry", EdgeTelemetry), fleet.telemetry.alarms
    assert _threshold(alarms.silent, result) == telemetry.get("silent_devices", 1)
    assert _threshold(alarms.errors, result) == telemetry.get("error_percent", 5)
    assert (alarms.latency is None) == ("latency_p99" not in telemetry)
    if alarms.latency is not None:
        assert _threshold(alarms.latency, result) == telemetry["latency_p99"].args[0]
    for alarm in alarms.all:
        said = result.properties(_resource(alarm))
        assert len(said.get("AlarmActions", ())) == len(given.get("notify", ()))
    own: Any = fleet.telemetry.delivery.node.try_find_child("ResultsBucket")
    assert (own is None) == ("bucket" in telemetry)
    if own is not None:
        rules = result.properties(_resource(own))["LifecycleConfiguration"]["Rules"]
        (days,) = {each["ExpirationInDays"] for each in rules if "ExpirationInDays" in each}
        assert days == (telemetry["retention"].args[0] if "retention" in telemetry else 90)


def _threshold(alarm: Any, result: Synthesized) -> float:
    return float(result.properties(_resource(alarm))["Threshold"])


def _resource(construct: Any) -> cdk.CfnResource:
    found: cdk.CfnResource = construct.node.default_child
    return found


def _recipes(given: Mapping[str, Any], fleet: EdgeFleet, result: Synthesized) -> None:
    """What the program on devices is told, as it is published."""
    program, telemetry = _of(given, "program", EdgeProgram), _of(given, "telemetry", EdgeTelemetry)
    runtime, model, inference = (_published(each, result) for each in fleet.components)
    script = runtime["Manifests"][0]["Lifecycle"]["Install"]["Script"]
    assert f"{program.get('python', 'python3')} -m venv" in script
    handover = model["Manifests"][0]["Lifecycle"]["Startup"]["Script"]
    assert ("--socket" in handover) == ("socket" in program)
    summary = telemetry.get("summary_every")
    assert inference["ComponentConfiguration"]["DefaultConfiguration"]["program"] == {
        "fleet": fleet.fleet_name,
        "transport": {"kind": "greengrass"},
        "socket": program.get("socket"),
        "http_port": program.get("http_port"),
        "memory_mb": program["memory"].args[0] if "memory" in program else 512,
        "threads": program.get("threads", 1),
        "max_concurrent": program.get("max_concurrent", 8),
        "sampling": {
            "percent": telemetry.get("sample_percent", 100),
            "inputs": telemetry.get("inputs", True),
            "errors_always": True,
        },
        "buffer": {"max_bytes": (telemetry["buffer"].args[0] if "buffer" in telemetry else 64) << 20},
        "summary_seconds": seconds(summary, 60),
    }


def _published(component: Any, result: Synthesized) -> Properties:
    said = result.properties(_resource(component.resource))
    assert said["Component"] == component.component_name
    found: Properties = json.loads(said["Recipe"])
    return found


def assert_optimisation(described: Made, made: ModelOptimisation, result: Synthesized) -> None:
    given, machine = described.given, machine_of(made, result)
    states = machine["States"]
    job = states["Optimise"]["Parameters"]
    cluster = job["ProcessingResources"]["ClusterConfig"]
    instance = expected(given.get("instance_type", "ml.m5.large"))
    assert cluster["InstanceType"] == (instance if isinstance(instance, str) else flat(instance))
    assert cluster["VolumeSizeInGB"] == given.get("volume_gb", 30)
    assert ("VolumeKmsKeyId" in cluster) == ("volume_encryption_key" in given)
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == seconds(given.get("max_runtime"), 3600)
    _arguments(given, job["AppSpecification"]["ContainerArguments"])
    assert ("RollOut" in states) == ("rollout" in given)
    assert ("VpcConfig" in job["NetworkConfig"]) == ("vpc" in given)
    name = given.get("optimisation_name", made.optimisation_name)
    assert made.optimisation_name == name
    _around(given, states, job, {"ModelOptimisation": name})


def _arguments(given: Mapping[str, Any], said: Sequence[str]) -> None:
    held_out = given["held_out"].given
    assert f"--label={held_out.get('label', 'label')}" in said
    assert [each for each in said if each.startswith("--ignore=")] == [
        f"--ignore={each}" for each in held_out.get("ignore", ())
    ]
    assert ("--allow-missing" in said) == held_out.get("allow_missing", False)
    assert f"--max-drop={given.get('max_drop', 0.01)}" in said
    assert f"--golden={given.get('golden_records', 8)}" in said
    metric: Made | None = given.get("metric")
    name = "accuracy" if metric is None else metric.given.get("name", metric.factory.__name__)
    assert f"--metric={name}" in said
    how = given["quantisation"].given if "quantisation" in given else {}
    plain = "quantisation" in given and given["quantisation"].factory.__name__ == "none"
    assert ("--no-quantise" in said) == plain
    assert ("--per-channel" in said) == how.get("per_channel", False)
    assert ("--reduce-range" in said) == how.get("reduce_range", False)


def assert_compilation(described: Made, made: NeoCompilation, result: Synthesized) -> None:
    given, states = described.given, machine_of(made, result)["States"]
    job = states["Create"]["Parameters"]
    taken, target = job["InputConfig"], job["OutputConfig"]
    assert taken["Framework"] == given["framework"].value
    assert taken.get("FrameworkVersion") == given.get("framework_version")
    shapes = taken.get("DataInputConfig")
    assert (None if shapes is None else json.loads(shapes)) == given.get("input_shapes")
    wanted = given["target"].given
    assert target.get("TargetDevice") == wanted.get("name", wanted.get("device_name"))
    platform = {"Os": "os", "Arch": "arch", "Accelerator": "accelerator"}
    said = target.get("TargetPlatform", {})
    assert said == {key: wanted[name] for key, name in platform.items() if name in wanted}
    options = target.get("CompilerOptions")
    assert (None if options is None else json.loads(options)) == wanted.get("compiler_options")
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == seconds(given.get("max_runtime"), 900)
    assert ("VpcConfig" in job) == ("vpc" in given)
    name = given.get("compilation_name", made.compilation_name)
    assert made.compilation_name == name
    _around(given, states, job, {"NeoCompilation": name})


def _around(
    given: Mapping[str, Any], states: Properties, job: Properties, own_tags: Mapping[str, str]
) -> None:
    """What both kinds of jobs have."""
    left = states["Judge"]["Choices"][0]["And"][0]
    assert left["NumericLessThan"] == given.get("attempts", 3)
    assert {each["Key"]: each["Value"] for each in job["Tags"]} == {**own_tags, **given.get("tags", {})}
    told = [each for each in states.values() if str(each.get("Resource", "")).endswith("sns:publish")]
    assert len(told) == len(given.get("notify", ()))
    if "output_prefix" in given:
        assert f"/{given['output_prefix']}/" in json.dumps(job)


MEANING = {
    EdgeFleet: assert_fleet,
    ModelOptimisation: assert_optimisation,
    NeoCompilation: assert_compilation,
}
