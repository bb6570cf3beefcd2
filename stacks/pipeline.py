"""Three containers behind one endpoint: scale, classify, label."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    ModelData,
    Rollout,
)


class PipelineStack(cdk.Stack):
    """A pipeline of scikit-learn containers.

    :param steps: folder with one folder a step, each with ``model/`` and ``code/inference.py``.
    :param order: the names of those folders, in the order they answer.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        steps: str,
        order: tuple[str, ...] = ("scale", "classify", "label"),
        direct_invocation: bool = False,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(
            self, "Key", description="Volumes and captured data of the endpoint", enable_key_rotation=True
        )
        image = ContainerImage.framework("sklearn", version="1.2-1")
        self.endpoint = InferencePipeline(
            self,
            "Endpoint",
            containers=[
                Container(
                    image=image,
                    data=ModelData.from_asset(f"{steps}/{step}/model", code=f"{steps}/{step}/code"),
                    hostname=step,
                )
                for step in order
            ],
            direct_invocation=direct_invocation,
            instance_type=instance_type,
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
            rollout=Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(5)),
            capture=DataCapture(sampling_percent=100, encryption_key=key),
            encryption_key=key,
        )
