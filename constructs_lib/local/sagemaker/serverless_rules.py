"""What AWS refuses of serverless endpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature exclusions". The wordings
are not AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import RefusedError

_MEMORY_STEP = 1024
# Of the configuration: what a serverless endpoint cannot have.
_EXCLUDED = ("AsyncInferenceConfig", "DataCaptureConfig", "ShadowProductionVariants", "VpcConfig")
_OF_INSTANCES = ("InstanceType", "InitialInstanceCount", "InstancePools", "ManagedInstanceScaling")


def check_config(request: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a configuration with a serverless variant that AWS refuses. `models` are by variant."""
    variants = request["ProductionVariants"]
    serverless = [variant for variant in variants if variant.get("ServerlessConfig")]
    if not serverless:
        return
    if len(variants) > 1:
        raise RefusedError("A serverless endpoint can have only one production variant.")
    excluded = [name for name in _EXCLUDED if request.get(name)]
    if request.get("EnableNetworkIsolation"):
        excluded.append("EnableNetworkIsolation")
    if excluded:
        raise RefusedError(f"{excluded[0]} is not supported for serverless endpoints.")
    variant = serverless[0]
    _check_variant(variant)
    _check_model(variant["ModelName"], models[variant["VariantName"]])


def _check_variant(variant: Mapping[str, Any]) -> None:
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    for member in _OF_INSTANCES:
        if variant.get(member) is not None:
            raise RefusedError(f"{member} must not be given for variant {name} with a ServerlessConfig.")
    if config["MemorySizeInMB"] % _MEMORY_STEP:
        raise RefusedError(
            f"MemorySizeInMB of variant {name} must be 1024, 2048, 3072, 4096, 5120 or 6144, "
            f"not {config['MemorySizeInMB']}."
        )
    check_concurrency(config.get("ProvisionedConcurrency", 0), config["MaxConcurrency"])


def check_concurrency(provisioned: int, maximum: int) -> None:
    """Provisioned concurrency is part of the maximum."""
    if provisioned > maximum:
        raise RefusedError(
            f"ProvisionedConcurrency ({provisioned}) must be less than or equal to MaxConcurrency ({maximum})."
        )


def _check_model(name: str, model: Mapping[str, Any]) -> None:
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    found = {
        "A VpcConfig": bool(model.get("VpcConfig")),
        "Network isolation": bool(model.get("EnableNetworkIsolation")),
        "An inference pipeline": len(containers) > 1,
        "A multi-model container": any(each.get("Mode") == "MultiModel" for each in containers),
    }
    for what, there in found.items():
        if there:
            raise RefusedError(f"{what} (model {name}) is not supported for serverless endpoints.")
