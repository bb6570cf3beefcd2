"""CreateEndpointConfig and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .component_hosting import ComponentHosting, check_hosting
from .errors import NotEmulatedError, RefusedError
from .models import Models, require_usable_role
from .store import Record, Shelf, own_copy

_NOT_EMULATED = {
    "AsyncInferenceConfig": "Asynchronous inference",
    "ShadowProductionVariants": "A shadow variant",
    "ExplainerConfig": "An online explainer",
}
_NOT_EMULATED_IN_VARIANT = {
    "ServerlessConfig": "A serverless variant",
    "InstancePools": "An instance pool",
}
_DEFAULT_STARTUP_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSpec:
    """A production variant as the configuration describes it."""

    name: str
    model_name: str
    """Empty when inference components bring the models."""
    instance_type: str
    instance_count: int
    weight: float
    startup_timeout: float
    hosting: ComponentHosting | None = None

    @classmethod
    def of(cls, variant: dict[str, Any]) -> VariantSpec:
        """Read a ProductionVariant of the API. A weight of 0 is a weight of 0."""
        return cls(
            name=variant["VariantName"],
            model_name=variant.get("ModelName", ""),
            instance_type=variant["InstanceType"],
            instance_count=variant["InitialInstanceCount"],
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            startup_timeout=float(
                variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _DEFAULT_STARTUP_TIMEOUT)
            ),
            hosting=ComponentHosting.of(variant),
        )


class EndpointConfigs(Shelf[Record]):
    """The endpoint configurations of all accounts."""

    def __init__(self, models: Models) -> None:
        super().__init__("endpoint configuration", "endpoint-config")
        self._models = models

    def create(self, request: dict[str, Any]) -> Record:
        """Keep a configuration whose variants can be served."""
        self.require_free(request["EndpointConfigName"])
        for member, what in _NOT_EMULATED.items():
            if request.get(member):
                raise NotEmulatedError(what)
        self._check_variants(request)
        name = request["EndpointConfigName"]
        record = Record(name=name, arn=self.arn(name), request=own_copy(request))
        for variant in record.request["ProductionVariants"]:
            variant.setdefault("InitialVariantWeight", 1.0)
        self.add(record)
        return record

    def _check_variants(self, request: dict[str, Any]) -> None:
        variants = request["ProductionVariants"]
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) < len(names):
            raise RefusedError("Variant names in a production variants list must be unique.")
        for variant in variants:
            self._check_variant(variant)
        check_hosting(request)
        if request.get("ExecutionRoleArn"):
            require_usable_role(request["ExecutionRoleArn"])
        if not any(VariantSpec.of(variant).weight for variant in variants):
            raise RefusedError("At least one production variant must have a weight greater than 0.")

    def _check_variant(self, variant: dict[str, Any]) -> None:
        for member, what in _NOT_EMULATED_IN_VARIANT.items():
            if variant.get(member):
                raise NotEmulatedError(what)
        for member in ("InstanceType", "InitialInstanceCount"):
            if variant.get(member) is None:
                raise RefusedError(f"{member} is required for variant {variant['VariantName']}.")
        if variant.get("ModelName"):
            self._models.find(variant["ModelName"])

    def describe(self, name: str) -> dict[str, Any]:
        """The answer to DescribeEndpointConfig."""
        record = self.find(name)
        return {**record.request, "EndpointConfigArn": record.arn, "CreationTime": record.created}

    def variants(self, name: str) -> list[VariantSpec]:
        """The variants of a configuration."""
        return [VariantSpec.of(variant) for variant in self.find(name).request["ProductionVariants"]]
