"""Going back: what was good before reaches the devices again, is watched on its way, and told of."""

from __future__ import annotations

import pytest

from tests.support.edge_aws import GROUPS
from tests.support.fake_aws import Params
from tests.support.faults import FAULTS, Fault
from tests.support.rollouts import Rollouts, fleet, versions


def back(**outcomes: str) -> Rollouts:
    """A fleet that runs version 1, whose canary takes no version 2, and goes back like that."""
    rollouts = Rollouts(aws=fleet())
    assert not rollouts.run(components=versions(1)).error
    there = len(rollouts.aws.deployments)

    def outcome(thing: str, version: str) -> str:
        if version == "1.0.2":
            return "Failed"
        return outcomes.get(thing, "Succeeded") if len(rollouts.aws.deployments) > there else "Succeeded"

    rollouts.aws.outcome = outcome
    return rollouts


def test_going_back_is_watched_to_its_end_and_told() -> None:
    rollouts = back()
    walk = rollouts.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert walk.cause.endswith("; it went back: canary: 2 went back, 0 failed, 0 have not answered")
    assert walk.path.count("BackLook") == 1


def test_both_groups_are_watched_on_their_way_back(rolled: Rollouts) -> None:
    rolled.aws.outcome = fleet(f1="Failed").outcome
    walk = rolled.run(components=versions(2))
    assert walk.error == "FleetFailed"
    assert walk.cause.endswith(
        "; it went back: canary: 2 went back, 0 failed, 0 have not answered; "
        "fleet: 3 went back, 0 failed, 0 have not answered"
    )


def test_a_device_that_is_offline_is_not_waited_for_longer_than_a_device_may_take_to_go_back() -> None:
    walk = (rollouts := back(c1="Queued")).run(components=versions(2))
    assert walk.cause.endswith("; it went back: canary: 1 went back, 0 failed, 1 have not answered")
    # One look until the canary has failed; then a look a minute for a quarter of an hour, and the first at once.
    assert walk.waited == 60 + 16 * 60
    assert rollouts.aws.running("canary") == versions(1)


def test_devices_that_fail_to_go_back_are_told_of() -> None:
    rollouts, asked = back(c1="Failed"), []
    rollouts.before_call = lambda payload: asked.append(payload["step"])
    walk = rollouts.run(components=versions(2))
    assert walk.error == "CanaryFailed"
    assert walk.cause.endswith(
        "; and it could not go back: canary: 1 went back, 1 failed, 0 have not answered"
    )
    # What the step knows for certain is not asked for again.
    assert asked.count("look_back") == 1


def test_a_way_back_that_somebody_cancels_is_told_of() -> None:
    rollouts = back()

    def cancel(payload: Params) -> None:
        if payload["step"] == "look_back":
            rollouts.aws.deployments[-1]["deploymentStatus"] = "CANCELED"

    rollouts.before_call = cancel
    assert (
        "could not go back: canary: the deployment was cancelled"
        in rollouts.run(components=versions(2)).cause
    )


def test_a_first_rollout_is_taken_back_and_watched_too() -> None:
    rollouts = Rollouts(aws=fleet(c1="Failed", c2="Failed"))
    walk = rollouts.run(components=versions(2))
    assert walk.cause.endswith("; it went back: canary: 2 went back, 0 failed, 0 have not answered")


@pytest.mark.parametrize("named", [{}, {"processingTargets": [GROUPS["canary"]]}])
def test_devices_that_have_not_been_told_to_go_back_yet_are_waited_for(named: Params) -> None:
    """Where the job names its target, until the last has been told; where it does not, until the first has."""
    rollouts = back()
    looks = 0

    def one_a_look(deployment: Params) -> Params:
        nonlocal looks
        if "canary back" not in deployment["deploymentName"]:
            return {}
        looks += 1
        # At first the job has told nobody.
        return {"numberOfSucceededThings": looks - 1, **named}

    rollouts.aws.spreading = one_a_look
    assert rollouts.run(components=versions(2)).path.count("BackLook") == (3 if named else 2)


@pytest.mark.parametrize("fault", [each for each in FAULTS if not each.startswith("killed")])
def test_whatever_call_goes_wrong_once_a_rollout_that_fails_goes_back_all_the_same(fault: Fault) -> None:
    first = back()
    begun = len(first.aws.calls)
    first.run(components=versions(2))
    for number, operation in enumerate(first.aws.calls[begun:]):
        rollouts = back()
        rollouts.aws.spoiled = {begun + number: fault}
        walk = rollouts.run(components=versions(2))
        where = f"{fault} at {operation}, call {number}"
        assert walk.error == "CanaryFailed", where
        assert "it went back: canary: 2 went back" in walk.cause, f"{where}: {walk.cause}"
        assert rollouts.aws.running("canary") == versions(1), where
        assert len(rollouts.aws.deployments) == 4, where
