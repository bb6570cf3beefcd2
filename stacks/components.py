"""Two models on one fleet, each with copies of its own, and no instance while nobody asks."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    ManagedInstanceScaling,
    Model,
    ModelData,
)


class ComponentsStack(cdk.Stack):
    """Inference components on a fleet that follows their copies.

    :param models: component id → folder with its ``model/`` and ``code/inference.py``.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        models: dict[str, str],
        instance_type: str = "ml.m5.2xlarge",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(self, "Key", description="Volumes of the endpoint", enable_key_rotation=True)
        self.endpoint = ComponentEndpoint(
            self,
            "Endpoint",
            instance_type=instance_type,
            managed_scaling=ManagedInstanceScaling(min_count=0, max_count=3),
            encryption_key=key,
        )
        for name, folder in models.items():
            model = Model(
                self,
                f"{name}Model",
                container=Container(
                    image=ContainerImage.framework("sklearn", version="1.2-1"),
                    data=ModelData.from_asset(f"{folder}/model", code=f"{folder}/code"),
                ),
            )
            component = self.endpoint.add_component(
                name,
                model=model,
                memory=cdk.Size.gibibytes(2),
                cpu_cores=1,
                scaling=AutoScaling(min_capacity=0, max_capacity=4, invocations_per_copy=600),
            )
            cdk.CfnOutput(self, f"{name}Component", value=component.component_name)
