"""A model behind an API of its own: who calls it, how often, and what with, is checked before it is asked."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms

from constructs_lib import (
    Container,
    ContainerImage,
    InferenceApi,
    Model,
    ModelData,
    RealtimeEndpoint,
    RequestLimits,
    Throttle,
)


class ApiStack(cdk.Stack):
    """One scikit-learn model behind one endpoint, and an API in front of it that IAM guards.

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
        columns: int,
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
        key = kms.Key(self, "Key", description="Volumes of the endpoint", enable_key_rotation=True)
        self.endpoint = RealtimeEndpoint(
            self, "Endpoint", model=served, instance_type=instance_type, encryption_key=key
        )
        self.api = InferenceApi(
            self,
            "Api",
            endpoint=self.endpoint,
            throttle=Throttle(rate=50, burst=100),
            request=RequestLimits(content_types=["text/csv"], columns=columns, max_rows=1000),
        )
        cdk.CfnOutput(self, "Url", value=self.api.url)
