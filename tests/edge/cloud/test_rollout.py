"""A rollout from its start to its end: the machine is walked through, its steps talk to an AWS in memory."""

from __future__ import annotations

import json

import pytest

from tests.support.edge_aws import BUCKET, COMPONENTS, GROUPS, MODEL
from tests.support.fake_aws import Params
from tests.support.faults import FAULTS, Fault
from tests.support.rollouts import Rollouts, fleet, settings, versions

OTHER = "com.example.Camera"


def good(rollouts: Rollouts) -> dict[str, str]:
    """What a rollout goes back to."""
    return dict(json.loads(rollouts.aws.objects[BUCKET, "rollout/good.json"])["components"])


def test_a_version_reaches_the_canary_then_soaks_then_reaches_all_others(rolled: Rollouts) -> None:
    walk = rolled.run(components=versions(2))
    assert not walk.error
    assert rolled.aws.running("canary") == rolled.aws.running("fleet") == versions(2)
    assert good(rolled) == versions(2)
    assert walk.path.index("DeployCanary") < walk.path.index("LookSoak") < walk.path.index("DeployFleet")
    # A look a minute: one until the canary has it, ten while it soaks, one until the fleet has it.
    assert walk.waited == 60 + 600 + 60
    assert {rolled.aws.desired(each) for each in ("c1", "c2", "f1", "f2", "f3")} == {"1.0.2"}
    assert rolled.aws.counted() == {"RolloutsStarted": 2, "RolloutsSucceeded": 2}


def test_each_group_is_told_which_it_is(rolled: Rollouts) -> None:
    for group in GROUPS:
        (deployment,) = [each for each in rolled.aws.deployments if each["targetArn"] == GROUPS[group]]
        update = deployment["components"][COMPONENTS[2]]["configurationUpdate"]
        assert json.loads(update["merge"]) == {"program": {"group": group}}


def test_a_version_that_the_canary_does_not_take_stops_there_and_goes_back(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(c1="Failed", c2="Failed").outcome
    walk = rolled.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert "too many devices failed: 0 serve it, 2 failed" in walk.cause
    assert rolled.aws.running("canary") == rolled.aws.running("fleet") == versions(1)
    assert not [each for each in rolled.aws.deployments if "fleet back" in each["deploymentName"]]
    assert good(rolled) == versions(1)
    assert rolled.aws.desired("c1") == "1.0.1"
    assert rolled.aws.desired("f1") == "1.0.1"


def test_a_model_that_greengrass_installed_and_a_device_turned_down_stops_it(rolled: Rollouts) -> None:
    def reject(payload: Params) -> None:
        if payload["step"] == "look":
            for thing in ("c1", "c2"):
                rolled.aws.shadows[thing]["state"]["reported"] = {
                    "version": "1.0.1",
                    "wanted": "1.0.2",
                    "status": "rejected",
                    "reason": "the golden answers differ",
                }

    rolled.before_call = reject
    walk = rolled.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert "c1 says: the golden answers differ" in walk.cause
    assert rolled.aws.running("canary") == versions(1)


def test_an_alarm_while_it_soaks_stops_it(rolled: Rollouts) -> None:
    def ring(payload: Params) -> None:
        if payload["step"] == "soak" and payload["looks"] == 4:
            rolled.aws.alarms.add("theirs")

    rolled.before_call = ring
    walk = rolled.run(components=versions(2))
    assert walk.error == "SoakFailed"
    assert walk.cause.startswith("in alarm: theirs; it went back")
    assert walk.waited == 60 + 4 * 60 + 60
    assert rolled.aws.running("canary") == versions(1)
    assert len([each for each in rolled.aws.deployments if each["targetArn"] == GROUPS["fleet"]]) == 1


def test_a_version_that_the_fleet_does_not_take_goes_back_everywhere(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(f1="Failed", f2="TimedOut", f3="Rejected").outcome
    walk = rolled.run(components=versions(2))
    assert walk.error == "FleetFailed"
    assert rolled.aws.running("fleet") == rolled.aws.running("canary") == versions(1)
    assert walk.path.index("BackDeployFleet") < walk.path.index("BackDeployCanary")
    assert {rolled.aws.desired(each) for each in ("c1", "f1")} == {"1.0.1"}


def test_a_device_that_is_offline_is_waited_for_and_then_gone_on_without(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(c2="Queued", f3="Queued").outcome
    walk = rolled.run(components=versions(2))
    assert not walk.error
    # The time-outs of both groups, and the soak.
    assert walk.waited == pytest.approx(1800 + 600 + 3600, abs=240)
    assert good(rolled) == versions(2)


def test_a_canary_that_is_all_offline_tells_nothing_about_the_version(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(c1="Queued", c2="InProgress").outcome
    walk = rolled.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert "fewer than 1 serve it in time" in walk.cause


def test_a_first_rollout_that_fails_takes_its_components_away_and_leaves_those_of_others() -> None:
    rollouts = Rollouts(aws=fleet(c1="Failed", c2="Failed"))
    rollouts.aws.deployments.append(
        {
            "deploymentId": "theirs",
            "iotJobId": "theirs",
            "targetArn": GROUPS["canary"],
            "clientToken": "theirs",
            "deploymentStatus": "ACTIVE",
            "components": {OTHER: {"componentVersion": "3.1.0", "runWith": {"posixUser": "camera"}}},
        }
    )
    walk = rollouts.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert rollouts.aws.running("canary") == {OTHER: "3.1.0"}
    assert rollouts.aws.desired("c1") is None
    kept = rollouts.aws.deployments[-1]["components"][OTHER]
    assert kept["runWith"] == {"posixUser": "camera"}


def test_components_of_others_stay_with_their_configuration(rolled: Rollouts) -> None:
    theirs = rolled.aws.deployments[0]
    theirs["components"][OTHER] = {
        "componentVersion": "3.1.0",
        "configurationUpdate": {"merge": '{"fps": 5}', "reset": ["/a"]},
    }
    theirs["components"][COMPONENTS[2]]["configurationUpdate"]["merge"] = '{"program": {"threads": 4}}'
    assert not rolled.run(components=versions(2)).error
    made = rolled.aws.deployments[2]["components"]
    assert made[OTHER] == theirs["components"][OTHER]
    # Ours are merged into what somebody has set there.
    merged = json.loads(made[COMPONENTS[2]]["configurationUpdate"]["merge"])
    assert merged == {"program": {"threads": 4, "group": "canary"}}


def test_other_components_that_the_fleet_asks_for_come_along() -> None:
    rollouts = Rollouts(aws=fleet(), settings=settings(others={"aws.greengrass.LogManager": "2.3.7"}))
    assert not rollouts.run(components=versions(1)).error
    assert rollouts.aws.running("fleet") == {**versions(1), "aws.greengrass.LogManager": "2.3.7"}


def test_what_runs_everywhere_already_is_not_deployed_again(rolled: Rollouts) -> None:
    before = len(rolled.aws.deployments)
    assert not rolled.run(components=versions(1)).error
    assert len(rolled.aws.deployments) == before


def test_a_deployment_that_somebody_cancelled_is_no_success(rolled: Rollouts) -> None:
    def cancel(payload: Params) -> None:
        if payload["step"] == "look":
            rolled.aws.deployments[-1]["deploymentStatus"] = "CANCELED"

    rolled.before_call = cancel
    walk = rolled.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert "the deployment was cancelled" in walk.cause


def test_without_a_canary_nothing_is_rolled_out_but_the_first(rolled: Rollouts) -> None:
    rolled.aws.members["canary"] = []
    walk = rolled.run(components=versions(2))
    assert walk.error == "EmptyCanaryError"
    assert "no device is in the thing group cameras-canary" in walk.cause
    assert rolled.aws.running("fleet") == versions(1)
    rolled.settings = settings(skip_empty_canary=True)
    assert not rolled.run(components=versions(2)).error
    assert rolled.aws.running("fleet") == versions(2)


def test_a_fleet_without_devices_is_rolled_out_to_for_those_to_come() -> None:
    rollouts = Rollouts()
    walk = rollouts.run(components=versions(1))
    assert not walk.error
    assert rollouts.aws.running("fleet") == rollouts.aws.running("canary") == versions(1)
    assert "LookSoak" not in walk.path
    assert good(rollouts) == versions(1)


def test_an_alarm_that_is_on_before_stops_it_before_anything_is_deployed(rolled: Rollouts) -> None:
    rolled.aws.alarms.add("canary-errors")
    walk = rolled.run(components=versions(2))
    assert walk.error == "InAlarmError"
    assert "Back" not in walk.path
    assert len(rolled.aws.deployments) == 2
    # By force it begins; while it soaks, the alarm counts as ever.
    assert rolled.run(components=versions(2), force="it mends that").error == "SoakFailed"


def test_a_new_model_is_published_and_rolled_out_with_the_rest_as_it_is(rolled: Rollouts) -> None:
    rolled.aws.objects["artefacts", "models/new.tar.gz"] = b"a better model"
    asked = {"bucket": "artefacts", "key": "models/new.tar.gz"}
    assert not rolled.run(model=asked).error
    (arn,) = rolled.aws.versions
    version = arn.rpartition(":")[2]
    assert rolled.aws.running("fleet") == {**versions(1), MODEL: version}
    recipe = rolled.aws.versions[arn]["recipe"]
    bucket, _, key = recipe["URI"].removeprefix("s3://").partition("/")
    assert rolled.aws.objects[bucket, key] == b"a better model"
    # The same model again is the same version.
    assert not rolled.run(model=asked).error
    assert len(rolled.aws.versions) == 1


def test_a_model_that_is_not_there_fails_before_anything_is_deployed(rolled: Rollouts) -> None:
    walk = rolled.run(model={"bucket": "artefacts", "key": "models/none"})
    assert walk.error == "NoSuchKey"
    assert len(rolled.aws.deployments) == 2


def test_a_fleet_of_which_nothing_is_known_wants_all_components_named() -> None:
    rollouts = Rollouts(aws=fleet())
    walk = rollouts.run(components={MODEL: "1.0.2"})
    assert walk.error == "NothingKnownError"
    assert "no version of cameras.Runtime, cameras.Inference" in walk.cause


def test_devices_are_told_page_by_page() -> None:
    aws = fleet()
    aws.members["fleet"] = [f"f{number}" for number in range(250)]
    rollouts = Rollouts(aws=aws)
    walk = rollouts.run(components=versions(1))
    assert not walk.error
    assert walk.path.count("WantFleetPage") == 3
    assert {aws.desired(f"f{number}") for number in range(250)} == {"1.0.1"}


def test_a_rollout_that_cannot_go_back_says_both(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(c1="Failed", c2="Failed").outcome

    def broken(payload: Params) -> None:
        if payload.get("phase") == "back":
            raise RuntimeError("Greengrass is down")

    rolled.before_call = broken
    walk = rolled.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert walk.cause.endswith("and it could not go back: Greengrass is down")


def test_devices_that_have_not_been_told_yet_are_waited_for(rolled: Rollouts) -> None:
    """A job tells so many a minute, and counts those: that they all serve it says nothing of the others."""
    rolled.aws.members["fleet"] = [f"f{number}" for number in range(150)]
    looks = 0

    def fifty_a_look(deployment: Params) -> Params:
        nonlocal looks
        if deployment["targetArn"] != GROUPS["fleet"]:
            return {}
        looks += 1
        # That AWS IoT goes on naming the target of a job that is continuous does no harm.
        return {"numberOfSucceededThings": min(150, 50 * looks), "processingTargets": [GROUPS["fleet"]]}

    rolled.aws.spreading = fifty_a_look
    walk = rolled.run(components=versions(2))
    assert not walk.error
    assert walk.path.count("LookFleet") == 3


def calls_of_a_rollout() -> list[str]:
    rollouts = Rollouts(aws=fleet())
    rollouts.run(components=versions(1))
    begun = len(rollouts.aws.calls)
    rollouts.run(components=versions(2))
    return rollouts.aws.calls[begun:]


@pytest.mark.parametrize("fault", [each for each in FAULTS if not each.startswith("killed")])
def test_whatever_call_goes_wrong_once_the_rollout_ends_well_and_deploys_once(fault: Fault) -> None:
    made = calls_of_a_rollout()
    for number, operation in enumerate(made):
        rollouts = Rollouts(aws=fleet())
        rollouts.run(components=versions(1))
        rollouts.aws.spoiled = {len(rollouts.aws.calls) + number: fault}
        walk = rollouts.run(components=versions(2))
        where = f"{fault} at {operation}, call {number}"
        assert not walk.error, f"{where}: {walk.error} {walk.cause}"
        assert rollouts.aws.running("fleet") == rollouts.aws.running("canary") == versions(2), where
        assert len(rollouts.aws.deployments) == 4, where
        assert good(rollouts) == versions(2), where


def test_a_step_that_was_superseded_deploys_nothing(rolled: Rollouts) -> None:
    def another(payload: Params) -> None:
        if payload["step"] == "deploy" and payload["target"] == "fleet":
            rolled.aws.executions[payload["execution"]]["status"] = "ABORTED"

    rolled.before_call = another
    rolled.run(components=versions(2))
    assert rolled.aws.running("fleet") == versions(1)
