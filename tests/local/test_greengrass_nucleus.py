"""The stand-in of the nucleus, as a process, against the control plane: what is deployed runs, or is rolled back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.core_devices import CoreDevice, core_device, start_core_device
from tools.embedded_aws import LocalAws, stop, until

from .fleets import Fleet, arn, text, zipped

STAYS = "exec sleep 600"


@pytest.fixture
def fleet(aws: LocalAws) -> Fleet:
    return Fleet(aws)


@pytest.fixture
def thing(fleet: Fleet) -> str:
    return fleet.thing()


@pytest.fixture
def group(fleet: Fleet, thing: str) -> str:
    return fleet.group(thing)


@pytest.fixture
def device(fleet: Fleet, thing: str, group: str, tmp_path: Path) -> Iterator[CoreDevice]:
    """A core device in a group; `group` made its thing."""
    with core_device(fleet.aws, thing, tmp_path / "device") as running:
        yield running


def test_a_component_gets_its_artefacts_its_variables_and_its_environment(
    fleet: Fleet, group: str, device: CoreDevice
) -> None:
    archive = fleet.upload(zipped({"say.sh": "echo from the archive", "sub/x.txt": "x"}))
    plain = fleet.upload(b"weights", "model.bin")
    library = fleet.upload(zipped({"lib.txt": "of the library"}), "library.zip")
    fleet.publish("Library", "1.0.0", artifacts=[{"URI": library, "Unarchive": "ZIP"}])
    script = (
        "sh {artifacts:decompressedPath}/package/say.sh\n"
        "cat {artifacts:path}/model.bin; echo\n"
        f"cat {{{fleet.name('Library')}:artifacts:decompressedPath}}/library/lib.txt; echo\n"
        "echo {iot:thingName} $AWS_IOT_THING_NAME {configuration:/rate} {configuration:/deep/0} $LEVEL $OWN\n"
        "echo {unknown:variable}\n"
        "[ $PWD = {work:path} ] && echo in its work; ls {kernel:rootPath}\n"
        f"{STAYS}"
    )
    run = {"Script": script, "Setenv": {"OWN": "{configuration:/rate}"}}
    fleet.publish(
        "Main",
        "1.0.0",
        {"Setenv": {"LEVEL": "high"}, "Run": run},
        artifacts=[{"URI": archive, "Unarchive": "ZIP"}, {"URI": plain}],
        hard=["Library"],
        ComponentConfiguration={"DefaultConfiguration": {"rate": 5, "deep": ["first"]}},
    )
    deployment = fleet.deploy(group, {"Main": "1.0.0"})
    fleet.wait_for(deployment, succeeded=1)
    assert fleet.running(device.thing) == {"Main": ("1.0.0", "RUNNING"), "Library": ("1.0.0", "FINISHED")}
    roots = fleet.greengrass.list_installed_components(coreDeviceThingName=device.thing)
    assert [each["componentName"] for each in roots["installedComponents"]] == [fleet.name("Main")]
    until(lambda: len(fleet.said(device, "Main")) >= 8, what="what it says")
    assert fleet.said(device, "Main")[:6] == [
        "from the archive",
        "weights",
        "of the library",
        f"{device.thing} {device.thing} 5 first high 5",
        "{unknown:variable}",
        "in its work",
    ]


def test_a_device_registers_and_tells_how_it_is(fleet: Fleet, group: str, device: CoreDevice) -> None:
    def told() -> dict[str, Any]:
        devices = fleet.greengrass.list_core_devices(thingGroupArn=group)["coreDevices"]
        return devices[0] if devices else {}

    until(told, what="the registration")
    assert (told()["coreDeviceThingName"], told()["status"]) == (device.thing, "HEALTHY")
    assert fleet.greengrass.get_core_device(coreDeviceThingName=device.thing)["coreVersion"]
    # Broken outside of a deployment: a run that fails for the third time.
    fleet.publish("Flaky", "1.0.0", {"Run": "sleep 0.3; exit 7"})
    fleet.wait_for(fleet.deploy(group, {"Flaky": "1.0.0"}), succeeded=1)
    until(lambda: told()["status"] == "UNHEALTHY", what="unhealthy")
    assert fleet.running(device.thing) == {"Flaky": ("1.0.0", "BROKEN")}
    assert fleet.said(device, "Flaky") == []
    assert device.log(fleet.name("Flaky")).count("run exited with 7") == 3


def test_a_new_version_is_installed_and_dependents_restart_where_they_depend_hard(
    fleet: Fleet, group: str, device: CoreDevice
) -> None:
    fleet.publish("Base", "1.0.0", {"Install": "echo install one", "Run": STAYS})
    fleet.publish("Base", "1.1.0", {"Install": "echo install two", "Run": STAYS})
    for stem, kind in (("Hard", "hard"), ("Soft", "soft")):
        fleet.publish(
            stem,
            "1.0.0",
            {"Install": f"echo {stem} install", "Run": f"echo started; {STAYS}"},
            **{kind: ["Base"]},
        )
    versions = {"Base": "1.0.0", "Hard": "1.0.0", "Soft": "1.0.0"}
    fleet.wait_for(fleet.deploy(group, versions), succeeded=1)
    fleet.wait_for(fleet.deploy(group, {**versions, "Base": "1.1.0"}), succeeded=1)
    assert fleet.said(device, "Base") == ["install one", "install two"]
    assert fleet.said(device, "Hard") == ["Hard install", "started", "started"], "restarted, not installed"
    assert fleet.said(device, "Soft") == ["Soft install", "started"]


def test_the_same_again_changes_nothing(fleet: Fleet, group: str, device: CoreDevice) -> None:
    fleet.publish("Main", "1.0.0", {"Install": "echo install", "Run": f"echo started; {STAYS}"})
    for _again in range(2):
        fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    assert fleet.said(device, "Main") == ["install", "started"]


def test_what_a_deployment_no_longer_names_is_stopped(fleet: Fleet, group: str, device: CoreDevice) -> None:
    fleet.publish("Stays", "1.0.0", {"Run": STAYS})
    fleet.publish("Goes", "1.0.0", {"Run": f"echo $$ > pid; {STAYS}", "Shutdown": "echo going"})
    fleet.wait_for(fleet.deploy(group, {"Stays": "1.0.0", "Goes": "1.0.0"}), succeeded=1)
    pid = int(until(lambda: text(device.root / "work" / fleet.name("Goes") / "pid"), what="its process"))
    fleet.wait_for(fleet.deploy(group, {"Stays": "1.0.0"}), succeeded=1)
    assert fleet.running(device.thing) == {"Stays": ("1.0.0", "RUNNING")}
    assert fleet.said(device, "Goes") == ["going"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("lifecycle", "reason"),
    [
        ({"Install": "echo try; exit 3"}, "install script exited with code 3"),
        ({"Startup": "echo try; exit 4"}, "startup script exited with code 4"),
        ({"Install": {"Script": "echo try; exec sleep 60", "Timeout": 1}}, "Timeout in install"),
    ],
)
def test_a_version_that_does_not_come_up_is_rolled_back(
    fleet: Fleet, group: str, device: CoreDevice, lifecycle: dict[str, Any], reason: str
) -> None:
    fleet.publish("Main", "1.0.0", {"Install": "echo good", "Run": STAYS})
    fleet.publish("Main", "1.1.0", lifecycle)
    fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    bad = fleet.deploy(group, {"Main": "1.1.0"})
    fleet.wait_for(bad, failed=1)
    assert fleet.said(device, "Main") == ["good", "try", "try", "try", "good"], (
        "three tries, then the old one"
    )
    assert fleet.running(device.thing) == {"Main": ("1.0.0", "RUNNING")}
    assert reason in fleet.reason(device.thing, bad)
    execution = fleet.iot.describe_job_execution(jobId=bad["iotJobId"], thingName=device.thing)["execution"]
    details = execution["statusDetails"]["detailsMap"]
    assert details["detailed-deployment-status"] == "FAILED_ROLLBACK_COMPLETE"
    assert f"Service {fleet.name('Main')} in broken state" in details["deployment-failure-cause"]


def test_without_rollback_it_stays_broken(fleet: Fleet, group: str, device: CoreDevice) -> None:
    fleet.publish("Main", "1.0.0", {"Run": STAYS})
    fleet.publish("Main", "1.1.0", {"Install": "exit 1"})
    fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    bad = fleet.deploy(group, {"Main": "1.1.0"}, deploymentPolicies={"failureHandlingPolicy": "DO_NOTHING"})
    fleet.wait_for(bad, failed=1)
    assert fleet.running(device.thing) == {"Main": ("1.1.0", "BROKEN")}
    # The next deployment gives it another chance, also of the version that is broken.
    fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    assert fleet.running(device.thing) == {"Main": ("1.0.0", "RUNNING")}


def test_what_cannot_be_resolved_changes_nothing(fleet: Fleet, group: str, device: CoreDevice) -> None:
    fleet.publish("Main", "1.0.0", {"Run": STAYS})
    fleet.publish("Lonely", "1.0.0", {"Run": STAYS}, hard=["Nowhere"])
    fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    bad = fleet.deploy(group, {"Lonely": "1.0.0"})
    fleet.wait_for(bad, failed=1)
    assert "NoAvailableComponentVersionException" in fleet.reason(device.thing, bad)
    assert fleet.running(device.thing) == {"Main": ("1.0.0", "RUNNING")}


def test_two_groups_cannot_ask_for_two_versions_of_one_component(
    fleet: Fleet, thing: str, group: str, device: CoreDevice
) -> None:
    for version in ("1.0.0", "1.1.0"):
        fleet.publish("Main", version, {"Run": STAYS})
    fleet.publish("Other", "1.0.0", {"Run": STAYS})
    second = fleet.group(stem="second")
    fleet.iot.add_thing_to_thing_group(thingName=thing, thingGroupName=second.rpartition("/")[2])
    fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    fleet.wait_for(fleet.deploy(second, {"Other": "1.0.0"}), succeeded=1)
    assert fleet.running(thing) == {"Main": ("1.0.0", "RUNNING"), "Other": ("1.0.0", "RUNNING")}
    fleet.wait_for(fleet.deploy(second, {"Main": "1.1.0"}), failed=1)
    # Once it has left the first group only the second one counts.
    fleet.iot.remove_thing_from_thing_group(thingName=thing, thingGroupName=group.rpartition("/")[2])
    fleet.wait_for(fleet.deploy(second, {"Main": "1.1.0"}), succeeded=1)
    assert fleet.running(thing) == {"Main": ("1.1.0", "RUNNING")}


def test_configurations_are_merged_and_reset_and_restart_what_uses_them(
    fleet: Fleet, group: str, device: CoreDevice
) -> None:
    fleet.publish(
        "Main",
        "1.0.0",
        {"Install": "echo install", "Run": f"echo {{configuration:/a}} {{configuration:/b}}; {STAYS}"},
        ComponentConfiguration={"DefaultConfiguration": {"a": 1, "b": {"x": 1, "y": 2}}},
    )
    for update in (
        {"merge": '{"b": {"x": 9}}'},
        {"merge": '{"a": 7}'},
        {"reset": ["/b"]},
    ):
        deployment = fleet.deploy(group, {"Main": "1.0.0"}, configuration={"Main": update})
        fleet.wait_for(deployment, succeeded=1)
    expected = ["install", "1 {x: 9, y: 2}", "7 {x: 9, y: 2}", "7 {x: 1, y: 2}"]
    until(lambda: len(fleet.said(device, "Main")) == len(expected), what="the last start")
    assert fleet.said(device, "Main") == expected, "the shell takes the quotes away"


def test_the_deployment_of_the_thing_itself(fleet: Fleet, device: CoreDevice) -> None:
    fleet.publish("Main", "1.0.0", {"Run": STAYS})
    deployment = fleet.deploy(arn(f"thing/{device.thing}"), {"Main": "1.0.0"})

    def status() -> str:
        told = fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])
        return str(told["deploymentStatus"])

    until(lambda: status() == "COMPLETED", what="completed")
    assert fleet.running(device.thing) == {"Main": ("1.0.0", "RUNNING")}
    effective = fleet.greengrass.list_effective_deployments(coreDeviceThingName=device.thing)
    assert [each["coreDeviceExecutionStatus"] for each in effective["effectiveDeployments"]] == ["SUCCEEDED"]


def test_a_device_starts_again_with_what_it_had_and_without_a_network(
    fleet: Fleet, thing: str, group: str, tmp_path: Path
) -> None:
    fleet.publish("Main", "1.0.0", {"Install": "echo install", "Run": f"echo started; {STAYS}"})
    with core_device(fleet.aws, thing, tmp_path) as device:
        fleet.wait_for(fleet.deploy(group, {"Main": "1.0.0"}), succeeded=1)
    offline = LocalAws("http://127.0.0.1:9", fleet.aws.process, fleet.aws.log)
    again = start_core_device(offline, thing, tmp_path)
    try:
        # The nucleus runs install scripts at each of its starts.
        expected = ["install", "started", "install", "started"]
        until(lambda: fleet.said(device, "Main") == expected, what="the second start")
    finally:
        stop(again.process)
