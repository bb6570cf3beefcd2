"""A model in service in real time: scaled, captured, encrypted, and replaced by a canary."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollout,
)


class RealtimeStack(cdk.Stack):
    """One scikit-learn model behind one endpoint.

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
        key = kms.Key(
            self, "Key", description="Volumes and captured data of the endpoint", enable_key_rotation=True
        )
        self.endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=served,
            instance_type=instance_type,
            scaling=AutoScaling(
                min_capacity=2,
                max_capacity=4,
                invocations_per_instance=600,
                scale_in_cooldown=cdk.Duration.minutes(5),
                scale_out_cooldown=cdk.Duration.minutes(1),
            ),
            rollout=Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(5)),
            capture=DataCapture(sampling_percent=100, encryption_key=key),
            encryption_key=key,
        )
