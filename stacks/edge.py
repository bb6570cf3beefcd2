"""A model on devices: a fleet that rolls out what is merged, canary first, and hears how its devices fare."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    ModelData,
)


class EdgeStack(cdk.Stack):
    """A fleet of devices that look at cells.

    :param model: folder with ``model.onnx``.
    :param python: the interpreter on the devices.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: str,
        soak: cdk.Duration | None = None,
        python: str = "python3",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(self, "Key", description="Components, results and failures", enable_key_rotation=True)
        self.fleet = EdgeFleet(
            self,
            "Scopes",
            model=ModelData.from_asset(model),
            devices=EdgeDevices.matching("scope-[0-9]{4}"),
            rollout=EdgeRollout(canary_percent=10, soak=soak or cdk.Duration.hours(4)),
            telemetry=EdgeTelemetry(sample_percent=100, latency_p99=cdk.Duration.millis(250), key=key),
            program=EdgeProgram(python=python),
            encryption_key=key,
            notify=[self._topic(key)],
        )
        cdk.CfnOutput(self, "Fleet", value=self.fleet.fleet_name)
        cdk.CfnOutput(self, "ClaimPolicy", value=self.fleet.provisioning.claim_policy_name)
        cdk.CfnOutput(self, "RoleAlias", value=self.fleet.role_alias)
        cdk.CfnOutput(self, "ModelVersion", value=self.fleet.model_version)
        cdk.CfnOutput(self, "Models", value=self.fleet.models.uri)
        cdk.CfnOutput(self, "Results", value=self.fleet.telemetry.results.uri)
        cdk.CfnOutput(self, "Start", value=self.fleet.start_function.function_name)
        cdk.CfnOutput(self, "StateMachine", value=self.fleet.state_machine.state_machine_arn)

    def _topic(self, key: kms.Key) -> sns.Topic:
        topic = sns.Topic(self, "OnCall", master_key=key, enforce_ssl=True)
        # Without both, CloudWatch could not publish, and would say so nowhere: a topic whose policy asks for TLS has
        # none that lets the account's alarms in, and what is encrypted takes the key.
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        topic.grant_publish(alarms)
        key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey")
        return topic
