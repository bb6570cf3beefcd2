"""Requests that may wait: a queue in front of a model, and no instance while it is empty."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AsyncEndpoint,
    AsyncOutput,
    AutoScaling,
    Container,
    ContainerImage,
    Model,
    ModelData,
)


class AsyncStack(cdk.Stack):
    """One scikit-learn model behind an asynchronous endpoint that sleeps while nothing waits.

    :param model: folder with the trained artefact.
    :param code: folder with its ``inference.py``.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: str,
        code: str,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        served = Model(
            self,
            "Model",
            container=Container(
                image=ContainerImage.framework("sklearn", version="1.2-1"),
                data=ModelData.from_asset(model, code=code),
            ),
        )
        key = kms.Key(self, "Key", description="Volumes, answers and notifications", enable_key_rotation=True)
        self.answered = sns.Topic(self, "Answered", master_key=key, enforce_ssl=True)
        self.failed = sns.Topic(self, "Failed", master_key=key, enforce_ssl=True)
        self.endpoint = AsyncEndpoint(
            self,
            "Endpoint",
            model=served,
            instance_type=instance_type,
            scaling=AutoScaling(min_capacity=0, max_capacity=3, backlog_per_instance=5),
            output=AsyncOutput(encryption_key=key, success_topic=self.answered, error_topic=self.failed),
            max_concurrent_invocations_per_instance=4,
            encryption_key=key,
        )
        cdk.CfnOutput(self, "InputLocation", value=self.endpoint.locations.input.uri)
        cdk.CfnOutput(self, "AnsweredTopic", value=self.answered.topic_arn)
        cdk.CfnOutput(self, "FailedTopic", value=self.failed.topic_arn)
