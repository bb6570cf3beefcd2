"""Schedules of EventBridge Scheduler that send to a queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import Hosting, as_template, error_of
from .neighbours import Queue
from .test_iam import TRUST, allow, create_role

# A rate of a minute lasts 0.6 seconds.
OFTEN = {**QUICK, "CONSTRUCTS_LOCAL_SCHEDULE_SCALE": "0.01"}
SCHEDULER_TRUST = {**TRUST, "Principal": {"Service": "scheduler.amazonaws.com"}}
INPUT = '{"scheduled": "<aws.scheduler.scheduled-time>"}'
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Scheduler"


@pytest.fixture(scope="module")
def often(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server whose rates are fast."""
    with local_aws(tmp_path_factory.mktemp("often"), settings=OFTEN) as aws:
        yield aws


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The same, where IAM is enforced."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=OFTEN) as aws:
        yield aws


def resource(queue: Queue, expression: str, **members: Any) -> dict[str, Any]:
    retries = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3}
    target = {"Arn": queue.arn, "RoleArn": ROLE, "Input": INPUT, "RetryPolicy": retries}
    properties = {
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
        **members,
    }
    return {"Type": "AWS::Scheduler::Schedule", "Properties": properties}


class Stack:
    """A stack of one schedule."""

    def __init__(self, aws: LocalAws, schedule: dict[str, Any]) -> None:
        self.client, self.name = aws.client("cloudformation"), Hosting.name("stack")
        self.scheduler = aws.client("scheduler")
        self.client.create_stack(StackName=self.name, TemplateBody=as_template({"Nightly": schedule}))
        self.settled()

    def settled(self) -> str:
        def status() -> str | None:
            (found,) = self.client.describe_stacks(StackName=self.name)["Stacks"]
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else str(found["StackStatus"])

        return str(until(status, what="the stack"))

    def update(self, schedule: dict[str, Any]) -> str:
        self.client.update_stack(StackName=self.name, TemplateBody=as_template({"Nightly": schedule}))
        return self.settled()

    def why(self) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(each.get("ResourceStatusReason", "") for each in events)

    def schedule(self) -> dict[str, Any]:
        (found,) = self.client.describe_stack_resources(StackName=self.name)["StackResources"]
        return dict(self.scheduler.get_schedule(Name=found["PhysicalResourceId"]))

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)


def test_a_schedule_of_a_template_keeps_its_time_zone(often: LocalAws) -> None:
    queue = Queue(often)
    stack = Stack(often, resource(queue, "cron(0 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin"))
    assert stack.schedule()["ScheduleExpressionTimezone"] == "Europe/Berlin"
    before = stack.schedule()["Arn"]
    changed = resource(queue, "cron(0 3 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo", State="DISABLED")
    assert stack.update(changed) == "UPDATE_COMPLETE"
    found = stack.schedule()
    assert (found["ScheduleExpressionTimezone"], found["State"]) == ("Asia/Tokyo", "DISABLED")
    assert found["Arn"] == before
    stack.delete()
    until(lambda: not _exists(often, found["Name"]), what="the schedule is gone")
    assert queue.stays_empty(0.5)


def _exists(aws: LocalAws, name: str) -> bool:
    return name in [each["Name"] for each in aws.client("scheduler").list_schedules()["Schedules"]]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ScheduleExpressionTimezone": "Europe/Nowhere"}, "Invalid Schedule Expression"),
        ({"ScheduleExpression": "cron(0 2 * * *)"}, "Invalid Schedule Expression"),
        ({"Typo": 1}, "extraneous key [Typo] is not permitted"),
    ],
)
def test_a_schedule_that_aws_would_refuse_fails_the_stack(
    often: LocalAws, members: dict[str, Any], words: str
) -> None:
    schedule = resource(Queue(often), "cron(0 2 * * ? *)")
    schedule["Properties"] |= members
    stack = Stack(often, schedule)
    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert words in stack.why()


def test_a_rate_tells_the_time_it_was_scheduled_for(often: LocalAws) -> None:
    queue = Queue(often)
    begun = datetime.now(UTC)
    stack = Stack(often, resource(queue, "rate(1 minute)"))
    bodies = [json.loads(queue.one()) for _ in range(2)]
    stack.delete()
    scheduled = [datetime.fromisoformat(each["scheduled"]) for each in bodies]
    assert all(each["scheduled"].endswith("Z") for each in bodies)
    assert begun - timedelta(seconds=2) < scheduled[0] < scheduled[1] + timedelta(seconds=1)


def test_a_schedule_is_due_once_at_a_moment_of_its_zone(often: LocalAws) -> None:
    queue, name = Queue(often), Hosting.name("once")
    tokyo = datetime.now(UTC) + timedelta(hours=9, seconds=1)
    often.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({tokyo:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": queue.arn, "RoleArn": ROLE, "Input": INPUT},
    )
    expected = f"{tokyo - timedelta(hours=9):%Y-%m-%dT%H:%M:%S}Z"
    assert json.loads(queue.one()) == {"scheduled": expected}
    until(lambda: not _exists(often, name), what="the completed schedule is gone")
    assert queue.stays_empty(0.5)


@pytest.mark.parametrize("granted", [True, False])
def test_the_role_of_a_schedule_must_be_let_send(strict: LocalAws, granted: bool) -> None:
    queue, other = Queue(strict), Queue(strict)
    grant = allow("sqs:SendMessage", (queue if granted else other).arn)
    role = create_role(strict, Hosting.name("Scheduler"), SCHEDULER_TRUST, grant)
    schedule = resource(queue, "rate(1 minute)")
    schedule["Properties"]["Target"]["RoleArn"] = role
    stack = Stack(strict, schedule)
    assert stack.settled() == "CREATE_COMPLETE", stack.why()
    if granted:
        assert "scheduled" in json.loads(queue.one())
    else:
        denial = f"{role} is not authorized to perform: sqs:SendMessage on resource: {queue.arn}"
        until(lambda: denial in strict.log.read_text(), what="the refusal in the log")
        assert queue.stays_empty(0.5)
    stack.delete()


def test_a_role_must_trust_the_scheduler(strict: LocalAws) -> None:
    queue = Queue(strict)
    role = create_role(strict, Hosting.name("Stranger"), TRUST, allow("sqs:SendMessage", queue.arn))
    refused = error_of(
        lambda: strict.client("scheduler").create_schedule(
            Name="n",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": queue.arn, "RoleArn": role},
        )
    )
    assert refused[0] == "ValidationException"
    assert "to assume the role" in refused[1]
