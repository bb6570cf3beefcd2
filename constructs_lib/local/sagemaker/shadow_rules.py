"""What AWS refuses of an endpoint configuration with a shadow variant.

"If you use this field, you can only specify one variant for ProductionVariants and one variant for
ShadowProductionVariants": the API reference of CreateEndpointConfig. That serverless and asynchronous
inference, several containers, multi-model containers, inference components and Inf1 do not go together with
one follows from AWS's guide or is inferred. None of the wordings is AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .containers import containers_of, is_multi_model
from .errors import RefusedError

SHADOWS = "ShadowProductionVariants"


def check_shadow(request: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a configuration with a shadow variant that AWS refuses. `models` are by variant."""
    shadows = request.get(SHADOWS)
    if not shadows:
        return
    variants = [*request["ProductionVariants"], *shadows]
    if len(variants) != 2:
        raise RefusedError(
            f"With {SHADOWS}, only one variant can be specified for ProductionVariants and one for {SHADOWS}."
        )
    if request.get("AsyncInferenceConfig"):
        raise RefusedError(f"{SHADOWS} is not supported for asynchronous endpoints.")
    for variant in variants:
        _check_variant(variant, models)


def _check_variant(variant: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> None:
    name = variant["VariantName"]
    if name not in models:
        raise RefusedError(f"ModelName is required for variant {name} of an endpoint with {SHADOWS}.")
    containers = containers_of(dict(models[name]))
    found = {
        "A ServerlessConfig": bool(variant.get("ServerlessConfig")),
        "An ml.inf1 instance": variant.get("InstanceType", "").startswith("ml.inf1."),
        "A model of several containers": len(containers) > 1,
        "A multi-model container": any(is_multi_model(each) for each in containers),
    }
    for what, there in found.items():
        if there:
            raise RefusedError(f"{what} (variant {name}) is not supported for endpoints with {SHADOWS}.")
