"""A reference stack of APIs: every route, every way to guard them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as gateway

from constructs_lib import (
    ABTest,
    ApiAuthorization,
    ApiFront,
    AsyncEndpoint,
    Container,
    InferenceApi,
    Model,
    Reward,
    Variant,
)

from .reference_kinds import IMAGE


class EveryApi(cdk.Stack):
    """An API of an asynchronous endpoint that tokens guard, and one of an experiment at a name of its own."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id)
        model = Model(self, "Model", container=Container(image=IMAGE))
        queued = AsyncEndpoint(self, "Async", model=model, instance_type="ml.m5.large")
        tokens = ApiAuthorization.jwt(issuer="https://login.example.com", audience=["fraud"])
        InferenceApi(self, "Tokens", endpoint=queued, authorization=tokens)
        test = ABTest(
            self,
            "Test",
            variants=[Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("A", "B")],
            reward=Reward.binary(window=cdk.Duration.hours(1)),
        )
        domain = gateway.DomainName.from_domain_name_attributes(
            self, "Domain", name="api.example.com", regional_domain_name="d", regional_hosted_zone_id="z"
        )
        InferenceApi(self, "Own", endpoint=test.endpoint, experiment=test, front=ApiFront.http(domain=domain))
