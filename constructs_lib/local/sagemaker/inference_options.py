"""Real-time, serverless, asynchronous: what an endpoint of one kind cannot do.

The wordings of the refusals are not AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .async_config import AsyncSettings
from .errors import NotEmulatedError, RefusedError, RoutingError
from .serverless_rules import check_concurrency

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .generation import DeployedVariant, Generation


def require_real_time(endpoint: Endpoint) -> None:
    """Refuse InvokeEndpoint on an asynchronous endpoint."""
    if endpoint.live.asynchronous is not None:
        raise RoutingError(
            f"Endpoint {endpoint.name} of account {endpoint.scope.account_id} is configured for asynchronous "
            "inference. Use InvokeEndpointAsync."
        )


def require_asynchronous(endpoint: Endpoint) -> AsyncSettings:
    """Refuse InvokeEndpointAsync on any other endpoint."""
    if endpoint.live.asynchronous is None:
        raise RoutingError(
            f"Endpoint {endpoint.name} of account {endpoint.scope.account_id} is not configured for asynchronous "
            "inference: its configuration has no AsyncInferenceConfig."
        )
    return endpoint.live.asynchronous


def refuse_guardrails(generation: Generation, deployment_config: Mapping[str, Any] | None) -> None:
    """Deployment guardrails are for instances."""
    if deployment_config and generation.serverless:
        raise RefusedError("DeploymentConfig is not supported for serverless endpoints.")


def check_update(old: Generation, new: Generation) -> None:
    """Refuse an update to a kind that an endpoint cannot become.

    "You cannot convert your instance-based, real-time endpoint to a serverless endpoint"; the other way is
    allowed. https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """
    if new.serverless and not old.serverless:
        raise RefusedError("An instance-based endpoint cannot be updated to a serverless endpoint.")
    if (old.asynchronous is None) != (new.asynchronous is None):
        raise NotEmulatedError("An update between real-time and asynchronous inference")


def check_desired_capacity(generation: Generation, request: Mapping[str, Any]) -> None:
    """Refuse a capacity of the wrong kind, or out of bounds."""
    for wanted in request["DesiredWeightsAndCapacities"]:
        variant = generation.variants[wanted["VariantName"]]
        count = wanted.get("DesiredInstanceCount")
        concurrency = wanted.get("ServerlessUpdateConfig")
        if count is not None:
            _check_count(generation, variant, count)
        if concurrency is not None:
            _check_concurrency(variant, concurrency)


def _check_count(generation: Generation, variant: DeployedVariant, count: int) -> None:
    name = variant.spec.name
    if variant.spec.serverless:
        raise RefusedError(f"DesiredInstanceCount must not be given for the serverless variant {name}.")
    # Requests of an asynchronous endpoint wait in its queue when there is no instance.
    if count < 1 and generation.asynchronous is None:
        raise RefusedError(f"DesiredInstanceCount of variant {name} must be at least 1.")


def _check_concurrency(variant: DeployedVariant, config: Mapping[str, int]) -> None:
    if variant.desired_serverless is None:
        raise RefusedError(
            f"ServerlessUpdateConfig must not be given for variant {variant.spec.name}, which has instances."
        )
    provisioned = config.get("ProvisionedConcurrency", variant.desired_count)
    check_concurrency(provisioned, config.get("MaxConcurrency", variant.desired_serverless.max_concurrency))
