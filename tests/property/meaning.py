"""What a template must say of what an endpoint of any kind was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from constructs_lib import ComponentEndpoint, DataCapture, MonitoredEndpoint, ServerlessEndpoint, ShadowTest
from constructs_lib.hosting.auto_scaling import CAPACITY_TARGETS
from constructs_lib.hosting.scaling import CapacityScaling

from .made import InStack, Made
from .surroundings import KEY
from .synthesis import Synthesized

Properties = dict[str, Any]


def variants_of(endpoint: Made) -> list[Properties]:
    """What each production variant on instances was given, under the defaults that the documentation promises."""
    if endpoint.factory in (ServerlessEndpoint, ComponentEndpoint):
        return []
    listed: Iterable[Properties] = [each.given for each in endpoint.given.get("variants", [])]
    if endpoint.factory is ShadowTest:
        listed = [endpoint.given["production"].given]
    one = {name: endpoint.given.get(name) for name in _OF_A_FLEET}
    return [
        {
            "name": "AllTraffic",
            "weight": 1,
            **{name: value for name, value in each.items() if value is not None},
        }
        for each in (listed or [one])
    ]


_OF_A_FLEET = (
    "instance_type",
    "instance_count",
    "scaling",
    "volume_size",
    "download_timeout",
    "startup_timeout",
)


def assert_variant(given: Properties, said: Properties) -> None:
    assert said["VariantName"] == given["name"]
    assert said["InstanceType"] == expected(given["instance_type"])
    assert said["InitialVariantWeight"] == given["weight"]
    scaling = given.get("scaling")
    least = 2 if scaling is None else max(1, scaling.given["min_capacity"])
    count = given.get("instance_count", least)
    assert said["InitialInstanceCount"] == expected(count)
    assert said["ContainerStartupHealthCheckTimeoutInSeconds"] == seconds(given.get("startup_timeout"), 600)
    assert said["ModelDataDownloadTimeoutInSeconds"] == seconds(given.get("download_timeout"), 600)
    volume = given.get("volume_size")
    assert said.get("VolumeSizeInGB") == (None if volume is None else volume.args[0])
    routing = given.get("routing")
    assert said.get("RoutingConfig", {}).get("RoutingStrategy") == (
        None if routing is None else routing.value
    )


def assert_capture(endpoint: Made, config: Properties) -> None:
    # What is to be compared or looked at is captured unasked.
    otherwise = Made(DataCapture) if endpoint.factory in (ShadowTest, MonitoredEndpoint) else None
    capture = endpoint.given.get("capture", otherwise)
    assert ("DataCaptureConfig" in config) == (capture is not None)
    if capture is None:
        return
    given, said = capture.given, config["DataCaptureConfig"]
    assert said["InitialSamplingPercentage"] == given.get("sampling_percent", 100)
    modes = {"Input": given.get("capture_input", True), "Output": given.get("capture_output", True)}
    assert [each["CaptureMode"] for each in said["CaptureOptions"]] == [
        mode for mode, on in modes.items() if on
    ]


def assert_volume_key(key: InStack | None, config: Properties) -> None:
    assert ("KmsKeyId" in config) == (key is not None)
    if key is KEY:
        assert ":key/" in str(config["KmsKeyId"])


def assert_retention(endpoint: Made, variants: list[Properties], said: Properties) -> None:
    """Counts survive a deploy where something scales them, weights where a controller owns them."""
    shadows = [endpoint.given["challenger"].given] if "challenger" in endpoint.given else []
    kept = {
        "DesiredInstanceCount": any("scaling" in each for each in (*variants, *shadows)),
        "DesiredWeight": endpoint.given.get("weights_managed_elsewhere", False),
    }
    excluded = {each["VariantPropertyType"] for each in said.get("ExcludeRetainedVariantProperties", [])}
    assert said.get("RetainAllVariantProperties", False) == any(kept.values())
    if any(kept.values()):
        assert excluded == {name for name, keep in kept.items() if not keep}


SIZES = {
    "canary": ("size", "CanarySize"),
    "linear": ("step", "LinearStepSize"),
    "rolling": ("batch", "MaximumBatchSize"),
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
        of, key = SIZES[name]
        assert_size(given, of, routing[key], counted="INSTANCE_COUNT")


def assert_size(given: Mapping[str, Any], of: str, said: Properties, *, counted: str) -> None:
    """A size given as ``<of>_percent`` or as ``<of>_instances``."""
    percent = given.get(f"{of}_percent")
    assert said == (
        {"Type": "CAPACITY_PERCENT", "Value": percent}
        if percent is not None
        else {"Type": counted, "Value": given[f"{of}_instances"]}
    )


def assert_scaling(
    given: Properties, scaled: CapacityScaling, result: Synthesized, *, also: Iterable[str] = ()
) -> None:
    """`also`: the steps that an endpoint adds of its own."""
    said = result.properties(scaled.cfn_target)
    assert said["MinCapacity"] == given["min_capacity"]
    assert said["MaxCapacity"] == expected(given["max_capacity"])
    assert len(said.get("ScheduledActions", [])) == len(given.get("schedules", ()))
    policies = [result.properties(each) for each in scaled.cfn_policies]
    tracked = [
        each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for each in policies
        if each["PolicyType"] == "TargetTrackingScaling"
    ]
    wanted = [given[target] for target in CAPACITY_TARGETS if given.get(target) is not None]
    wanted += [each.given["target"] for each in given.get("metrics", ())]
    assert sorted(tracked) == sorted(wanted)
    steps = {
        each["PolicyName"].rpartition("-Step")[2] for each in policies if each["PolicyType"] == "StepScaling"
    }
    assert steps == {*(each.given["name"] for each in given.get("steps", ())), *also}


def sleeps(scaling: Properties) -> bool:
    """Whether the capacity may come down to none."""
    lows = [scaling["min_capacity"], *(each.given["min_capacity"] for each in scaling.get("schedules", ()))]
    return 0 in lows


def expected(value: Any) -> Any:
    """A plain value as it is, a parameter's as the reference to it."""
    return {"Ref": value.name} if isinstance(value, InStack) else value


def seconds(duration: Made | None, default: int | None) -> int | None:
    if duration is None:
        return default
    return int(duration.args[0]) * (60 if duration.name.endswith("minutes") else 1)
