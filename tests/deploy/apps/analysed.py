"""An app with a canary that is analysed by the accuracy which callers find in the answers of each version.

``-c model=FOLDER`` the model, ``-c version=TEXT`` which its answers name,
``-c interval=SECONDS``, ``-c wait=SECONDS`` how long intervals and bakes really last where this is deployed
"""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    CanaryAnalysis,
    Container,
    ContainerImage,
    MetricCheck,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollback,
    Rollout,
)

app = cdk.App(builtin_cloud_formation_validation=False)
version, interval, wait = (str(app.node.get_context(name)) for name in ("version", "interval", "wait"))
stack = cdk.Stack(app, "Analysed", synthesizer=cdk.CliCredentialsStackSynthesizer())
accuracy = cloudwatch.Metric(namespace="Team", metric_name="Accuracy", dimensions_map={"Version": version})
endpoint = RealtimeEndpoint(
    stack,
    "Endpoint",
    endpoint_name="analysed",
    instance_type="ml.m5.large",
    instance_count=1,
    model=Model(
        stack,
        "Model",
        container=Container(
            image=ContainerImage.framework("sklearn", version="1.2-1"),
            data=ModelData.from_asset(app.node.get_context("model"), code="examples/breast_cancer/code"),
        ),
    ),
    rollout=Rollout.canary(
        size_percent=50,
        wait=cdk.Duration.minutes(8),
        termination_wait=cdk.Duration.minutes(0),
        analysis=CanaryAnalysis(checks=[MetricCheck(name="accuracy", metric=accuracy, at_least=0.9)]),
        rollback=Rollback(error_rate_percent=5),
    ),
)

# The same analysis on a faster clock: the emulator bakes for seconds, and CloudWatch's minutes stay minutes.
if endpoint.rollout_analysis is not None:
    rule = endpoint.rollout_analysis.rule.node.default_child
    (target,) = stack.resolve(rule.targets)
    event = json.loads(target["input"])
    event |= {"BakeSeconds": int(wait), "IntervalSeconds": int(interval)}
    event |= {"SettleSeconds": 0, "DecideSecondsBefore": 3}
    for query in event["Checks"][0]["Queries"]:
        query["MetricStat"]["Period"] = int(interval)
    rule.add_property_override("Targets.0.Input", json.dumps(event))
app.synth()
