"""Many models behind one endpoint: each loaded when a request first names it."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    ModelData,
    MultiModelEndpoint,
)


class MultiModelStack(cdk.Stack):
    """Every model folder beneath `models`, under its path as name.

    :param models: folder whose sub-folders with a ``model.json`` are the models.
    :param code: folder with the ``inference.py`` that serves them all.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        models: str,
        code: str,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(self, "Key", description="Volumes of the endpoint", enable_key_rotation=True)
        self.endpoint = MultiModelEndpoint(
            self,
            "Endpoint",
            container=Container(image=ContainerImage.framework("sklearn", version="1.2-1")),
            code=code,
            instance_type=instance_type,
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
            encryption_key=key,
        )
        for artefact in sorted(Path(models).rglob("model.json")):
            name = artefact.parent.relative_to(models).as_posix()
            self.endpoint.add_model(name, ModelData.from_asset(str(artefact.parent)))
        targets = {name: hosted.target_model for name, hosted in self.endpoint.hosted_models.items()}
        cdk.CfnOutput(self, "TargetModels", value=self.to_json_string(targets))
