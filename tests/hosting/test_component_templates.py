"""Templates with components: valid for CloudFormation and for the APIs it calls, and one to be read.

Accept a change of the snapshot on purpose with
``python -m pytest tests/hosting/test_component_templates.py --snapshot-update``, and read the diff.
"""

from __future__ import annotations

import copy

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_lib import (
    AutoScaling,
    ComponentEndpoint,
    DataCapture,
    ManagedInstanceScaling,
    MetricsPublishing,
    Placement,
    Rollback,
    Rollout,
    RoutingStrategy,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
)
from tests.property import api
from tests.property.synthesis import lint_findings
from tests.support.components import COMPONENT, CONFIG, a_component, a_fleet
from tests.support.synth import Template, a_bucket, a_model, fresh_app, resources, synthesized

minutes, gibibytes = cdk.Duration.minutes, cdk.Size.gibibytes


def everything(stack: cdk.Stack) -> None:
    """One of each thing that a fleet and its components may have."""
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1a2b3c4d", availability_zones=["a"], private_subnet_ids=["subnet-1a2b3c4d"]
    )
    fleet = ComponentEndpoint(
        stack,
        "Everything",
        instance_type="ml.g5.12xlarge",
        instance_count=2,
        managed_scaling=ManagedInstanceScaling(min_count=0, max_count=10),
        routing=RoutingStrategy.LEAST_OUTSTANDING_REQUESTS,
        vpc=vpc,
        network_isolation=True,
        volume_size=gibibytes(256),
        capture=DataCapture(bucket=a_bucket(stack), sampling_percent=20),
        encryption_key=kms.Key(stack, "Key"),
        metrics=MetricsPublishing(every=cdk.Duration.seconds(10)),
    )
    model = a_model(stack)
    depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    a_component(
        fleet,
        "Scaled",
        model=model,
        memory=gibibytes(4),
        max_memory=gibibytes(8),
        cpu_cores=0.5,
        accelerators=1,
        scaling=AutoScaling(
            min_capacity=0,
            max_capacity=40,
            invocations_per_copy=600,
            concurrent_requests_per_copy=4,
            steps=[
                StepScaling(name="Depth", metric=depth, threshold=10, steps=[ScalingStep(lower=0, change=2)])
            ],
            schedules=[
                ScheduledScaling(
                    name="Night",
                    schedule=appscaling.Schedule.expression("cron(0 22 * * ? *)"),
                    min_capacity=0,
                    timezone=cdk.TimeZone.EUROPE_BERLIN,
                )
            ],
            suspended=SuspendedScaling(scale_in=True),
        ),
        placement=Placement.SPREAD,
        cache_artefacts=True,
    )
    a_component(
        fleet,
        "Fixed",
        model=model,
        copies=4,
        rollout=Rollout.rolling(
            batch_instances=2,
            wait=minutes(5),
            rollback_percent=100,
            maximum_execution=cdk.Duration.hours(1),
            rollback=Rollback(alarms=[cloudwatch.Alarm.from_alarm_name(stack, "Mine", "mine")]),
        ),
        placement=Placement.BINPACK,
        cache_artefacts=False,
        component_name="Fixed-1",
    )
    a_component(a_fleet(stack, "Least"), model=model, copies=1, rollout=Rollout.unguarded())


@pytest.fixture(scope="module")
def template() -> Template:
    stack = cdk.Stack(fresh_app(), "Test")
    everything(stack)
    return synthesized(stack)


def test_the_apis_would_take_what_is_emitted(template: Template) -> None:
    assert api.faults(template) == []
    assert len(resources(template, COMPONENT)) == 3


def test_cfn_lint_finds_nothing(template: Template) -> None:
    assert lint_findings(template) == []


def test_both_looks_can_fail(template: Template) -> None:
    broken = copy.deepcopy(template)
    for each in resources(broken, COMPONENT).values():
        each["Properties"]["Specification"]["ComputeResourceRequirements"]["MinMemoryRequiredInMb"] = 127
    assert sum("127 is not within 128" in fault for fault in api.faults(broken)) == 6, "made and updated"
    assert len(lint_findings(broken)) == 3


def test_the_usual_case(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    """A model that sleeps on a fleet that sleeps with it."""
    fleet = a_fleet(stack, managed_scaling=ManagedInstanceScaling(min_count=0, max_count=4))
    a_component(
        fleet,
        model=a_model(stack),
        memory=gibibytes(2),
        cpu_cores=1,
        scaling=AutoScaling(min_capacity=0, max_capacity=6, invocations_per_copy=600),
    )
    shown = {
        id: each
        for id, each in synthesized(stack)["Resources"].items()
        if each["Type"] in (COMPONENT, CONFIG, "AWS::SageMaker::Endpoint")
        or each["Type"].startswith("AWS::ApplicationAutoScaling::")
    }
    assert snapshot.use_extension(JSONSnapshotExtension) == shown
