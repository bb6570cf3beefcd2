"""Which of two models is better: a bandit that moves the traffic to it."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    ABTest,
    Container,
    ContainerImage,
    Guardrail,
    Model,
    ModelData,
    Reward,
    Stopping,
    ThompsonSampling,
    Variant,
)


class ExperimentStack(cdk.Stack):
    """Models of one task behind one endpoint; rewards decide who answers.

    :param models: variant name → folder with the trained artefact; the first is the control.
    :param code: folder with the ``inference.py`` that they share.
    :param window: how long after an answer its reward may come.
    :param period: what the counts are divided into.
    :param least: how long the experiment runs at least.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        models: Mapping[str, str],
        code: str,
        window: cdk.Duration,
        period: cdk.Duration,
        least: cdk.Duration,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        image = ContainerImage.framework("sklearn", version="1.2-1")
        key = kms.Key(
            self, "Key", description="Volumes, events and counts of the experiment", enable_key_rotation=True
        )
        self.test = ABTest(
            self,
            "Test",
            variants=[
                Variant(
                    name=name,
                    model=Model(
                        self,
                        f"{name}Model",
                        container=Container(image=image, data=ModelData.from_asset(folder, code=code)),
                    ),
                    instance_type=instance_type,
                )
                for name, folder in models.items()
            ],
            allocation=ThompsonSampling(stopping=Stopping(minimum_duration=least)),
            reward=Reward.binary(window=window),
            guardrails=[Guardrail.errors(percent=5)],
            period=period,
            encryption_key=key,
        )
        cdk.CfnOutput(self, "ExperimentName", value=self.test.experiment_name)
        cdk.CfnOutput(self, "TableName", value=self.test.manager.table.table_name)
        cdk.CfnOutput(self, "StreamName", value=self.test.manager.stream.stream_name)
        cdk.CfnOutput(self, "Controller", value=self.test.manager.controller.function_name)
        cdk.CfnOutput(self, "Recount", value=self.test.manager.recount.function_name)
