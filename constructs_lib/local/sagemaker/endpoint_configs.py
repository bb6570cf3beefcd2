"""CreateEndpointConfig and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import async_config, serverless_rules
from .component_hosting import ComponentHosting, check_hosting
from .containers import refuse_targets
from .errors import NotEmulatedError, RefusedError
from .models import Models, require_usable_role
from .serverless import STARTUP_SECONDS, ServerlessSettings
from .shadow_rules import SHADOWS, check_shadow
from .store import Record, Shelf, own_copy

_NOT_EMULATED = {
    "ExplainerConfig": "An online explainer",
}
_NOT_EMULATED_IN_VARIANT = {
    "InstancePools": "An instance pool",
}
_DEFAULT_STARTUP_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSpec:
    """A production or shadow variant as the configuration describes it."""

    name: str
    model_name: str
    """Empty when inference components bring the models."""
    instance_type: str
    instance_count: int
    weight: float
    startup_timeout: float
    serverless: ServerlessSettings | None = None
    """Of a serverless variant, whose instance count is its provisioned concurrency, and its type empty."""
    hosting: ComponentHosting | None = None
    """Of a variant for inference components, which has no model."""
    shadow: bool = False
    """Whether it gets copies of requests, and its answers go to nobody."""

    @classmethod
    def of(cls, variant: dict[str, Any], *, shadow: bool = False) -> VariantSpec:
        """Read a ProductionVariant of the API. A weight of 0 is a weight of 0."""
        serverless = ServerlessSettings.of(variant.get("ServerlessConfig"))
        startup = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _DEFAULT_STARTUP_TIMEOUT)
        return cls(
            name=variant["VariantName"],
            model_name=variant.get("ModelName", ""),
            instance_type=variant.get("InstanceType", ""),
            instance_count=serverless.provisioned if serverless else variant["InitialInstanceCount"],
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            startup_timeout=STARTUP_SECONDS if serverless else float(startup),
            serverless=serverless,
            hosting=ComponentHosting.of(variant),
            shadow=shadow,
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
        async_config.check_config(request)
        name = request["EndpointConfigName"]
        record = Record(name=name, arn=self.arn(name), request=own_copy(request))
        for variant in _all_variants(record.request):
            variant.setdefault("InitialVariantWeight", 1.0)
        self.add(record)
        return record

    def _check_variants(self, request: dict[str, Any]) -> None:
        variants = _all_variants(request)
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) < len(names):
            raise RefusedError("Variant names in a production variants list must be unique.")
        for variant in variants:
            self._check_variant(variant)
        check_hosting(request)
        if request.get("ExecutionRoleArn"):
            require_usable_role(request["ExecutionRoleArn"])
        models = {
            each["VariantName"]: self._models.find(each["ModelName"]).request
            for each in variants
            if each.get("ModelName")
        }
        serverless_rules.check_config(request, models)
        check_shadow(request, models)
        if request.get("AsyncInferenceConfig"):
            for model in models.values():
                refuse_targets(model)
        if not any(VariantSpec.of(variant).weight for variant in request["ProductionVariants"]):
            raise RefusedError("At least one production variant must have a weight greater than 0.")

    def _check_variant(self, variant: dict[str, Any]) -> None:
        for member, what in _NOT_EMULATED_IN_VARIANT.items():
            if variant.get(member):
                raise NotEmulatedError(what)
        for member in ("InstanceType", "InitialInstanceCount"):
            if variant.get(member) is None and not variant.get("ServerlessConfig"):
                raise RefusedError(f"{member} is required for variant {variant['VariantName']}.")

    def describe(self, name: str) -> dict[str, Any]:
        """The answer to DescribeEndpointConfig."""
        record = self.find(name)
        return {**record.request, "EndpointConfigArn": record.arn, "CreationTime": record.created}

    def variants(self, name: str) -> list[VariantSpec]:
        """The variants of a configuration, the shadow one last."""
        request = self.find(name).request
        production = [VariantSpec.of(variant) for variant in request["ProductionVariants"]]
        return [*production, *(VariantSpec.of(each, shadow=True) for each in request.get(SHADOWS, []))]


def _all_variants(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [*request["ProductionVariants"], *request.get(SHADOWS, [])]
