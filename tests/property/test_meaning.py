"""The template says what was given, to the number, and says it again on the next synthesis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings

from constructs_lib import RealtimeEndpoint, Rollout

from .given import stacks
from .made import InStack, Made
from .synthesis import Synthesized, synthesized

EXAMPLES = 15 if settings.get_current_profile_name() == "ci" else 300
STACKS = stacks(2, 4)
Properties = dict[str, Any]


@given(described=STACKS)
@settings(max_examples=EXAMPLES)
def test_the_template_says_what_was_given(described: list[Made]) -> None:
    result = synthesized(described, None, validate=False)
    for each, endpoint in result.endpoints:
        config = result.properties(endpoint.cfn_endpoint_config)
        variants = variants_of(each)
        for one, said in zip(variants, config["ProductionVariants"], strict=True):
            assert_variant(one, said)
        assert ("DataCaptureConfig" in config) == (each.given.get("capture") is not None)
        if each.given.get("capture") is not None:
            assert_capture(each.given["capture"].given, config["DataCaptureConfig"])
        said = result.properties(endpoint.cfn_endpoint)
        assert_retention(each, variants, said)
        assert_rollout(each.given.get("rollout", Made(Rollout.all_at_once)), said["DeploymentConfig"])
        assert_scalings(variants, endpoint, result)


@given(described=STACKS)
@settings(max_examples=max(5, EXAMPLES // 3))
def test_synthesis_repeats_itself(described: list[Made]) -> None:
    first, second = (synthesized(described, None, validate=False).template for _ in range(2))
    assert first == second


def variants_of(endpoint: Made) -> list[Properties]:
    """What each variant was given, under the defaults that the documentation promises."""
    listed: Iterable[Properties] = [each.given for each in endpoint.given.get("variants", [])]
    one = {name: endpoint.given.get(name) for name in ("instance_type", "instance_count", "scaling")}
    return [
        {
            "name": "AllTraffic",
            "weight": 1,
            **{name: value for name, value in each.items() if value is not None},
        }
        for each in (listed or [one])
    ]


def assert_variant(given: Properties, said: Properties) -> None:
    assert said["VariantName"] == given["name"]
    assert said["InstanceType"] == expected(given["instance_type"])
    assert said["InitialVariantWeight"] == given["weight"]
    scaling = given.get("scaling")
    count = given.get("instance_count", 2 if scaling is None else scaling.given["min_capacity"])
    assert said["InitialInstanceCount"] == expected(count)
    assert said["ContainerStartupHealthCheckTimeoutInSeconds"] == seconds(given.get("startup_timeout"), 600)
    assert said["ModelDataDownloadTimeoutInSeconds"] == seconds(given.get("download_timeout"), 600)
    volume = given.get("volume_size")
    assert said.get("VolumeSizeInGB") == (None if volume is None else volume.args[0])
    routing = given.get("routing")
    assert said.get("RoutingConfig", {}).get("RoutingStrategy") == (
        None if routing is None else routing.value
    )


def assert_capture(given: Properties, said: Properties) -> None:
    assert said["InitialSamplingPercentage"] == given.get("sampling_percent", 100)
    modes = {"Input": given.get("capture_input", True), "Output": given.get("capture_output", True)}
    assert [each["CaptureMode"] for each in said["CaptureOptions"]] == [
        mode for mode, on in modes.items() if on
    ]


def assert_retention(endpoint: Made, variants: list[Properties], said: Properties) -> None:
    """Counts survive a deploy where something scales them, weights where a controller owns them."""
    kept = {
        "DesiredInstanceCount": any(each.get("scaling") is not None for each in variants),
        "DesiredWeight": endpoint.given.get("weights_managed_elsewhere", False),
    }
    excluded = {each["VariantPropertyType"] for each in said.get("ExcludeRetainedVariantProperties", [])}
    assert said.get("RetainAllVariantProperties", False) == any(kept.values())
    if any(kept.values()):
        assert excluded == {name for name, keep in kept.items() if not keep}


SIZES = {
    "canary": ("size_percent", "size_instances", "CanarySize"),
    "linear": ("step_percent", "step_instances", "LinearStepSize"),
    "rolling": ("batch_percent", "batch_instances", "MaximumBatchSize"),
}


def assert_rollout(rollout: Made, said: Properties) -> None:
    assert len({"BlueGreenUpdatePolicy", "RollingUpdatePolicy"} & set(said)) == 1
    given, name = rollout.given, rollout.factory.__name__
    policy = said["RollingUpdatePolicy"] if name == "rolling" else said["BlueGreenUpdatePolicy"]
    routing = policy if name == "rolling" else policy["TrafficRoutingConfiguration"]
    assert name == "rolling" or routing["Type"] == name.upper()
    assert routing["WaitIntervalInSeconds"] == seconds(given.get("wait"), 0)
    assert policy.get("MaximumExecutionTimeoutInSeconds") == seconds(given.get("maximum_execution"), None)
    if name != "rolling":
        assert policy["TerminationWaitInSeconds"] == seconds(given.get("termination_wait"), 300)
    if name in SIZES:
        percent, instances, key = SIZES[name]
        assert routing[key] == (
            {"Type": "CAPACITY_PERCENT", "Value": given[percent]}
            if percent in given
            else {"Type": "INSTANCE_COUNT", "Value": given[instances]}
        )


TARGETS = ("invocations_per_instance", "concurrent_requests_per_model", "cpu_utilization")


def assert_scalings(variants: list[Properties], endpoint: RealtimeEndpoint, result: Synthesized) -> None:
    scaled = {each["name"]: each["scaling"].given for each in variants if each.get("scaling") is not None}
    assert set(endpoint.scalings) == set(scaled)
    for name, scaling in scaled.items():
        said = result.properties(endpoint.scalings[name].cfn_target)
        assert said["MinCapacity"] == scaling["min_capacity"]
        assert said["MaxCapacity"] == expected(scaling["max_capacity"])
        assert len(said.get("ScheduledActions", [])) == len(scaling.get("schedules", ()))
        policies = [result.properties(each) for each in endpoint.scalings[name].cfn_policies]
        tracked = [
            each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
            for each in policies
            if each["PolicyType"] == "TargetTrackingScaling"
        ]
        wanted = [scaling[target] for target in TARGETS if scaling.get(target) is not None]
        wanted += [each.given["target"] for each in scaling.get("metrics", ())]
        assert sorted(tracked) == sorted(wanted)
        assert len(policies) - len(tracked) == len(scaling.get("steps", ()))


def expected(value: Any) -> Any:
    """A plain value as it is, a parameter's as the reference to it."""
    return {"Ref": value.name} if isinstance(value, InStack) else value


def seconds(duration: Made | None, default: int | None) -> int | None:
    if duration is None:
        return default
    return int(duration.args[0]) * (60 if duration.name.endswith("minutes") else 1)
