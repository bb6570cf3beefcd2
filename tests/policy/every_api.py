"""A user's stack of APIs, with every option that makes a resource or allows something."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib import (
    ABTest,
    ApiAuthorization,
    ApiFront,
    AsyncEndpoint,
    Container,
    ContainerImage,
    InferenceApi,
    Model,
    MultiModelEndpoint,
    Reward,
    ServerlessEndpoint,
    Variant,
)

from .every_kind import ACCOUNT, KEYS, REGION, a_role


class EveryApi(cdk.Stack):
    """Each kind of endpoint behind an API, each way to guard one, an experiment, a name of one's own."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        self.topic = sns.Topic.from_topic_arn(self, "OnCall", f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call")
        self.model = Model(
            self, "Model", container=Container(image=ContainerImage.framework("sklearn", version="1.2-1"))
        )
        self.caller = a_role(self, "Caller", "lambda.amazonaws.com")
        self._serverless()
        self._asynchronous()
        self._multi_model()
        self._experiment()

    def _serverless(self) -> None:
        endpoint = ServerlessEndpoint(self, "Serverless", model=self.model, memory=cdk.Size.gibibytes(2))
        tokens = ApiAuthorization.jwt(issuer="https://login.example.com", audience=["fraud"])
        domain = gateway.DomainName.from_domain_name_attributes(
            self, "Domain", name="api.example.com", regional_domain_name="d", regional_hosted_zone_id="z"
        )
        front = ApiFront.http(cors_origins=["https://app.example.com"], domain=domain, path="fraud")
        InferenceApi(
            self,
            "Tokens",
            endpoint=endpoint,
            authorization=tokens,
            front=front,
            notify=[self.topic],
        )

    def _asynchronous(self) -> None:
        endpoint = AsyncEndpoint(
            self, "Async", model=self.model, instance_type="ml.m5.large", encryption_key=self.key
        )
        InferenceApi(self, "Queue", endpoint=endpoint).grants.invoke(self.caller)

    def _multi_model(self) -> None:
        endpoint = MultiModelEndpoint(
            self,
            "Many",
            container=Container(image=ContainerImage.framework("sklearn", version="1.2-1")),
            instance_type="ml.m5.large",
            encryption_key=self.key,
        )
        InferenceApi(self, "Teams", endpoint=endpoint, targets=["team-a/*"]).grants.invoke(self.caller)

    def _experiment(self) -> None:
        test = ABTest(
            self,
            "Test",
            variants=[
                Variant(name=name, model=self.model, instance_type="ml.m5.large") for name in ("A", "B")
            ],
            reward=Reward.binary(window=cdk.Duration.hours(1)),
            encryption_key=self.key,
        )
        api = InferenceApi(self, "Experiment", endpoint=test.endpoint, experiment=test, target_variants=True)
        api.grants.invoke(self.caller)
        api.grants.reward(self.caller)
