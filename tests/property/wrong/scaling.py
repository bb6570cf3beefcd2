"""Values of auto scaling, and what each of their properties may be."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    Adjustment,
    AutoScaling,
    MetricTarget,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
)

from ..kinds import a, duration, flag, like, listed, number, optional, text, whole
from ..made import Made
from .pool import CAPACITY, MINUTE, Subject

METRIC = Made(cloudwatch.Metric, given={"namespace": "Team", "metric_name": "Load"})
SCALING_NAME = r"[A-Za-z][A-Za-z0-9-]{0,63}"

VALUES_OF_SCALING: list[Subject] = [
    (
        "MetricTarget",
        MetricTarget,
        {
            "name": ("Load", text(SCALING_NAME)),
            "metric": (METRIC, like("to_metric_config")),
            "target": (5, number(0, above=True)),
        },
    ),
    (
        "StepScaling",
        StepScaling,
        {
            "name": ("Out", text(SCALING_NAME)),
            "metric": (METRIC, like("to_metric_config")),
            "threshold": (5, number()),
            "steps": ([Made(ScalingStep, given={"change": 1, "lower": 0})], listed(a(ScalingStep), 1, 20)),
            "comparison": (
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                a(cloudwatch.ComparisonOperator),
            ),
            "adjustment": (Adjustment.CHANGE, a(Adjustment)),
            "cooldown": (MINUTE, optional(duration(0, 86_400))),
            "evaluation_periods": (1, whole(1, 1440)),
        },
    ),
    (
        "StepScaling.steps[0]",
        lambda **given: StepScaling(
            name="Out",
            metric=cloudwatch.Metric(namespace="T", metric_name="L"),
            threshold=1,
            steps=[ScalingStep(**given)],
        ),
        {
            "change": (1, whole(-(2**31) + 1, 2**31 - 1)),
            "lower": (0, optional(number())),
            "upper": (None, optional(number(0, above=True))),
        },
    ),
    (
        "ScheduledScaling",
        ScheduledScaling,
        {
            "name": ("Day", text(SCALING_NAME)),
            "schedule": (Made(appscaling.Schedule.expression, ("rate(1 day)",)), a(appscaling.Schedule)),
            "min_capacity": (1, optional(whole(0, 4))),
            "max_capacity": (4, optional(whole(1, CAPACITY))),
            "timezone": (None, optional(a(cdk.TimeZone))),
        },
    ),
    (
        "AutoScaling",
        AutoScaling,
        {
            "min_capacity": (1, whole(0, 4)),
            "max_capacity": (4, whole(1, CAPACITY)),
            "invocations_per_instance": (600, optional(number(0, above=True))),
            "concurrent_requests_per_model": (None, optional(number(0, above=True))),
            "cpu_utilization": (70, optional(number(0, above=True))),
            "backlog_per_instance": (None, optional(number(0, above=True))),
            "provisioned_concurrency_utilization": (None, optional(number(0.1, 0.9))),
            "invocations_per_copy": (None, optional(number(0, above=True))),
            "concurrent_requests_per_copy": (None, optional(number(0, above=True))),
            "metrics": ((), listed(a(MetricTarget), 0, 50)),
            "steps": ((), listed(a(StepScaling), 0, 50)),
            "schedules": ((), listed(a(ScheduledScaling), 0, 50)),
            "scale_in_cooldown": (None, optional(duration(0, 86_400))),
            "scale_out_cooldown": (None, optional(duration(0, 86_400))),
            "scale_in": (True, flag),
            "suspended": (Made(SuspendedScaling), a(SuspendedScaling)),
        },
    ),
    (
        "AutoScaling.suspended",
        lambda **given: AutoScaling(
            min_capacity=1, max_capacity=2, cpu_utilization=50, suspended=SuspendedScaling(**given)
        ),
        {"scale_in": (False, flag), "scale_out": (False, flag), "scheduled": (False, flag)},
    ),
]
