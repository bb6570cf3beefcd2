"""The props of `InferenceApi`, with what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from ..hosting.endpoint import EndpointBase
from .authorization import ApiAuthorization
from .front import ApiFront
from .limits import Way
from .requests import RequestLimits, Throttle
from .served import Served


@runtime_checkable
class Experiment(Protocol):
    """What an API can have its requests take part in: an `ABTest`."""

    @property
    def endpoint(self) -> EndpointBase:
        """What answers."""
        ...

    def join(self, function: lambda_.Function) -> None:
        """Let `function` take part, and tell it which experiment this is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceApiProps:
    """The props of an `InferenceApi`, for its rules."""

    endpoint: EndpointBase
    authorization: ApiAuthorization
    throttle: Throttle
    request: RequestLimits
    front: ApiFront
    experiment: Experiment | None
    targets: Sequence[str] | None
    target_variants: bool
    model_timeout: cdk.Duration | None
    error_percent: float
    notify: Sequence[sns.ITopic]
    api_name: str | None

    @property
    def served(self) -> Served:
        """The endpoint as the API treats it."""
        return Served.of(self.endpoint, targets=self.targets, variants=self.target_variants)

    @property
    def way(self) -> Way:
        """What requests pass."""
        return Way((self.served.part, *self.front.parts))
