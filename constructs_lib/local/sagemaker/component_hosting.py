"""A variant without a model: what its endpoint configuration says about instances for inference components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import NotEmulatedError, RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedScaling:
    """ManagedInstanceScaling that is ENABLED: instances come and go with the copies."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentHosting:
    """How a variant hosts inference components."""

    scaling: ManagedScaling | None
    random_routing: bool
    shown: dict[str, Any]
    """The members of the variant that DescribeEndpoint repeats."""

    @classmethod
    def of(cls, variant: dict[str, Any]) -> ComponentHosting | None:
        """Read a ProductionVariant; None when it has a model of its own."""
        if variant.get("ModelName"):
            return None
        scaling = variant.get("ManagedInstanceScaling") or {}
        routing = variant.get("RoutingConfig") or {}
        enabled = scaling.get("Status") == "ENABLED"
        return cls(
            scaling=ManagedScaling(minimum=scaling["MinInstanceCount"], maximum=scaling["MaxInstanceCount"])
            if enabled
            else None,
            random_routing=routing.get("RoutingStrategy") == "RANDOM",
            shown={
                name: variant[name] for name in ("ManagedInstanceScaling", "RoutingConfig") if name in variant
            },
        )


def check_hosting(request: dict[str, Any]) -> None:
    """Refuse a configuration whose variants AWS would not let host inference components.

    The wordings are inferred, but for the one about ManagedInstanceScaling: AWS's are not documented.
    """
    variants = request["ProductionVariants"]
    hosts = [variant for variant in variants if not variant.get("ModelName")]
    if any(variant.get("ManagedInstanceScaling") for variant in variants if variant not in hosts):
        raise RefusedError("ManagedInstanceScaling is only supported for inference component endpoints.")
    if not hosts:
        return
    if len(variants) > 1:
        raise RefusedError("An endpoint for inference components must have exactly one production variant.")
    if variants[0].get("ServerlessConfig"):
        raise RefusedError(f"ModelName is required for the serverless variant {variants[0]['VariantName']}.")
    if request.get("AsyncInferenceConfig"):
        raise RefusedError("AsyncInferenceConfig is not supported for inference component endpoints.")
    if not request.get("ExecutionRoleArn"):
        raise RefusedError(
            "ExecutionRoleArn is required for an endpoint configuration without a model (inference components)."
        )
    _check_scaling(variants[0])


def _check_scaling(variant: dict[str, Any]) -> None:
    scaling = variant.get("ManagedInstanceScaling") or {}
    if scaling.get("ScaleInPolicy", {}).get("Strategy") == "CONSOLIDATION":
        raise NotEmulatedError("Scale-in by consolidation")
    if (variant.get("RoutingConfig") or {}).get("RoutingStrategy") == "PREFIX_AWARE":
        raise NotEmulatedError("Prefix-aware routing")
    minimum, maximum = scaling.get("MinInstanceCount"), scaling.get("MaxInstanceCount")
    if scaling.get("Status") == "ENABLED" and (minimum is None or maximum is None):
        raise RefusedError("ManagedInstanceScaling needs MinInstanceCount and MaxInstanceCount.")
    if minimum is None or maximum is None:
        return
    if minimum > maximum:
        raise RefusedError(
            f"MinInstanceCount ({minimum}) must be less than or equal to MaxInstanceCount ({maximum})."
        )
    initial = variant["InitialInstanceCount"]
    if not minimum <= initial <= maximum:
        raise RefusedError(
            f"InitialInstanceCount ({initial}) must be between MinInstanceCount ({minimum}) and "
            f"MaxInstanceCount ({maximum})."
        )
