"""A model that costs nothing while nobody asks: serverless, some of it kept warm."""

from __future__ import annotations

import aws_cdk as cdk
import constructs

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    Model,
    ModelData,
    ServerlessEndpoint,
)


class ServerlessStack(cdk.Stack):
    """One scikit-learn model behind a serverless endpoint.

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
        self.endpoint = ServerlessEndpoint(
            self,
            "Endpoint",
            model=served,
            memory=cdk.Size.gibibytes(2),
            max_concurrency=10,
            scaling=AutoScaling(min_capacity=1, max_capacity=5, provisioned_concurrency_utilization=0.7),
        )
