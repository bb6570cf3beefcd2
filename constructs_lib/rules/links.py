"""What belongs together in a template: endpoints, their configurations, variants, models, and what scales them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core import instance_types
from .template import Node, Resource

MODEL = "AWS::SageMaker::Model"
ENDPOINT_CONFIG = "AWS::SageMaker::EndpointConfig"
ENDPOINT = "AWS::SageMaker::Endpoint"
COMPONENT = "AWS::SageMaker::InferenceComponent"
EXPERIMENT = "AWS::SageMaker::InferenceExperiment"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"

_INSTANCES = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True, slots=True)
class Variant:
    """A production or shadow variant of a configuration."""

    config: Resource
    node: Node

    def __getitem__(self, key: str) -> Node:
        return self.node[key]

    @property
    def serverless(self) -> bool:
        """Whether it is certain that it runs without instances."""
        return self["ServerlessConfig"].known

    @property
    def on_components(self) -> bool:
        """Whether inference components are placed on it, or may be: it has no model of its own."""
        return not self["ModelName"].given

    @property
    def type(self) -> str | None:
        """Its instance type, where that is known and is spelled as one."""
        given = self["InstanceType"].text
        return given if given is not None and instance_types.PATTERN.fullmatch(given) else None

    @property
    def model(self) -> Resource | None:
        """Its model, where that is in the template."""
        return self.config.template.named_by(self["ModelName"], MODEL)


def production(config: Resource) -> tuple[Variant, ...]:
    """The variants that answer."""
    return _variants(config, "ProductionVariants")


def shadows(config: Resource) -> tuple[Variant, ...]:
    """The variants that get copies."""
    return _variants(config, "ShadowProductionVariants")


def variants(config: Resource) -> tuple[Variant, ...]:
    """All of them."""
    return (*production(config), *shadows(config))


def _variants(config: Resource, property: str) -> tuple[Variant, ...]:
    return tuple(Variant(config, node) for node in config[property].items if node.known)


def config_of(endpoint: Resource) -> Resource | None:
    """The configuration of an endpoint, where it is in the template."""
    return endpoint.template.named_by(endpoint["EndpointConfigName"], ENDPOINT_CONFIG)


def endpoints_on(config: Resource) -> Iterator[Resource]:
    """The endpoints of the template that have the configuration."""
    yield from (each for each in config.template.of_type(ENDPOINT) if config_of(each) is config)


def containers(model: Resource) -> tuple[Node, ...]:
    """The containers of a model."""
    lone = model["PrimaryContainer"]
    return (*((lone,) if lone.known else ()), *(each for each in model["Containers"].items if each.known))


def is_multi_model(container: Node) -> bool:
    """Whether a container loads models as they are asked for."""
    return container["Mode"].text == "MultiModel"


def is_uncompressed(container: Node) -> bool:
    """Whether a container's data is objects under a prefix, not one archive."""
    return container.at("ModelDataSource", "S3DataSource", "CompressionType").text == "None"


def target_of(variant: Variant) -> Resource | None:
    """What scales a variant's instances or provisioned concurrency, where that is in the template."""
    for endpoint in endpoints_on(variant.config):
        wanted = {f"endpoint/{name}/variant/{variant['VariantName'].partly}" for name in endpoint.named}
        for target in endpoint.template.of_type(TARGET):
            if target["ResourceId"].partly in wanted:
                return target
    return None


def variant_of(target: Resource) -> Variant | None:
    """The variant that a scalable target is about, where it is in the template."""
    for config in target.template.of_type(ENDPOINT_CONFIG):
        for variant in production(config):
            if target_of(variant) is target:
                return variant
    return None


def counts_instances(target: Resource) -> bool:
    """Whether the target is a number of instances."""
    return target["ScalableDimension"].text == _INSTANCES


def is_sagemaker(target: Resource) -> bool:
    """Whether a scalable target or policy is one of SageMaker's."""
    return (target["ScalableDimension"].text or "").startswith("sagemaker:")


def target_behind(policy: Resource) -> Resource | None:
    """The target that a scaling policy moves, where it is in the template."""
    return policy.template.named_by(policy["ScalingTargetId"], TARGET)
