"""Canary analyses with the least of everything, unless told otherwise."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import CanaryAnalysis, MetricCheck, Rollback, Rollout

from .synth import an_endpoint, synthesized

minutes = cdk.Duration.minutes
SILENT = Rollback(error_rate_percent=None, latency_alarm=False)
ACCURACY = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy", dimensions_map={"Model": "fraud"})
RATE = cloudwatch.MathExpression(
    expression="bad / all",
    using_metrics={
        "bad": cloudwatch.Metric(namespace="Fraud", metric_name="Bad", statistic="Sum"),
        "all": cloudwatch.Metric(namespace="Fraud", metric_name="All", statistic="Sum"),
    },
)


def check(**given: object) -> MetricCheck:
    return MetricCheck(**{"name": "accuracy", "metric": ACCURACY, "at_least": 0.9, **given})


def analysis(**given: object) -> CanaryAnalysis:
    return CanaryAnalysis(**{"checks": [check()], **given})


def canary(**given: object) -> Rollout:
    return Rollout.canary(
        **{"size_percent": 10, "wait": minutes(10), "analysis": analysis(), "rollback": SILENT, **given}
    )


def linear(**given: object) -> Rollout:
    return Rollout.linear(
        **{"step_percent": 50, "wait": minutes(10), "analysis": analysis(), "rollback": SILENT, **given}
    )


def analysed(stack: cdk.Stack, rollout: Rollout | None = None, **props: Any) -> dict[str, Any]:
    given = {"endpoint_name": "fraud", "check_deployments": False, **props}
    an_endpoint(stack, rollout=rollout or canary(), **given)
    return synthesized(stack)
