"""Component endpoints with the least of everything, for tests."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk.interfaces import aws_sagemaker as references

from constructs_lib import ComponentEndpoint, InferenceComponent

from .synth import Template, a_model, properties, resource

COMPONENT, CONFIG = "AWS::SageMaker::InferenceComponent", "AWS::SageMaker::EndpointConfig"


def a_fleet(scope: constructs.Construct, id: str = "Endpoint", **props: Any) -> ComponentEndpoint:
    """A component endpoint without a guard and without components."""
    return ComponentEndpoint(
        scope, id, **{"instance_type": "ml.m5.2xlarge", "check_deployments": False, **props}
    )


def a_component(
    fleet: ComponentEndpoint, id: str = "Fraud", *, model: references.IModelRef | None = None, **props: Any
) -> InferenceComponent:
    """A component of 1 GiB; its model is made beside the fleet unless given."""
    if model is None:
        model = a_model(fleet.stack, f"ModelOf{fleet.node.id}{id}")
    return fleet.add_component(id, model=model, **{"memory": cdk.Size.gibibytes(1), **props})


def component(template: Template) -> dict[str, Any]:
    """The properties of the one component."""
    return properties(template, COMPONENT)


def after(template: Template, type: str = COMPONENT) -> set[str]:
    """The logical ids that the one resource of `type` waits for by name."""
    waits = resource(template, type).get("DependsOn", [])
    return {waits} if isinstance(waits, str) else set(waits)


def fleet_variant(template: Template) -> dict[str, Any]:
    """The one variant of the one configuration."""
    (variant,) = properties(template, CONFIG)["ProductionVariants"]
    return dict(variant)
