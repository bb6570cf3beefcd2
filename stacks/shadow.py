"""A challenger in the shadow of the model in production: it gets every request, and answers nobody."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Comparison,
    Container,
    ContainerImage,
    DataCapture,
    Model,
    ModelData,
    Rollout,
    ShadowTest,
    Variant,
)


class ShadowStack(cdk.Stack):
    """Two models of one task: production's answers go to callers, both are compared every hour.

    :param production: folder with the trained artefact that is in production.
    :param challenger: folder with the one that may follow it.
    :param code: folder with the ``inference.py`` that they share.
    :param sampling_percent: of the requests, how many the challenger gets.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        production: str,
        challenger: str,
        code: str,
        sampling_percent: float = 100,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(
            self, "Key", description="Volumes and captured data of the shadow test", enable_key_rotation=True
        )
        self.test = ShadowTest(
            self,
            "Endpoint",
            production=self._variant("Production", production, code, instance_type),
            challenger=self._variant("Challenger", challenger, code, instance_type),
            sampling_percent=sampling_percent,
            comparison=Comparison(label="labels", number="probabilities", minimum_pairs=50),
            rollout=Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(5)),
            capture=DataCapture(encryption_key=key),
            encryption_key=key,
        )
        self._watch()
        function = self.test.comparison.function
        cdk.CfnOutput(self, "Comparison", value=function.function_name, description="Compares on demand")

    def _variant(self, name: str, folder: str, code: str, instance_type: str) -> Variant:
        image = ContainerImage.framework("sklearn", version="1.2-1")
        container = Container(image=image, data=ModelData.from_asset(folder, code=code))
        return Variant(
            name=name,
            model=Model(self, name, container=container),
            instance_type=instance_type,
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
        )

    def _watch(self) -> None:
        """What the challenger's team wants to see."""
        test = self.test
        latencies = [
            test.metric_model_latency(variant=variant.name) for variant in (test.production, test.challenger)
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            widgets=[
                [
                    cloudwatch.GraphWidget(title="Agreement", left=[test.metric_agreement()]),
                    cloudwatch.GraphWidget(title="Mean difference", left=[test.metric_mean_difference()]),
                    cloudwatch.GraphWidget(title="Latency, p99", left=latencies),
                    cloudwatch.GraphWidget(title="Answers compared", left=[test.metric_pairs()]),
                ]
            ],
        )
