"""Deployments of Greengrass and the jobs behind them, without a device: the test answers for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.embedded_aws import LocalAws

from .fleets import Fleet, arn
from .hosting import error_of


@pytest.fixture
def fleet(aws: LocalAws) -> Fleet:
    made = Fleet(aws)
    made.publish("Model", "1.0.0")
    made.publish("Model", "1.1.0")
    return made


def take(fleet: Fleet, thing: str, status: str, **details: str) -> dict[str, Any]:
    """Report the oldest job of a thing, as a device does; the document of the job."""
    jobs = fleet.aws.client("iot-jobs-data")
    begun = jobs.start_next_pending_job_execution(thingName=thing)["execution"]
    jobs.update_job_execution(jobId=begun["jobId"], thingName=thing, status=status, statusDetails=details)
    return dict(json.loads(begun["jobDocument"]))


def test_the_deployment_of_a_group_is_a_continuous_job(fleet: Fleet) -> None:
    things = [fleet.thing(stem) for stem in ("a", "b", "c")]
    group = fleet.group(*things)
    deployment = fleet.deploy(group, {"Model": "1.0.0"}, deploymentName="first")
    job = fleet.iot.describe_job(jobId=deployment["iotJobId"])["job"]
    assert (job["targetSelection"], job["targets"], job["jobArn"]) == (
        "CONTINUOUS", [group], deployment["iotJobArn"],
    )  # fmt: skip
    assert fleet.counts(deployment) == {"queued": 3}
    document = take(fleet, things[0], "SUCCEEDED")
    assert document["components"] == {fleet.name("Model"): {"version": "1.0.0"}}
    assert document["deploymentId"] == deployment["deploymentId"]
    take(fleet, things[1], "FAILED", reason="x")
    assert fleet.counts(deployment) == {"queued": 1, "succeeded": 1, "failed": 1}
    take(fleet, things[2], "SUCCEEDED")
    # It never completes: another thing may join.
    assert fleet.iot.describe_job(jobId=deployment["iotJobId"])["job"]["status"] == "IN_PROGRESS"
    late = fleet.thing("late")
    fleet.iot.create_thing(thingName=late)
    fleet.iot.add_thing_to_thing_group(thingName=late, thingGroupName=group.rpartition("/")[2])
    assert fleet.counts(deployment) == {"queued": 1, "succeeded": 2, "failed": 1}
    listed = fleet.iot.list_job_executions_for_job(jobId=deployment["iotJobId"], status="FAILED")
    assert [each["thingArn"] for each in listed["executionSummaries"]] == [arn(f"thing/{things[1]}")]


def test_a_revision_replaces_the_one_before(fleet: Fleet) -> None:
    thing = fleet.thing()
    group = fleet.group(thing)
    first = fleet.deploy(group, {"Model": "1.0.0"})
    second = fleet.deploy(group, {"Model": "1.1.0"})
    told = fleet.greengrass.get_deployment(deploymentId=first["deploymentId"])
    assert (told["deploymentStatus"], told["isLatestForTarget"], told["revisionId"]) == (
        "INACTIVE", False, "1",
    )  # fmt: skip
    assert fleet.counts(first) == {"canceled": 1}
    assert fleet.iot.describe_job(jobId=first["iotJobId"])["job"]["status"] == "CANCELED"
    told = fleet.greengrass.get_deployment(deploymentId=second["deploymentId"])
    assert (told["deploymentStatus"], told["isLatestForTarget"], told["revisionId"]) == ("ACTIVE", True, "2")
    assert take(fleet, thing, "SUCCEEDED")["components"][fleet.name("Model")]["version"] == "1.1.0"


def test_what_a_device_has_begun_it_may_finish(fleet: Fleet) -> None:
    thing = fleet.thing()
    group = fleet.group(thing)
    first = fleet.deploy(group, {"Model": "1.0.0"})
    jobs = fleet.aws.client("iot-jobs-data")
    jobs.start_next_pending_job_execution(thingName=thing)
    fleet.deploy(group, {"Model": "1.1.0"})
    assert fleet.counts(first) == {"inprogress": 1}
    jobs.update_job_execution(jobId=first["iotJobId"], thingName=thing, status="SUCCEEDED")
    assert fleet.counts(first) == {"succeeded": 1}


def test_lists_tell_the_latest_of_each_target_or_all(fleet: Fleet) -> None:
    group = fleet.group(fleet.thing())
    ids = [fleet.deploy(group, {"Model": version})["deploymentId"] for version in ("1.0.0", "1.1.0", "1.0.0")]

    def listed(**filters: Any) -> list[str]:
        pages = fleet.greengrass.get_paginator("list_deployments").paginate(
            **filters, PaginationConfig={"PageSize": 2}
        )
        return [each["deploymentId"] for page in pages for each in page["deployments"]]

    assert listed(targetArn=group) == ids[-1:]
    assert listed(targetArn=group, historyFilter="LATEST_ONLY") == ids[-1:]
    assert listed(targetArn=group, historyFilter="ALL") == ids[::-1]
    assert set(ids[:2]).isdisjoint(listed())
    assert ids[-1] in listed()


def test_a_cancelled_deployment_reaches_nobody_who_has_not_begun(fleet: Fleet) -> None:
    thing = fleet.thing()
    group = fleet.group(thing)
    deployment = fleet.deploy(group, {"Model": "1.0.0"})
    assert fleet.greengrass.cancel_deployment(deploymentId=deployment["deploymentId"])["message"]
    told = fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])
    assert told["deploymentStatus"] == "CANCELED"
    assert fleet.counts(deployment) == {"canceled": 1}
    again = error_of(lambda: fleet.greengrass.cancel_deployment(deploymentId=deployment["deploymentId"]))
    assert again[0] == "ConflictException"
    fleet.greengrass.delete_deployment(deploymentId=deployment["deploymentId"])
    gone = error_of(lambda: fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"]))
    assert gone[0] == "ResourceNotFoundException"


def test_the_same_token_is_the_same_deployment(fleet: Fleet) -> None:
    group = fleet.group(fleet.thing())
    first = fleet.deploy(group, {"Model": "1.0.0"}, clientToken=f"t-{fleet.number}")
    again = fleet.deploy(group, {"Model": "1.0.0"}, clientToken=f"t-{fleet.number}")
    assert again["deploymentId"] == first["deploymentId"]
    all_of_it = fleet.greengrass.list_deployments(targetArn=group, historyFilter="ALL")["deployments"]
    assert len(all_of_it) == 1


def test_too_many_failures_abort_the_rollout(fleet: Fleet) -> None:
    things = [fleet.thing(stem) for stem in "abcd"]
    group = fleet.group(*things)
    criterion = {
        "failureType": "ALL", "action": "CANCEL", "thresholdPercentage": 50.0, "minNumberOfExecutedThings": 2,
    }  # fmt: skip
    configuration = {"abortConfig": {"criteriaList": [criterion]}}
    deployment = fleet.deploy(group, {"Model": "1.0.0"}, iotJobConfiguration=configuration)
    take(fleet, things[0], "FAILED")
    assert fleet.counts(deployment) == {"failed": 1, "queued": 3}
    take(fleet, things[1], "FAILED")
    assert fleet.counts(deployment) == {"failed": 2, "canceled": 2}
    job = fleet.iot.describe_job(jobId=deployment["iotJobId"])["job"]
    assert (job["status"], job["reasonCode"]) == ("CANCELED", "ABORT_CANCEL")
    told = fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])
    assert told["deploymentStatus"] == "CANCELED"


def test_a_rollout_is_paced_by_the_minute(fleet: Fleet) -> None:
    """The server's minute of a job lasts a second (CONSTRUCTS_LOCAL_JOB_MINUTE)."""
    group = fleet.group(*(fleet.thing(stem) for stem in "abcde"))
    paced = {"jobExecutionsRolloutConfig": {"maximumPerMinute": 2}}
    deployment = fleet.deploy(group, {"Model": "1.0.0"}, iotJobConfiguration=paced)
    assert fleet.counts(deployment) == {"queued": 2}
    fleet.wait_for(deployment, queued=4)
    fleet.wait_for(deployment, queued=5)


def test_a_device_that_takes_too_long_has_timed_out(fleet: Fleet) -> None:
    thing = fleet.thing()
    limited = {"timeoutConfig": {"inProgressTimeoutInMinutes": 2}}
    deployment = fleet.deploy(fleet.group(thing), {"Model": "1.0.0"}, iotJobConfiguration=limited)
    fleet.aws.client("iot-jobs-data").start_next_pending_job_execution(thingName=thing)
    assert fleet.counts(deployment) == {"inprogress": 1}
    fleet.wait_for(deployment, timedout=1)


def test_the_deployment_of_one_thing_is_a_document_in_its_shadow(fleet: Fleet) -> None:
    thing = fleet.thing()
    fleet.iot.create_thing(thingName=thing)
    deployment = fleet.deploy(arn(f"thing/{thing}"), {"Model": "1.0.0"})
    assert "iotJobId" not in deployment
    shadow = fleet.aws.client("iot-data").get_thing_shadow(
        thingName=thing, shadowName="AWSManagedGreengrassV2Deployment"
    )
    desired = json.loads(shadow["payload"].read())["state"]["desired"]
    assert json.loads(desired["fleetConfig"])["deploymentId"] == deployment["deploymentId"]
    assert (
        fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])["deploymentStatus"]
        == "ACTIVE"
    )
    reported = {"fleetConfigurationArnForStatus": desired["fleetConfigurationArn"], "status": "SUCCEEDED"}
    fleet.aws.client("iot-data").update_thing_shadow(
        thingName=thing,
        shadowName="AWSManagedGreengrassV2Deployment",
        payload=json.dumps({"state": {"reported": reported}}),
    )
    told = fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])
    assert told["deploymentStatus"] == "COMPLETED"


def test_defaults_are_told(fleet: Fleet) -> None:
    deployment = fleet.deploy(fleet.group(fleet.thing()), {"Model": "1.0.0"})
    told = fleet.greengrass.get_deployment(deploymentId=deployment["deploymentId"])["deploymentPolicies"]
    assert told["failureHandlingPolicy"] == "ROLLBACK"
    assert told["componentUpdatePolicy"] == {"timeoutInSeconds": 60, "action": "NOTIFY_COMPONENTS"}


def test_what_aws_would_not_deploy_is_refused(fleet: Fleet) -> None:
    group = fleet.group(fleet.thing())

    def refusal(target: str = group, version: str = "1.0.0", **members: Any) -> tuple[str, str]:
        return error_of(lambda: fleet.deploy(target, {"Model": version}, **members))

    assert refusal(arn("thinggroup/nobody"))[0] == "ResourceNotFoundException"
    assert refusal(arn("thing/nobody"))[0] == "ResourceNotFoundException"
    assert "has no version 9.9.9" in refusal(version="9.9.9")[1]
    assert "is not a semantic version" in refusal(version="latest")[1]
    assert "must be a JSON object" in refusal(configuration={"Model": {"merge": "[1]"}})[1]
    assert "no JSON pointer" in refusal(configuration={"Model": {"reset": ["a"]}})[1]
    slow = {"timeoutConfig": {"inProgressTimeoutInMinutes": 20000}}
    assert "1 to 10080" in refusal(iotJobConfiguration=slow)[1]
    fleet.create(fleet.recipe("Fresh"))
    assert "is REQUESTED, not DEPLOYABLE" in error_of(lambda: fleet.deploy(group, {"Fresh": "1.0.0"}))[1]
