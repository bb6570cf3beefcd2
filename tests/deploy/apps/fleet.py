"""A fleet of devices whose model, and so whose rollouts, the tests change by what the context names."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from constructs_lib import EdgeDevices, EdgeFleet, EdgeProgram, EdgeRollout, EdgeTelemetry, ModelData

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Fleet", synthesizer=cdk.CliCredentialsStackSynthesizer())
topic = sns.Topic(stack, "Topic")
fleet = EdgeFleet(
    stack,
    "Scopes",
    fleet_name="scopes",
    model=ModelData.from_asset(app.node.try_get_context("model") or "examples/breast_cancer/edge"),
    devices=EdgeDevices.matching("scope-[0-9]{4}"),
    rollout=EdgeRollout(
        canary_percent=20,
        soak=cdk.Duration.minutes(5),
        canary_timeout=cdk.Duration.hours(2),
        fleet_timeout=cdk.Duration.hours(2),
        look_every=cdk.Duration.minutes(1),
    ),
    telemetry=EdgeTelemetry(
        summary_every=cdk.Duration.seconds(10), silent_after=cdk.Duration.minutes(2), error_percent=20
    ),
    program=EdgeProgram(python=app.node.try_get_context("python") or "python3"),
    notify=[topic],
)
for name, value in {
    "OnCall": topic.topic_arn,
    "ModelVersion": fleet.model_version,
    "Artefacts": fleet.artefacts.uri,
    "Models": fleet.models.uri,
    "Results": fleet.telemetry.results.uri,
    "Devices": fleet.telemetry.devices.table_name,
    "Start": fleet.start_function.function_name,
    "Machine": fleet.state_machine.state_machine_arn,
    "ClaimPolicy": fleet.provisioning.claim_policy_name,
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
