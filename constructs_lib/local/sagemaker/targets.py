"""Which container, and which model, a request is for; and the requests that name them wrongly."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from ..serving.instance import TARGET_CONTAINER
from ..serving.multi_model import TARGET_MODEL
from .errors import RoutingError
from .generation import DeployedVariant

HEADERS = (TARGET_CONTAINER, TARGET_MODEL)


def check_targets(endpoint: str, variant: DeployedVariant, headers: Mapping[str, str]) -> None:
    """RoutingError when the variant wants a target that the request does not name, or the other way round."""
    _check_container(endpoint, variant, headers.get(TARGET_CONTAINER))
    _check_model(endpoint, variant, headers)


def _check_model(endpoint: str, variant: DeployedVariant, headers: Mapping[str, str]) -> None:
    model = headers.get(TARGET_MODEL)
    if not _is_multi_model(variant, headers.get(TARGET_CONTAINER)):
        if model is not None:
            raise RoutingError(
                f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
            )
    elif model is None:
        # AWS's sentence, as far as it is known.
        raise RoutingError(f"Request {uuid.uuid4()} is missing a target model header.")
    elif leads_outside(model):
        # Inferred: what AWS says is not known.
        raise RoutingError(f"Target model {model} is not a relative path below the prefix of the models.")


def _is_multi_model(variant: DeployedVariant, container: str | None) -> bool:
    return any(each.catalogue is not None for each in variant.containers if container in (None, each.name))


def leads_outside(model: str) -> bool:
    """Whether the path is absolute or goes up."""
    return model.startswith("/") or "\\" in model or ".." in model.split("/")


# AWS documents these three as validation errors; its words are not known.


def _check_container(endpoint: str, variant: DeployedVariant, name: str | None) -> None:
    if not variant.direct:
        if name is not None:
            raise RoutingError(
                f"Endpoint {endpoint} is not configured for direct invocation and does not support target container "
                "hostname header."
            )
    elif name is None:
        raise RoutingError(f"Endpoint {endpoint} requires a target container hostname header.")
    elif name not in {each.name for each in variant.containers}:
        raise RoutingError(f"Target container hostname {name} does not exist in endpoint {endpoint}.")
